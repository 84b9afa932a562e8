-- All tiers in their order, for plain psql; the first failure stops the run.
--
-- Gate: every tier has its own; the preflight comes first. Needs before: greenfield.
-- Expected delta: that of all tiers. Undone by: rollback/99_rollback_full.sql.
-- Stop: the first exception; the tiers before it have committed, see standing.sql.
--
-- PGOPTIONS='-c oneroof.ratified_apr=APR-...' \
--   psql -X -d directus -v ON_ERROR_STOP=1 -f 99_run_all.sql | tee rollout_UTC.log
--
-- The executor does not read this file: it takes the order from plan.json.

\set ON_ERROR_STOP on
\ir 00_preflight.sql
\ir 10_structure.sql
\ir 20_responsibility_axis.sql
\ir 30_ownership_seed.sql
\ir 40_containment.sql
\ir 50_topic_finalization.sql
\ir 60_scanner_baseline.sql
\ir 90_verify.sql
\echo ROLLOUT COMPLETE — ALL TIERS PASSED
