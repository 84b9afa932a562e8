-- B4: a second axis, topic, as a candidate: three values, three assignments, a rule.
--
-- Needs before: prototype/1_tables.sql in the same transaction; the collections
--   agents, modules and workflows. Leaves: the rows. All but the axis itself are
--   active, so that its candidate status alone is what keeps the cells out.
-- Undone by: the rollback of that transaction.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

INSERT INTO public.axis_registry (axis_code, value_domain, status)
VALUES ('topic', 'topic', 'candidate');

INSERT INTO public.axis_value (axis_code, value_code, status)
VALUES
  ('topic', 'ai-ops', 'active'),
  ('topic', 'governance', 'active'),
  ('topic', 'workflow', 'active');

INSERT INTO public.axis_assignment (
  object_type, object_ref, axis_code, value_code, status
)
VALUES
  ('collection', 'agents', 'topic', 'ai-ops', 'active'),
  ('collection', 'modules', 'topic', 'governance', 'active'),
  ('collection', 'workflows', 'topic', 'workflow', 'active');

INSERT INTO public.coverage_rule (
  rule_code, axis_code, applies_to, coverage_mode, status
)
VALUES ('CR-TOPIC-ASSIGNED', 'topic', 'collection', 'per_assignment', 'active');
