-- D1, D2: register the rehearsal's DOT tool; one row.
--
-- Needs before: a clone. Placeholders, filled by Python: code, status, tier.
--   With status published and tier NULL the registration is silent; active in tier A
--   it notifies context_pack_event. The origin DIRECTUS is trusted.
-- Leaves: the row, its birth, its labels, moved counts; returns the row's id, and
--   nothing at all where the database is not a clone (a placeholder and a DO block
--   cannot stand in one statement, so the name guard is its WHERE).
-- Undone by: the rollback; on a throw-away clone, its drop.

INSERT INTO public.dot_tools (
  code, name, name_en, description, classification, owner, script_path, token_type,
  category, status, tier, domain, operation, trigger_type, _dot_origin
)
SELECT
  %(code)s::text,
  'Dry coverage scanner (clone test)',
  'Dry coverage scanner (clone test)',
  'Reads ownership coverage and reports it; registered by a rehearsal, never run.',
  'script',
  'GOV-DOT',
  NULL,
  'none',
  'governance',
  %(status)s::text,
  %(tier)s::text,
  'monitoring.integrity',
  'coverage-scan',
  'manual',
  'DIRECTUS'
WHERE current_database() ~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$'
RETURNING id;
