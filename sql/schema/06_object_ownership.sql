-- Ownership of governed objects: 20 columns, no trigger.
--
-- Needs before: 04 and 05. Leaves: governance_object_ownership, empty.
-- Undone by: DROP DATABASE.
--
-- Column order is known; types of columns 7 to 20 are inferred, and stand here
-- because the order forces them. Their defaults are in 20_inferred.sql.

SET ROLE directus;

CREATE TABLE public.governance_object_ownership (
  id bigserial PRIMARY KEY,
  object_type text NOT NULL,
  object_ref text NOT NULL,
  scope text NOT NULL
    REFERENCES public.governance_responsibility_scope (scope_code),
  owner_kind text NOT NULL
    CHECK (owner_kind IN ('accountable', 'supporting', 'delegated', 'exception')),
  owner_gov_code text NOT NULL REFERENCES public.governance_registry (code),
  is_inherited_anchor boolean,
  effective_from timestamptz,
  effective_to timestamptz,
  lifecycle_status text
    CHECK (lifecycle_status IN ('active', 'superseded', 'revoked', 'expired')),
  approval_ref text,
  audit_ref text,
  rollback_ref text,
  source_law_ref text,
  source_design_ref text,
  supersedes_id bigint REFERENCES public.governance_object_ownership (id),
  created_at timestamptz,
  created_by text,
  updated_at timestamptz,
  updated_by text,
  CONSTRAINT chk_delegated_ttl CHECK (
    owner_kind <> 'delegated'
    OR effective_to IS NOT NULL
  )
);
COMMENT ON TABLE public.governance_object_ownership IS
  'Who answers for an object in a scope; group rows are inherited anchors.';

CREATE UNIQUE INDEX uq_gov_obj_accountable
  ON public.governance_object_ownership (object_type, object_ref, scope)
  WHERE owner_kind = 'accountable' AND lifecycle_status = 'active';
COMMENT ON INDEX public.uq_gov_obj_accountable IS
  'At most one active accountable owner per object and scope.';

CREATE INDEX ix_gov_obj_resolve
  ON public.governance_object_ownership (object_type, object_ref);

RESET ROLE;
