-- Event triggers that are switched off.
SELECT pg_catalog.format('%s on %s', pg_catalog.quote_ident(e.evtname), e.evtevent)
  FROM pg_catalog.pg_event_trigger AS e
 WHERE e.evtenabled = 'D'
 ORDER BY 1
 LIMIT 200
