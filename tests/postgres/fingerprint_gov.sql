-- A small model for the tests of schema fingerprints: tables of owned things, and what
-- hangs on them. Needs an empty database and leaves schema gov; undone by dropping it.

CREATE SCHEMA gov;
CREATE TYPE gov.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN gov.code AS varchar(9) CHECK (VALUE IN ('a', 'b'));
CREATE TABLE gov.owner (code text PRIMARY KEY, mood gov.mood);
CREATE TABLE gov.thing (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  state varchar(20) DEFAULT 'draft'
    CONSTRAINT known_state CHECK (state IN ('draft', 'active')),
  level int CONSTRAINT sane_level CHECK (level BETWEEN 0 AND 5 AND level <> 3),
  owner text REFERENCES gov.owner,
  tags text[] DEFAULT '{}'
);
CREATE INDEX ix_live ON gov.thing (lower(owner)) WHERE state IN ('draft', 'active');
CREATE FUNCTION gov.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION gov.twice(n int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
CREATE TRIGGER touch BEFORE INSERT ON gov.thing
  FOR EACH ROW WHEN (NEW.state IN ('draft', 'x')) EXECUTE FUNCTION gov.touch();
CREATE VIEW gov.live AS
  SELECT id, state FROM gov.thing WHERE state IN ('draft', 'active') AND level > 0;
CREATE SEQUENCE gov.counter;
ALTER TABLE gov.owner ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON gov.owner USING (code <> 'x');
COMMENT ON TABLE gov.thing IS 'what is owned';
