-- B3 and the build: cells in which generalized and canonical gap differ, row by row.
--
-- Needs before: v_axis_coverage_gap. Leaves: nothing; reads only.
-- Returns (only_in, object_type, object_ref, scope); no row means no drift. EXCEPT
--   ALL, so that a cell told twice differs from a cell told once.

WITH generalized AS (
  SELECT object_type, object_ref, value_code AS scope
  FROM public.v_axis_coverage_gap
  WHERE axis_code = 'responsibility'
),
canonical AS (
  SELECT object_type, object_ref, scope
  FROM public.v_object_owner_gap
)
SELECT 'generalized' AS only_in, extra.*
FROM (SELECT * FROM generalized EXCEPT ALL SELECT * FROM canonical) AS extra
UNION ALL
SELECT 'canonical', missing.*
FROM (SELECT * FROM canonical EXCEPT ALL SELECT * FROM generalized) AS missing
ORDER BY
  only_in,
  object_type,
  object_ref,
  scope;
