-- Law and its neighbours: domains, normative registry, catalogue, relations.
--
-- Needs before: 01. Leaves: eight empty tables owned by directus.
-- Undone by: DROP DATABASE.

SET ROLE directus;

-- Known: 46 rows and that there is no description column.
CREATE TABLE public.dot_domains (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT dot_domains_code_unique UNIQUE,
  name varchar(255),
  status varchar(255)
);
COMMENT ON TABLE public.dot_domains IS
  'Domains of DOT tools, laws and governance entities.';

CREATE TABLE public.normative_registry (
  code varchar(255) PRIMARY KEY,
  name varchar(255) NOT NULL,
  doc_level varchar(255),
  status varchar(255)
);
COMMENT ON TABLE public.normative_registry IS 'Normative documents, NRM-LAW-nn.';

CREATE TABLE public.law_catalog (
  id serial PRIMARY KEY,
  law_code varchar(255) NOT NULL,
  title varchar(255),
  status varchar(255)
);
COMMENT ON TABLE public.law_catalog IS 'Laws offered for reading.';

CREATE TABLE public.normative_relations (
  id serial PRIMARY KEY,
  source_code varchar(255) NOT NULL REFERENCES public.normative_registry (code),
  target_code varchar(255) NOT NULL REFERENCES public.normative_registry (code),
  relation_type varchar(255) NOT NULL
    CONSTRAINT chk_normative_relations_relation_type CHECK (
      relation_type IN (
        'implements', 'amends', 'supersedes',
        'references', 'depends_on', 'conflicts_with'
      )
    ),
  status varchar(255),
  CONSTRAINT uq_normative_relations UNIQUE (source_code, target_code, relation_type)
);
COMMENT ON TABLE public.normative_relations IS 'Relations between normative documents.';

CREATE TABLE public.law_jurisdiction (
  id serial PRIMARY KEY,
  law_code varchar(255) NOT NULL REFERENCES public.normative_registry (code),
  domain varchar(255) NOT NULL REFERENCES public.dot_domains (code),
  coverage_type varchar(255) NOT NULL
    CONSTRAINT chk_law_jurisdiction_coverage_type CHECK (
      coverage_type IN ('primary', 'secondary', 'reference')
    ),
  description text,
  status varchar(255) NOT NULL
    CONSTRAINT chk_law_jurisdiction_status CHECK (status IN ('active', 'retired')),
  CONSTRAINT uq_law_jurisdiction UNIQUE (law_code, domain)
);
COMMENT ON TABLE public.law_jurisdiction IS 'Which law governs which domain.';

CREATE TABLE public.law_dot_enforcement (
  id serial PRIMARY KEY,
  law_code varchar(255) NOT NULL REFERENCES public.normative_registry (code),
  dot_code varchar(255) NOT NULL,
  enforcement_role varchar(255),
  status varchar(255),
  CONSTRAINT uq_law_dot_enforcement UNIQUE (law_code, dot_code)
);
COMMENT ON TABLE public.law_dot_enforcement IS 'Which DOT enforces which law.';

CREATE TABLE public.governance_docs (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT governance_docs_code_unique UNIQUE,
  title varchar(255),
  status varchar(255)
);
COMMENT ON TABLE public.governance_docs IS 'Documents of the governance council.';

RESET ROLE;
