-- Each sequence that a column draws from, its table and column, where the largest value of the column is quickly found:
-- by an index that begins with it, or in a small table. `behind_at` is the value at which the next draw would collide.
SELECT s.seqrelid::pg_catalog.int8,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(q.relname) AS sequence,
       pg_catalog.quote_ident(o.nspname) || '.' || pg_catalog.quote_ident(t.relname) AS relation,
       pg_catalog.quote_ident(a.attname) AS attribute,
       CASE WHEN s.seqincrement > 0 THEN 'max' ELSE 'min' END AS extreme
  FROM pg_catalog.pg_sequence AS s
  JOIN pg_catalog.pg_class AS q ON q.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = q.relnamespace
  JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = q.oid AND d.deptype IN ('a', 'i')
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0
  JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid
  JOIN pg_catalog.pg_namespace AS o ON o.oid = t.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
 WHERE s.seqrelid::pg_catalog.int8 > %(after)s
   AND NOT s.seqcycle
   AND n.nspname <> 'oneroof'
   AND q.relpersistence <> 't'
   AND pg_catalog.has_schema_privilege(o.oid, 'USAGE')
   AND pg_catalog.has_column_privilege(t.oid, a.attnum, 'SELECT')
   AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
   -- asked of a relation that is none, the function raises
   AND CASE WHEN q.relkind = 'S' THEN pg_catalog.has_sequence_privilege(q.oid, 'SELECT') END
   AND NOT pg_catalog.row_security_active(t.oid)
   AND (t.reltuples BETWEEN 0 AND 100000
        OR EXISTS (SELECT FROM pg_catalog.pg_index AS i
                    WHERE i.indrelid = t.oid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum))
 ORDER BY 1
 LIMIT 100
