-- The approval spine: requests, votes, vocabularies, build authorization.
--
-- Needs before: 01. Leaves: five empty tables; functions come with 56, triggers
--   with 64. Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE public.apr_request_types (
  request_code varchar(255) PRIMARY KEY
);
COMMENT ON TABLE public.apr_request_types IS 'What an approval may be asked for.';

CREATE TABLE public.apr_action_types (
  action_code varchar(255) PRIMARY KEY,
  handler_ref varchar(255) NOT NULL,
  risk_level varchar(255) NOT NULL
    CONSTRAINT chk_apr_action_types_risk_level CHECK (
      risk_level IN ('low', 'medium', 'high')
    ),
  status varchar(255) NOT NULL
    CONSTRAINT chk_apr_action_types_status CHECK (
      status IN ('active', 'deprecated', 'retired')
    ),
  description text NOT NULL
    CONSTRAINT chk_apr_action_types_description CHECK (length(description) >= 30),
  _dot_origin text
);
COMMENT ON TABLE public.apr_action_types IS
  'Actions that an approval can start; handler_ref "unimplemented" is never applied.';

CREATE TABLE public.approval_requests (
  id serial PRIMARY KEY,
  code varchar(255) CONSTRAINT approval_requests_code_unique UNIQUE,
  request_type varchar(255),
  entity_type varchar(255),
  entity_code varchar(255),
  title varchar(255) NOT NULL,
  current_state jsonb,
  proposed_action jsonb,
  alternative_actions jsonb,
  evidence text,
  source varchar(255),
  priority varchar(255)
    CONSTRAINT chk_approval_requests_priority CHECK (
      priority IN ('critical', 'high', 'normal', 'low')
    ),
  status varchar(255)
    CONSTRAINT chk_approval_requests_status CHECK (
      status IN ('pending', 'approved', 'applied', 'rejected', 'expired')
    ),
  reviewed_by varchar(255),
  reviewed_at timestamptz,
  review_note text,
  applied_at timestamptz,
  date_created timestamp,
  action varchar(255)
    CONSTRAINT chk_approval_requests_action CHECK (
      action IN ('add', 'modify', 'delete', 'review')
    ),
  target_collection varchar(255) NOT NULL,
  target_entity_code varchar(255),
  source_context json,
  date_updated timestamp,
  issue_signature varchar(255),
  request_type_code varchar(255)
    REFERENCES public.apr_request_types (request_code),
  proposed_action_code varchar(255)
    REFERENCES public.apr_action_types (action_code)
);
COMMENT ON TABLE public.approval_requests IS 'Requests for approval; APR codes.';

CREATE TABLE public.apr_approvals (
  id serial PRIMARY KEY,
  apr_id integer NOT NULL REFERENCES public.approval_requests (id),
  approver varchar(255) NOT NULL,
  approver_type varchar(255) NOT NULL
    CONSTRAINT chk_apr_approvals_approver_type CHECK (
      approver_type IN ('human', 'ai_council')
    ),
  decision varchar(255) NOT NULL
    CONSTRAINT chk_apr_approvals_decision CHECK (
      decision IN ('approve', 'reject', 'abstain')
    ),
  rationale text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_apr_approvals_apr_id_approver UNIQUE (apr_id, approver)
);
COMMENT ON TABLE public.apr_approvals IS 'Votes on approval requests.';

CREATE TABLE public.governance_build_authorization (
  auth_code text PRIMARY KEY,
  request_ref text NOT NULL REFERENCES public.approval_requests (code),
  approval_ref jsonb NOT NULL,
  risk_level text NOT NULL CHECK (risk_level IN ('low', 'medium', 'high')),
  status text NOT NULL
);
COMMENT ON TABLE public.governance_build_authorization IS
  'Grants for one build step each; the predicates are completed by 20_inferred.sql.';
CREATE INDEX ix_governance_build_authorization_request_ref
  ON public.governance_build_authorization (request_ref);
CREATE INDEX ix_governance_build_authorization_status
  ON public.governance_build_authorization (status);

RESET ROLE;
