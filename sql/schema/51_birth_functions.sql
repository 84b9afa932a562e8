-- Functions of birth: register, gate, certify.
--
-- Needs before: 07, 14. Leaves: seven functions owned by directus; triggers come
--   with 62 to 66. Undone by: DROP DATABASE.
--
-- Inferred: which five tests fn_pre_birth_check runs; what the two triggers of
-- birth_registry itself do.

SET ROLE directus;

CREATE FUNCTION public.fn_birth_register(
  p_collection text,
  p_entity_code text,
  p_dot_origin text
) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  species text;
  level text;
  role text;
BEGIN
  IF EXISTS (
    SELECT
    FROM public.birth_registry
    WHERE entity_code = p_entity_code
      AND collection_name = p_collection
  ) THEN
    RETURN;
  END IF;
  SELECT map.species_code, entity_species.composition_level
  INTO species, level
  FROM public.species_collection_map AS map
  LEFT JOIN public.entity_species
    ON entity_species.code = map.species_code
  WHERE map.collection_name = p_collection
    AND map.is_primary
  ORDER BY map.id
  LIMIT 1;
  SELECT registry.governance_role
  INTO role
  FROM public.collection_registry AS registry
  WHERE registry.collection_name = p_collection
  ORDER BY registry.id
  LIMIT 1;
  INSERT INTO public.birth_registry (
    entity_code, collection_name, species_code, composition_level, dot_origin,
    born_at, governance_role
  )
  VALUES (
    p_entity_code, p_collection, species, level, p_dot_origin,
    now(), COALESCE(role, 'excluded')
  )
  ON CONFLICT (entity_code) DO NOTHING;
END
$$;
COMMENT ON FUNCTION public.fn_birth_register(text, text, text) IS
  'Writes one birth, unless the code was born already, in whatever collection.';

CREATE FUNCTION public.fn_birth_registry_auto() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  born jsonb := to_jsonb(NEW);
BEGIN
  PERFORM public.fn_birth_register(
    TG_TABLE_NAME,
    CASE
      WHEN TG_NARGS > 0 THEN born ->> TG_ARGV[0]
      ELSE TG_TABLE_NAME || '::' || (born ->> 'id')
    END,
    born ->> '_dot_origin'
  );
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_birth_registry_auto() IS
  'Birth by the column given, else by table::id, whatever the coverage_status.';

CREATE FUNCTION public.fn_birth_registry_auto_id() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM public.fn_birth_register(
    TG_TABLE_NAME,
    TG_TABLE_NAME || ':' || (to_jsonb(NEW) ->> 'id'),
    to_jsonb(NEW) ->> '_dot_origin'
  );
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_birth_registry_auto_id() IS
  'Birth of a row without code, as table:id.';

CREATE FUNCTION public.fn_pre_birth_check(
  p_collection text,
  p_code text,
  p_name text,
  p_dot_origin text
) RETURNS TABLE (check_name text, passed boolean, detail text)
LANGUAGE sql
STABLE
AS $$
  SELECT
    'code_pattern',
    p_code ~ '^[A-Z]+-[0-9]+$',
    format('code %s does not match ^[A-Z]+-[0-9]+$', p_code)
  UNION ALL
  SELECT
    'code_unborn_elsewhere',
    NOT EXISTS (
      SELECT
      FROM public.birth_registry
      WHERE entity_code = p_code
        AND collection_name <> p_collection
    ),
    format('code %s was born in another collection', p_code)
  UNION ALL
  SELECT
    'collection_registered',
    EXISTS (
      SELECT
      FROM public.collection_registry
      WHERE collection_name = p_collection
    ),
    format('collection %s is not registered', p_collection)
  UNION ALL
  SELECT
    'name_present',
    btrim(COALESCE(p_name, '')) <> '',
    'name is missing'
  UNION ALL
  SELECT
    'dot_origin_trusted',
    p_dot_origin IS NULL OR p_dot_origin NOT LIKE 'SUSPECT:%',
    format('origin %s is not trusted', p_dot_origin)
$$;
COMMENT ON FUNCTION public.fn_pre_birth_check(text, text, text, text) IS
  'The five tests of the birth gate.';

CREATE FUNCTION public.fn_birth_gate() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  unborn jsonb := to_jsonb(NEW);
  unborn_code text := unborn ->> COALESCE(TG_ARGV[0], 'code');
  failed text;
BEGIN
  IF current_setting('app.bypass_birth_gate', true) IN ('true', '1') THEN
    RETURN NEW;
  END IF;
  IF unborn_code IS NULL THEN
    RETURN NEW;
  END IF;
  SELECT string_agg(test.detail, '; ')
  INTO failed
  FROM public.fn_pre_birth_check(
    TG_TABLE_NAME,
    unborn_code,
    COALESCE(unborn ->> 'name', unborn ->> 'title'),
    unborn ->> '_dot_origin'
  ) AS test
  WHERE NOT test.passed;
  IF failed IS NULL THEN
    RETURN NEW;
  END IF;
  IF current_setting('app.birth_gate_mode', true) = 'blocking' THEN
    RAISE EXCEPTION '[BIRTH-GATE] %.%: %', TG_TABLE_NAME, unborn_code, failed;
  END IF;
  RAISE WARNING '[BIRTH-GATE] %.%: %', TG_TABLE_NAME, unborn_code, failed;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_birth_gate() IS
  'Warns, or with app.birth_gate_mode = blocking refuses, a birth that fails a test.';

CREATE FUNCTION public.fn_birth_auto_certify() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NOT COALESCE(NEW.certified, false)
    AND NEW.inspect_pen IS NOT NULL
    AND NEW.inspect_stamp IS NOT NULL
    AND NEW.inspect_gate IS NOT NULL
  THEN
    NEW.certified := true;
    NEW.certified_at := now();
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_birth_auto_certify() IS
  'Certifies a birth once pen, stamp and gate have inspected it.';

CREATE FUNCTION public.fn_birth_change_flag_matrix() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('app.birth_matrix_changed', 'true', true);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_birth_change_flag_matrix() IS
  'Tells the same transaction that the birth matrix has changed.';

RESET ROLE;
