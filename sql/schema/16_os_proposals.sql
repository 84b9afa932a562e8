-- Agency OS proposals: os_proposal_approvals is what opens the ratification gate.
--
-- Needs before: 02. Leaves: os_proposal_approvals with its 19 columns and five
--   foreign keys, and five siblings, all empty. Undone by: DROP DATABASE.
--
-- From the Directus template Agency OS (directus-labs/directus-templates, commit
-- 2631e0a9); identifiers are character(36) as in production.

SET ROLE directus;

CREATE TABLE public.contacts (
  id character(36) PRIMARY KEY,
  status varchar(255) NOT NULL DEFAULT 'published',
  sort integer,
  first_name varchar(255),
  last_name varchar(255),
  email varchar(255)
);

CREATE TABLE public.os_deal_stages (
  id character(36) PRIMARY KEY,
  sort integer,
  name varchar(255),
  color varchar(255)
);

CREATE TABLE public.os_proposals (
  id character(36) PRIMARY KEY,
  status varchar(255) NOT NULL DEFAULT 'draft',
  sort integer,
  user_created character(36)
    CONSTRAINT os_proposals_user_created_foreign REFERENCES public.directus_users (id),
  date_created timestamp,
  user_updated character(36)
    CONSTRAINT os_proposals_user_updated_foreign REFERENCES public.directus_users (id),
  date_updated timestamp,
  name varchar(255),
  expiration_date timestamp
);

CREATE TABLE public.os_proposal_blocks (
  id character(36) PRIMARY KEY,
  sort integer,
  proposal character(36)
    CONSTRAINT os_proposal_blocks_proposal_foreign
    REFERENCES public.os_proposals (id) ON DELETE CASCADE,
  collection varchar(255),
  item varchar(255)
);

CREATE TABLE public.os_proposal_contacts (
  id serial PRIMARY KEY,
  proposal character(36)
    CONSTRAINT os_proposal_contacts_proposal_foreign
    REFERENCES public.os_proposals (id) ON DELETE CASCADE,
  contact character(36)
    CONSTRAINT os_proposal_contacts_contact_foreign
    REFERENCES public.contacts (id) ON DELETE SET NULL,
  sort integer
);

CREATE TABLE public.os_proposal_approvals (
  id character(36) PRIMARY KEY,
  status varchar(255) NOT NULL DEFAULT 'draft',
  sort integer,
  user_created character(36)
    CONSTRAINT os_proposal_approvals_user_created_foreign
    REFERENCES public.directus_users (id),
  date_created timestamp,
  user_updated character(36)
    CONSTRAINT os_proposal_approvals_user_updated_foreign
    REFERENCES public.directus_users (id),
  date_updated timestamp,
  signature_text varchar(255),
  signature_image character(36)
    CONSTRAINT os_proposal_approvals_signature_image_foreign
    REFERENCES public.directus_files (id) ON DELETE SET NULL,
  signature_type varchar(255),
  first_name varchar(255),
  last_name varchar(255),
  organization varchar(255),
  email varchar(255),
  ip_address varchar(255),
  proposal character(36)
    CONSTRAINT os_proposal_approvals_proposal_foreign
    REFERENCES public.os_proposals (id) ON DELETE CASCADE,
  metadata json,
  esignature_agreement boolean DEFAULT false,
  contact character(36)
    CONSTRAINT os_proposal_approvals_contact_foreign
    REFERENCES public.contacts (id) ON DELETE SET NULL
);

COMMENT ON TABLE public.contacts IS 'Contacts of Agency OS.';
COMMENT ON TABLE public.os_deal_stages IS 'Stages of a deal, Agency OS.';
COMMENT ON TABLE public.os_proposals IS 'Proposals, Agency OS.';
COMMENT ON TABLE public.os_proposal_blocks IS 'Blocks of a proposal, Agency OS.';
COMMENT ON TABLE public.os_proposal_contacts IS 'Contacts of a proposal, Agency OS.';
COMMENT ON TABLE public.os_proposal_approvals IS
  'Signed approvals, the ratification gate; only a human writes here.';

RESET ROLE;
