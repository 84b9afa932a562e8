-- O2: whom the view of effective owners names for each node and scope, and whence.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  object_type,
  object_ref,
  scope,
  owner_gov_code::text AS owner,
  owner_kind::text AS kind,
  source_anchor_type,
  source_anchor_ref,
  resolution,
  depth
FROM public.v_object_effective_owner
ORDER BY
  object_type COLLATE "C",
  object_ref COLLATE "C",
  scope COLLATE "C";
