-- Indexes that a failed CREATE INDEX CONCURRENTLY or ATTACH left: kept up, and of no use.
SELECT pg_catalog.format('%s on %s (%s)', i.indexrelid::pg_catalog.regclass, i.indrelid::pg_catalog.regclass,
         CASE WHEN NOT i.indislive THEN 'being dropped'
              WHEN NOT i.indisready THEN 'not ready'
              ELSE 'invalid' END)
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
   AND n.nspname !~ '^pg_(temp|toast_temp)_'
 ORDER BY 1
 LIMIT 200
