-- B7 and every drop: the ownership that the axis substrate must not move.
--
-- Needs before: nothing. Leaves: nothing; reads only. Returns own, gap, conflict.

SELECT
  (SELECT count(*) FROM public.governance_object_ownership) AS own,
  (SELECT count(*) FROM public.v_object_owner_gap) AS gap,
  (SELECT count(*) FROM public.v_object_owner_conflict) AS conflict;
