-- The registry of collections, their groups and their species.
--
-- Needs before: 01. Leaves: collection_groups, collection_registry,
--   entity_species and species_collection_map, empty. Undone by: DROP DATABASE.
--
-- collection_registry has 35 columns; the known ones and the usual Directus ones
-- (27) stand here, the other eight are added by 20_inferred.sql. code has no
-- unique constraint, and there is no birth_required column.

SET ROLE directus;

CREATE TABLE public.collection_groups (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT collection_groups_code_unique UNIQUE,
  name varchar(255)
);
COMMENT ON TABLE public.collection_groups IS
  'Folder groups GRP-*; not the folders of directus_collections.';

CREATE TABLE public.entity_species (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT entity_species_code_unique UNIQUE,
  name varchar(255),
  composition_level varchar(255),
  status varchar(255)
);
COMMENT ON TABLE public.entity_species IS 'Species of born entities, SPE-*.';

CREATE TABLE public.species_collection_map (
  id serial PRIMARY KEY,
  collection_name varchar(255) NOT NULL,
  species_code varchar(255) NOT NULL REFERENCES public.entity_species (code),
  is_primary boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE public.species_collection_map IS
  'Species of a collection; fn_birth_registry_auto reads the primary one.';

CREATE TABLE public.collection_registry (
  id serial PRIMARY KEY,
  code varchar(255),
  name varchar(255),
  collection_name varchar(255),
  "group" varchar(255) REFERENCES public.collection_groups (code),
  status varchar(255),
  storage_role varchar(255)
    CONSTRAINT chk_collection_registry_storage_role CHECK (
      storage_role IN ('primary', 'junction', 'log', 'system')
    ),
  governance_role varchar(255)
    CONSTRAINT chk_collection_registry_governance_role CHECK (
      governance_role IN (
        'governed', 'observed', 'excluded', 'locked', 'law_artifact'
      )
    ),
  source_kind varchar(255),
  migration_state varchar(255)
    CONSTRAINT chk_collection_registry_migration_state CHECK (
      migration_state IN ('unclassified', 'classified', 'pilot', 'stable')
    ),
  species_code varchar(255),
  description text,
  description_policy varchar(255),
  birth_code_strategy varchar(255),
  birth_identity_source varchar(255),
  _dot_origin text,
  coverage_status varchar(255)
    CONSTRAINT chk_collection_registry_coverage_status CHECK (
      coverage_status IS NULL
      OR coverage_status IN (
        'BIRTH_REQUIRED',
        'BIRTH_EXEMPT_STRUCTURAL_JUNCTION',
        'BIRTH_EXEMPT_SYSTEM_LOG_OR_AUDIT',
        'BIRTH_EXEMPT_DERIVED_CACHE',
        'BIRTH_DEFERRED_NEEDS_REVIEW'
      )
    ),
  coverage_scope_status varchar(255)
    CONSTRAINT chk_collection_registry_coverage_scope_status CHECK (
      coverage_scope_status IS NULL
      OR coverage_scope_status IN (
        'IN_SCOPE', 'USER_EXCLUDED', 'FUTURE_SCOPE', 'ORPHAN_REGISTRY'
      )
    ),
  coverage_exemption_reason text,
  coverage_review_owner text,
  coverage_decided_at timestamptz,
  coverage_decided_by text,
  sort integer,
  user_created character(36),
  date_created timestamp,
  user_updated character(36),
  date_updated timestamp
);
COMMENT ON TABLE public.collection_registry IS
  'Governed and BIRTH_REQUIRED rows are the governed objects of One Roof.';

RESET ROLE;
