-- O6: who has been granted what on one relation, its owner left out. On a clone also
--   its stand-ins: roles of the clone's own that repeat the grants of the application's.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- Placeholder, put in by Python as a literal: relation, a name with its schema.
-- Returns (grantee, privilege); PUBLIC is told as PUBLIC, a grant on one column with
--   its name, one that may be handed on with that. No row: nobody but the owner.

WITH held AS (
  SELECT class.relowner, acl.grantee, acl.privilege_type, acl.is_grantable
  FROM pg_catalog.pg_class AS class
  CROSS JOIN LATERAL aclexplode(class.relacl) AS acl
  WHERE class.oid = to_regclass(%(relation)s)
  UNION ALL
  SELECT
    class.relowner,
    acl.grantee,
    acl.privilege_type || ' (' || attribute.attname || ')',
    acl.is_grantable
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = class.oid
  CROSS JOIN LATERAL aclexplode(attribute.attacl) AS acl
  WHERE class.oid = to_regclass(%(relation)s)
    AND NOT attribute.attisdropped
)
SELECT
  COALESCE(role.rolname::text, 'PUBLIC') AS grantee,
  held.privilege_type
    || CASE WHEN held.is_grantable THEN ' with grant option' ELSE '' END AS privilege
FROM held
LEFT JOIN pg_catalog.pg_roles AS role
  ON role.oid = held.grantee
WHERE held.grantee <> held.relowner
  AND NOT (
    starts_with(
      COALESCE(shobj_description(held.grantee, 'pg_authid'), ''),
      'pytest-oneroof role of clone '
    )
    AND pg_has_role(session_user, held.grantee, 'MEMBER')
  )
ORDER BY
  1,
  2;
