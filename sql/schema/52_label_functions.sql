-- Functions that give labels to what is born.
--
-- Needs before: 17. Leaves: two trigger functions. Undone by: DROP DATABASE.
-- Inferred: which provenance label belongs to which origin.

SET ROLE directus;

CREATE FUNCTION public.fn_auto_label_provenance() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  born jsonb := to_jsonb(NEW);
  origin text := COALESCE(born ->> '_dot_origin', 'PG:trigger');
BEGIN
  INSERT INTO public.entity_labels (
    entity_code, label_code, assigned_by, assigned_at
  )
  SELECT
    born ->> COALESCE(TG_ARGV[0], 'code'),
    label.code,
    'auto',
    now()
  FROM public.taxonomy AS label
  WHERE label.status = 'active'
    AND label.code = CASE
      WHEN origin LIKE 'PG:%' THEN 'LBL-203'
      WHEN origin LIKE '%DOT%' THEN 'LBL-202'
      ELSE 'LBL-201'
    END
    AND born ->> COALESCE(TG_ARGV[0], 'code') IS NOT NULL
  ON CONFLICT (entity_code, label_code) DO NOTHING;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_auto_label_provenance() IS
  'Labels a born row with the facet FAC-PROV.';

CREATE FUNCTION public.fn_auto_label_assignment() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO public.entity_labels (
    entity_code, label_code, rule_id, assigned_by, assigned_at
  )
  SELECT
    to_jsonb(NEW) ->> COALESCE(TG_ARGV[0], 'code'),
    rule.result_label,
    rule.id,
    'rule',
    now()
  FROM public.label_rules AS rule
  WHERE rule.rule_type = 'collection'
    AND rule.status = 'active'
    AND rule.condition ->> 'collection' = TG_TABLE_NAME
    AND to_jsonb(NEW) ->> COALESCE(TG_ARGV[0], 'code') IS NOT NULL
  ON CONFLICT (entity_code, label_code) DO NOTHING;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.fn_auto_label_assignment() IS
  'Labels a born row by the rules of its collection.';

RESET ROLE;
