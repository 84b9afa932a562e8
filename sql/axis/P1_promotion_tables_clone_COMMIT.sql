-- P1: crosswalk, decisions, scan ledger, drift state and event log; commits.
--
-- Needs before: E. Leaves: five empty tables. Undone by: Z_rollback_finalization.sql.
--
-- governance_scan_run is another table than candidate_scan_run, and belongs to
-- fn_governance_scan.

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

CREATE TABLE public.topic_taxonomy_map (
  axis_code text NOT NULL DEFAULT 'topic' CHECK (axis_code = 'topic'),
  value_code text NOT NULL,
  label_code varchar(255) NOT NULL REFERENCES public.taxonomy (code),
  map_kind text NOT NULL CHECK (map_kind IN ('exact', 'related', 'inferred')),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (axis_code, value_code, label_code),
  FOREIGN KEY (axis_code, value_code)
    REFERENCES public.axis_value (axis_code, value_code)
);
COMMENT ON TABLE public.topic_taxonomy_map IS
  'Which label says the same as a topic. Dropped by Z_rollback_finalization.sql.';

CREATE TABLE public.topic_label_reconcile_decision (
  finding_kind text NOT NULL
    CHECK (finding_kind IN ('divergent', 'no_label_rule', 'projection_gap')),
  object_type text NOT NULL,
  object_ref text NOT NULL,
  axis_code text NOT NULL,
  value_code text NOT NULL,
  decision text NOT NULL
    CHECK (
      decision IN (
        'accept_orthogonal_facet',
        'accept_projection_pending',
        'accept_quarantine_hold'
      )
    ),
  reason text NOT NULL,
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  PRIMARY KEY (finding_kind, object_type, object_ref, axis_code, value_code),
  FOREIGN KEY (axis_code, value_code)
    REFERENCES public.axis_value (axis_code, value_code)
);
COMMENT ON TABLE public.topic_label_reconcile_decision IS
  'Differences between topics and labels that were accepted, and why. Dropped by '
  'Z_rollback_finalization.sql.';

CREATE TABLE public.governance_scan_run (
  scan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  actor text NOT NULL,
  mode text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  finding_count bigint NOT NULL DEFAULT 0,
  new_count bigint NOT NULL DEFAULT 0,
  resolved_count bigint NOT NULL DEFAULT 0,
  summary jsonb NOT NULL DEFAULT '{}',
  created_by text NOT NULL
);
COMMENT ON TABLE public.governance_scan_run IS
  'Ledger of fn_governance_scan. Dropped by Z_rollback_finalization.sql.';

CREATE TABLE public.governance_drift_state (
  state_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  detector_code text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  object_type text NOT NULL,
  object_ref text NOT NULL,
  axis_code text,
  value_code text,
  detail text,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
  scan_count integer NOT NULL DEFAULT 1,
  first_scan_id bigint NOT NULL REFERENCES public.governance_scan_run (scan_id),
  last_scan_id bigint NOT NULL REFERENCES public.governance_scan_run (scan_id),
  first_seen timestamptz NOT NULL DEFAULT now(),
  last_seen timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz,
  created_by text NOT NULL
);
COMMENT ON TABLE public.governance_drift_state IS
  'Drift findings, open or resolved. Dropped by Z_rollback_finalization.sql.';
-- With the axis in the key: without it two axes' findings on one object collide.
CREATE UNIQUE INDEX uq_governance_drift_state
  ON public.governance_drift_state (
    detector_code,
    COALESCE(axis_code, '∅'),
    object_type,
    object_ref,
    COALESCE(value_code, '∅')
  );
COMMENT ON INDEX public.uq_governance_drift_state IS
  'One state per detector, axis, object and value.';

CREATE TABLE public.governance_event_log (
  log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scan_id bigint NOT NULL REFERENCES public.governance_scan_run (scan_id),
  event_domain text NOT NULL,
  event_type text NOT NULL,
  canonical_address text NOT NULL,
  safe_payload jsonb NOT NULL,
  emitted boolean NOT NULL DEFAULT false,
  blocked_reason text,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_governance_event_log_blocked CHECK (
    emitted
    OR blocked_reason IS NOT NULL
  )
);
COMMENT ON TABLE public.governance_event_log IS
  'Events that were shaped and held back; not the outbox. Dropped by '
  'Z_rollback_finalization.sql.';

COMMIT;
