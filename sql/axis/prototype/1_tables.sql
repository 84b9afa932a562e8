-- B2: the four tables of the axis prototype.
--
-- Needs before: a guarded transaction on a clone without any axis table.
-- Leaves: four empty tables in public. Undone by: the rollback of that transaction.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE TABLE public.axis_registry (
  axis_code text PRIMARY KEY,
  value_domain text NOT NULL,
  status text NOT NULL
    CHECK (status IN ('candidate', 'active', 'retired'))
);
COMMENT ON TABLE public.axis_registry IS
  'Axis prototype of pytest-oneroof; lives in one guarded transaction.';

CREATE TABLE public.axis_value (
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  value_code text NOT NULL,
  status text NOT NULL
    CHECK (status IN ('candidate', 'active', 'retired')),
  PRIMARY KEY (axis_code, value_code)
);
COMMENT ON TABLE public.axis_value IS
  'Axis prototype of pytest-oneroof; lives in one guarded transaction.';

CREATE TABLE public.axis_assignment (
  object_type text NOT NULL,
  object_ref text NOT NULL,
  axis_code text NOT NULL,
  value_code text NOT NULL,
  status text NOT NULL
    CHECK (status IN ('candidate', 'active', 'retired')),
  PRIMARY KEY (object_type, object_ref, axis_code, value_code),
  FOREIGN KEY (axis_code, value_code)
    REFERENCES public.axis_value (axis_code, value_code)
);
COMMENT ON TABLE public.axis_assignment IS
  'Axis prototype of pytest-oneroof; lives in one guarded transaction.';

CREATE TABLE public.coverage_rule (
  rule_code text PRIMARY KEY,
  axis_code text NOT NULL REFERENCES public.axis_registry (axis_code),
  applies_to text NOT NULL,
  coverage_mode text NOT NULL
    CHECK (coverage_mode IN ('cross_product', 'per_assignment')),
  status text NOT NULL
    CHECK (status IN ('candidate', 'active', 'retired'))
);
COMMENT ON TABLE public.coverage_rule IS
  'Axis prototype of pytest-oneroof; lives in one guarded transaction.';
