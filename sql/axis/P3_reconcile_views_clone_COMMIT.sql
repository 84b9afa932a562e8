-- P3: topics against labels: the six reconcile views; commits.
--
-- Needs before: P1. Leaves: v_reconcile_label_orphan, _topic_without_label,
--   _label_without_topic, _collection_topic_vs_label, _topic_projection_gap, _summary.
-- Undone by: Z_rollback_finalization.sql.
--
-- Source of truth, first to last: assignments and owners by axis, label_rules,
-- entity_labels, taxonomy, views. A difference is told, never repaired here.

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

COMMIT;
