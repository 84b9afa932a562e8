-- Rows of the governed neighbours whose count is known and whose content is not.
--
-- Needs before: 18, 19, 44 and collection_registry's rows. Leaves: meta_catalog 169,
--   table_registry 21, entity_dependencies 142, pivot_definitions 39,
--   checkpoint_types 31, ui_pages 37, workflow_steps 70, law_dot_enforcement 272
--   and iu_metadata_tag 536 rows. Undone by: DROP DATABASE.

INSERT INTO public.meta_catalog (
  id, code, name, registry_collection, record_count, active_count, status
)
SELECT
  registry.id,
  'CAT-' || lpad(registry.id::text, 3, '0'),
  registry.name,
  registry.collection_name,
  CASE registry.collection_name
    WHEN 'system_issues' THEN 200480
    WHEN 'dot_tools' THEN 309
    WHEN 'collection_registry' THEN 168
    ELSE 0
  END,
  CASE registry.collection_name
    WHEN 'dot_tools' THEN 291
    WHEN 'collection_registry' THEN 168
    ELSE 0
  END,
  'active'
FROM public.collection_registry AS registry
ORDER BY registry.id;

INSERT INTO public.meta_catalog (id, code, name, record_count, status)
VALUES (169, 'CAT-169', 'All registries', 168, 'active');

INSERT INTO public.table_registry (id, code, name, table_name, status)
SELECT
  n,
  'TBL-' || lpad(n::text, 3, '0'),
  'Table ' || n,
  (SELECT collection_name FROM public.collection_registry WHERE id = n),
  'active'
FROM generate_series(1, 21) AS n;

INSERT INTO public.entity_dependencies (
  id, code, source_code, target_code, dependency_type, status
)
SELECT
  n,
  'DEP-' || lpad(n::text, 3, '0'),
  'COL-' || lpad((1 + n % 166)::text, 3, '0'),
  'COL-' || lpad((1 + (n + 7) % 166)::text, 3, '0'),
  'reads',
  'active'
FROM generate_series(1, 142) AS n;

INSERT INTO public.pivot_definitions (id, code, name, source_collection, status)
SELECT
  n,
  'PIV-' || lpad(n::text, 3, '0'),
  'Pivot ' || n,
  (SELECT collection_name FROM public.collection_registry WHERE id = n),
  'active'
FROM generate_series(1, 39) AS n;

INSERT INTO public.checkpoint_types (id, code, name, status)
SELECT n, 'CPT-' || lpad(n::text, 3, '0'), 'Checkpoint type ' || n, 'active'
FROM generate_series(1, 31) AS n;

INSERT INTO public.ui_pages (id, code, name, path, status)
SELECT n, 'PAG-' || lpad(n::text, 3, '0'), 'Page ' || n, '/page/' || n, 'active'
FROM generate_series(1, 37) AS n;

INSERT INTO public.workflow_steps (id, code, workflow_id, name, sort, status)
SELECT
  n,
  'STP-' || lpad(n::text, 3, '0'),
  1 + n % 2,
  'Step ' || n,
  n,
  'active'
FROM generate_series(1, 70) AS n;

INSERT INTO public.law_dot_enforcement (
  id, law_code, dot_code, enforcement_role, status
)
SELECT
  n,
  'NRM-LAW-' || lpad((1 + n % 39)::text, 2, '0'),
  'DOT-' || (283 + n),
  'enforces',
  'active'
FROM generate_series(1, 272) AS n;

INSERT INTO public.iu_metadata_tag (id, unit_ref, tag, label_code)
SELECT
  n,
  'IU-' || (1 + n / 4),
  'tag-' || n % 4,
  (ARRAY['LBL-002', 'LBL-007', 'LBL-008', 'LBL-103'])[1 + n % 4]
FROM generate_series(1, 536) AS n;
