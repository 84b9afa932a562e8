-- Directus' own tables, with the columns of version 10.13 and no secret.
--
-- Needs before: 01. Leaves: 22 empty tables. Undone by: DROP DATABASE.
--
-- Identifiers are character(36), as production shows them, so that the foreign
-- keys of the application's char(36) columns can hold (listed in 20_inferred.sql).

SET ROLE directus;

CREATE TABLE public.directus_roles (
  id character(36) PRIMARY KEY,
  name varchar(100) NOT NULL,
  icon varchar(64) NOT NULL DEFAULT 'supervised_user_circle',
  description text,
  ip_access text,
  enforce_tfa boolean NOT NULL DEFAULT false,
  admin_access boolean NOT NULL DEFAULT false,
  app_access boolean NOT NULL DEFAULT true
);

CREATE TABLE public.directus_users (
  id character(36) PRIMARY KEY,
  first_name varchar(50),
  last_name varchar(50),
  email varchar(128) CONSTRAINT directus_users_email_unique UNIQUE,
  password varchar(255),
  location varchar(255),
  title varchar(50),
  description text,
  tags json,
  avatar character(36),
  language varchar(255),
  tfa_secret varchar(255),
  status varchar(16) NOT NULL DEFAULT 'active',
  role character(36)
    CONSTRAINT directus_users_role_foreign
    REFERENCES public.directus_roles (id) ON DELETE SET NULL,
  token varchar(255) CONSTRAINT directus_users_token_unique UNIQUE,
  last_access timestamptz,
  last_page varchar(255),
  provider varchar(128) NOT NULL DEFAULT 'default',
  external_identifier varchar(255)
    CONSTRAINT directus_users_external_identifier_unique UNIQUE,
  auth_data json,
  email_notifications boolean DEFAULT true,
  appearance varchar(255),
  theme_dark varchar(255),
  theme_light varchar(255),
  theme_light_overrides json,
  theme_dark_overrides json
);

CREATE TABLE public.directus_folders (
  id character(36) PRIMARY KEY,
  name varchar(255) NOT NULL,
  parent character(36)
    CONSTRAINT directus_folders_parent_foreign REFERENCES public.directus_folders (id)
);

CREATE TABLE public.directus_files (
  id character(36) PRIMARY KEY,
  storage varchar(255) NOT NULL,
  filename_disk varchar(255),
  filename_download varchar(255) NOT NULL,
  title varchar(255),
  type varchar(255),
  folder character(36)
    CONSTRAINT directus_files_folder_foreign
    REFERENCES public.directus_folders (id) ON DELETE SET NULL,
  uploaded_by character(36)
    CONSTRAINT directus_files_uploaded_by_foreign REFERENCES public.directus_users (id),
  uploaded_on timestamptz NOT NULL DEFAULT now(),
  modified_by character(36)
    CONSTRAINT directus_files_modified_by_foreign REFERENCES public.directus_users (id),
  modified_on timestamptz NOT NULL DEFAULT now(),
  charset varchar(50),
  filesize bigint,
  width integer,
  height integer,
  duration integer,
  embed varchar(200),
  description text,
  location text,
  tags text,
  metadata json,
  focal_point_x integer,
  focal_point_y integer
);

CREATE TABLE public.directus_collections (
  collection varchar(64) PRIMARY KEY,
  icon varchar(64),
  note text,
  display_template varchar(255),
  hidden boolean NOT NULL DEFAULT false,
  singleton boolean NOT NULL DEFAULT false,
  translations json,
  archive_field varchar(64),
  archive_app_filter boolean NOT NULL DEFAULT true,
  archive_value varchar(255),
  unarchive_value varchar(255),
  sort_field varchar(64),
  accountability varchar(255) DEFAULT 'all',
  color varchar(255),
  item_duplication_fields json,
  sort integer,
  "group" varchar(64)
    CONSTRAINT directus_collections_group_foreign
    REFERENCES public.directus_collections (collection),
  collapse varchar(255) NOT NULL DEFAULT 'open',
  preview_url varchar(255),
  versioning boolean NOT NULL DEFAULT false
);

CREATE TABLE public.directus_fields (
  id serial PRIMARY KEY,
  collection varchar(64) NOT NULL,
  field varchar(64) NOT NULL,
  special varchar(64),
  interface varchar(64),
  options json,
  display varchar(64),
  display_options json,
  readonly boolean NOT NULL DEFAULT false,
  hidden boolean NOT NULL DEFAULT false,
  sort integer,
  width varchar(30) DEFAULT 'full',
  translations json,
  note text,
  conditions json,
  required boolean DEFAULT false,
  "group" varchar(64),
  validation json,
  validation_message text
);

CREATE TABLE public.directus_relations (
  id serial PRIMARY KEY,
  many_collection varchar(64) NOT NULL,
  many_field varchar(64) NOT NULL,
  one_collection varchar(64),
  one_field varchar(64),
  one_collection_field varchar(64),
  one_allowed_collections text,
  junction_field varchar(64),
  sort_field varchar(64),
  one_deselect_action varchar(255) NOT NULL DEFAULT 'nullify'
);

CREATE TABLE public.directus_permissions (
  id serial PRIMARY KEY,
  role character(36)
    CONSTRAINT directus_permissions_role_foreign
    REFERENCES public.directus_roles (id) ON DELETE CASCADE,
  collection varchar(64) NOT NULL,
  action varchar(10) NOT NULL,
  permissions json,
  validation json,
  presets json,
  fields text
);

CREATE TABLE public.directus_presets (
  id serial PRIMARY KEY,
  bookmark varchar(255),
  "user" character(36)
    CONSTRAINT directus_presets_user_foreign
    REFERENCES public.directus_users (id) ON DELETE CASCADE,
  role character(36)
    CONSTRAINT directus_presets_role_foreign
    REFERENCES public.directus_roles (id) ON DELETE CASCADE,
  collection varchar(64),
  search varchar(100),
  layout varchar(100) DEFAULT 'tabular',
  layout_query json,
  layout_options json,
  refresh_interval integer,
  filter json,
  icon varchar(64) DEFAULT 'bookmark',
  color varchar(255)
);

CREATE TABLE public.directus_settings (
  id serial PRIMARY KEY,
  project_name varchar(100) NOT NULL DEFAULT 'Directus',
  project_url varchar(255),
  project_color varchar(255) NOT NULL DEFAULT '#6644FF',
  project_logo character(36)
    CONSTRAINT directus_settings_project_logo_foreign
    REFERENCES public.directus_files (id),
  public_note text,
  auth_login_attempts integer DEFAULT 25,
  auth_password_policy varchar(100),
  storage_asset_transform varchar(7) DEFAULT 'all',
  custom_css text,
  basemaps json,
  module_bar json,
  project_descriptor varchar(100),
  default_language varchar(255) NOT NULL DEFAULT 'en-US',
  custom_aspect_ratios json,
  default_appearance varchar(255) NOT NULL DEFAULT 'auto'
);

CREATE TABLE public.directus_activity (
  id serial PRIMARY KEY,
  action varchar(45) NOT NULL,
  "user" character(36),
  "timestamp" timestamptz NOT NULL DEFAULT now(),
  ip varchar(50),
  user_agent text,
  collection varchar(64) NOT NULL,
  item varchar(255) NOT NULL,
  comment text,
  origin varchar(255)
);

CREATE TABLE public.directus_versions (
  id character(36) PRIMARY KEY,
  key varchar(64) NOT NULL,
  name varchar(255),
  collection varchar(64) NOT NULL
    CONSTRAINT directus_versions_collection_foreign
    REFERENCES public.directus_collections (collection) ON DELETE CASCADE,
  item varchar(255) NOT NULL,
  hash varchar(255),
  date_created timestamptz DEFAULT now(),
  date_updated timestamptz DEFAULT now(),
  user_created character(36)
    CONSTRAINT directus_versions_user_created_foreign
    REFERENCES public.directus_users (id) ON DELETE SET NULL,
  user_updated character(36)
    CONSTRAINT directus_versions_user_updated_foreign
    REFERENCES public.directus_users (id)
);

CREATE TABLE public.directus_revisions (
  id serial PRIMARY KEY,
  activity integer NOT NULL
    CONSTRAINT directus_revisions_activity_foreign
    REFERENCES public.directus_activity (id) ON DELETE CASCADE,
  collection varchar(64) NOT NULL,
  item varchar(255) NOT NULL,
  data json,
  delta json,
  parent integer
    CONSTRAINT directus_revisions_parent_foreign
    REFERENCES public.directus_revisions (id),
  version character(36)
    CONSTRAINT directus_revisions_version_foreign
    REFERENCES public.directus_versions (id) ON DELETE CASCADE
);

CREATE TABLE public.directus_sessions (
  token varchar(64) PRIMARY KEY,
  "user" character(36)
    CONSTRAINT directus_sessions_user_foreign
    REFERENCES public.directus_users (id) ON DELETE CASCADE,
  expires timestamptz NOT NULL,
  ip varchar(255),
  user_agent text,
  share character(36),
  origin varchar(255)
);

CREATE TABLE public.directus_flows (
  id character(36) PRIMARY KEY,
  name varchar(255) NOT NULL,
  icon varchar(64),
  color varchar(255),
  description text,
  status varchar(255) NOT NULL DEFAULT 'active',
  trigger varchar(255),
  accountability varchar(255) DEFAULT 'all',
  options json,
  operation character(36) CONSTRAINT directus_flows_operation_unique UNIQUE,
  date_created timestamptz DEFAULT now(),
  user_created character(36)
    CONSTRAINT directus_flows_user_created_foreign
    REFERENCES public.directus_users (id) ON DELETE SET NULL
);

CREATE TABLE public.directus_operations (
  id character(36) PRIMARY KEY,
  name varchar(255),
  key varchar(255) NOT NULL,
  type varchar(255) NOT NULL,
  position_x integer NOT NULL,
  position_y integer NOT NULL,
  options json,
  resolve character(36),
  reject character(36),
  flow character(36) NOT NULL
    CONSTRAINT directus_operations_flow_foreign
    REFERENCES public.directus_flows (id) ON DELETE CASCADE,
  date_created timestamptz DEFAULT now(),
  user_created character(36)
);

CREATE TABLE public.directus_dashboards (
  id character(36) PRIMARY KEY,
  name varchar(255) NOT NULL,
  icon varchar(64) NOT NULL DEFAULT 'dashboard',
  note text,
  date_created timestamptz DEFAULT now(),
  user_created character(36),
  color varchar(255)
);

CREATE TABLE public.directus_panels (
  id character(36) PRIMARY KEY,
  dashboard character(36) NOT NULL
    CONSTRAINT directus_panels_dashboard_foreign
    REFERENCES public.directus_dashboards (id) ON DELETE CASCADE,
  name varchar(255),
  icon varchar(64),
  color varchar(10),
  show_header boolean NOT NULL DEFAULT false,
  note text,
  type varchar(255) NOT NULL,
  position_x integer NOT NULL,
  position_y integer NOT NULL,
  width integer NOT NULL,
  height integer NOT NULL,
  options json,
  date_created timestamptz DEFAULT now(),
  user_created character(36)
);

CREATE TABLE public.directus_notifications (
  id serial PRIMARY KEY,
  "timestamp" timestamptz DEFAULT now(),
  status varchar(255) DEFAULT 'inbox',
  recipient character(36) NOT NULL
    CONSTRAINT directus_notifications_recipient_foreign
    REFERENCES public.directus_users (id) ON DELETE CASCADE,
  sender character(36),
  subject varchar(255) NOT NULL,
  message text,
  collection varchar(64),
  item varchar(255)
);

CREATE TABLE public.directus_translations (
  id character(36) PRIMARY KEY,
  language varchar(255) NOT NULL,
  key varchar(255) NOT NULL,
  value text NOT NULL
);

CREATE TABLE public.directus_extensions (
  id character(36) PRIMARY KEY,
  enabled boolean NOT NULL DEFAULT true,
  folder varchar(255) NOT NULL,
  source varchar(255) NOT NULL,
  bundle character(36)
);

CREATE TABLE public.directus_migrations (
  version varchar(255) PRIMARY KEY,
  name varchar(255) NOT NULL,
  "timestamp" timestamptz DEFAULT now()
);

DO $$
DECLARE
  made text;
BEGIN
  FOR made IN
    SELECT class.relname
    FROM pg_catalog.pg_class AS class
    WHERE class.relnamespace = 'public'::regnamespace
      AND class.relkind = 'r'
      AND class.relname ~ '^directus_'
    ORDER BY class.relname
  LOOP
    EXECUTE format(
      'COMMENT ON TABLE public.%I IS %L',
      made,
      'System table of Directus, minimal rows, no secret.'
    );
  END LOOP;
END
$$;

RESET ROLE;
