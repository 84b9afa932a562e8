-- The rules of one table that are in force, one line of text for each.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- Placeholder, put in by Python as a literal: table, a name with its schema.
--
-- Told by what a rule does, not by its name, and without the spelling of its text:
-- a CHECK by its columns and the literals in it, a trigger by its moment and
-- function. Not-null rules and triggers that are disabled are left out.

SELECT told
FROM (
  SELECT
    CASE constr.contype
      WHEN 'c' THEN format('check (%s): %s', keys.names, COALESCE(words.told, ''))
      WHEN 'f' THEN format(
        'foreign key (%s) to %s', keys.names, constr.confrelid::regclass
      )
      WHEN 'p' THEN format('primary key (%s)', keys.names)
      ELSE format('unique (%s)', keys.names)
    END AS told
  FROM pg_catalog.pg_constraint AS constr
  CROSS JOIN LATERAL (
    SELECT string_agg(attribute.attname, ', ' ORDER BY attribute.attname COLLATE "C")
      AS names
    FROM pg_catalog.pg_attribute AS attribute
    WHERE attribute.attrelid = constr.conrelid
      AND attribute.attnum = ANY (constr.conkey)
  ) AS keys
  CROSS JOIN LATERAL (
    SELECT string_agg(
      DISTINCT word[1] COLLATE "C", ', ' ORDER BY word[1] COLLATE "C"
    ) AS told
    FROM regexp_matches(
      pg_catalog.pg_get_constraintdef(constr.oid), '''([^'']+)''', 'g'
    ) AS word
  ) AS words
  WHERE constr.conrelid = %(table)s::regclass
    AND constr.contype IN ('c', 'f', 'p', 'u')
    AND constr.convalidated
  UNION ALL
  SELECT
    format(
      'unique (%s) where %s',
      (
        SELECT string_agg(attribute.attname, ', ' ORDER BY attribute.attname COLLATE "C")
        FROM pg_catalog.pg_attribute AS attribute
        WHERE attribute.attrelid = guard.indexrelid
      ),
      (
        SELECT string_agg(
      DISTINCT word[1] COLLATE "C", ', ' ORDER BY word[1] COLLATE "C"
    )
        FROM regexp_matches(
          pg_catalog.pg_get_expr(guard.indpred, guard.indrelid), '''([^'']+)''', 'g'
        ) AS word
      )
    )
  FROM pg_catalog.pg_index AS guard
  WHERE guard.indrelid = %(table)s::regclass
    AND guard.indisunique
    AND guard.indisvalid
    AND NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_constraint AS constr
      WHERE constr.conindid = guard.indexrelid
        AND constr.contype IN ('p', 'u', 'x')
    )
  UNION ALL
  SELECT
    format(
      '%s %s',
      CASE WHEN fired.tgtype::integer & 2 = 2 THEN 'before' ELSE 'after' END,
      fired.tgfoid::regproc
    )
  FROM pg_catalog.pg_trigger AS fired
  WHERE fired.tgrelid = %(table)s::regclass
    AND NOT fired.tgisinternal
    AND fired.tgenabled IN ('O', 'A')
) AS rule
ORDER BY told COLLATE "C";
