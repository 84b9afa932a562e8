-- Tier 1, structure: 11 tables, 31 views, 1 function, all reading nothing; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names); it
--   asks for no ratification, which is why the preflight comes before it.
-- Needs before: none of the 43 names is taken; the five prerequisite views.
-- Expected delta: +11 tables, +31 views, +1 function; no row of any table.
-- Leaves: empty tables; views without a finding; nothing that was there is altered.
-- Undone by: rollback/99_rollback_full.sql.
-- Stop: any exception before COMMIT: the transaction is aborted, nothing is changed.
--
-- The objects are those of the rehearsed axis substrate, letter for letter, but for
-- their comments and for the source_system that would-be events name.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL oneroof.step_writes = '';

DO $$
DECLARE
  target text := coalesce(
    nullif(current_setting('oneroof.target_database', true), ''),
    'directus'
  );
BEGIN
  IF target = 'directus' AND current_database() <> 'directus' THEN
    RAISE EXCEPTION 'REFUSING: % is not production directus', current_database();
  END IF;
  IF current_database() <> target THEN
    RAISE EXCEPTION 'REFUSING: % is not the target %', current_database(), target;
  END IF;
  IF target <> 'directus' AND (
    target !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$'
    OR NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_database AS base
      WHERE base.datname = current_database()
        AND starts_with(
          shobj_description(base.oid, 'pg_database'),
          'pytest-oneroof clone '
        )
    )
  ) THEN
    RAISE EXCEPTION 'REFUSING: % is neither production directus nor a marked clone',
      target;
  END IF;
END
$$;

DO $$
BEGIN
  IF NOT current_setting('track_counts')::boolean THEN
    RAISE EXCEPTION 'REFUSING: track_counts is off, what a step writes is not counted';
  END IF;
  PERFORM set_config(
    'oneroof.rows_before',
    (
      SELECT coalesce(
        jsonb_object_agg(
          relid,
          jsonb_build_array(n_tup_ins, n_tup_upd, n_tup_del)
        ),
        '{}'
      )::text
      FROM pg_catalog.pg_stat_xact_user_tables
    ),
    true
  );
END
$$;

DO $$
DECLARE
  missing text;
BEGIN
  SELECT string_agg(name, ', ' ORDER BY name)
  INTO missing
  FROM unnest(ARRAY[
    'v_governance_object_containment', 'v_governance_object_inventory',
    'v_object_effective_owner', 'v_object_owner_conflict', 'v_object_owner_gap'
  ]) AS name
  WHERE to_regclass('public.' || name) IS NULL;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'REFUSING: prerequisite view missing: %', missing;
  END IF;
END
$$;

DO $$
DECLARE
  taken text;
BEGIN
  SELECT string_agg(relname, ', ' ORDER BY relname)
  INTO taken
  FROM pg_catalog.pg_class
  WHERE relnamespace = 'public'::regnamespace
    AND relname IN (
      'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
      'axis_registry', 'axis_value', 'coverage_rule', 'governance_drift_state',
      'governance_event_log', 'governance_scan_run', 'topic_label_reconcile_decision',
      'topic_taxonomy_map',
      'v_axis_assignment_quality', 'v_axis_coverage_gap', 'v_axis_coverage_summary',
      'v_axis_effective_owner', 'v_axis_issue_payload', 'v_axis_missing_assignment',
      'v_axis_registry_coverage', 'v_axis_required_cell',
      'v_axis_topic_parentage_conflict', 'v_drift_assignment', 'v_drift_axis',
      'v_drift_event_map', 'v_drift_finding', 'v_drift_issue_payload', 'v_drift_label',
      'v_drift_projection', 'v_drift_summary', 'v_projection_lag_timing',
      'v_reconcile_collection_topic_vs_label', 'v_reconcile_label_orphan',
      'v_reconcile_label_without_topic', 'v_reconcile_summary',
      'v_reconcile_topic_projection_gap', 'v_reconcile_topic_without_label',
      'v_ui_axis_browser', 'v_ui_coverage_dashboard', 'v_ui_detector_findings',
      'v_ui_lane', 'v_ui_object_topic', 'v_ui_review_queue', 'v_ui_topic_tree'
    );
  IF taken IS NOT NULL THEN
    RAISE EXCEPTION 'REFUSING: there already: %', taken
      USING HINT = 'greenfield only; the way back: oneroof rollout rollback full';
  END IF;
  IF to_regprocedure('public.fn_governance_scan(text, text)') IS NOT NULL THEN
    RAISE EXCEPTION 'REFUSING: there already: fn_governance_scan(text, text)'
      USING HINT = 'greenfield only; the way back: oneroof rollout rollback full';
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
  'Axes of coverage; a new axis is a row. Dropped by 99_rollback_full.sql.';

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
  'Values of an axis, a tree within it. Dropped by 99_rollback_full.sql.';

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
  'Which object has which value. Dropped by 99_rollback_full.sql.';
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
  'Which cells of an axis need an owner. Dropped by 99_rollback_full.sql.';

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
  '99_rollback_full.sql.';
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
  'by 99_rollback_full.sql.';

-- Axis, value and rule must each be active; per_assignment needs the assignment too,
-- whatever its zone: an item in quarantine is a cell that is open on purpose.
CREATE VIEW public.v_axis_required_cell AS
SELECT
  rule.axis_code,
  value.value_code,
  inventory.object_type,
  inventory.object_ref
FROM public.coverage_rule AS rule
JOIN public.axis_registry AS axis
  ON axis.axis_code = rule.axis_code
JOIN public.axis_value AS value
  ON value.axis_code = rule.axis_code
JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = rule.applies_to
WHERE rule.coverage_mode = 'cross_product'
  AND rule.status = 'active'
  AND axis.status = 'active'
  AND value.status = 'active'
  AND inventory.requires_owner
  AND inventory.born
UNION
SELECT
  rule.axis_code,
  value.value_code,
  assignment.object_type,
  assignment.object_ref
FROM public.coverage_rule AS rule
JOIN public.axis_registry AS axis
  ON axis.axis_code = rule.axis_code
JOIN public.axis_value AS value
  ON value.axis_code = rule.axis_code
JOIN public.axis_assignment AS assignment
  ON assignment.axis_code = value.axis_code
  AND assignment.value_code = value.value_code
  AND assignment.object_type = rule.applies_to
WHERE rule.coverage_mode = 'per_assignment'
  AND rule.status = 'active'
  AND axis.status = 'active'
  AND value.status = 'active'
  AND assignment.status = 'active';
COMMENT ON VIEW public.v_axis_required_cell IS
  'Cells that need an owner, by the active rules of active axes.';

-- Responsibility keeps its own path, so that its cells stay as they are. An owner
-- given to an item in quarantine does not count: it must be cleared first.
CREATE VIEW public.v_axis_effective_owner AS
SELECT
  'responsibility'::text AS axis_code,
  owner.scope AS value_code,
  owner.object_type,
  owner.object_ref,
  owner.owner_gov_code,
  owner.owner_kind,
  owner.resolution,
  owner.depth
FROM public.v_object_effective_owner AS owner
WHERE owner.owner_kind = 'accountable'
UNION ALL
SELECT
  owned.axis_code,
  owned.value_code,
  owned.object_type,
  owned.object_ref,
  owned.owner_gov_code,
  owned.owner_kind,
  'direct',
  0
FROM public.axis_object_ownership AS owned
WHERE owned.axis_code <> 'responsibility'
  AND owned.owner_kind = 'accountable'
  AND owned.lifecycle_status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.axis_assignment AS held
    WHERE held.object_type = owned.object_type
      AND held.object_ref = owned.object_ref
      AND held.axis_code = owned.axis_code
      AND held.value_code = owned.value_code
      AND held.status = 'active'
      AND held.zone = 'quarantine'
  );
COMMENT ON VIEW public.v_axis_effective_owner IS
  'Accountable owners of cells: responsibility by its existing view, others by row.';

CREATE VIEW public.v_axis_coverage_gap AS
SELECT
  required.axis_code,
  required.value_code,
  required.object_type,
  required.object_ref
FROM public.v_axis_required_cell AS required
LEFT JOIN public.v_axis_effective_owner AS owner
  ON owner.axis_code = required.axis_code
  AND owner.value_code = required.value_code
  AND owner.object_type = required.object_type
  AND owner.object_ref = required.object_ref
WHERE owner.owner_gov_code IS NULL;
COMMENT ON VIEW public.v_axis_coverage_gap IS
  'Required cells without an accountable owner.';

CREATE VIEW public.v_axis_assignment_quality AS
SELECT
  assignment.axis_code,
  assignment.value_code,
  assignment.object_type,
  assignment.object_ref,
  assignment.zone,
  assignment.confidence,
  assignment.assigned_kind,
  assignment.assigned_at,
  rule.rule_code,
  CASE
    WHEN assignment.zone = 'quarantine' THEN 'quarantine'
    WHEN assignment.provenance IS NULL THEN 'missing_provenance'
    WHEN COALESCE(assignment.confidence, 0) < rule.confidence_threshold
      THEN 'low_confidence'
    WHEN rule.staleness_days > 0
      AND assignment.assigned_at < COALESCE(
        NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
      ) - make_interval(days => rule.staleness_days)
      THEN 'stale'
    ELSE 'ok'
  END AS quality_flag
FROM public.axis_assignment AS assignment
JOIN public.coverage_rule AS rule
  ON rule.axis_code = assignment.axis_code
  AND rule.applies_to = assignment.object_type
  AND rule.status = 'active'
WHERE assignment.status = 'active';
COMMENT ON VIEW public.v_axis_assignment_quality IS
  'One flag per active assignment, by the rule of its axis; the worst wins.';

CREATE VIEW public.v_axis_registry_coverage AS
SELECT
  axis.axis_code,
  axis.axis_name,
  axis.axis_family,
  axis.axis_kind,
  axis.status,
  axis.lifecycle_status,
  (
    SELECT count(*)
    FROM public.axis_value AS value
    WHERE value.axis_code = axis.axis_code
  ) AS value_count,
  (
    SELECT count(*)
    FROM public.coverage_rule AS rule
    WHERE rule.axis_code = axis.axis_code
      AND rule.status = 'active'
  ) AS active_rules,
  (
    SELECT count(*)
    FROM public.v_axis_required_cell AS required
    WHERE required.axis_code = axis.axis_code
  ) AS required_cells,
  (
    SELECT count(*)
    FROM public.v_axis_coverage_gap AS gap
    WHERE gap.axis_code = axis.axis_code
  ) AS gap_cells
FROM public.axis_registry AS axis;
COMMENT ON VIEW public.v_axis_registry_coverage IS
  'Every axis with its values, active rules, required and open cells.';

CREATE VIEW public.v_axis_coverage_summary AS
SELECT
  axis.axis_code,
  axis.axis_kind,
  axis.status,
  (
    SELECT count(*)
    FROM public.v_axis_required_cell AS required
    WHERE required.axis_code = axis.axis_code
  ) AS required_cells,
  (
    SELECT count(*)
    FROM public.v_axis_coverage_gap AS gap
    WHERE gap.axis_code = axis.axis_code
  ) AS gap_cells,
  count(quality.quality_flag) FILTER (WHERE quality.quality_flag = 'ok')
    AS ok_assignments,
  count(quality.quality_flag) FILTER (WHERE quality.quality_flag = 'low_confidence')
    AS low_conf,
  count(quality.quality_flag) FILTER (WHERE quality.quality_flag = 'stale')
    AS stale,
  count(quality.quality_flag) FILTER (
    WHERE quality.quality_flag IN ('quarantine', 'missing_provenance')
  ) AS quarantine
FROM public.axis_registry AS axis
LEFT JOIN public.v_axis_assignment_quality AS quality
  ON quality.axis_code = axis.axis_code
WHERE axis.status = 'active'
GROUP BY
  axis.axis_code,
  axis.axis_kind,
  axis.status;
COMMENT ON VIEW public.v_axis_coverage_summary IS
  'One row per active axis: required and open cells, assignments by quality.';

CREATE VIEW public.v_axis_missing_assignment AS
SELECT
  rule.axis_code,
  inventory.object_type,
  inventory.object_ref
FROM public.coverage_rule AS rule
JOIN public.axis_registry AS axis
  ON axis.axis_code = rule.axis_code
JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = rule.applies_to
WHERE rule.coverage_mode = 'per_assignment'
  AND rule.status = 'active'
  AND axis.status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.axis_assignment AS assignment
    WHERE assignment.axis_code = rule.axis_code
      AND assignment.object_type = inventory.object_type
      AND assignment.object_ref = inventory.object_ref
      AND assignment.status = 'active'
  );
COMMENT ON VIEW public.v_axis_missing_assignment IS
  'Governed objects without any value of an axis that is covered by assignment.';

CREATE VIEW public.v_axis_issue_payload AS
SELECT
  kind.event_domain,
  kind.event_type,
  kind.event_stream,
  kind.delivery_lane,
  kind.default_severity,
  finding.object_type || ':' || finding.object_ref AS canonical_address,
  'gov:axis-scanner'::text AS actor_ref,
  'axis_substrate'::text AS source_system,
  jsonb_build_object(
    'finding_type', finding.finding_type,
    'severity', finding.severity,
    'axis', finding.axis_code,
    'value', finding.value_code,
    'scan_count', finding.scan_count
  ) AS safe_payload,
  kind.active AS type_active
FROM public.axis_candidate_finding AS finding
JOIN public.event_type_registry AS kind
  ON kind.event_domain = 'governance'
  AND kind.event_type = CASE
    WHEN finding.finding_type IN ('missing_owner', 'missing_assignment')
      THEN 'coverage.scan_completed'
    WHEN finding.finding_type IN ('low_confidence', 'quarantine')
      THEN 'input.untrusted_source'
    WHEN finding.finding_type = 'stale_topic' THEN 'candidate.scan_completed'
  END;
COMMENT ON VIEW public.v_axis_issue_payload IS
  'Events that the findings would be, with whether their type is active.';

CREATE VIEW public.v_axis_topic_parentage_conflict AS
SELECT
  assignment.object_type,
  assignment.object_ref,
  count(DISTINCT COALESCE(value.parent_value_code, value.value_code)) AS roots,
  string_agg(
    DISTINCT COALESCE(value.parent_value_code, value.value_code), ', '
  ) AS root_values
FROM public.axis_assignment AS assignment
JOIN public.axis_value AS value
  ON value.axis_code = assignment.axis_code
  AND value.value_code = assignment.value_code
WHERE assignment.axis_code = 'topic'
  AND assignment.status = 'active'
GROUP BY
  assignment.object_type,
  assignment.object_ref
HAVING count(DISTINCT COALESCE(value.parent_value_code, value.value_code)) > 1;
COMMENT ON VIEW public.v_axis_topic_parentage_conflict IS
  'Objects assigned under more than one root domain of the topic axis.';

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
  'Which label says the same as a topic. Dropped by 99_rollback_full.sql.';

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
  '99_rollback_full.sql.';

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
  'Ledger of fn_governance_scan. Dropped by 99_rollback_full.sql.';

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
  'Drift findings, open or resolved. Dropped by 99_rollback_full.sql.';
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
  '99_rollback_full.sql.';

CREATE VIEW public.v_reconcile_label_orphan AS
SELECT
  carried.label_code,
  count(*) AS entities
FROM public.entity_labels AS carried
WHERE NOT EXISTS (
  SELECT FROM public.taxonomy AS label WHERE label.code = carried.label_code
)
GROUP BY carried.label_code;
COMMENT ON VIEW public.v_reconcile_label_orphan IS
  'Labels that entities carry and the taxonomy does not know.';

CREATE VIEW public.v_reconcile_topic_without_label AS
SELECT
  value.axis_code,
  value.value_code
FROM public.axis_value AS value
WHERE value.axis_code = 'topic'
  AND value.status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.topic_taxonomy_map AS map
    WHERE map.axis_code = value.axis_code
      AND map.value_code = value.value_code
  );
COMMENT ON VIEW public.v_reconcile_topic_without_label IS
  'Active topics without a label in the crosswalk.';

-- The facet FAC-PROV says where a row came from; no topic can say that.
CREATE VIEW public.v_reconcile_label_without_topic AS
SELECT label.code AS label_code
FROM public.taxonomy AS label
LEFT JOIN public.taxonomy_facets AS facet
  ON facet.id = label.facet_id
WHERE label.status = 'active'
  AND facet.code IS DISTINCT FROM 'FAC-PROV'
  AND NOT EXISTS (
    SELECT
    FROM public.topic_taxonomy_map AS map
    WHERE map.label_code = label.code
  );
COMMENT ON VIEW public.v_reconcile_label_without_topic IS
  'Active labels, other than of provenance, that no topic is mapped to.';

CREATE VIEW public.v_reconcile_collection_topic_vs_label AS
SELECT
  compared.object_type,
  compared.object_ref,
  compared.axis_code,
  compared.value_code,
  compared.topic_labels,
  compared.rule_labels,
  compared.difference,
  COALESCE('reconciled_' || decision.decision, compared.difference) AS flag
FROM (
  SELECT
    assigned.object_type,
    assigned.object_ref,
    assigned.axis_code,
    assigned.value_code,
    mapped.labels AS topic_labels,
    ruled.labels AS rule_labels,
    CASE
      WHEN ruled.labels IS NULL THEN 'no_label_rule'
      WHEN mapped.labels IS NULL THEN 'unmapped_topic'
      WHEN ruled.labels && mapped.labels THEN 'aligned'
      ELSE 'divergent'
    END AS difference
  FROM public.axis_assignment AS assigned
  CROSS JOIN LATERAL (
    SELECT array_agg(map.label_code::text ORDER BY map.label_code) AS labels
    FROM public.topic_taxonomy_map AS map
    WHERE map.axis_code = assigned.axis_code
      AND map.value_code = assigned.value_code
  ) AS mapped
  CROSS JOIN LATERAL (
    SELECT array_agg(rule.result_label::text ORDER BY rule.result_label) AS labels
    FROM public.label_rules AS rule
    WHERE rule.rule_type = 'collection'
      AND rule.status = 'active'
      AND rule.condition ->> 'collection' = assigned.object_ref
  ) AS ruled
  WHERE assigned.axis_code = 'topic'
    AND assigned.object_type = 'collection'
    AND assigned.status = 'active'
) AS compared
LEFT JOIN public.topic_label_reconcile_decision AS decision
  ON decision.finding_kind = compared.difference
  AND decision.object_type = compared.object_type
  AND decision.object_ref = compared.object_ref
  AND decision.axis_code = compared.axis_code
  AND decision.value_code = compared.value_code;
COMMENT ON VIEW public.v_reconcile_collection_topic_vs_label IS
  'A collection''s topic beside the label of its rule: aligned, divergent, no rule, or '
  'reconciled by a decision.';

CREATE VIEW public.v_reconcile_topic_projection_gap AS
SELECT
  value.axis_code,
  value.value_code,
  array_agg(DISTINCT map.label_code::text) AS topic_labels
FROM public.axis_value AS value
JOIN public.topic_taxonomy_map AS map
  ON map.axis_code = value.axis_code
  AND map.value_code = value.value_code
WHERE value.axis_code = 'topic'
  AND value.status = 'active'
  AND EXISTS (
    SELECT
    FROM public.axis_assignment AS assigned
    WHERE assigned.axis_code = value.axis_code
      AND assigned.value_code = value.value_code
      AND assigned.status = 'active'
  )
  AND NOT EXISTS (
    SELECT
    FROM public.topic_label_reconcile_decision AS decision
    WHERE decision.finding_kind = 'projection_gap'
      AND decision.axis_code = value.axis_code
      AND decision.value_code = value.value_code
  )
GROUP BY
  value.axis_code,
  value.value_code
HAVING NOT EXISTS (
  SELECT
  FROM public.entity_labels AS carried
  WHERE carried.label_code = ANY (array_agg(map.label_code::text))
);
COMMENT ON VIEW public.v_reconcile_topic_projection_gap IS
  'Assigned topics none of whose labels any entity carries, and nobody accepted that.';

CREATE VIEW public.v_reconcile_summary AS
SELECT 'label_orphan'::text AS difference, count(*) AS findings
FROM public.v_reconcile_label_orphan
UNION ALL
SELECT 'topic_without_label', count(*)
FROM public.v_reconcile_topic_without_label
UNION ALL
SELECT 'label_without_topic', count(*)
FROM public.v_reconcile_label_without_topic
UNION ALL
SELECT 'divergent', count(*)
FROM public.v_reconcile_collection_topic_vs_label
WHERE flag = 'divergent'
UNION ALL
SELECT 'no_label_rule', count(*)
FROM public.v_reconcile_collection_topic_vs_label
WHERE flag = 'no_label_rule'
UNION ALL
SELECT 'projection_gap', count(*)
FROM public.v_reconcile_topic_projection_gap;
COMMENT ON VIEW public.v_reconcile_summary IS
  'How many differences of each kind are not reconciled.';

-- Dates are compared in UTC, so that no session's time zone moves a day. Without a rule
-- nothing can be projected: that is detector projection_lag's to tell.
CREATE VIEW public.v_projection_lag_timing AS
SELECT
  timed.object_type,
  timed.object_ref,
  timed.axis_code,
  timed.value_code,
  timed.gov_at,
  timed.proj_at,
  timed.lag_flag,
  CASE
    WHEN timed.lag_flag = 'lagging'
      THEN (timed.gov_at AT TIME ZONE 'UTC')::date
        - (timed.proj_at AT TIME ZONE 'UTC')::date
  END AS lag_days
FROM (
  SELECT
    assigned.object_type,
    assigned.object_ref,
    assigned.axis_code,
    assigned.value_code,
    assigned.assigned_at AS gov_at,
    projected.at AS proj_at,
    CASE
      WHEN projected.at IS NULL THEN 'never_projected'
      WHEN assigned.assigned_at > projected.at THEN 'lagging'
      ELSE 'fresh'
    END AS lag_flag
  FROM public.axis_assignment AS assigned
  CROSS JOIN LATERAL (
    SELECT
      count(DISTINCT rule.id) AS rules,
      max(carried.assigned_at) AS at
    FROM public.label_rules AS rule
    LEFT JOIN public.entity_labels AS carried
      ON carried.rule_id = rule.id
      AND carried.assigned_by = 'rule'
    WHERE rule.rule_type = 'collection'
      AND rule.status = 'active'
      AND rule.condition ->> 'collection' = assigned.object_ref
  ) AS projected
  WHERE assigned.axis_code = 'topic'
    AND assigned.object_type = 'collection'
    AND assigned.status = 'active'
    AND projected.rules > 0
) AS timed;
COMMENT ON VIEW public.v_projection_lag_timing IS
  'When a topic was governed and when labels by rule were last projected.';

CREATE VIEW public.v_drift_event_map AS
SELECT
  mapped.detector_code,
  mapped.event_type
FROM (
  VALUES
    ('label_orphan'::text, 'coverage.scan_completed'::text),
    ('topic_without_label', 'coverage.scan_completed'),
    ('projection_lag', 'coverage.scan_completed'),
    ('projection_lag_timing', 'coverage.scan_completed'),
    ('low_confidence_assignment', 'input.untrusted_source'),
    ('stale_candidate', 'candidate.scan_completed'),
    ('conflicting_parentage', 'coverage.scan_completed'),
    ('unregistered_axis', 'coverage.scan_completed'),
    ('axis_assignment_missing', 'coverage.scan_completed'),
    ('ui_visible_unapproved', 'input.untrusted_source'),
    ('coverage_rule_missing', 'coverage.scan_completed')
) AS mapped (detector_code, event_type);
COMMENT ON VIEW public.v_drift_event_map IS
  'The detectors, and the governance event that each would be.';

CREATE VIEW public.v_drift_label AS
SELECT
  'label_orphan'::text AS detector_code,
  'warning'::text AS severity,
  'label'::text AS object_type,
  orphan.label_code::text AS object_ref,
  NULL::text AS axis_code,
  NULL::text AS value_code,
  orphan.entities || ' entities carry it' AS detail
FROM public.v_reconcile_label_orphan AS orphan
UNION ALL
SELECT
  'topic_without_label',
  'info',
  'axis_value',
  unmapped.value_code,
  unmapped.axis_code,
  unmapped.value_code,
  'no label in the crosswalk'
FROM public.v_reconcile_topic_without_label AS unmapped;
COMMENT ON VIEW public.v_drift_label IS
  'Detectors label_orphan and topic_without_label.';

-- A quarantine that is held by decision is accepted, not resolved: it stays told.
CREATE VIEW public.v_drift_projection AS
SELECT
  'projection_lag'::text AS detector_code,
  CASE compared.difference WHEN 'divergent' THEN 'info' ELSE 'warning' END AS severity,
  compared.object_type,
  compared.object_ref,
  compared.axis_code,
  compared.value_code,
  compared.difference || ': rule gives '
    || COALESCE(array_to_string(compared.rule_labels, ', '), 'nothing') AS detail
FROM public.v_reconcile_collection_topic_vs_label AS compared
WHERE compared.flag IN (
  'divergent', 'no_label_rule', 'reconciled_accept_quarantine_hold'
)
UNION ALL
SELECT
  'projection_lag',
  'warning',
  'axis_value',
  gap.value_code,
  gap.axis_code,
  gap.value_code,
  'projection_gap: no entity carries ' || array_to_string(gap.topic_labels, ', ')
FROM public.v_reconcile_topic_projection_gap AS gap
UNION ALL
SELECT
  'projection_lag_timing',
  CASE
    WHEN timing.lag_flag = 'never_projected' OR timing.lag_days > 30 THEN 'warning'
    ELSE 'info'
  END,
  timing.object_type,
  timing.object_ref,
  timing.axis_code,
  timing.value_code,
  timing.lag_flag || COALESCE(': ' || timing.lag_days || ' days', '')
FROM public.v_projection_lag_timing AS timing
WHERE timing.lag_flag <> 'fresh';
COMMENT ON VIEW public.v_drift_projection IS
  'Detectors projection_lag and projection_lag_timing.';

CREATE VIEW public.v_drift_assignment AS
SELECT
  'low_confidence_assignment'::text AS detector_code,
  'warning'::text AS severity,
  quality.object_type,
  quality.object_ref,
  quality.axis_code,
  quality.value_code,
  'confidence ' || COALESCE(quality.confidence::text, 'unknown') AS detail
FROM public.v_axis_assignment_quality AS quality
WHERE quality.quality_flag = 'low_confidence'
UNION ALL
SELECT
  'conflicting_parentage',
  'critical',
  conflict.object_type,
  conflict.object_ref,
  'topic',
  NULL,
  'under ' || conflict.root_values
FROM public.v_axis_topic_parentage_conflict AS conflict
UNION ALL
SELECT
  'axis_assignment_missing',
  'info',
  missing.object_type,
  missing.object_ref,
  missing.axis_code,
  NULL,
  'no value of the axis'
FROM public.v_axis_missing_assignment AS missing
UNION ALL
SELECT
  'ui_visible_unapproved',
  'warning',
  assigned.object_type,
  assigned.object_ref,
  assigned.axis_code,
  assigned.value_code,
  'zone ' || assigned.zone || ', no accountable owner'
FROM public.axis_assignment AS assigned
WHERE assigned.status = 'active'
  AND assigned.zone <> 'approved'
  AND NOT EXISTS (
    SELECT
    FROM public.v_axis_effective_owner AS owner
    WHERE owner.axis_code = assigned.axis_code
      AND owner.value_code = assigned.value_code
      AND owner.object_type = assigned.object_type
      AND owner.object_ref = assigned.object_ref
  );
COMMENT ON VIEW public.v_drift_assignment IS
  'Detectors low_confidence_assignment, conflicting_parentage, axis_assignment_missing '
  'and ui_visible_unapproved.';

CREATE VIEW public.v_drift_axis AS
SELECT DISTINCT
  'unregistered_axis'::text AS detector_code,
  'warning'::text AS severity,
  'axis'::text AS object_type,
  used.axis_code AS object_ref,
  used.axis_code,
  NULL::text AS value_code,
  'active rows of an axis that is not active'::text AS detail
FROM (
  SELECT axis_code FROM public.axis_assignment WHERE status = 'active'
  UNION
  SELECT axis_code FROM public.coverage_rule WHERE status = 'active'
  UNION
  SELECT axis_code FROM public.axis_object_ownership WHERE lifecycle_status = 'active'
) AS used
WHERE NOT EXISTS (
  SELECT
  FROM public.axis_registry AS axis
  WHERE axis.axis_code = used.axis_code
    AND axis.status = 'active'
)
UNION ALL
SELECT
  'coverage_rule_missing',
  'info',
  'axis',
  axis.axis_code,
  axis.axis_code,
  NULL,
  'active without an active rule'
FROM public.axis_registry AS axis
WHERE axis.status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.coverage_rule AS rule
    WHERE rule.axis_code = axis.axis_code
      AND rule.status = 'active'
  )
UNION ALL
SELECT
  'stale_candidate',
  'info',
  'axis_value',
  value.value_code,
  value.axis_code,
  value.value_code,
  'candidate since ' || (value.provenance ->> 'proposed_at')
FROM public.axis_value AS value
WHERE value.status = 'candidate'
  AND COALESCE(
    (value.provenance ->> 'proposed_at')::timestamptz, value.created_at
  ) < COALESCE(
    NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
  ) - interval '30 days';
COMMENT ON VIEW public.v_drift_axis IS
  'Detectors unregistered_axis, coverage_rule_missing and stale_candidate.';

CREATE VIEW public.v_drift_finding AS
SELECT * FROM public.v_drift_label
UNION ALL
SELECT * FROM public.v_drift_projection
UNION ALL
SELECT * FROM public.v_drift_assignment
UNION ALL
SELECT * FROM public.v_drift_axis;
COMMENT ON VIEW public.v_drift_finding IS 'What every detector finds now.';

CREATE VIEW public.v_drift_summary AS
SELECT
  detector.detector_code,
  count(finding.detector_code) AS findings,
  count(*) FILTER (WHERE finding.severity = 'critical') AS critical,
  count(*) FILTER (WHERE finding.severity = 'warning') AS warning,
  count(*) FILTER (WHERE finding.severity = 'info') AS info
FROM public.v_drift_event_map AS detector
LEFT JOIN public.v_drift_finding AS finding
  ON finding.detector_code = detector.detector_code
GROUP BY detector.detector_code;
COMMENT ON VIEW public.v_drift_summary IS
  'Every detector with its findings by severity, those without any too.';

CREATE VIEW public.v_drift_issue_payload AS
SELECT
  finding.detector_code,
  kind.event_domain,
  kind.event_type,
  kind.event_stream,
  kind.delivery_lane,
  finding.object_type || ':' || finding.object_ref AS canonical_address,
  'gov:drift-scanner'::text AS actor_ref,
  jsonb_build_object(
    'detector', finding.detector_code,
    'severity', finding.severity,
    'axis', finding.axis_code,
    'value', finding.value_code,
    'detail', finding.detail
  ) AS safe_payload,
  kind.active AS emittable,
  CASE
    WHEN NOT kind.active THEN 'event_type_inactive (governance disabled)'
  END AS blocked_reason
FROM public.v_drift_finding AS finding
JOIN public.v_drift_event_map AS map
  ON map.detector_code = finding.detector_code
JOIN public.event_type_registry AS kind
  ON kind.event_domain = 'governance'
  AND kind.event_type = map.event_type;
COMMENT ON VIEW public.v_drift_issue_payload IS
  'Events that the findings would be, and why they are held back.';

CREATE FUNCTION public.fn_governance_scan(actor text, mode text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
DECLARE
  this_scan bigint;
  found_now bigint;
  new_now bigint;
  resolved_now bigint;
BEGIN
  INSERT INTO public.governance_scan_run (actor, mode, created_by)
  VALUES (fn_governance_scan.actor, fn_governance_scan.mode, fn_governance_scan.actor)
  RETURNING scan_id INTO this_scan;

  -- DISTINCT by the key of the state, or one statement would touch a row twice.
  INSERT INTO public.governance_drift_state AS known (
    detector_code, severity, object_type, object_ref, axis_code, value_code, detail,
    first_scan_id, last_scan_id, created_by
  )
  SELECT DISTINCT ON (
    finding.detector_code,
    COALESCE(finding.axis_code, '∅'),
    finding.object_type,
    finding.object_ref,
    COALESCE(finding.value_code, '∅')
  )
    finding.detector_code,
    finding.severity,
    finding.object_type,
    finding.object_ref,
    finding.axis_code,
    finding.value_code,
    finding.detail,
    this_scan,
    this_scan,
    fn_governance_scan.actor
  FROM public.v_drift_finding AS finding
  ORDER BY
    finding.detector_code,
    COALESCE(finding.axis_code, '∅'),
    finding.object_type,
    finding.object_ref,
    COALESCE(finding.value_code, '∅'),
    finding.detail
  ON CONFLICT (
    detector_code,
    (COALESCE(axis_code, '∅')),
    object_type,
    object_ref,
    (COALESCE(value_code, '∅'))
  )
  DO UPDATE SET
    severity = excluded.severity,
    detail = excluded.detail,
    status = 'open',
    resolved_at = NULL,
    scan_count = known.scan_count + 1,
    last_scan_id = excluded.last_scan_id,
    last_seen = now();
  GET DIAGNOSTICS found_now = ROW_COUNT;

  SELECT count(*)
  INTO new_now
  FROM public.governance_drift_state
  WHERE first_scan_id = this_scan;

  UPDATE public.governance_drift_state
  SET
    status = 'resolved',
    resolved_at = now()
  WHERE status = 'open'
    AND last_scan_id <> this_scan;
  GET DIAGNOSTICS resolved_now = ROW_COUNT;

  UPDATE public.governance_scan_run
  SET
    finding_count = found_now,
    new_count = new_now,
    resolved_count = resolved_now,
    summary = (
      SELECT jsonb_build_object(
        'open', count(*),
        'critical', count(*) FILTER (WHERE severity = 'critical'),
        'warning', count(*) FILTER (WHERE severity = 'warning'),
        'info', count(*) FILTER (WHERE severity = 'info'),
        'max_scan_count', max(scan_count)
      )
      FROM public.governance_drift_state
      WHERE status = 'open'
    )
  WHERE scan_id = this_scan;
  RETURN this_scan;
END
$$;
COMMENT ON FUNCTION public.fn_governance_scan(text, text) IS
  'One scan of all drift detectors into governance_drift_state; emits nothing. Dropped '
  'by 99_rollback_full.sql.';

CREATE VIEW public.v_ui_topic_tree AS
WITH RECURSIVE tree AS (
  SELECT
    value_code,
    parent_value_code,
    status,
    provenance ->> 'kind' AS provenance_kind,
    0 AS depth,
    value_code AS path
  FROM public.axis_value
  WHERE axis_code = 'topic'
    AND parent_value_code IS NULL
  UNION ALL
  SELECT
    child.value_code,
    child.parent_value_code,
    child.status,
    child.provenance ->> 'kind',
    tree.depth + 1,
    tree.path || ' / ' || child.value_code
  FROM tree
  JOIN public.axis_value AS child
    ON child.axis_code = 'topic'
    AND child.parent_value_code = tree.value_code
  WHERE tree.depth < 64
)
SELECT
  value_code AS topic,
  parent_value_code AS parent,
  status,
  provenance_kind,
  depth,
  path
FROM tree;
COMMENT ON VIEW public.v_ui_topic_tree IS 'Topics as a tree, each with its path.';

CREATE VIEW public.v_ui_object_topic AS
SELECT
  quality.object_type,
  quality.object_ref,
  quality.value_code AS topic,
  quality.zone,
  quality.confidence,
  quality.quality_flag,
  owner.owner_gov_code,
  CASE WHEN owner.owner_gov_code IS NULL THEN 'candidate' ELSE 'official' END AS lane
FROM public.v_axis_assignment_quality AS quality
LEFT JOIN public.v_axis_effective_owner AS owner
  ON owner.axis_code = quality.axis_code
  AND owner.value_code = quality.value_code
  AND owner.object_type = quality.object_type
  AND owner.object_ref = quality.object_ref
WHERE quality.axis_code = 'topic';
COMMENT ON VIEW public.v_ui_object_topic IS
  'Objects with their topic; official where an owner answers for it, else candidate.';

CREATE VIEW public.v_ui_axis_browser AS
SELECT
  coverage.axis_code AS axis,
  coverage.axis_name,
  coverage.axis_family,
  coverage.axis_kind,
  coverage.status,
  coverage.lifecycle_status,
  coverage.value_count,
  coverage.active_rules,
  coverage.required_cells,
  coverage.gap_cells
FROM public.v_axis_registry_coverage AS coverage;
COMMENT ON VIEW public.v_ui_axis_browser IS 'Every axis with its coverage.';

CREATE VIEW public.v_ui_lane AS
SELECT
  lane,
  count(*) AS objects
FROM public.v_ui_object_topic
GROUP BY lane;
COMMENT ON VIEW public.v_ui_lane IS
  'How many objects are official, how many candidate.';

CREATE VIEW public.v_ui_detector_findings AS
SELECT
  detector_code AS detector,
  severity,
  object_type,
  object_ref,
  axis_code AS axis,
  value_code AS value,
  detail,
  scan_count,
  first_seen,
  last_seen
FROM public.governance_drift_state
WHERE status = 'open';
COMMENT ON VIEW public.v_ui_detector_findings IS
  'Open drift, as the last scan left it.';

CREATE VIEW public.v_ui_review_queue AS
SELECT
  topic.object_type,
  topic.object_ref,
  topic.topic,
  topic.zone,
  topic.confidence,
  topic.quality_flag,
  topic.lane
FROM public.v_ui_object_topic AS topic
WHERE topic.zone <> 'approved';
COMMENT ON VIEW public.v_ui_review_queue IS
  'Topic assignments that nobody has approved.';

CREATE VIEW public.v_ui_coverage_dashboard AS
SELECT jsonb_build_object(
  'ownership_gap', (SELECT count(*) FROM public.v_object_owner_gap),
  'topic_gap',
  (SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'topic'),
  'active_axes',
  (SELECT count(*) FROM public.axis_registry WHERE status = 'active'),
  'open_drift',
  (SELECT count(*) FROM public.governance_drift_state WHERE status = 'open'),
  'critical_drift',
  (
    SELECT count(*)
    FROM public.governance_drift_state
    WHERE status = 'open'
      AND severity = 'critical'
  ),
  'review_queue_size', (SELECT count(*) FROM public.v_ui_review_queue),
  'reconcile',
  (
    SELECT jsonb_build_object(
      'label_orphans', sum(findings) FILTER (WHERE difference = 'label_orphan'),
      'topics_without_label',
      sum(findings) FILTER (WHERE difference = 'topic_without_label'),
      'labels_without_topic',
      sum(findings) FILTER (WHERE difference = 'label_without_topic'),
      'divergent_collections',
      sum(findings) FILTER (WHERE difference = 'divergent'),
      'projection_gaps', sum(findings) FILTER (WHERE difference = 'projection_gap')
    )
    FROM public.v_reconcile_summary
  )
) AS dashboard;
COMMENT ON VIEW public.v_ui_coverage_dashboard IS 'One row, one JSON object.';

-- Every view is read once. Five have rows by themselves: the detectors and differences
-- with their counts, the dashboard, and the labels that no topic has yet.
DO $$
DECLARE
  tables bigint;
  views bigint;
  functions bigint;
  reading text := '';
  view_name text;
  found bigint;
BEGIN
  SELECT
    count(*) FILTER (WHERE relkind = 'r'),
    count(*) FILTER (WHERE relkind = 'v')
  INTO tables, views
  FROM pg_catalog.pg_class
  WHERE relnamespace = 'public'::regnamespace
    AND relname IN (
      'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
      'axis_registry', 'axis_value', 'coverage_rule', 'governance_drift_state',
      'governance_event_log', 'governance_scan_run', 'topic_label_reconcile_decision',
      'topic_taxonomy_map',
      'v_axis_assignment_quality', 'v_axis_coverage_gap', 'v_axis_coverage_summary',
      'v_axis_effective_owner', 'v_axis_issue_payload', 'v_axis_missing_assignment',
      'v_axis_registry_coverage', 'v_axis_required_cell',
      'v_axis_topic_parentage_conflict', 'v_drift_assignment', 'v_drift_axis',
      'v_drift_event_map', 'v_drift_finding', 'v_drift_issue_payload', 'v_drift_label',
      'v_drift_projection', 'v_drift_summary', 'v_projection_lag_timing',
      'v_reconcile_collection_topic_vs_label', 'v_reconcile_label_orphan',
      'v_reconcile_label_without_topic', 'v_reconcile_summary',
      'v_reconcile_topic_projection_gap', 'v_reconcile_topic_without_label',
      'v_ui_axis_browser', 'v_ui_coverage_dashboard', 'v_ui_detector_findings',
      'v_ui_lane', 'v_ui_object_topic', 'v_ui_review_queue', 'v_ui_topic_tree'
    );
  SELECT count(*)
  INTO functions
  FROM pg_catalog.pg_proc
  WHERE oid = to_regprocedure('public.fn_governance_scan(text, text)');
  IF tables <> 11 OR views <> 31 OR functions <> 1 THEN
    RAISE EXCEPTION 'post-state tables=% views=% functions=%, expected 11, 31 and 1',
      tables, views, functions;
  END IF;
  FOR view_name IN
    SELECT relname
    FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace
      AND relname IN (
        'v_axis_assignment_quality', 'v_axis_coverage_gap', 'v_axis_coverage_summary',
        'v_axis_effective_owner', 'v_axis_issue_payload', 'v_axis_missing_assignment',
        'v_axis_registry_coverage', 'v_axis_required_cell',
        'v_axis_topic_parentage_conflict', 'v_drift_assignment', 'v_drift_axis',
        'v_drift_event_map', 'v_drift_finding', 'v_drift_issue_payload',
        'v_drift_label', 'v_drift_projection', 'v_drift_summary',
        'v_projection_lag_timing', 'v_reconcile_collection_topic_vs_label',
        'v_reconcile_label_orphan', 'v_reconcile_label_without_topic',
        'v_reconcile_summary', 'v_reconcile_topic_projection_gap',
        'v_reconcile_topic_without_label', 'v_ui_axis_browser',
        'v_ui_coverage_dashboard', 'v_ui_detector_findings', 'v_ui_lane',
        'v_ui_object_topic', 'v_ui_review_queue', 'v_ui_topic_tree'
      )
    ORDER BY relname COLLATE "C"
  LOOP
    EXECUTE format('SELECT count(*) FROM public.%I', view_name) INTO found;
    IF found <> 0 AND view_name NOT IN (
      'v_drift_event_map', 'v_drift_summary', 'v_reconcile_label_without_topic',
      'v_reconcile_summary', 'v_ui_coverage_dashboard'
    ) THEN
      reading := reading || format(' %s=%s', view_name, found);
    END IF;
  END LOOP;
  IF reading <> '' THEN
    RAISE EXCEPTION 'post-state views read rows:%', reading;
  END IF;
  IF (SELECT sum(findings) FROM public.v_drift_summary) IS DISTINCT FROM 0
    OR (
      SELECT sum(findings)
      FROM public.v_reconcile_summary
      WHERE difference <> 'label_without_topic'
    ) IS DISTINCT FROM 0
    OR (
      SELECT dashboard ->> 'critical_drift' FROM public.v_ui_coverage_dashboard
    ) IS DISTINCT FROM '0'
  THEN
    RAISE EXCEPTION 'post-state drift or difference found in an empty structure';
  END IF;
  RAISE NOTICE 'TIER 1: tables=% views=% functions=% rows=0', tables, views, functions;
END
$$;

DO $$
DECLARE
  before jsonb := current_setting('oneroof.rows_before');
  planned text[] := string_to_array(current_setting('oneroof.step_writes'), ' ');
  written jsonb;
  locked jsonb;
  beside text;
BEGIN
  SELECT
    coalesce(jsonb_object_agg(name, jsonb_build_array(added, changed, removed)), '{}'),
    string_agg(name, ', ' ORDER BY name) FILTER (WHERE name <> ALL (planned))
  INTO written, beside
  FROM (
    SELECT
      schemaname || '.' || relname AS name,
      n_tup_ins - coalesce((before -> relid::text ->> 0)::bigint, 0) AS added,
      n_tup_upd - coalesce((before -> relid::text ->> 1)::bigint, 0) AS changed,
      n_tup_del - coalesce((before -> relid::text ->> 2)::bigint, 0) AS removed
    FROM pg_catalog.pg_stat_xact_user_tables
  ) AS counted
  WHERE added + changed + removed <> 0;
  IF beside IS NOT NULL THEN
    RAISE EXCEPTION 'REFUSING: side effect on %, planned were %', beside, planned;
  END IF;
  SELECT coalesce(jsonb_object_agg(name, modes), '{}')
  INTO locked
  FROM (
    SELECT
      namespace.nspname || '.' || class.relname AS name,
      jsonb_agg(held.mode ORDER BY held.mode) AS modes
    FROM pg_catalog.pg_locks AS held
    JOIN pg_catalog.pg_class AS class
      ON class.oid = held.relation
    JOIN pg_catalog.pg_namespace AS namespace
      ON namespace.oid = class.relnamespace
    WHERE held.locktype = 'relation'
      AND held.pid = pg_backend_pid()
      AND held.database = (
        SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()
      )
      AND class.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND namespace.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
    GROUP BY
      namespace.nspname,
      class.relname
  ) AS relation;
  RAISE NOTICE 'oneroof.step %', jsonb_build_object('rows', written, 'locks', locked);
END
$$;

COMMIT;
