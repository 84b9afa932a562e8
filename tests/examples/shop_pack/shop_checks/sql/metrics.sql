-- The figures that entry and exit of a run must agree in: rows (name, value).
SELECT 'orders', count(*) FROM sales.orders
UNION ALL
SELECT 'audited', count(*) FROM sales.audit
