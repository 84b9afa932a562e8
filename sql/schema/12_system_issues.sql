-- Issues of the running system; not a free write: see 61 for its nine triggers.
--
-- Needs before: 01. Leaves: system_issues, empty. Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE public.system_issues (
  id serial PRIMARY KEY,
  code varchar(255),
  title varchar(255) NOT NULL,
  description text,
  severity varchar(255)
    CONSTRAINT chk_system_issues_severity CHECK (
      severity IN ('critical', 'warning', 'info')
    ),
  -- 'active' was met beside open, resolved and archived: so no CHECK.
  status varchar(255),
  source varchar(255),
  source_system varchar(255),
  entity_type varchar(255),
  entity_code varchar(255),
  issue_type varchar(255),
  issue_class varchar(255),
  sub_class varchar(255),
  evidence_snapshot json,
  run_id varchar(255),
  coalesce_key text,
  violation_hash varchar(255),
  business_logic_hash varchar(255),
  first_seen_at timestamptz,
  last_seen_at timestamptz,
  occurrence_count integer,
  reopen_count integer,
  detected_at timestamptz,
  resolved_at timestamptz
);
COMMENT ON TABLE public.system_issues IS
  'Issues found by watchdogs; an INSERT also writes a birth row and an outbox row.';

RESET ROLE;
