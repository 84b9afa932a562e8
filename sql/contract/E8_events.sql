-- E8, GET /coverage/events: a row for each governance event type, and what it emitted.
--
-- Needs before: the event tables, and no relation of this name.
-- Leaves: view v_api_coverage_events. Undone by: the rollback, or drop_contract.sql.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE VIEW public.v_api_coverage_events WITH (security_invoker = true) AS
WITH emitted AS (
  SELECT
    event_type,
    count(*) AS events
  FROM public.event_outbox
  WHERE event_domain = 'governance'
  GROUP BY event_type
)
SELECT
  kind.event_type,
  kind.event_stream,
  kind.delivery_lane,
  kind.active,
  COALESCE(emitted.events, 0) AS emitted
FROM public.event_type_registry AS kind
LEFT JOIN emitted
  ON emitted.event_type = kind.event_type
WHERE kind.event_domain = 'governance'
ORDER BY kind.event_type COLLATE "C";
COMMENT ON VIEW public.v_api_coverage_events IS
  'pytest-oneroof, read contract E8: GET /coverage/events; drop_contract.sql.';
