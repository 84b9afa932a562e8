-- Which of the packet's steps stand in the database. SELECT alone.
SELECT
  '1' AS step,
  CASE count(*) WHEN 0 THEN 'in part' WHEN 2 THEN 'whole' ELSE 'in part' END AS state,
  count(*) || ' of 2 channels' AS found
FROM sales.channel;
