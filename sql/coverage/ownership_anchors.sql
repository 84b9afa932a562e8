-- R1.1: the ownership rows, and how many of them are what the seed makes; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  count(*) AS own,
  count(*) FILTER (
    WHERE object_type = 'group'
      AND owner_kind = 'accountable'
      AND is_inherited_anchor
      AND lifecycle_status = 'active'
  ) AS anchors,
  count(DISTINCT object_ref) FILTER (WHERE object_type = 'group') AS groups,
  count(DISTINCT scope) AS scopes,
  (
    SELECT string_agg(tag, ', ' ORDER BY tag COLLATE "C")
    FROM (
      SELECT DISTINCT created_by AS tag
      FROM public.governance_object_ownership
    ) AS seen
  ) AS created_by
FROM public.governance_object_ownership;
