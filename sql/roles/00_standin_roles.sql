-- Roles of the stand-in production: who owns, who writes, who reads.
--
-- Needs before: a superuser session on database postgres; once per server.
-- Leaves: roles directus (owns the application's objects), workflow_admin
--   (writes; a superuser in production, an ordinary role here, so that no test
--   can lean on its power) and context_pack_readonly; none of them can log in.
-- Undone by: DROP OWNED BY and DROP ROLE of the three, database directus dropped.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY
    ARRAY['directus', 'workflow_admin', 'context_pack_readonly']
  LOOP
    IF NOT EXISTS (
      SELECT FROM pg_catalog.pg_roles AS role WHERE role.rolname = wanted
    ) THEN
      EXECUTE format(
        'CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION',
        wanted
      );
    END IF;
  END LOOP;
END
$$;
