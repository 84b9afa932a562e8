-- The remaining governed collections of schema public.
--
-- Needs before: 01. Leaves: 15 empty tables, each with the columns that its
--   triggers and its administrator need. Undone by: DROP DATABASE.
--
-- Only names and row counts are known of these; their columns are inferred and
-- stand here, since a table cannot be without them (listed in 20_inferred.sql).

SET ROLE directus;

CREATE TABLE public.meta_catalog (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT meta_catalog_code_unique UNIQUE,
  name varchar(255),
  registry_collection varchar(255),
  record_count integer NOT NULL DEFAULT 0,
  active_count integer NOT NULL DEFAULT 0,
  orphan_count integer NOT NULL DEFAULT 0,
  status varchar(255)
);
CREATE INDEX ix_meta_catalog_registry_collection
  ON public.meta_catalog (registry_collection);

CREATE TABLE public.table_registry (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT table_registry_code_unique UNIQUE,
  name varchar(255),
  table_name varchar(255),
  status varchar(255)
);

CREATE TABLE public.entity_dependencies (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT entity_dependencies_code_unique UNIQUE,
  source_code varchar(255),
  target_code varchar(255),
  dependency_type varchar(255),
  status varchar(255)
);

CREATE TABLE public.pivot_definitions (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT pivot_definitions_code_unique UNIQUE,
  name varchar(255),
  source_collection varchar(255),
  status varchar(255)
);

CREATE TABLE public.field_type_equivalences (
  id serial PRIMARY KEY,
  directus_type varchar(255) NOT NULL,
  postgres_type varchar(255) NOT NULL,
  status varchar(255)
);

CREATE TABLE public.measurement_registry (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT measurement_registry_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);

CREATE TABLE public.checkpoint_types (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT checkpoint_types_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);

CREATE TABLE public.checkpoint_sets (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT checkpoint_sets_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);

CREATE TABLE public.modules (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT modules_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);

CREATE TABLE public.agents (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT agents_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);

CREATE TABLE public.ui_pages (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT ui_pages_code_unique UNIQUE,
  name varchar(255),
  path varchar(255),
  status varchar(255)
);

CREATE TABLE public.tasks (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT tasks_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);

CREATE TABLE public.workflows (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT workflows_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);

CREATE TABLE public.workflow_steps (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT workflow_steps_code_unique UNIQUE,
  workflow_id integer REFERENCES public.workflows (id),
  name varchar(255),
  sort integer,
  status varchar(255)
);

CREATE TABLE public.workflow_change_requests (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL
    CONSTRAINT workflow_change_requests_code_unique UNIQUE,
  workflow_id integer REFERENCES public.workflows (id),
  title varchar(255),
  status varchar(255)
);

COMMENT ON TABLE public.meta_catalog IS 'Catalogue of registries and their counts.';
COMMENT ON TABLE public.table_registry IS 'Tables that are shown to people.';
COMMENT ON TABLE public.entity_dependencies IS 'Which entity needs which.';
COMMENT ON TABLE public.pivot_definitions IS 'Pivots over the registries.';
COMMENT ON TABLE public.field_type_equivalences IS
  'Directus types and their PostgreSQL types.';
COMMENT ON TABLE public.measurement_registry IS 'Measurements of the health checks.';
COMMENT ON TABLE public.checkpoint_types IS 'Kinds of checkpoints.';
COMMENT ON TABLE public.checkpoint_sets IS 'Sets of checkpoints.';
COMMENT ON TABLE public.modules IS 'Modules of the product.';
COMMENT ON TABLE public.agents IS 'AI agents.';
COMMENT ON TABLE public.ui_pages IS 'Pages of the web interface.';
COMMENT ON TABLE public.tasks IS 'Tasks.';
COMMENT ON TABLE public.workflows IS 'Workflows.';
COMMENT ON TABLE public.workflow_steps IS 'Steps of a workflow.';
COMMENT ON TABLE public.workflow_change_requests IS 'Requests to change a workflow.';

RESET ROLE;
