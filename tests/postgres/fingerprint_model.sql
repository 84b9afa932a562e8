-- Model for test_fingerprint_versions.py: every kind of object that a schema
-- fingerprint covers, in what PostgreSQL 15 already knows, and a few rows.
-- Needs an empty database and leaves schema gov and a foreign data wrapper; undone
-- by dropping the database.

CREATE SCHEMA gov;
CREATE SCHEMA "Odd.Schema";

CREATE TYPE gov.mood AS ENUM ('sad', 'ok', 'it''s "fine"');
CREATE DOMAIN gov.code AS varchar(20) DEFAULT 'x' NOT NULL
  CONSTRAINT code_ok CHECK (VALUE IN ('x', 'y') AND length(VALUE) BETWEEN 1 AND 20);
CREATE TYPE gov.pair AS (a int, b text COLLATE "C");
CREATE TYPE gov.span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE COLLATION gov.plain (provider = libc, locale = 'C');
CREATE SEQUENCE gov.counter START 5 INCREMENT 2 MAXVALUE 99 CYCLE;

CREATE TABLE gov.parent (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  status varchar(20) DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'gone')),
  kind text CHECK (kind IN ('a', 'b') OR kind IS NULL),
  level int DEFAULT 0 CHECK (
    level BETWEEN 0 AND 5 AND level <> 3 AND (level > 0 OR level = 0 OR level IS NULL)),
  amount numeric(10, 2) DEFAULT 0.00,
  tags text[] DEFAULT '{}',
  more text[] DEFAULT ARRAY['a', 'b c']::text[],
  codes varchar[] DEFAULT ARRAY['a', 'b'],
  flags boolean[] DEFAULT '{t,f}',
  big bigint[] DEFAULT '{1,2}',
  created timestamptz DEFAULT '2026-01-01 10:00:00+02',
  day date DEFAULT CURRENT_DATE,
  span interval DEFAULT '1 day 2 hours',
  js jsonb DEFAULT '{"a": [1, 2]}',
  "json" json,
  "Weird Name" int,
  "user" text,
  "select" int,
  loud text GENERATED ALWAYS AS (upper(kind)) STORED,
  mood gov.mood DEFAULT 'ok',
  code gov.code,
  pair gov.pair,
  u char(36) COLLATE "C",
  CONSTRAINT uq UNIQUE (status, kind)
);
ALTER TABLE gov.parent
  ADD CONSTRAINT any_of_two CHECK (num_nonnulls(kind, status) > 0) NOT VALID;
CREATE INDEX ix_part ON gov.parent (lower(kind), status DESC NULLS LAST)
  WHERE status IN ('draft', 'active');
CREATE INDEX ix_gin ON gov.parent USING gin (js jsonb_path_ops)
  WITH (fastupdate = off);
CREATE STATISTICS gov.both (dependencies, ndistinct) ON status, kind FROM gov.parent;

CREATE TABLE gov.child (
  id serial PRIMARY KEY,
  parent_id bigint REFERENCES gov.parent ON DELETE CASCADE DEFERRABLE,
  a int,
  b int,
  EXCLUDE USING btree (a WITH =)
) WITH (fillfactor = 70);
CREATE TABLE gov.heir (extra int) INHERITS (gov.child);
CREATE TABLE gov.part (k int, r text, PRIMARY KEY (k)) PARTITION BY RANGE (k);
CREATE TABLE gov.part1 PARTITION OF gov.part FOR VALUES FROM (0) TO (10);
CREATE TABLE gov.part2 PARTITION OF gov.part DEFAULT;
CREATE TABLE gov.list (k text) PARTITION BY LIST (k);
CREATE TABLE gov.list1 PARTITION OF gov.list FOR VALUES IN ('a', 'b');
CREATE TABLE gov.refers (x int REFERENCES gov.part (k));
CREATE UNLOGGED TABLE gov.quick (a int);
CREATE TABLE "Odd.Schema"."Odd table" ("Select" int, "x.y" text);

CREATE FUNCTION gov.f(a int, b text DEFAULT 'x', c text[] DEFAULT ARRAY['a']::varchar[])
RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = gov, pg_temp
AS $$
BEGIN
  RETURN b || a;   
END $$;
CREATE FUNCTION gov.atomic(x int) RETURNS bigint LANGUAGE sql
BEGIN ATOMIC
  SELECT id FROM gov.child WHERE id = x AND a IN (1, 2);
END;
CREATE FUNCTION gov.rows(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql ROWS 5
AS 'SELECT 1, ''x''';
CREATE PROCEDURE gov.proc(INOUT a int) LANGUAGE plpgsql AS 'BEGIN a := a + 1; END';
CREATE AGGREGATE gov.total(int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE FUNCTION gov.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE OPERATOR gov.=== (
  leftarg = int, rightarg = int, function = int4eq, commutator = OPERATOR(gov.===));

CREATE TRIGGER t1 BEFORE INSERT OR UPDATE OF status, kind ON gov.parent
  FOR EACH ROW WHEN (NEW.status IN ('draft', 'active') AND NEW.level BETWEEN 1 AND 2)
  EXECUTE FUNCTION gov.touch('x', 'y');
CREATE TRIGGER t2 AFTER INSERT ON gov.part FOR EACH ROW EXECUTE FUNCTION gov.touch();
CREATE CONSTRAINT TRIGGER t3 AFTER INSERT ON gov.child DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION gov.touch();
ALTER TABLE gov.parent DISABLE TRIGGER t1;
CREATE FUNCTION gov.told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER told ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER')
  EXECUTE FUNCTION gov.told();
ALTER EVENT TRIGGER told DISABLE;

CREATE VIEW gov.v01 AS
  SELECT p.*, p.status = 'x' AS is_x FROM gov.parent AS p
   WHERE p.status IN ('draft', 'active') AND p.level BETWEEN 1 AND 3
   ORDER BY p.status, p.id LIMIT 10;
CREATE VIEW gov.v02 AS
  SELECT c.id, p.status,
         count(*) OVER (PARTITION BY p.status ORDER BY c.id
                        ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    FROM gov.child AS c
    LEFT JOIN gov.parent AS p ON p.id = c.parent_id AND p.kind IN ('a', 'b')
   WHERE EXISTS (SELECT FROM gov.part WHERE k = c.a);
CREATE VIEW gov.v03 AS
  WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5),
  z AS MATERIALIZED (SELECT a FROM gov.child)
  SELECT n, EXTRACT(epoch FROM now()) AS e, CAST(n AS text) AS c, '{a,b}'::text[] AS l,
         (ARRAY['q', 'r']::varchar[])::text[] AS m, now() AT TIME ZONE 'utc' AS z
    FROM t;
CREATE VIEW gov.v04 AS
  SELECT status FROM gov.parent UNION SELECT kind FROM gov.parent
   UNION ALL (SELECT 'x' ORDER BY 1 LIMIT 1);
CREATE VIEW gov.v05 AS
  SELECT status, kind, sum(level), count(DISTINCT amount) FILTER (WHERE level > 1),
         grouping(status)
    FROM gov.parent GROUP BY ROLLUP (status, kind)
  HAVING sum(level) > 1 AND count(*) BETWEEN 1 AND 9;
CREATE VIEW gov.v06 AS
  SELECT upper(kind), level + 1 AS l, CASE WHEN status IN ('a', 'b') THEN 1 ELSE 3 END
    FROM gov.parent
   GROUP BY upper(kind), level + 1, CASE WHEN status IN ('a', 'b') THEN 1 ELSE 3 END
   ORDER BY upper(kind) DESC;
CREATE VIEW gov.v07 AS
  SELECT g.i, substring('abc' FROM 2 FOR 1) AS s, trim(both ' ' FROM 'x ') AS t,
         (p).a AS a
    FROM (SELECT ROW(1, 'x')::gov.pair AS p, x AS i FROM generate_series(1, 3) x) g
   WHERE g.i IN (SELECT y FROM generate_series(1, 2) AS y);
CREATE VIEW gov.v08 AS
  SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (n, t)
   WHERE t LIKE 'a%' OR t ~~* 'B' AND NOT n = 3;
CREATE VIEW gov.v09 AS
  SELECT "json", "user", "select", "Weird Name", js -> 'a' AS jx, pair, (pair).b AS pb
    FROM gov.parent;
CREATE VIEW gov.v10 WITH (security_barrier) AS
  SELECT DISTINCT ON (kind) kind, status FROM gov.parent ORDER BY kind, status DESC;
CREATE VIEW gov.v11 AS
  SELECT parent.status AS kind, parent.kind AS status FROM gov.parent
   ORDER BY parent.kind;
CREATE VIEW gov.v12 AS
  SELECT a.id, l.x FROM gov.child AS a, LATERAL (SELECT a.b + 1 AS x) AS l
   WHERE a.a = ANY ('{1,2,3}'::int[]) AND a.b = ANY (ARRAY[4, 5]);
CREATE VIEW gov.v13 AS
  SELECT count(*) AS n, (SELECT count(*) FROM gov.child) AS m,
         coalesce(max(status), 'none') AS x
    FROM gov.parent AS t TABLESAMPLE system (10)
   WHERE t.status <> ALL (ARRAY['a', 'b']);
CREATE VIEW gov.v14 AS
  SELECT jsonb_array_elements(js) AS e, x.key FROM gov.parent, jsonb_each(js) AS x;
CREATE VIEW gov.v15 AS
  SELECT DISTINCT status FROM gov.parent
   WHERE (kind, status) IN (SELECT a::text, b::text FROM gov.child)
     AND level IS DISTINCT FROM 3 AND created > now() - interval '1 day'
     AND (mood = 'ok' OR mood IN ('sad', 'ok'));
CREATE VIEW gov.v16 AS
  SELECT lag(level) OVER w AS l, first_value(status) OVER w AS f
    FROM gov.parent WINDOW w AS (PARTITION BY kind ORDER BY id);
CREATE MATERIALIZED VIEW gov.kept AS SELECT kind, status FROM gov.parent;

CREATE RULE copied AS ON INSERT TO gov.quick WHERE NEW.a IN (1, 2)
  DO ALSO INSERT INTO gov.refers VALUES (NEW.a);
CREATE RULE ignored AS ON DELETE TO gov.v08 DO INSTEAD NOTHING;
ALTER TABLE gov.child ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON gov.child FOR SELECT TO pg_monitor
  USING (a IN (1, 2) AND b::text IN ('x', 'y'));

GRANT SELECT, INSERT ON gov.parent TO pg_monitor;
GRANT ALL ON gov.child TO pg_monitor;
GRANT SELECT (status) ON gov.parent TO PUBLIC;
REVOKE EXECUTE ON FUNCTION gov.f FROM PUBLIC;
GRANT USAGE ON SCHEMA gov TO pg_monitor;
GRANT USAGE ON SEQUENCE gov.child_id_seq TO pg_monitor WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES IN SCHEMA gov GRANT SELECT ON TABLES TO pg_monitor;

COMMENT ON TABLE gov.parent IS 'the parent';
COMMENT ON COLUMN gov.parent.status IS 'its state';
COMMENT ON FUNCTION gov.f IS 'eff';
COMMENT ON TRIGGER t1 ON gov.parent IS 'first';
COMMENT ON CONSTRAINT uq ON gov.parent IS 'unique';

CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'h', password 'x');
CREATE FOREIGN TABLE gov.ft (a int OPTIONS (x 'y')) SERVER far OPTIONS (t 'z');
CREATE TEXT SEARCH CONFIGURATION gov.words (COPY = simple);

INSERT INTO gov.parent (status, kind, level, amount, tags, code, pair, u)
  VALUES ('draft', 'a', 1, 1.50, '{a,"b c",NULL}', 'x', '(1,"x y")', 'u'),
         ('active', NULL, 5, 0.1, NULL, 'y', NULL, NULL);
INSERT INTO gov.child (parent_id, a) VALUES (1, 7), (2, 8);
INSERT INTO gov.part SELECT g, 'row ' || g FROM generate_series(1, 20) AS g;
REFRESH MATERIALIZED VIEW gov.kept;
SELECT setval('gov.counter', 11, false);
