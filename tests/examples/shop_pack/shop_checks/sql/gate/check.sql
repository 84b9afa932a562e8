-- The facts of the gate, one row.
SELECT
  current_database() = coalesce(
    nullif(current_setting('oneroof.target_database', true), ''), 'shop'
  ) AS is_target,
  (SELECT count(*) FROM sales.audit WHERE what LIKE 'approved channels as %')
    AS approved,
  to_regclass('sales.channel') IS NULL AS absent;
