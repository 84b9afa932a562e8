-- R1.2: the gap beside what it is a gap of, so that an empty inventory shows; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  (SELECT count(*) FROM public.v_object_owner_gap) AS gap,
  (SELECT count(*) FROM public.v_governance_object_inventory) AS inventory,
  (SELECT count(*) FROM public.v_governance_object_containment) AS containment,
  (
    SELECT count(*)
    FROM public.governance_responsibility_scope
    WHERE status = 'active'
  ) AS scopes;
