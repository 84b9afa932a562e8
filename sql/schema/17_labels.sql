-- Labels: facets, taxonomy, rules, and what carries which label.
--
-- Needs before: 01. Leaves: five empty tables; functions come with 51.
-- Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE public.taxonomy_facets (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT taxonomy_facets_code_unique UNIQUE,
  name varchar(255),
  cardinality varchar(255)
    CONSTRAINT chk_taxonomy_facets_cardinality CHECK (
      cardinality IN ('single', 'multiple')
    ),
  max_labels_per_entity integer
    CONSTRAINT chk_taxonomy_facets_max_labels_per_entity CHECK (
      max_labels_per_entity BETWEEN 0 AND 3
    ),
  status varchar(255)
);
COMMENT ON TABLE public.taxonomy_facets IS 'Facets FAC-01 to FAC-09 and FAC-PROV.';

CREATE TABLE public.taxonomy (
  id serial PRIMARY KEY,
  code varchar(255) NOT NULL CONSTRAINT taxonomy_code_unique UNIQUE,
  name varchar(255),
  facet_id integer REFERENCES public.taxonomy_facets (id),
  parent_id integer REFERENCES public.taxonomy (id),
  parent_facet varchar(255),
  depth integer,
  scope text[],
  status varchar(255),
  replaced_by varchar(255),
  _dot_origin text
);
COMMENT ON TABLE public.taxonomy IS 'Labels LBL-nnn; 58 rows, 57 of them active.';

CREATE TABLE public.taxonomy_matrix (
  id serial PRIMARY KEY,
  facet_id integer NOT NULL REFERENCES public.taxonomy_facets (id),
  collection_name varchar(255) NOT NULL,
  required boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE public.taxonomy_matrix IS 'Which facet is wanted on which collection.';

CREATE TABLE public.label_rules (
  id serial PRIMARY KEY,
  facet_id integer REFERENCES public.taxonomy_facets (id),
  rule_type varchar(255) NOT NULL,
  condition jsonb NOT NULL DEFAULT '{}',
  result_label varchar(255) NOT NULL REFERENCES public.taxonomy (code),
  priority integer,
  skip_wide_warning boolean NOT NULL DEFAULT false,
  status varchar(255)
);
COMMENT ON TABLE public.label_rules IS
  'Rules that give a label; condition {"collection": name} for rule_type collection.';

CREATE TABLE public.entity_labels (
  id serial PRIMARY KEY,
  entity_code text NOT NULL,
  label_code text NOT NULL,
  rule_id integer,
  assigned_by text NOT NULL
    CONSTRAINT chk_entity_labels_assigned_by CHECK (
      assigned_by IN ('auto', 'rule', 'user', 'ai', 'dot')
    ),
  assigned_at timestamptz,
  CONSTRAINT uq_entity_labels_entity_label UNIQUE (entity_code, label_code)
);
COMMENT ON TABLE public.entity_labels IS
  'Labels of born entities; label_code is taxonomy.code.';

RESET ROLE;
