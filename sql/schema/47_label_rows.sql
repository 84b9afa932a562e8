-- Labels of entities, few by default: 23 labels in use, none without a taxonomy row.
--
-- Needs before: 17, its rules, and 41, 44, 45, 46. Leaves: entity_labels with
--   provenance labels, labels by rule, and one label by an agent.
-- Undone by: DROP DATABASE. Counts and dates are inferred.
--
-- The dates of labels by rule are those that the projection lag of the topic axis
-- needs, against a governed date of 2026-06-03 (agents 75 days, modules 66 days,
-- governance_registry fresh) and of 2026-04-04 for tasks (5 days); workflows has a
-- rule that never produced a label.

WITH labelled (collection_name, entity_code) AS (
  SELECT 'agents', code FROM public.agents
  UNION ALL SELECT 'modules', code FROM public.modules
  UNION ALL SELECT 'tasks', code FROM public.tasks
  UNION ALL SELECT 'governance_registry', code FROM public.governance_registry
  UNION ALL SELECT 'dot_tools', code FROM public.dot_tools
  UNION ALL SELECT 'collection_registry', code FROM public.collection_registry
  UNION ALL SELECT 'meta_catalog', code FROM public.meta_catalog
  UNION ALL SELECT 'entity_species', code FROM public.entity_species
  UNION ALL SELECT 'taxonomy', code FROM public.taxonomy
  UNION ALL SELECT 'taxonomy_facets', code FROM public.taxonomy_facets
  UNION ALL SELECT 'approval_requests', code FROM public.approval_requests
  UNION ALL SELECT 'normative_registry', code FROM public.normative_registry
  UNION ALL SELECT 'workflow_steps', code FROM public.workflow_steps
  UNION ALL SELECT 'workflow_change_requests', code FROM public.workflow_change_requests
  UNION ALL SELECT 'entity_dependencies', code FROM public.entity_dependencies
  UNION ALL SELECT 'ui_pages', code FROM public.ui_pages
  UNION ALL SELECT 'pivot_definitions', code FROM public.pivot_definitions
  UNION ALL SELECT 'table_registry', code FROM public.table_registry
  UNION ALL SELECT 'checkpoint_types', code FROM public.checkpoint_types
  UNION ALL SELECT 'checkpoint_sets', code FROM public.checkpoint_sets
  UNION ALL SELECT 'measurement_registry', code FROM public.measurement_registry
  UNION ALL
  SELECT 'system_issues', code FROM public.system_issues WHERE id > 198610
  UNION ALL
  SELECT unit.collection_name, unit.collection_name || '::' || n
  FROM (
    VALUES
      ('information_unit'), ('information_unit_version'),
      ('knowledge_documents'), ('knowledge_sections'), ('kg_nodes'), ('kg_edges'),
      ('law_articles'), ('law_clauses'), ('design_templates'), ('prompts'),
      ('release_registry')
  ) AS unit (collection_name)
  CROSS JOIN generate_series(1, 20) AS n
),
ruled AS (
  SELECT
    labelled.entity_code,
    rule.result_label AS label_code,
    rule.id AS rule_id,
    'rule' AS assigned_by,
    CASE labelled.collection_name
      WHEN 'agents' THEN timestamptz '2026-03-20 00:00:00+00'
      WHEN 'modules' THEN timestamptz '2026-03-29 00:00:00+00'
      WHEN 'tasks' THEN timestamptz '2026-03-30 00:00:00+00'
      WHEN 'governance_registry' THEN timestamptz '2026-06-03 00:00:00+00'
      ELSE timestamptz '2026-05-31 00:00:00+00'
    END AS assigned_at
  FROM labelled
  JOIN public.label_rules AS rule
    ON rule.condition ->> 'collection' = labelled.collection_name
),
proven AS (
  SELECT
    entity_code,
    CASE collection_name
      WHEN 'dot_tools' THEN 'LBL-202'
      WHEN 'system_issues' THEN 'LBL-203'
      ELSE 'LBL-201'
    END,
    NULL::integer,
    'auto',
    timestamptz '2026-05-31 00:00:00+00'
  FROM labelled
),
judged AS (
  SELECT
    entity_code,
    'LBL-043',
    NULL::integer,
    'ai',
    timestamptz '2026-05-31 00:00:00+00'
  FROM labelled
  WHERE collection_name = 'normative_registry'
)
INSERT INTO public.entity_labels (
  id, entity_code, label_code, rule_id, assigned_by, assigned_at
)
SELECT
  row_number() OVER (ORDER BY entity_code COLLATE "C", label_code COLLATE "C"),
  entity_code,
  label_code,
  rule_id,
  assigned_by,
  assigned_at
FROM (
  SELECT * FROM ruled
  UNION ALL SELECT * FROM proven
  UNION ALL SELECT * FROM judged
) AS every_label;
