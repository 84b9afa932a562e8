-- Databases whose oldest transaction or multixact id is past half of what the server can count (2^31 ids).
SELECT pg_catalog.format('%s: %s transaction ids, %s multixact ids since its last freeze', pg_catalog.quote_ident(d.datname),
         pg_catalog.age(d.datfrozenxid), pg_catalog.mxid_age(d.datminmxid))
  FROM pg_catalog.pg_database AS d
 WHERE pg_catalog.age(d.datfrozenxid) > 1073741824
    OR pg_catalog.mxid_age(d.datminmxid) > 1073741824
 ORDER BY 1
 LIMIT 200
