-- Figures that a live production moves by itself: reported with their drift, never
-- failing (domain: checks, P suite; schema 10: an issue writes a birth and an event).
-- Needs: the One Roof schema.  Leaves: nothing.  Returns (metric, value).
-- Estimates of the catalog, so that no big table is scanned; -1: never analysed.
SELECT c.relname::text AS metric, c.reltuples::bigint AS value
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public'
   AND c.relname IN ('system_issues', 'event_outbox', 'birth_registry',
                     'entity_labels')
 ORDER BY metric
