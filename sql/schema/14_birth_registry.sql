-- The birth registry: one row for whatever was ever born, never removed.
--
-- Needs before: 01. Leaves: birth_registry, empty, 17 of its 22 columns; the
--   five of unknown name are added by 20_inferred.sql. Undone by: DROP DATABASE.

SET ROLE directus;

-- entity_code is unique alone: of two collections that share a code the second
-- is silently never born. No foreign key points here.
CREATE TABLE public.birth_registry (
  id serial PRIMARY KEY,
  entity_code text NOT NULL CONSTRAINT birth_registry_entity_code_key UNIQUE,
  collection_name text,
  species_code text,
  composition_level text,
  dot_origin text,
  born_at timestamptz,
  governance_role text,
  certified boolean DEFAULT false,
  certified_at timestamptz,
  inspect_pen text,
  inspect_stamp text,
  inspect_gate text,
  status text DEFAULT 'born',
  canonical_address text,
  owner text,
  jsonb_profile jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE public.birth_registry IS
  'Births of entities of all collections; canonical_address is still empty everywhere.';

RESET ROLE;
