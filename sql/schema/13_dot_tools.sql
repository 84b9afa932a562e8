-- DOT tools and what surrounds them.
--
-- Needs before: 01. Leaves: dot_tools with its 28 columns in their known order,
--   and six tables around it, empty; triggers come with 62. Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE public.dot_tools (
  id serial PRIMARY KEY,
  status varchar(255),
  sort integer,
  user_created character(36),
  date_created timestamp,
  user_updated character(36),
  date_updated timestamp,
  code varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  name_en varchar(255),
  description text,
  classification varchar(255),
  owner varchar(255),
  script_path varchar(255),
  token_type varchar(255),
  category varchar(255),
  usage_count integer,
  _dot_origin text,
  tier text,
  domain text NOT NULL,
  operation text,
  paired_dot text,
  trigger_type text
    CONSTRAINT chk_dot_tools_trigger_type CHECK (
      trigger_type IN ('cron', 'dual', 'event', 'manual', 'on-demand', 'on-deploy')
    ),
  cron_schedule text,
  file_path text,
  last_executed timestamptz,
  coverage_status text,
  extra_metadata jsonb
);
COMMENT ON TABLE public.dot_tools IS
  'Registered tools; they run outside the database only.';

CREATE TABLE public.dot_operations (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT dot_operations_code_unique UNIQUE,
  name varchar(255)
);
COMMENT ON TABLE public.dot_operations IS 'Operations that a DOT can stand for.';

CREATE TABLE public.dot_coverage_required (
  id serial PRIMARY KEY,
  domain text NOT NULL,
  operation text NOT NULL,
  tier text NOT NULL,
  description text
);
COMMENT ON TABLE public.dot_coverage_required IS
  'Operations that each domain must have a DOT for.';

CREATE TABLE public.dot_domain_rules (
  id serial PRIMARY KEY,
  domain varchar(255) NOT NULL REFERENCES public.dot_domains (code),
  rule varchar(255) NOT NULL,
  pattern varchar(255),
  status varchar(255)
);
COMMENT ON TABLE public.dot_domain_rules IS 'How a DOT is sorted into a domain.';

CREATE TABLE public.dot_iu_command_catalog (
  id serial PRIMARY KEY,
  command_code text NOT NULL CONSTRAINT dot_iu_command_catalog_code_key UNIQUE,
  description text,
  status text
);
COMMENT ON TABLE public.dot_iu_command_catalog IS
  'Commands of the external DOT runner.';

CREATE TABLE public.dot_iu_command_run (
  id bigserial PRIMARY KEY,
  command_code text NOT NULL REFERENCES public.dot_iu_command_catalog (command_code),
  status text NOT NULL,
  started_at timestamptz,
  finished_at timestamptz
);
COMMENT ON TABLE public.dot_iu_command_run IS
  'Ledger of runs, written by the external runner.';

CREATE TABLE public.dot_agent_api_contract (
  id serial PRIMARY KEY,
  contract_code text NOT NULL,
  version text,
  status text
);
COMMENT ON TABLE public.dot_agent_api_contract IS
  'Contracts between agents and DOT tools.';

RESET ROLE;
