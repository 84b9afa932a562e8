-- Drop the read contract: seven views and one function, where they are there.
--
-- Needs before: a clone. Leaves: none of the eight. Undone by: E1 to E8 again.
-- Without CASCADE: what somebody has built upon one of them makes it fail.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

DROP VIEW IF EXISTS
  public.v_api_coverage_summary,
  public.v_api_coverage_by_scope,
  public.v_api_coverage_by_owner,
  public.v_api_coverage_by_object,
  public.v_api_coverage_gaps,
  public.v_api_coverage_scan_status,
  public.v_api_coverage_events;
DROP FUNCTION IF EXISTS public.fn_api_coverage_ownership_detail(text);

COMMIT;
