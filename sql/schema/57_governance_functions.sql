-- Functions of the governance registry and of the law tables.
--
-- Needs before: 03, 04, 13. Leaves: three trigger functions.
-- Undone by: DROP DATABASE. Inferred: names, texts, and the lifecycle's steps.

SET ROLE directus;

CREATE FUNCTION public.fn_governance_registry_lifecycle() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF OLD.status = 'retired' AND NEW.status IS DISTINCT FROM 'retired' THEN
    RAISE EXCEPTION 'governance_registry: % is retired and cannot return', OLD.code;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_governance_registry_lifecycle() IS
  'A retired governance entity stays retired.';

CREATE FUNCTION public.fn_law_jurisdiction_one_primary() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.coverage_type = 'primary'
    AND NEW.status = 'active'
    AND EXISTS (
      SELECT
      FROM public.law_jurisdiction AS other
      WHERE other.domain = NEW.domain
        AND other.coverage_type = 'primary'
        AND other.status = 'active'
        AND other.id <> NEW.id
    )
  THEN
    RAISE EXCEPTION 'law_jurisdiction: domain % already has a primary law', NEW.domain;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_law_jurisdiction_one_primary() IS
  'One primary law per domain.';

CREATE FUNCTION public.fn_law_dot_enforcement_validate() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM public.dot_tools AS tool WHERE tool.code = NEW.dot_code
  ) THEN
    RAISE EXCEPTION 'law_dot_enforcement: dot_code % is not registered', NEW.dot_code;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.fn_law_dot_enforcement_validate() IS
  'A law is enforced by registered tools only.';

RESET ROLE;
