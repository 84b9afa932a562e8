-- O6: who has been granted what on one relation, its owner left out.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- Placeholder, put in by Python as a literal: relation, a name with its schema.
-- Returns (grantee, privilege); PUBLIC is told as PUBLIC, a grant that may be handed
--   on with that. No row: nobody but the owner.

SELECT
  COALESCE(role.rolname::text, 'PUBLIC') AS grantee,
  held.privilege_type
    || CASE WHEN held.is_grantable THEN ' with grant option' ELSE '' END AS privilege
FROM pg_catalog.pg_class AS class
CROSS JOIN LATERAL aclexplode(class.relacl) AS held
LEFT JOIN pg_catalog.pg_roles AS role
  ON role.oid = held.grantee
WHERE class.oid = to_regclass(%(relation)s)
  AND held.grantee <> class.relowner
ORDER BY
  1,
  2;
