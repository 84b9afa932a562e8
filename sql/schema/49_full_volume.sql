-- Full profile only: production's volume of births and labels, past 1 GB.
--
-- Needs before: 47 and 48. Leaves: birth_registry at 1,126,728 rows and
--   entity_labels at 803,955, the counts of 2026-06-03. Undone by: DROP DATABASE.
--
-- The births of system_issues are complete here (200,610: 130 of deleted ones).

INSERT INTO public.birth_registry (
  id, entity_code, collection_name, species_code, composition_level, dot_origin,
  born_at, governance_role, certified, jsonb_profile
)
SELECT
  25000 + n,
  'ISS-' || lpad(n::text, 6, '0'),
  'system_issues',
  species.code,
  species.composition_level,
  'DIRECTUS',
  timestamptz '2026-01-20 00:00:00+00' + n * interval '57 seconds',
  'governed',
  false,
  jsonb_build_object('source', 'watchdog', 'digest', repeat(md5(n::text), 16))
FROM generate_series(1, 198610) AS n
CROSS JOIN public.entity_species AS species
WHERE species.code = 'SPE-ISS';

-- The 52 other collections go on where the default profile stopped.
INSERT INTO public.birth_registry (
  id, entity_code, collection_name, species_code, composition_level, dot_origin,
  born_at, governance_role, certified, jsonb_profile
)
SELECT
  223610 + n,
  last_birth.collection_name || '::' || (1000 + n / 52),
  last_birth.collection_name,
  last_birth.species_code,
  last_birth.composition_level,
  'DIRECTUS',
  timestamptz '2026-01-20 00:00:00+00' + n * interval '13 seconds',
  last_birth.governance_role,
  false,
  jsonb_build_object('source', 'import', 'digest', repeat(md5(n::text), 16))
FROM generate_series(1, 1126728 - 223610) AS n
JOIN (
  SELECT
    row_number() OVER (ORDER BY collection_name COLLATE "C") - 1 AS position,
    collection_name,
    min(species_code) AS species_code,
    min(composition_level) AS composition_level,
    min(governance_role) AS governance_role
  FROM public.birth_registry
  WHERE entity_code = collection_name || '::1'
  GROUP BY collection_name
) AS last_birth
  ON last_birth.position = n % 52;

WITH present AS (
  SELECT
    count(*)::integer AS labels,
    max(id) AS last_id
  FROM public.entity_labels
)
INSERT INTO public.entity_labels (
  id, entity_code, label_code, assigned_by, assigned_at
)
SELECT
  present.last_id + n,
  birth.entity_code,
  'LBL-201',
  'auto',
  timestamptz '2026-05-31 00:00:00+00'
FROM present
CROSS JOIN LATERAL generate_series(1, 803955 - present.labels) AS n
JOIN public.birth_registry AS birth
  ON birth.id = 223610 + n;
