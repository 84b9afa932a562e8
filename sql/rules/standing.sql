-- The rules of one table that are in force, one line of text for each.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
-- Placeholder, put in by Python as a literal: table, a name with its schema.
--
-- Told by what a rule does, not by its name, and without the spelling of its text:
-- a CHECK by its columns, the literals and the operators in it (of = and ANY nothing
-- is told), a foreign key with what it does on delete, a trigger by its moment and
-- function. Triggers that are disabled are left out.

SELECT told
FROM (
  SELECT
    CASE constr.contype
      WHEN 'c' THEN format(
        'check (%s): %s%s', keys.names, COALESCE(words.told, ''), '; ' || turns.told
      )
      WHEN 'f' THEN format(
        'foreign key (%s) to %s%s%s',
        keys.names,
        constr.confrelid::regclass,
        CASE constr.confdeltype
          WHEN 'c' THEN ' on delete cascade'
          WHEN 'n' THEN ' on delete set null'
          WHEN 'd' THEN ' on delete set default'
          WHEN 'r' THEN ' on delete restrict'
        END,
        CASE WHEN constr.condeferrable THEN ' deferrable' END
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
  CROSS JOIN LATERAL (
    SELECT string_agg(
      DISTINCT word[1] COLLATE "C", ', ' ORDER BY word[1] COLLATE "C"
    ) AS told
    FROM regexp_matches(
      regexp_replace(
        pg_catalog.pg_get_constraintdef(constr.oid), '''[^'']*''', '', 'g'
      ),
      '(<>|<=|>=|<|>|\?\||\mNOT\M|\mOR\M|\mAND\M|\mNULL\M|\mtrue\M|\mfalse\M)',
      'g'
    ) AS word
  ) AS turns
  WHERE constr.conrelid = %(table)s::regclass
    AND constr.contype IN ('c', 'f', 'p', 'u')
    AND constr.convalidated
  UNION ALL
  SELECT
    format(
      'unique (%s) where %s%s',
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
      ),
      '; ' || (
        SELECT string_agg(
          DISTINCT word[1] COLLATE "C", ', ' ORDER BY word[1] COLLATE "C"
        )
        FROM regexp_matches(
          regexp_replace(
            pg_catalog.pg_get_expr(guard.indpred, guard.indrelid),
            '''[^'']*''',
            '',
            'g'
          ),
          '(<>|<=|>=|<|>|\?\||\mNOT\M|\mOR\M|\mAND\M|\mNULL\M|\mtrue\M|\mfalse\M)',
          'g'
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
      '%s %s%s',
      CASE WHEN fired.tgtype::integer & 2 = 2 THEN 'before' ELSE 'after' END,
      fired.tgfoid::regproc,
      CASE WHEN fired.tgqual IS NOT NULL THEN ' on a condition' END
    )
  FROM pg_catalog.pg_trigger AS fired
  WHERE fired.tgrelid = %(table)s::regclass
    AND NOT fired.tgisinternal
    AND fired.tgenabled IN ('O', 'A')
  UNION ALL
  SELECT format('not null (%s)', attribute.attname)
  FROM pg_catalog.pg_attribute AS attribute
  WHERE attribute.attrelid = %(table)s::regclass
    AND attribute.attnum > 0
    AND attribute.attnotnull
    AND NOT attribute.attisdropped
) AS rule
ORDER BY told COLLATE "C";
