-- B5: owners by axis, beside the ownership table, and the view that reads both.
--
-- Needs before: prototype/1_tables.sql and 2_views.sql in the same transaction.
-- Leaves: table axis_object_ownership, empty; v_axis_effective_owner reading it for
--   every axis but responsibility, which keeps its own path.
-- Undone by: the rollback of that transaction.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE TABLE public.axis_object_ownership (
  object_type text NOT NULL,
  object_ref text NOT NULL,
  axis_code text NOT NULL,
  value_code text NOT NULL,
  owner_gov_code text NOT NULL REFERENCES public.governance_registry (code),
  PRIMARY KEY (object_type, object_ref, axis_code, value_code),
  FOREIGN KEY (axis_code, value_code)
    REFERENCES public.axis_value (axis_code, value_code)
);
COMMENT ON TABLE public.axis_object_ownership IS
  'Axis prototype of pytest-oneroof; lives in one guarded transaction.';

CREATE OR REPLACE VIEW public.v_axis_effective_owner AS
SELECT
  'responsibility'::text AS axis_code,
  owner.scope AS value_code,
  owner.object_type,
  owner.object_ref,
  owner.owner_gov_code
FROM public.v_object_effective_owner AS owner
WHERE owner.owner_kind = 'accountable'
UNION ALL
SELECT
  owned.axis_code,
  owned.value_code,
  owned.object_type,
  owned.object_ref,
  owned.owner_gov_code
FROM public.axis_object_ownership AS owned
WHERE owned.axis_code <> 'responsibility';
