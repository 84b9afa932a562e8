-- The scanner's write half: snapshots, rulesets, scan runs, states and objects.
--
-- Needs before: 04. Leaves: five empty tables, no trigger. Undone by: DROP DATABASE.
--
-- candidate_state has 24 columns and candidate_object 26; the one column whose
-- name is not known is added by 20_inferred.sql.

SET ROLE directus;

CREATE TABLE public.evolution_snapshots (
  id serial PRIMARY KEY,
  scope varchar(255)
);
COMMENT ON TABLE public.evolution_snapshots IS 'Snapshots that a scan refers to.';

CREATE TABLE public.governance_ruleset (
  ruleset_version text PRIMARY KEY,
  content_hash text,
  status text NOT NULL DEFAULT 'draft',
  owner_gov_code text,
  activated_at timestamptz,
  activated_by text,
  components jsonb,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.governance_ruleset IS 'Versions of the scanner''s rules.';

CREATE TABLE public.candidate_scan_run (
  run_id text PRIMARY KEY,
  scan_mode text NOT NULL
    CHECK (scan_mode IN ('event_driven', 'incremental', 'periodic_full')),
  worker_name text,
  source_name text,
  source_snapshot_ref integer REFERENCES public.evolution_snapshots (id),
  ruleset_version text REFERENCES public.governance_ruleset (ruleset_version),
  status text NOT NULL
    CHECK (status IN ('running', 'completed', 'failed', 'throttled')),
  started_at timestamptz,
  finished_at timestamptz,
  groups_scanned bigint,
  objects_materialized bigint,
  candidates_upserted bigint,
  dirty_processed bigint,
  heartbeat_ref text,
  error_text text,
  metadata jsonb,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.candidate_scan_run IS
  'Ledger of scans: one row per run, by design the only table that grows.';
CREATE INDEX ix_csr_status ON public.candidate_scan_run (status);
CREATE INDEX ix_csr_started ON public.candidate_scan_run (started_at);
CREATE INDEX ix_csr_mode ON public.candidate_scan_run (scan_mode);

CREATE TABLE public.governance_candidate_state (
  group_key text NOT NULL,
  ruleset_version text NOT NULL
    REFERENCES public.governance_ruleset (ruleset_version),
  source_snapshot_ref integer NOT NULL
    REFERENCES public.evolution_snapshots (id),
  candidate_verdict text NOT NULL
    CHECK (
      candidate_verdict IN (
        'relevant', 'not_relevant', 'class_0', 'deferred_birth',
        'retired', 'needs_input', 'unknown'
      )
    ),
  lifecycle_status text NOT NULL DEFAULT 'active'
    CHECK (lifecycle_status IN ('active', 'superseded', 'retired')),
  input_quality_state text,
  dirty boolean NOT NULL DEFAULT false,
  dirty_reason text,
  dirtied_at timestamptz,
  depends_on jsonb,
  stale_after timestamptz,
  recompute_status text,
  scan_time timestamptz,
  risk_class text,
  coverage_required boolean,
  coverage_scan_ref text,
  issue_ref text,
  last_run_id text,
  evidence_fingerprint text,
  owner_scope text,
  audit_ref text,
  PRIMARY KEY (group_key, ruleset_version)
);
COMMENT ON TABLE public.governance_candidate_state IS
  'Verdict of the scanner per group and ruleset version.';

CREATE TABLE public.governance_candidate_object (
  candidate_key text NOT NULL,
  group_key text NOT NULL,
  ruleset_version text NOT NULL
    REFERENCES public.governance_ruleset (ruleset_version),
  materialization_reason text NOT NULL
    CHECK (
      materialization_reason IN (
        'indep_authoritative', 'open_finding', 'exception', 'high_risk_write'
      )
    ),
  source_snapshot_ref integer NOT NULL
    REFERENCES public.evolution_snapshots (id),
  candidate_verdict text NOT NULL
    CHECK (
      candidate_verdict IN (
        'relevant', 'not_relevant', 'class_0', 'deferred_birth',
        'retired', 'needs_input', 'unknown'
      )
    ),
  lifecycle_status text NOT NULL DEFAULT 'active'
    CHECK (lifecycle_status IN ('active', 'superseded', 'retired')),
  input_quality_state text,
  dirty boolean NOT NULL DEFAULT false,
  dirty_reason text,
  dirtied_at timestamptz,
  depends_on jsonb,
  stale_after timestamptz,
  recompute_status text,
  scan_time timestamptz,
  risk_class text,
  coverage_required boolean,
  coverage_scan_ref text,
  issue_ref text,
  last_run_id text,
  evidence_fingerprint text,
  owner_scope text,
  audit_ref text,
  PRIMARY KEY (candidate_key, ruleset_version),
  FOREIGN KEY (group_key, ruleset_version)
    REFERENCES public.governance_candidate_state (group_key, ruleset_version)
);
COMMENT ON TABLE public.governance_candidate_object IS
  'Objects that a scan materialized, keyed by address or collection and code.';

RESET ROLE;
