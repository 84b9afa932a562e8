-- Governance entities and their relations to laws.
--
-- Needs before: 03. Leaves: governance_registry, governance_relations and
--   governance_audit_log, empty, owned by directus. Undone by: DROP DATABASE.

SET ROLE directus;

-- Whether the primary key is code or an id beside a unique code is not known;
-- the id stands first, as Directus makes it (listed in 20_inferred.sql).
CREATE TABLE public.governance_registry (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT governance_registry_code_unique UNIQUE,
  name varchar(255),
  gov_type varchar(255),
  gov_group varchar(255),
  status varchar(255)
    CONSTRAINT chk_governance_registry_status CHECK (
      status IN ('active', 'draft', 'retired')
    ),
  domain varchar(255) REFERENCES public.dot_domains (code),
  created_by_law varchar(255),
  primary_collection varchar(255),
  health_dot varchar(255),
  capability jsonb,
  output_target varchar(255)
);
COMMENT ON TABLE public.governance_registry IS
  'Councils, systems and factories; code is what every owner refers to.';

CREATE TABLE public.governance_relations (
  id serial PRIMARY KEY,
  source_type varchar(255) NOT NULL
    CONSTRAINT chk_relations_source_type CHECK (source_type IN ('law', 'agency')),
  source_code varchar(255) NOT NULL,
  target_type varchar(255) NOT NULL
    CONSTRAINT chk_relations_target_type CHECK (target_type IN ('law', 'agency')),
  target_code varchar(255) NOT NULL,
  relation_type varchar(255) NOT NULL,
  discovery_source varchar(255)
    CONSTRAINT chk_relations_discovery_source CHECK (
      discovery_source IN ('pg_catalog', 'manual', 'dot_scan')
    ),
  status varchar(255)
);
COMMENT ON TABLE public.governance_relations IS
  'Agency to law only; ownership of objects lives in governance_object_ownership.';

CREATE TABLE public.governance_audit_log (
  id serial PRIMARY KEY,
  relation_id integer REFERENCES public.governance_relations (id),
  action varchar(255),
  detail text,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.governance_audit_log IS 'Changes of governance_relations.';

RESET ROLE;
