-- 25,000 births of 79 collections, 1,402 of them certified.
--
-- Needs before: 14, 20, 30 with birth_figures.csv in it, and all source rows.
-- Leaves: the births of each governed collection as listed, 2,000 of system_issues
--   (its newest), and as many of 52 other collections as make up 25,000;
--   standin_birth_figure is dropped. Undone by: DROP DATABASE.
--
-- A birth without source row (the row was deleted) has an X in its code.

CREATE TEMPORARY TABLE standin_birth (
  id integer GENERATED ALWAYS AS IDENTITY,
  entity_code text NOT NULL,
  collection_name text NOT NULL
);

DO $$
DECLARE
  figure record;
  code_expression text;
  present integer;
BEGIN
  FOR figure IN
    SELECT collection_name, births
    FROM public.standin_birth_figure
    ORDER BY collection_name COLLATE "C"
  LOOP
    SELECT COALESCE(
      min(attname::text) FILTER (WHERE attname IN ('code', 'action_code')),
      format('%L || id', figure.collection_name || ':')
    )
    INTO code_expression
    FROM pg_catalog.pg_attribute
    WHERE attrelid = format('public.%I', figure.collection_name)::regclass
      AND NOT attisdropped;
    EXECUTE format(
      'INSERT INTO standin_birth (entity_code, collection_name) '
      'SELECT code, %L FROM ('
      'SELECT (%s)::text COLLATE "C" AS code FROM public.%I ORDER BY 1 DESC LIMIT %s'
      ') AS newest ORDER BY code',
      figure.collection_name,
      code_expression,
      figure.collection_name,
      figure.births
    );
    GET DIAGNOSTICS present = ROW_COUNT;
    INSERT INTO standin_birth (entity_code, collection_name)
    SELECT
      CASE figure.collection_name
        WHEN 'dot_tools' THEN 'DOT-' || lpad(n::text, 3, '0')
        ELSE figure.collection_name || '-X' || lpad(n::text, 3, '0')
      END,
      figure.collection_name
    FROM generate_series(1, figure.births - present) AS n;
  END LOOP;
END
$$;

DROP TABLE public.standin_birth_figure;

INSERT INTO standin_birth (entity_code, collection_name)
SELECT code, 'system_issues'
FROM public.system_issues
WHERE id > 198610
ORDER BY id;

WITH other AS (
  SELECT
    collection_name,
    row_number() OVER (ORDER BY id) - 1 AS position
  FROM public.collection_registry
  WHERE governance_role <> 'governed'
    AND coverage_status IN ('BIRTH_REQUIRED', 'BIRTH_EXEMPT_STRUCTURAL_JUNCTION')
  ORDER BY id
  LIMIT 52
),
missing AS (
  SELECT 25000 - count(*)::integer AS births FROM standin_birth
)
INSERT INTO standin_birth (entity_code, collection_name)
SELECT other.collection_name || '::' || (1 + n / 52), other.collection_name
FROM missing
CROSS JOIN LATERAL generate_series(0, missing.births - 1) AS n
JOIN other
  ON other.position = n % 52
ORDER BY n;

INSERT INTO public.birth_registry (
  id, entity_code, collection_name, species_code, composition_level, dot_origin,
  born_at, governance_role, certified, certified_at
)
SELECT
  birth.id,
  birth.entity_code,
  birth.collection_name,
  species.code,
  species.composition_level,
  'DIRECTUS',
  timestamptz '2026-01-20 00:00:00+00' + birth.id * interval '7 minutes',
  COALESCE(registry.governance_role, 'excluded'),
  birth.id % 16 = 1 AND birth.id <= 22417,
  CASE
    WHEN birth.id % 16 = 1 AND birth.id <= 22417
      THEN timestamptz '2026-05-25 00:00:00+00'
  END
FROM standin_birth AS birth
JOIN public.collection_registry AS registry
  ON registry.collection_name = birth.collection_name
LEFT JOIN public.species_collection_map AS map
  ON map.collection_name = birth.collection_name
  AND map.is_primary
LEFT JOIN public.entity_species AS species
  ON species.code = map.species_code
ORDER BY birth.id;

DROP TABLE standin_birth;
