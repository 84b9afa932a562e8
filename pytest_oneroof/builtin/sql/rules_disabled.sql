-- Rewrite rules that are switched off.
SELECT pg_catalog.format('%s on %s', pg_catalog.quote_ident(r.rulename), r.ev_class::pg_catalog.regclass)
  FROM pg_catalog.pg_rewrite AS r
 WHERE r.ev_enabled = 'D'
 ORDER BY 1
 LIMIT 200
