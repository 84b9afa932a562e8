-- Information units: two governed collections that live outside schema public.
--
-- Needs before: 01. Leaves: iu_core.iu_staging_record and
--   iu_core.iu_staging_payload, and public.iu_metadata_tag, empty.
-- Undone by: DROP DATABASE.

SET ROLE directus;

CREATE TABLE iu_core.iu_staging_record (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  code text CONSTRAINT iu_staging_record_code_key UNIQUE,
  source_ref text,
  staging_state text,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE iu_core.iu_staging_record IS
  'Staged information units; registered as collection iu_staging_record.';

CREATE TABLE iu_core.iu_staging_payload (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  record_id uuid NOT NULL REFERENCES iu_core.iu_staging_record (id) ON DELETE CASCADE,
  code text CONSTRAINT iu_staging_payload_code_key UNIQUE,
  payload jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE iu_core.iu_staging_payload IS
  'Payloads of staged units; registered as collection iu_staging_payload.';

CREATE TABLE public.iu_metadata_tag (
  id serial PRIMARY KEY,
  unit_ref text NOT NULL,
  tag text NOT NULL,
  label_code text,
  CONSTRAINT uq_iu_metadata_tag UNIQUE (unit_ref, tag)
);
COMMENT ON TABLE public.iu_metadata_tag IS 'Tags of information units.';

RESET ROLE;
