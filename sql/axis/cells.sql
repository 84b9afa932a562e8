-- Required and open cells by axis, as the generalized views tell them.
--
-- Needs before: v_axis_required_cell, v_axis_coverage_gap. Leaves: nothing; reads only.
-- Returns (axis_code, required, gap), one row per axis that has a required cell.

SELECT
  required.axis_code,
  count(*) AS required,
  (
    SELECT count(*)
    FROM public.v_axis_coverage_gap AS gap
    WHERE gap.axis_code = required.axis_code
  ) AS gap
FROM public.v_axis_required_cell AS required
GROUP BY required.axis_code
ORDER BY required.axis_code;
