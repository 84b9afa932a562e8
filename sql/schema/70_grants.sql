-- What the other roles may do; PUBLIC keeps PostgreSQL's defaults.
--
-- Needs before: every table and view. Leaves: context_pack_readonly may read,
--   workflow_admin may write, but not delete from governance_registry.
-- Undone by: DROP DATABASE.

SET ROLE directus;

GRANT USAGE ON SCHEMA public, iu_core, cutter_governance, sandbox_tac
  TO context_pack_readonly, workflow_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA public, iu_core TO context_pack_readonly;
GRANT SELECT, INSERT, UPDATE, DELETE
  ON ALL TABLES IN SCHEMA public, iu_core TO workflow_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public, iu_core TO workflow_admin;
REVOKE DELETE ON public.governance_registry FROM workflow_admin;

RESET ROLE;
