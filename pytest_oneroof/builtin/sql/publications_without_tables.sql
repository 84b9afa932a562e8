-- Publications that publish nothing.
SELECT pg_catalog.quote_ident(p.pubname)
  FROM pg_catalog.pg_publication AS p
 WHERE NOT p.puballtables
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS r WHERE r.prpubid = p.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_namespace AS s WHERE s.pnpubid = p.oid)
 ORDER BY 1
 LIMIT 200
