-- What is in scope moves with the release, what is out of scope must not. SELECT alone.
SELECT
  'out of scope' AS scope,
  'orders' AS metric,
  count(*) AS value
FROM sales.orders;
