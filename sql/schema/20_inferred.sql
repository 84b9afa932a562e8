-- INFERRED STRUCTURE: correct here. Everything below is a choice, not a fact.
--
-- Needs before: 01 to 19. Leaves: the columns, defaults, constraints and indexes
--   whose existence, name or vocabulary is not known of the production database.
-- Undone by: DROP DATABASE.
--
-- Its companions are fixtures/production/inferred/ (rows and values; the values
-- of single cells are in inferred/values.csv, with the reason beside each).
-- No check asserts anything that is only said here.
--
-- Inferred, but forced by column order or by the need of a column to stand in
-- another file:
--   02  Directus identifiers as character(36); columns as of Directus 10.13
--   03  columns of governance_docs, law_catalog, dot_domains beyond code
--   04  governance_registry.id as primary key beside a unique code
--   06  types of governance_object_ownership columns 7 to 20
--   09  candidate_scan_run before candidate_state is an order of work: last_run_id
--       stays without foreign key
--   12  no CHECK on system_issues.status
--   13  columns of the tables around dot_tools
--   15  description of apr_action_types as a length CHECK; index names of
--       governance_build_authorization
--   17  unique (entity_code, label_code) on entity_labels; taxonomy_matrix columns
--   18  every column but the code; 19 columns of the two staging tables
--   41 to 48  the content of the bulk rows (their counts are known); the births of
--       collections that are not governed
--   50 to 57  how a function does what it is known to do
--   61 to 66  trigger names beyond those listed there; three of the nine triggers of
--       system_issues (code, first seen, status); which 16 tables have the gate
--   90  columns of trigger_guard_alerts, content of its 128 rows
--   collection_registry.csv  of the 36 governed rows: codes, names, descriptions,
--       species (but for COL-IUS-001), source_kind, migration_state, dates
--   event_type_registry.csv, apr_action_types.csv, apr_request_types.csv,
--   governance_registry.csv, governance_relations.csv  names and descriptions where
--       only the code is known, capability of GOV-MOW and GOV-MOT, two relation ids

SET ROLE directus;

-- Third lookup index of the ownership table, and its defaults.
CREATE INDEX ix_gov_obj_owner
  ON public.governance_object_ownership (owner_gov_code, lifecycle_status);
ALTER TABLE public.governance_object_ownership
  ALTER COLUMN is_inherited_anchor SET DEFAULT false,
  ALTER COLUMN is_inherited_anchor SET NOT NULL,
  ALTER COLUMN lifecycle_status SET DEFAULT 'active',
  ALTER COLUMN lifecycle_status SET NOT NULL,
  ALTER COLUMN created_at SET DEFAULT now();

-- Further columns of the scopes; the vocabulary of their status.
ALTER TABLE public.governance_responsibility_scope
  ADD COLUMN scope_name text,
  ADD COLUMN description text,
  ADD COLUMN created_at timestamptz DEFAULT now(),
  ALTER COLUMN status SET DEFAULT 'active',
  ADD CONSTRAINT governance_responsibility_scope_status_check
    CHECK (status IN ('active', 'retired'));

-- Eight of the 35 columns of collection_registry.
ALTER TABLE public.collection_registry
  ADD COLUMN name_en varchar(255),
  ADD COLUMN icon varchar(255),
  ADD COLUMN parent_collection varchar(255),
  ADD COLUMN record_count integer,
  ADD COLUMN is_system boolean DEFAULT false,
  ADD COLUMN owner varchar(255),
  ADD COLUMN notes text,
  ADD COLUMN extra_metadata jsonb;

-- Five of the 22 columns of birth_registry.
ALTER TABLE public.birth_registry
  ADD COLUMN entity_name text,
  ADD COLUMN parent_code text,
  ADD COLUMN retired_at timestamptz,
  ADD COLUMN date_updated timestamptz,
  ADD COLUMN notes text;

-- The 24th and 26th column of the candidate tables, and the usual two dates;
-- the three indexes.
ALTER TABLE public.governance_candidate_state
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN rollback_ref text;
ALTER TABLE public.governance_candidate_object
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN rollback_ref text;
CREATE INDEX ix_gcs_dirty
  ON public.governance_candidate_state (dirtied_at) WHERE dirty;
CREATE INDEX ix_gcs_stale_after ON public.governance_candidate_state (stale_after);
CREATE INDEX ix_gcs_verdict ON public.governance_candidate_state (candidate_verdict);
CREATE INDEX ix_gco_dirty
  ON public.governance_candidate_object (dirtied_at) WHERE dirty;
CREATE INDEX ix_gco_stale_after ON public.governance_candidate_object (stale_after);
CREATE INDEX ix_gco_verdict ON public.governance_candidate_object (candidate_verdict);

-- Vocabularies of the candidate substrate.
ALTER TABLE public.governance_ruleset
  ADD CONSTRAINT governance_ruleset_status_check
    CHECK (status IN ('draft', 'active', 'retired')),
  ADD CONSTRAINT governance_ruleset_owner_gov_code_fkey
    FOREIGN KEY (owner_gov_code) REFERENCES public.governance_registry (code);
ALTER TABLE public.governance_candidate_state
  ADD CONSTRAINT governance_candidate_state_input_quality_state_check
    CHECK (
      input_quality_state IN (
        'ok', 'missing', 'partial', 'stale', 'conflicting',
        'malformed', 'untrusted', 'duplicate', 'quarantined', 'unknown'
      )
    ),
  ADD CONSTRAINT governance_candidate_state_recompute_status_check
    CHECK (recompute_status IN ('ok', 'pending', 'running', 'failed'));
ALTER TABLE public.governance_candidate_object
  ADD CONSTRAINT governance_candidate_object_input_quality_state_check
    CHECK (
      input_quality_state IN (
        'ok', 'missing', 'partial', 'stale', 'conflicting',
        'malformed', 'untrusted', 'duplicate', 'quarantined', 'unknown'
      )
    ),
  ADD CONSTRAINT governance_candidate_object_recompute_status_check
    CHECK (recompute_status IN ('ok', 'pending', 'running', 'failed'));

-- The cursor: phase has no known vocabulary and gets none.
ALTER TABLE public.gov_worker_cursor
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

-- Further columns of the snapshots and of the request types.
ALTER TABLE public.evolution_snapshots
  ADD COLUMN taken_at timestamptz,
  ADD COLUMN summary jsonb;
ALTER TABLE public.apr_request_types
  ADD COLUMN name varchar(255),
  ADD COLUMN description text,
  ADD COLUMN status varchar(255);

-- The outbox later took events of three more domains.
ALTER TABLE public.event_outbox
  DROP CONSTRAINT event_outbox_event_domain_check;
ALTER TABLE public.event_outbox
  ADD CONSTRAINT event_outbox_event_domain_check
    CHECK (
      event_domain IN (
        'iu', 'birth_registry', 'governance', 'tac', 'kg', 'system',
        'dot', 'health', 'piece', 'staging', 'mother', 'process'
      )
    ),
  ADD CONSTRAINT event_outbox_delivery_lane_check
    CHECK (delivery_lane IN ('immediate', 'delayed')),
  ADD CONSTRAINT event_outbox_event_severity_check
    CHECK (event_severity IN ('info', 'warning', 'critical'));

-- Third fail-closed layer of the outbox: that a governance event without address
-- is refused is known; by which constraint is not.
ALTER TABLE public.event_outbox
  ADD CONSTRAINT chk_event_outbox_governance_provenance
    CHECK (event_domain <> 'governance' OR canonical_address IS NOT NULL);

-- Predicates of the build authorization; names are known, texts are not.
ALTER TABLE public.governance_build_authorization
  ADD COLUMN step_code text NOT NULL,
  ADD COLUMN granted_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN expires_at timestamptz NOT NULL,
  ADD COLUMN sovereign_esign_ref text,
  ADD COLUMN consumed_at timestamptz,
  ADD COLUMN consumed_by text,
  ADD COLUMN revoked_at timestamptz,
  ADD COLUMN revoked_by text,
  ADD CONSTRAINT governance_build_authorization_status_check
    CHECK (status IN ('active', 'consumed', 'revoked', 'expired')),
  ADD CONSTRAINT chk_expiry CHECK (expires_at > granted_at),
  ADD CONSTRAINT chk_sov_esign
    CHECK (risk_level <> 'high' OR sovereign_esign_ref IS NOT NULL),
  ADD CONSTRAINT chk_consumed_pair
    CHECK ((consumed_at IS NULL) = (consumed_by IS NULL)),
  ADD CONSTRAINT chk_revoked_pair
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL));
CREATE UNIQUE INDEX uq_one_active_grant_per_step
  ON public.governance_build_authorization (step_code)
  WHERE status = 'active';
CREATE INDEX ix_governance_build_authorization_expires_at
  ON public.governance_build_authorization (expires_at);

RESET ROLE;
