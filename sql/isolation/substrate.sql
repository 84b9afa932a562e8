-- K6, K7: how many tables and views of the axis substrate there are; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- public_tables is there so that a catalog read that finds nothing at all does not
-- pass for "no axis tables".

SELECT
  count(*) FILTER (
    WHERE relkind IN ('r', 'p')
      AND lower(relname) IN (
        'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
        'axis_registry', 'axis_value', 'coverage_rule'
      )
  ) AS axis_tables,
  count(*) FILTER (
    WHERE relkind = 'v' AND lower(relname) LIKE 'v\_axis\_%'
  ) AS axis_views,
  count(*) FILTER (WHERE relkind IN ('r', 'p')) > 0 AS public_tables
FROM pg_catalog.pg_class
WHERE relnamespace = 'public'::regnamespace;
