-- 309 DOT tools in their known distributions, and the rows around them.
--
-- Needs before: 13 and the domains, and no trigger of 62 yet. Leaves: dot_tools
--   284 to 592 (the older ones were deleted: their births remain), 20 operations,
--   11 required coverages, 67 domain rules, 54 commands and 55 runs.
-- Undone by: DROP DATABASE.
--
-- Known: tier A 60, B 230, none 19; status active 291, published 16, none 2;
-- paired_dot on 131, operation on 50, coverage_status missing on 103, file_path on
-- 228, script_path on 119; four of about 35 domains. The rest is inferred.

WITH domain_share (first_row, domain) AS (
  SELECT first_row, domain
  FROM (
    VALUES
      (1, 'collection'),
      (52, 'infrastructure.schema'),
      (93, 'infrastructure.sync'),
      (115, 'monitoring.integrity')
  ) AS known (first_row, domain)
  UNION ALL
  SELECT
    132 + (row_number() OVER (ORDER BY code COLLATE "C") - 1)::integer * 178 / 31,
    code
  FROM (
    SELECT code
    FROM public.dot_domains
    WHERE code NOT IN (
      'collection', 'infrastructure.schema',
      'infrastructure.sync', 'monitoring.integrity'
    )
    ORDER BY code COLLATE "C"
    LIMIT 31
  ) AS further
)
INSERT INTO public.dot_tools (
  id, status, date_created, code, name, name_en, description, classification,
  owner, script_path, token_type, category, usage_count, _dot_origin, tier, domain,
  operation, paired_dot, trigger_type, cron_schedule, file_path, coverage_status
)
SELECT
  283 + n,
  CASE WHEN n <= 291 THEN 'active' WHEN n <= 307 THEN 'published' END,
  timestamp '2026-01-15 08:00:00' + n * interval '7 hours',
  'DOT-' || (283 + n),
  'dot-' || replace(share.domain, '.', '-') || '-' || n,
  'DOT ' || n || ' of ' || share.domain,
  'Tool ' || n || ' of domain ' || share.domain || ', run by the external runner.',
  'script',
  'GOV-DOT',
  CASE WHEN n % 309 < 119 THEN '/opt/dot/bin/dot-' || n END,
  'none',
  split_part(share.domain, '.', 1),
  n % 40,
  'DIRECTUS',
  CASE WHEN n <= 60 THEN 'A' WHEN n <= 290 THEN 'B' END,
  share.domain,
  CASE WHEN n <= 50 THEN 'operation-' || (1 + n % 20) END,
  CASE WHEN n BETWEEN 100 AND 230 THEN 'DOT-' || (283 + n + 1) END,
  (ARRAY['cron', 'dual', 'event', 'manual', 'on-demand', 'on-deploy'])[1 + n % 6],
  CASE WHEN n % 6 = 0 THEN '0 3 * * *' END,
  CASE WHEN n <= 228 THEN '/opt/dot/lib/dot-' || n || '.py' END,
  CASE WHEN n > 103 THEN 'covered' END
FROM generate_series(1, 309) AS n
CROSS JOIN LATERAL (
  SELECT domain
  FROM domain_share
  WHERE first_row <= n
  ORDER BY first_row DESC
  LIMIT 1
) AS share
ORDER BY n;

INSERT INTO public.dot_operations (id, code, name)
SELECT n, 'operation-' || n, 'Operation ' || n
FROM generate_series(1, 20) AS n;

INSERT INTO public.dot_coverage_required (id, domain, operation, tier, description)
SELECT
  n,
  'infrastructure.schema',
  'operation-' || n,
  'A',
  'Operation ' || n || ' must have a tool of tier A.'
FROM generate_series(1, 11) AS n;

INSERT INTO public.dot_domain_rules (id, domain, rule, pattern, status)
SELECT
  n,
  (SELECT code FROM public.dot_domains WHERE id = 1 + n % 46),
  'rule-' || n,
  'dot-%-' || n,
  'active'
FROM generate_series(1, 67) AS n;

INSERT INTO public.dot_iu_command_catalog (id, command_code, description, status)
SELECT n, 'iu-command-' || n, 'Command ' || n || ' of the runner.', 'active'
FROM generate_series(1, 54) AS n;

INSERT INTO public.dot_iu_command_run (
  id, command_code, status, started_at, finished_at
)
SELECT
  n,
  'iu-command-' || (1 + n % 54),
  'succeeded',
  timestamptz '2026-05-01 00:00:00+00' + n * interval '6 hours',
  timestamptz '2026-05-01 00:01:00+00' + n * interval '6 hours'
FROM generate_series(1, 55) AS n;
