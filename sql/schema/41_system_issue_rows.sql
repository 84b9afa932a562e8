-- 200,480 system issues, the count of 2026-06-02; the content is inferred.
--
-- Needs before: 12, and no trigger of 61 yet. Leaves: rows 131 to 200610 (older
--   ones were deleted: their births remain). Undone by: DROP DATABASE.

INSERT INTO public.system_issues (
  id, code, title, severity, status, source, source_system, entity_type,
  entity_code, issue_type, issue_class, first_seen_at, last_seen_at,
  occurrence_count, reopen_count, detected_at, resolved_at
)
SELECT
  n,
  'ISS-' || lpad(n::text, 6, '0'),
  (ARRAY[
    'Birth row missing', 'Page does not render', 'Sync lags behind',
    'Watchdog silent', 'Contract broken'
  ])[1 + n % 5],
  (ARRAY['info', 'warning', 'info', 'warning', 'critical'])[1 + (n / 5) % 5],
  CASE
    WHEN n % 10 < 2 THEN 'open'
    WHEN n % 10 < 9 THEN 'resolved'
    ELSE 'archived'
  END,
  'watchdog',
  'pg',
  'collection',
  (ARRAY['COL-001', 'COL-003', 'COL-011', 'COL-025'])[1 + n % 4],
  'health_check',
  (ARRAY[
    'data_fault', 'render_fault', 'sync_fault', 'watchdog_fault', 'contract_fault'
  ])[1 + n % 5],
  timestamptz '2026-01-20 00:00:00+00' + n * interval '57 seconds',
  timestamptz '2026-01-20 00:00:00+00' + n * interval '57 seconds',
  1,
  0,
  timestamptz '2026-01-20 00:00:00+00' + n * interval '57 seconds',
  CASE
    WHEN n % 10 >= 2
      THEN timestamptz '2026-01-20 06:00:00+00' + n * interval '57 seconds'
  END
FROM generate_series(131, 200610) AS n;
