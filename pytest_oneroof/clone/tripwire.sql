-- The tripwire: a row under a deferred constraint trigger that refuses every commit.
-- The row holds the digest of a key that only the proof knows and sends at the end,
-- so that nothing which a check can read from the server lets it commit.
CREATE UNLOGGED TABLE oneroof.tripwire (lock text NOT NULL);
COMMENT ON TABLE oneroof.tripwire IS
  'pytest-oneroof: one row per check, whose deferred trigger refuses to commit.';

CREATE FUNCTION oneroof.refuse_commit() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse$
DECLARE
  key text;
BEGIN
  -- Of rows that were armed one after the other, each has a key of its own.
  FOREACH key IN ARRAY
    string_to_array(coalesce(current_setting('oneroof.pass', true), ''), ',')
  LOOP
    IF encode(sha256(convert_to(key, 'UTF8')), 'hex') = NEW.lock THEN
      RETURN NULL;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'oneroof: a guarded check may not commit'
    USING ERRCODE = 'invalid_transaction_termination',
          HINT = 'The check ends in a rollback. For code that commits: '
                 '@pytest.mark.oneroof(isolation="savepoint").';
END
$refuse$;
COMMENT ON FUNCTION oneroof.refuse_commit() IS
  'pytest-oneroof: raises at commit, unless oneroof.pass holds the row''s key.';
REVOKE ALL ON FUNCTION oneroof.refuse_commit() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER tripwire
  AFTER INSERT ON oneroof.tripwire
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION oneroof.refuse_commit();

-- A check may have set itself to another role by then: a row arms, whoever inserts it.
CREATE FUNCTION oneroof.arm(lock text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $arm$
BEGIN
  -- Where nothing can be written any more, the ledger alone tells of a commit.
  IF current_setting('transaction_read_only') = 'off' THEN
    INSERT INTO oneroof.tripwire (lock) VALUES (arm.lock);
  END IF;
END
$arm$;
COMMENT ON FUNCTION oneroof.arm(text) IS
  'pytest-oneroof: inserts a row into the tripwire.';
