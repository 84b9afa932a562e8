-- K1: which database this is, and what its marker says; one read.
--
-- Needs before: nothing. Placeholder, filled by Python: prefix, with which the
--   marker's text begins. Leaves: nothing. Undone by: nothing to undo.

SELECT
  database.datname::text AS name,
  database.oid::bigint AS oid,
  CASE
    WHEN starts_with(noted.comment, %(prefix)s::text)
    THEN substr(noted.comment, length(%(prefix)s::text) + 1)::jsonb ->> 'nonce'
  END AS nonce
FROM pg_catalog.pg_database AS database
CROSS JOIN LATERAL (
  SELECT pg_catalog.shobj_description(database.oid, 'pg_database') AS comment
) AS noted
WHERE database.datname = current_database();
