-- Extensions of an older version than the one whose files the server has: ALTER EXTENSION … UPDATE is due.
SELECT pg_catalog.format('%s %s, the server has %s', pg_catalog.quote_ident(e.extname), e.extversion, a.default_version)
  FROM pg_catalog.pg_extension AS e
  JOIN pg_catalog.pg_available_extensions AS a ON a.name = e.extname
 WHERE a.default_version <> e.extversion
 ORDER BY 1
 LIMIT 200
