-- The four schemas of the One Roof database; public is already there.
--
-- Needs before: an empty database owned by role directus, a superuser session.
-- Leaves: schemas iu_core, cutter_governance and sandbox_tac, owned by directus.
-- Undone by: DROP DATABASE; every file of sql/schema/ is undone by that alone.

SET ROLE directus;

CREATE SCHEMA iu_core;
COMMENT ON SCHEMA iu_core IS
  'Information units; holds two governed collections outside public.';

CREATE SCHEMA cutter_governance;
COMMENT ON SCHEMA cutter_governance IS
  'Governance of the text cutter; no table of it is known to us.';

CREATE SCHEMA sandbox_tac;
COMMENT ON SCHEMA sandbox_tac IS
  'Sandbox of text as code; no table of it is known to us.';

RESET ROLE;
