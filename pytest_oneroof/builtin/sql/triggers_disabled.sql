-- Triggers, those of foreign keys too, that do not fire in an ordinary session.
SELECT pg_catalog.format('%s on %s%s', pg_catalog.quote_ident(t.tgname), t.tgrelid::pg_catalog.regclass,
         CASE WHEN t.tgisinternal THEN pg_catalog.format(' (of constraint %s)', pg_catalog.quote_ident(c.conname)) ELSE '' END)
  FROM pg_catalog.pg_trigger AS t
  LEFT JOIN pg_catalog.pg_constraint AS c ON c.oid = t.tgconstraint
 WHERE t.tgenabled = 'D'
 ORDER BY 1
 LIMIT 200
