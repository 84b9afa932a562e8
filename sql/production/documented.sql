-- P7: rows of the tables whose number is documented, beside the figures of the phase.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- Returns (metric, value). All are small registries; no big table is counted.

SELECT 'governance_registry' AS metric, count(*) AS value
FROM public.governance_registry
UNION ALL
SELECT 'governance_relations', count(*) FROM public.governance_relations
UNION ALL
SELECT 'governance_docs', count(*) FROM public.governance_docs
UNION ALL
SELECT 'collection_registry', count(*) FROM public.collection_registry
UNION ALL
SELECT 'event_type_registry', count(*) FROM public.event_type_registry
UNION ALL
SELECT 'normative_registry', count(*) FROM public.normative_registry
UNION ALL
SELECT 'law_catalog', count(*) FROM public.law_catalog
UNION ALL
SELECT 'label_rules', count(*) FROM public.label_rules
UNION ALL
SELECT 'taxonomy', count(*) FROM public.taxonomy
UNION ALL
SELECT 'taxonomy_facets', count(*) FROM public.taxonomy_facets
ORDER BY metric;
