-- B2: the implicit axis as a row: responsibility, its values, its rule.
--
-- Needs before: prototype/1_tables.sql in the same transaction.
-- Leaves: one active axis, one value per active scope, rule CR-RESP-ALL.
-- Undone by: the rollback of that transaction.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

INSERT INTO public.axis_registry (axis_code, value_domain, status)
VALUES ('responsibility', 'governance_responsibility_scope', 'active');

INSERT INTO public.axis_value (axis_code, value_code, status)
SELECT 'responsibility', scope_code, 'active'
FROM public.governance_responsibility_scope
WHERE status = 'active'
ORDER BY scope_code;

INSERT INTO public.coverage_rule (
  rule_code, axis_code, applies_to, coverage_mode, status
)
VALUES ('CR-RESP-ALL', 'responsibility', 'collection', 'cross_product', 'active');
