-- Functions that run before a DOT tool or a collection is registered, and after.
--
-- Needs before: 07, 13. Leaves: seven trigger functions. Undone by: DROP DATABASE.
-- Inferred: how a code is made, when a description is too short, what the
-- onboarding gate looks at.

SET ROLE directus;

CREATE FUNCTION public.gen_code_dot_tools() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF btrim(COALESCE(NEW.code, '')) = '' THEN
    SELECT
      'DOT-' || lpad(
        (COALESCE(max(substr(code, 5)::integer), 0) + 1)::text, 3, '0'
      )
    INTO NEW.code
    FROM public.dot_tools
    WHERE code ~ '^DOT-[0-9]+$';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.gen_code_dot_tools() IS 'Gives the next DOT-nnn.';

CREATE FUNCTION public.gen_code_collection_registry() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF btrim(COALESCE(NEW.code, '')) = '' THEN
    SELECT
      'COL-' || lpad(
        (COALESCE(max(substr(code, 5)::integer), 0) + 1)::text, 3, '0'
      )
    INTO NEW.code
    FROM public.collection_registry
    WHERE code ~ '^COL-[0-9]+$';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.gen_code_collection_registry() IS 'Gives the next COL-nnn.';

CREATE FUNCTION public.fn_validate_dot_origin() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW._dot_origin IS NULL
    OR NEW._dot_origin = 'DIRECTUS'
    OR NEW._dot_origin LIKE 'PG:%'
    OR NEW._dot_origin LIKE 'SUSPECT:%'
    OR EXISTS (
      SELECT FROM public.dot_tools AS tool WHERE tool.code = NEW._dot_origin
    )
  THEN
    RETURN NEW;
  END IF;
  NEW._dot_origin := 'SUSPECT:' || NEW._dot_origin;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_validate_dot_origin() IS
  'Marks an origin that is no registered DOT as SUSPECT; never refuses.';

CREATE FUNCTION public.fn_normalize_dot_filepath() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW.file_path := NULLIF(
    regexp_replace(btrim(NEW.file_path), '/{2,}', '/', 'g'), ''
  );
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_normalize_dot_filepath() IS
  'Trims file_path and joins doubled slashes.';

CREATE FUNCTION public.fn_description_birth_guard() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF length(btrim(COALESCE(NEW.description, ''))) < 10
    AND EXISTS (
      SELECT
      FROM public.collection_registry AS registry
      WHERE registry.collection_name = TG_TABLE_NAME
        AND registry.description_policy = 'required_detailed'
    )
  THEN
    IF current_setting('app.birth_gate_mode', true) = 'blocking' THEN
      RAISE EXCEPTION '[DESCRIPTION-GUARD] %.%: description is too short',
        TG_TABLE_NAME, NEW.code;
    END IF;
    RAISE WARNING '[DESCRIPTION-GUARD] %.%: description is too short',
      TG_TABLE_NAME, NEW.code;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_description_birth_guard() IS
  'Wants a description where the collection''s policy is required_detailed.';

CREATE FUNCTION public.fn_collection_onboarding_soft_gate() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.governance_role = 'governed'
    AND NEW.coverage_status = 'BIRTH_REQUIRED'
    AND COALESCE(NEW."group", '') = ''
  THEN
    RAISE WARNING '[ONBOARDING] % is governed and belongs to no group',
      NEW.collection_name;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_collection_onboarding_soft_gate() IS
  'Warns of a governed collection that nobody can inherit an owner for.';

CREATE FUNCTION public.fn_context_pack_on_dot_register() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.status = 'active' AND NEW.tier IN ('A', 'B', 'C') THEN
    PERFORM pg_notify(
      'context_pack_event',
      json_build_object(
        'event', 'dot_register',
        'code', NEW.code,
        'tier', NEW.tier
      )::text
    );
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_context_pack_on_dot_register() IS
  'Notifies context_pack_event of an active tool of tier A, B or C.';

RESET ROLE;
