-- K6: the axis substrate in little: six tables, a marked row each, one view; mutates.
--
-- Needs before: a guarded transaction on a clone without axis tables.
-- Leaves: what Z_axis_substrate_drop_clone.sql has to find and to drop. The tables
--   refer to each other and the view to one of them, as in the real build, so that
--   the order of dropping is tried too. Undone by: the rollback of the check.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE TABLE public.axis_registry (
  axis_code text PRIMARY KEY,
  created_by text NOT NULL
);

CREATE TABLE public.axis_value (
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  value_code text NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (axis_code, value_code)
);

CREATE TABLE public.axis_assignment (
  object_ref text NOT NULL,
  axis_code text NOT NULL,
  value_code text NOT NULL,
  created_by text NOT NULL,
  FOREIGN KEY (axis_code, value_code)
    REFERENCES public.axis_value (axis_code, value_code)
);

CREATE TABLE public.coverage_rule (
  rule_code text PRIMARY KEY,
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  created_by text NOT NULL
);

CREATE TABLE public.axis_object_ownership (
  object_ref text NOT NULL,
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  owner_gov_code text NOT NULL REFERENCES public.governance_registry (code),
  created_by text NOT NULL
);

CREATE TABLE public.axis_candidate_finding (
  finding_type text NOT NULL,
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  created_by text NOT NULL
);

CREATE VIEW public.v_axis_required_cell AS
SELECT
  axis_code,
  value_code
FROM public.axis_value;

COMMENT ON TABLE public.axis_registry IS 'Probe of the drop script; never committed.';
COMMENT ON TABLE public.axis_value IS 'Probe of the drop script; never committed.';
COMMENT ON TABLE public.axis_assignment IS 'Probe of the drop script; never committed.';
COMMENT ON TABLE public.coverage_rule IS 'Probe of the drop script; never committed.';
COMMENT ON TABLE public.axis_object_ownership IS
  'Probe of the drop script; never committed.';
COMMENT ON TABLE public.axis_candidate_finding IS
  'Probe of the drop script; never committed.';
COMMENT ON VIEW public.v_axis_required_cell IS
  'Probe of the drop script; never committed.';

INSERT INTO public.axis_registry (axis_code, created_by)
VALUES ('probe', 'TEST_CLONE_K6');

INSERT INTO public.axis_value (axis_code, value_code, created_by)
VALUES ('probe', 'one', 'TEST_CLONE_K6');

INSERT INTO public.axis_assignment (object_ref, axis_code, value_code, created_by)
VALUES ('agents', 'probe', 'one', 'TEST_CLONE_K6');

INSERT INTO public.coverage_rule (rule_code, axis_code, created_by)
VALUES ('CR-PROBE', 'probe', 'TEST_CLONE_K6');

INSERT INTO public.axis_object_ownership (
  object_ref, axis_code, owner_gov_code, created_by
)
VALUES ('agents', 'probe', 'GOV-DOT', 'TEST_CLONE_K6');

INSERT INTO public.axis_candidate_finding (finding_type, axis_code, created_by)
VALUES ('missing_owner', 'probe', 'TEST_CLONE_K6');
