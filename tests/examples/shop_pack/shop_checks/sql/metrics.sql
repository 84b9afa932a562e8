-- The figures that entry and exit of a run must agree in: rows (name, value).
SELECT 'orders', count(*) FROM sales.orders
UNION ALL
SELECT 'audited', count(*) FROM sales.audit
UNION ALL
SELECT 'channel_tables', count(*)
  FROM pg_catalog.pg_class
 WHERE oid = to_regclass('sales.channel')
