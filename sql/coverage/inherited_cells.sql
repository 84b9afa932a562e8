-- R2.3: cells that inherit the owner that their group's anchor names; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- The owner is looked up in the base tables, and the view has to say the same of the
-- cell: rows that are there in the right number but of the wrong owner do not count.

SELECT
  count(DISTINCT (registry.collection_name, scope.scope_code)) AS agreeing_cells
FROM public.collection_registry AS registry
CROSS JOIN public.governance_responsibility_scope AS scope
JOIN public.governance_object_ownership AS anchor
  ON anchor.object_type = 'group'
  AND anchor.object_ref = registry."group"
  AND anchor.scope = scope.scope_code
  AND anchor.owner_kind = 'accountable'
  AND anchor.lifecycle_status = 'active'
  AND anchor.is_inherited_anchor
  AND (anchor.effective_from IS NULL OR anchor.effective_from <= now())
  AND (anchor.effective_to IS NULL OR anchor.effective_to > now())
JOIN public.v_object_effective_owner AS effective
  ON effective.object_type = 'collection'
  AND effective.object_ref = registry.collection_name
  AND effective.scope = scope.scope_code
  AND effective.owner_gov_code = anchor.owner_gov_code
  AND effective.source_anchor_type = 'group'
  AND effective.source_anchor_ref = registry."group"
  AND effective.resolution = 'inherited'
  AND effective.depth = 1
WHERE registry.governance_role = 'governed'
  AND registry.coverage_status = 'BIRTH_REQUIRED'
  AND scope.status = 'active';
