-- Figures that a live production moves by itself: reported with their drift, never
-- failing (domain: checks, P suite; schema 10: an issue writes a birth and an event).
-- Needs: the One Roof schema.  Leaves: nothing.  Undone by: nothing to undo.
-- Returns (metric, value, exact), in the order of the name.
-- No big table is scanned: up to 300,000 rows (by the catalog's estimate) are
-- counted, by an index where there is one; of a bigger table the server's own count
-- of live rows is told, and on a hot standby, which keeps none, the estimate.
WITH sized AS (
  SELECT c.relname::text AS metric,
         c.reltuples < 300000 AND c.relpages < 25000 AS exact,
         coalesce(
           nullif(pg_catalog.pg_stat_get_live_tuples(c.oid), 0),
           c.reltuples::bigint
         ) AS estimate
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public'
     AND c.relname IN ('system_issues', 'event_outbox', 'birth_registry',
                       'entity_labels')
)
SELECT metric,
       CASE
         WHEN NOT exact THEN estimate
         WHEN metric = 'system_issues' THEN (SELECT count(*) FROM public.system_issues)
         WHEN metric = 'event_outbox' THEN (SELECT count(*) FROM public.event_outbox)
         WHEN metric = 'birth_registry' THEN (
           SELECT count(*) FROM public.birth_registry
         )
         WHEN metric = 'entity_labels' THEN (SELECT count(*) FROM public.entity_labels)
       END AS value,
       exact
  FROM sized
 ORDER BY metric
