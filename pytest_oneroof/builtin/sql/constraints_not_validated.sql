-- Constraints that new rows must obey, and that old rows were never checked against.
SELECT pg_catalog.format('%s on %s', pg_catalog.quote_ident(c.conname), c.conrelid::pg_catalog.regclass)
  FROM pg_catalog.pg_constraint AS c
 WHERE NOT c.convalidated
   AND c.contype IN ('c', 'f')
   AND c.conparentid = 0
   AND pg_catalog.left(c.connamespace::pg_catalog.regnamespace::pg_catalog.text, 3) <> 'pg_'
 ORDER BY 1
 LIMIT 200
