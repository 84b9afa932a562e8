-- Functions that keep the counts of meta_catalog.
--
-- Needs before: 18. Leaves: five trigger functions. Undone by: DROP DATABASE.
-- Inferred: that the counts live in meta_catalog, and what an orphan is.

SET ROLE directus;

CREATE FUNCTION public.refresh_registry_count() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE public.meta_catalog
  SET record_count = record_count + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END
  WHERE registry_collection = TG_TABLE_NAME;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.refresh_registry_count() IS
  'Moves record_count of the table''s catalogue entry by one.';

CREATE FUNCTION public.fn_refresh_dot_count() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE public.meta_catalog
  SET active_count = (
    SELECT count(*) FROM public.dot_tools WHERE status = 'active'
  )
  WHERE registry_collection = 'dot_tools';
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_refresh_dot_count() IS 'Counts the active DOT tools.';

CREATE FUNCTION public.trg_fn_refresh_orphan_dot() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE public.meta_catalog
  SET orphan_count = (
    SELECT count(*)
    FROM public.dot_tools AS tool
    WHERE NOT EXISTS (
      SELECT FROM public.dot_domains AS domain WHERE domain.code = tool.domain
    )
  )
  WHERE registry_collection = 'dot_tools';
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.trg_fn_refresh_orphan_dot() IS
  'Counts the DOT tools of an unknown domain.';

CREATE FUNCTION public.fn_refresh_collection_count() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE public.meta_catalog
  SET
    record_count = (SELECT count(*) FROM public.collection_registry),
    active_count = (
      SELECT count(*) FROM public.collection_registry WHERE status = 'active'
    )
  WHERE registry_collection = 'collection_registry';
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_refresh_collection_count() IS
  'Counts the registered collections.';

CREATE FUNCTION public.trg_fn_refresh_orphan_col() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE public.meta_catalog
  SET orphan_count = (
    SELECT count(*)
    FROM public.collection_registry
    WHERE coverage_scope_status = 'ORPHAN_REGISTRY'
  )
  WHERE registry_collection = 'collection_registry';
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.trg_fn_refresh_orphan_col() IS
  'Counts the registered collections without a table.';

RESET ROLE;
