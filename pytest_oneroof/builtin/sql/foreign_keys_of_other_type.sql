-- Foreign keys whose columns have another type than what they refer to: a value may not fit, an index not serve.
SELECT pg_catalog.format('%s on %s: %s %s refers to %s', pg_catalog.quote_ident(c.conname), c.conrelid::pg_catalog.regclass,
         pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, NULL), pg_catalog.format_type(f.atttypid, NULL))
  FROM pg_catalog.pg_constraint AS c,
       ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) AS k (own, other),
       pg_catalog.pg_attribute AS a,
       pg_catalog.pg_attribute AS f
 WHERE c.contype = 'f'
   AND c.conparentid = 0
   AND a.attrelid = c.conrelid AND a.attnum = k.own
   AND f.attrelid = c.confrelid AND f.attnum = k.other
   AND a.atttypid <> f.atttypid
   -- texts of all kinds compare and are indexed alike
   AND NOT (a.atttypid IN ('text'::pg_catalog.regtype, 'varchar'::pg_catalog.regtype)
        AND f.atttypid IN ('text'::pg_catalog.regtype, 'varchar'::pg_catalog.regtype))
 ORDER BY 1
 LIMIT 200
