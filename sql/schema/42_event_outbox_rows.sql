-- 191,904 outbox rows, none of domain governance; their content is inferred.
--
-- Needs before: 11, 20 and the event types, and no trigger of 60 yet.
-- Leaves: the rows, and 500 implicit reads of the newest.
-- Undone by: DROP DATABASE.
--
-- 180,000 rows are about system issues, the rest about information units.

-- MATERIALIZED, or the planner compares every number with every type.
WITH planned AS MATERIALIZED (
  SELECT
    n,
    CASE
      WHEN n <= 180000 THEN 'system'
      WHEN n % 2 = 0 THEN 'iu'
      ELSE 'piece'
    END AS event_domain,
    CASE
      WHEN n <= 180000 AND n % 6 < 4 THEN 'issue_opened'
      WHEN n <= 180000 AND n % 6 = 4 THEN 'issue_resolved'
      WHEN n <= 180000 THEN 'issue_archived'
      WHEN n % 2 = 0 THEN 'unit_updated'
      ELSE 'piece_updated'
    END AS event_type
  FROM generate_series(1, 191904) AS n
)
INSERT INTO public.event_outbox (
  id, event_domain, event_type, event_stream, delivery_lane, event_severity,
  event_subject_table, event_subject_ref, actor_ref, source_system,
  occurred_at, created_at
)
SELECT
  (lpad(to_hex(n), 8, '0') || substr(md5('event_outbox ' || n), 9))::uuid,
  planned.event_domain,
  planned.event_type,
  kind.event_stream,
  kind.delivery_lane,
  kind.default_severity,
  CASE WHEN n <= 180000 THEN 'system_issues' ELSE 'information_unit' END,
  CASE
    WHEN n <= 180000 THEN 'ISS-' || lpad((20610 + n)::text, 6, '0')
    ELSE 'IU-' || n
  END,
  CASE WHEN n <= 180000 THEN 'watchdog' ELSE 'cutter' END,
  'pg',
  timestamptz '2026-02-02 00:00:00+00' + n * interval '53 seconds',
  timestamptz '2026-02-02 00:00:00+00' + n * interval '53 seconds'
FROM planned
JOIN public.event_type_registry AS kind
  ON kind.event_domain = planned.event_domain
  AND kind.event_type = planned.event_type;

INSERT INTO public.event_read (event_id, actor_ref, read_status_source, read_at)
SELECT
  (lpad(to_hex(n), 8, '0') || substr(md5('event_outbox ' || n), 9))::uuid,
  'watchdog',
  'implicit_self',
  timestamptz '2026-02-02 00:00:00+00' + n * interval '53 seconds'
FROM generate_series(179501, 180000) AS n;
