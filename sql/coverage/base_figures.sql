-- R1.2, R1.4: what must be covered and what is, without any view; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- Independent of the governance views: told from the registry, the scopes and the
-- ownership rows alone, so that a view which says less than it should is found out.

WITH object AS (
  SELECT
    collection_name::text AS object_ref,
    "group"::text AS group_code
  FROM public.collection_registry
  WHERE governance_role = 'governed'
    AND coverage_status = 'BIRTH_REQUIRED'
),
scope AS (
  SELECT scope_code
  FROM public.governance_responsibility_scope
  WHERE status = 'active'
),
accountable AS (
  SELECT object_type, object_ref, scope, is_inherited_anchor
  FROM public.governance_object_ownership
  WHERE owner_kind = 'accountable'
    AND lifecycle_status = 'active'
    AND (effective_from IS NULL OR effective_from <= now())
    AND (effective_to IS NULL OR effective_to > now())
    AND owner_gov_code IN (
      SELECT code FROM public.governance_registry WHERE status IN ('active', 'draft')
    )
)
SELECT
  (SELECT count(*) FROM object) AS objects,
  (SELECT count(DISTINCT group_code) FROM object) AS object_groups,
  (SELECT count(*) FROM scope) AS active_scopes,
  (SELECT count(*) FROM object CROSS JOIN scope) AS required_cells,
  (
    SELECT count(*)
    FROM object
    CROSS JOIN scope
    WHERE EXISTS (
      SELECT
      FROM accountable AS owner
      WHERE owner.scope = scope.scope_code
        AND (
          (owner.object_type = 'collection' AND owner.object_ref = object.object_ref)
          OR (
            owner.object_type = 'group'
            AND owner.object_ref = object.group_code
            AND owner.is_inherited_anchor
          )
        )
    )
  ) AS owned_cells;
