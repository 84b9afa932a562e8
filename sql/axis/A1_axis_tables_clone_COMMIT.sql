-- A1: the six tables of the axis substrate; commits.
--
-- Needs before: a clone without any of the six tables, and the drop script
--   Z_axis_substrate_drop_clone.sql, which the runner looks for before it starts.
--   Tables of another design that bear the same names are told by their columns.
-- Leaves: six empty tables. Nothing that was there is altered: owners by axis stand
--   beside governance_object_ownership, not in it.
-- Undone by: Z_axis_substrate_drop_clone.sql.
--
-- Natural keys only, so that no sequence is left at another position by an undo.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

DO $$
DECLARE
  present integer;
  design record;
BEGIN
  SELECT class.relname, attribute.attname
  INTO design
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = class.oid
  WHERE class.relnamespace = 'public'::regnamespace
    AND class.relname IN (
      'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
      'axis_registry', 'axis_value', 'coverage_rule'
    )
    AND attribute.attname IN (
      'node_source', 'node_filter', 'relation_source', 'root_rule', 'child_rule',
      'lifecycle_field', 'owner_governance_ref', 'substrate_resolver', 'pivots_ref'
    )
    AND NOT attribute.attisdropped
  ORDER BY class.relname, attribute.attname
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'REFUSING: table % is of another design (column %), nothing built',
      design.relname, design.attname;
  END IF;
  SELECT count(*)
  INTO present
  FROM pg_catalog.pg_class
  WHERE relnamespace = 'public'::regnamespace
    AND relname IN (
      'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
      'axis_registry', 'axis_value', 'coverage_rule'
    );
  IF present <> 0 THEN
    RAISE EXCEPTION 'REFUSING: axis substrate already present (% tables)', present;
  END IF;
END
$$;

CREATE TABLE public.axis_registry (
  axis_code text PRIMARY KEY,
  axis_name text NOT NULL,
  axis_family text NOT NULL
    CHECK (axis_family IN ('structural', 'label', 'semantic', 'pivot', 'system')),
  axis_kind text NOT NULL
    CHECK (axis_kind IN ('deterministic', 'uncertain', 'system')),
  value_domain text NOT NULL,
  owner_scope_ref text,
  status text NOT NULL DEFAULT 'candidate'
    CHECK (status IN ('candidate', 'active', 'deprecated', 'retired')),
  lifecycle_status text NOT NULL DEFAULT 'register'
    CHECK (lifecycle_status IN ('birth', 'register', 'active', 'deprecate', 'retire')),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.axis_registry IS
  'Axes of coverage; a new axis is a row. Dropped by Z_axis_substrate_drop_clone.sql.';

CREATE TABLE public.axis_value (
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  value_code text NOT NULL,
  parent_value_code text,
  status text NOT NULL DEFAULT 'candidate'
    CHECK (status IN ('candidate', 'active', 'deprecated', 'retired')),
  provenance jsonb NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (axis_code, value_code),
  FOREIGN KEY (axis_code, parent_value_code)
    REFERENCES public.axis_value (axis_code, value_code)
);
COMMENT ON TABLE public.axis_value IS
  'Values of an axis, a tree within it. Dropped by Z_axis_substrate_drop_clone.sql.';

CREATE TABLE public.axis_assignment (
  object_type text NOT NULL,
  object_ref text NOT NULL,
  axis_code text NOT NULL,
  value_code text NOT NULL,
  revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1),
  zone text NOT NULL CHECK (zone IN ('approved', 'candidate', 'quarantine')),
  match_score numeric(5, 4) CHECK (match_score BETWEEN 0 AND 1),
  confidence numeric(5, 4) CHECK (confidence BETWEEN 0 AND 1),
  provenance jsonb,
  evidence jsonb,
  assigned_kind text NOT NULL
    CHECK (assigned_kind IN ('dot', 'agent', 'human', 'rule')),
  assigned_at timestamptz NOT NULL,
  valid_from timestamptz,
  valid_to timestamptz,
  superseded_by integer,
  status text NOT NULL DEFAULT 'active'
    CHECK (status IN ('active', 'superseded', 'retired')),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (object_type, object_ref, axis_code, value_code, revision),
  FOREIGN KEY (axis_code, value_code)
    REFERENCES public.axis_value (axis_code, value_code),
  FOREIGN KEY (object_type, object_ref, axis_code, value_code, superseded_by)
    REFERENCES public.axis_assignment (
      object_type, object_ref, axis_code, value_code, revision
    ),
  CONSTRAINT chk_axis_assignment_provenance CHECK (
    zone = 'quarantine'
    OR provenance IS NOT NULL
  )
);
COMMENT ON TABLE public.axis_assignment IS
  'Which object has which value. Dropped by Z_axis_substrate_drop_clone.sql.';
COMMENT ON CONSTRAINT chk_axis_assignment_provenance ON public.axis_assignment IS
  'Provenance or quarantine.';
CREATE UNIQUE INDEX uq_axis_assignment_active
  ON public.axis_assignment (object_type, object_ref, axis_code, value_code)
  WHERE status = 'active';
COMMENT ON INDEX public.uq_axis_assignment_active IS
  'One active revision of an assignment.';

CREATE TABLE public.coverage_rule (
  rule_code text PRIMARY KEY,
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  applies_to text NOT NULL,
  coverage_mode text NOT NULL
    CHECK (coverage_mode IN ('cross_product', 'per_assignment')),
  confidence_threshold numeric(5, 4)
    CHECK (confidence_threshold BETWEEN 0 AND 1),
  staleness_days integer CHECK (staleness_days >= 0),
  required_owner_kind text NOT NULL DEFAULT 'accountable'
    CHECK (required_owner_kind IN ('accountable', 'supporting', 'delegated')),
  status text NOT NULL DEFAULT 'candidate'
    CHECK (status IN ('candidate', 'active', 'deprecated', 'retired')),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.coverage_rule IS
  'Which cells of an axis need an owner. Dropped by Z_axis_substrate_drop_clone.sql.';

CREATE TABLE public.axis_object_ownership (
  object_type text NOT NULL,
  object_ref text NOT NULL,
  axis_code text NOT NULL,
  value_code text NOT NULL,
  owner_gov_code text NOT NULL REFERENCES public.governance_registry (code),
  owner_kind text NOT NULL
    CHECK (owner_kind IN ('accountable', 'supporting', 'delegated', 'exception')),
  lifecycle_status text NOT NULL DEFAULT 'active'
    CHECK (lifecycle_status IN ('active', 'superseded', 'revoked', 'expired')),
  provenance jsonb NOT NULL,
  approval_ref text,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (
    object_type, object_ref, axis_code, value_code, owner_gov_code, owner_kind
  ),
  FOREIGN KEY (axis_code, value_code)
    REFERENCES public.axis_value (axis_code, value_code)
);
COMMENT ON TABLE public.axis_object_ownership IS
  'Owners of cells of an axis, beside governance_object_ownership. Dropped by '
  'Z_axis_substrate_drop_clone.sql.';
CREATE UNIQUE INDEX uq_axis_obj_accountable
  ON public.axis_object_ownership (object_type, object_ref, axis_code, value_code)
  WHERE owner_kind = 'accountable' AND lifecycle_status = 'active';
COMMENT ON INDEX public.uq_axis_obj_accountable IS
  'At most one active accountable owner per cell.';

CREATE TABLE public.axis_candidate_finding (
  finding_type text NOT NULL,
  object_type text NOT NULL,
  object_ref text NOT NULL,
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  value_code text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  scan_count integer NOT NULL DEFAULT 1,
  first_seen timestamptz NOT NULL DEFAULT now(),
  last_seen timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  PRIMARY KEY (finding_type, object_type, object_ref, axis_code, value_code)
);
COMMENT ON TABLE public.axis_candidate_finding IS
  'What the axis scan found; value_code ∅ where a value is what is missing. Dropped '
  'by Z_axis_substrate_drop_clone.sql.';

COMMIT;
