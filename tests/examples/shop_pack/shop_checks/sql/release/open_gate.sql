-- Rehearsal: approve the release on a clone, and nowhere else; commits.
BEGIN;

DO $$
BEGIN
  IF current_database() !~ '^shop_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

INSERT INTO sales.audit (what)
VALUES ('approved channels as REHEARSAL-ONLY');

COMMIT;
