-- D2: births later than a given id, as the trigger wrote them.
--
-- Needs before: nothing. Placeholder, filled by Python: id. Leaves: nothing; reads
--   by the primary key, however big birth_registry is.
-- expected_role and expected_species are what the registries say of dot_tools.

SELECT
  birth.entity_code,
  birth.collection_name,
  birth.dot_origin,
  birth.governance_role,
  birth.species_code,
  birth.status,
  birth.canonical_address,
  birth.born_at = now() AS born_now,
  (
    SELECT registry.governance_role
    FROM public.collection_registry AS registry
    WHERE registry.collection_name = 'dot_tools'
    ORDER BY registry.id
    LIMIT 1
  ) AS expected_role,
  (
    SELECT map.species_code
    FROM public.species_collection_map AS map
    WHERE map.collection_name = 'dot_tools'
      AND map.is_primary
    ORDER BY map.id
    LIMIT 1
  ) AS expected_species
FROM public.birth_registry AS birth
WHERE birth.id > %(id)s::integer
ORDER BY birth.id;
