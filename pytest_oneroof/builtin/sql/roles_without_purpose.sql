-- Roles that can log in, own nothing and are granted nothing, in any database, and belong to no other role.
SELECT pg_catalog.quote_ident(r.rolname)
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolcanlogin
   AND NOT (r.rolsuper OR r.rolreplication OR r.rolcreatedb OR r.rolcreaterole)
   AND NOT EXISTS (
     SELECT FROM pg_catalog.pg_shdepend AS d
      WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m WHERE m.member = r.oid)
 ORDER BY 1
 LIMIT 200
