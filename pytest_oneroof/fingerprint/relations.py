"""The part of the schema fingerprint's query that reads relations and what they bear.

Every SELECT yields (kind, identity, position, head, expression, tail): one line of
one object. Only `expression` is deparsed SQL and gets canonical; `tail` is verbatim.
Left out by construction: owners, oids, tablespaces, statistics (relhasindex,
reltuples, relpages) and NOT NULL constraints as objects (contype n, new in 18), which
are told with their column as before.
"""

from __future__ import annotations

# Storage options that are part of a definition (manual: CREATE TABLE, CREATE VIEW,
# ALTER TABLE … ALTER COLUMN … SET). A server may keep others there, as PostgreSQL 15.20
# keeps `pg_attver`: those are told by `UNKNOWN_OPTIONS`, and not compared.
COLUMN_OPTIONS = ["n_distinct", "n_distinct_inherited"]
RELATION_OPTIONS = [
    "check_option",
    "fillfactor",
    "log_autoanalyze_min_duration",
    "log_autovacuum_min_duration",
    "parallel_workers",
    "security_barrier",
    "security_invoker",
    "toast_tuple_target",
    "user_catalog_table",
    "vacuum_index_cleanup",
    "vacuum_max_eager_freeze_failure_rate",
    "vacuum_truncate",
]

# Names of options that no definition has, of the user's own columns and relations.
UNKNOWN_OPTIONS = """
SELECT DISTINCT split_part(o, '=', 1) COLLATE "C" AS name
  FROM (SELECT a.attoptions AS options, a.attrelid AS relation,
               %(column_options)s::text[] AS known
          FROM pg_attribute AS a WHERE a.attoptions IS NOT NULL AND a.attnum > 0
         UNION ALL
        SELECT c.reloptions, c.oid, %(relation_options)s::text[]
          FROM pg_class AS c
         WHERE c.reloptions IS NOT NULL AND c.relkind IN ('r', 'p', 'v', 'm')
       ) AS found
  JOIN pg_class AS c ON c.oid = relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', %(own)s),
       unnest(found.options) AS o
 WHERE split_part(o, '=', 1) <> ALL (known)
   AND split_part(o, '=', 1) !~ '^autovacuum_'
 ORDER BY name
"""

# What every role may read (manual, chapter 53); patterns are regular expressions.
COMMON = """
member AS MATERIALIZED (
  SELECT d.classid, d.objid
    FROM pg_depend AS d
   WHERE d.deptype = 'e'
),
namespace AS MATERIALIZED (
  SELECT n.oid, n.nspname, n.nspowner, n.nspacl
    FROM pg_namespace AS n
   WHERE n.nspname !~ '^pg_'
     AND n.nspname NOT IN ('information_schema', %(own)s)
     AND n.nspname ~ ANY (%(schemas)s)
),
relation AS MATERIALIZED (
  SELECT c.*, n.nspname, n.nspname || '.' || c.relname AS name,
         CASE c.relkind WHEN 'v' THEN 'view'
                        WHEN 'm' THEN 'materialized_view'
                        WHEN 'f' THEN 'foreign_table'
                        ELSE 'table' END AS kind
    FROM pg_class AS c
    JOIN namespace AS n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
     AND n.nspname || '.' || c.relname ~ ANY (%(relations)s)
     AND ('pg_class'::regclass, c.oid) NOT IN (SELECT * FROM member)
),
sequence AS MATERIALIZED (
  SELECT c.oid, c.relowner, c.relacl, c.relpersistence, s.*,
         n.nspname || '.' || c.relname AS name,
         o.name || '.' || a.attname AS owner_column
    FROM pg_class AS c
    JOIN namespace AS n ON n.oid = c.relnamespace
    JOIN pg_sequence AS s ON s.seqrelid = c.oid
    LEFT JOIN pg_depend AS d
      ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
     AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
     AND d.deptype IN ('a', 'i')
    LEFT JOIN relation AS o ON o.oid = d.refobjid
    LEFT JOIN pg_attribute AS a
      ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE (o.oid IS NOT NULL OR n.nspname || '.' || c.relname ~ ANY (%(relations)s))
     AND ('pg_class'::regclass, c.oid) NOT IN (SELECT * FROM member)
),
attribute AS MATERIALIZED (
  SELECT a.*, r.kind, r.name, r.relkind, r.relowner,
         row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS position
    FROM pg_attribute AS a
    JOIN relation AS r ON r.oid = a.attrelid
   WHERE a.attnum > 0
     AND NOT a.attisdropped
)"""

TABLES = """
SELECT r.kind, r.name AS identity, l.position, l.head, l.expression, l.tail
  FROM relation AS r
  LEFT JOIN pg_am AS m ON m.oid = r.relam AND m.amname <> 'heap'
  LEFT JOIN pg_foreign_table AS f ON f.ftrelid = r.oid
  LEFT JOIN pg_foreign_server AS v ON v.oid = f.ftserver,
       LATERAL (
         SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") AS options
           FROM unnest(r.reloptions) AS o
          WHERE split_part(o, '=', 1) = ANY (%(relation_options)s)
             OR split_part(o, '=', 1) ~ '^autovacuum_') AS w,
       LATERAL (VALUES
         (0, CASE r.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END
             || upper(replace(r.kind, '_', ' ')), NULL, NULL),
         (100000, 'PARTITION BY ', CASE r.relkind WHEN 'p'
             THEN pg_get_partkeydef(r.oid) END, NULL),
         (100001, CASE WHEN r.relispartition THEN 'PARTITION OF '
                       ELSE 'INHERITS ' END
             || (SELECT string_agg(i.inhparent::regclass::text, ', '
                                   ORDER BY i.inhseqno)
                   FROM pg_inherits AS i WHERE i.inhrelid = r.oid), NULL, NULL),
         (100002, '', pg_get_expr(r.relpartbound, r.oid), NULL),
         (100003, 'OF ' || nullif(r.reloftype, 0)::regtype::text, NULL, NULL),
         (100004, 'USING ' || m.amname, NULL, NULL),
         (100005, CASE WHEN w.options IS NOT NULL THEN 'WITH ' END, NULL, w.options),
         (100006, CASE WHEN r.relrowsecurity THEN 'ROW LEVEL SECURITY ENABLED' END,
             NULL, NULL),
         (100007, CASE WHEN r.relforcerowsecurity
                       THEN 'ROW LEVEL SECURITY FORCED' END, NULL, NULL),
         (100008, CASE r.relreplident
                  WHEN 'f' THEN 'REPLICA IDENTITY FULL'
                  WHEN 'n' THEN CASE WHEN r.relkind IN ('r', 'p')
                                     THEN 'REPLICA IDENTITY NOTHING' END
                  WHEN 'i' THEN 'REPLICA IDENTITY USING INDEX ' || (
                    SELECT i.indexrelid::regclass::text
                      FROM pg_index AS i
                     WHERE i.indrelid = r.oid AND i.indisreplident) END, NULL, NULL),
         (100009, 'SERVER ' || v.srvname, NULL, NULL),
         (100010, CASE WHEN f.ftoptions IS NOT NULL THEN 'OPTIONS ' END, NULL,
             array_to_string(f.ftoptions, ', ')),
         (100011, '', CASE WHEN r.relkind IN ('v', 'm')
                           THEN pg_get_viewdef(r.oid) END, NULL)
       ) AS l (position, head, expression, tail)
 WHERE CASE WHEN l.position IN (100000, 100002, 100011)
            THEN l.expression IS NOT NULL ELSE l.head IS NOT NULL END
"""

COLUMNS = """
SELECT a.kind, a.name, a.position,
       '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attcollation NOT IN (0, t.typcollation)
               THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || coalesce((SELECT CASE WHEN c.connoinherit THEN ' NO INHERIT' ELSE '' END
                           || CASE WHEN c.convalidated THEN '' ELSE ' NOT VALID' END
                      FROM pg_constraint AS c
                     WHERE c.conrelid = a.attrelid AND c.contype = 'n'
                       AND c.conkey = ARRAY[a.attnum]), '')
       || CASE a.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY'
                             WHEN 'd' THEN ' GENERATED BY DEFAULT AS IDENTITY'
                             ELSE '' END
       || CASE WHEN d.adbin IS NULL THEN ''
               WHEN a.attgenerated = '' THEN ' DEFAULT '
               ELSE ' GENERATED ALWAYS AS ' END,
       pg_get_expr(d.adbin, d.adrelid),
       CASE a.attgenerated WHEN 's' THEN ' STORED' WHEN 'v' THEN ' VIRTUAL'
                           ELSE '' END
       || CASE WHEN a.attstorage = t.typstorage OR a.relkind IN ('v', 'f') THEN ''
               ELSE ' STORAGE ' || a.attstorage::text END
       || CASE WHEN a.attcompression = '' THEN ''
               ELSE ' COMPRESSION ' || a.attcompression::text END
       || coalesce(' STATISTICS ' || nullif(a.attstattarget, -1), '')
       || coalesce(' SET (' || (
            SELECT string_agg(o, ', ' ORDER BY o COLLATE "C")
              FROM unnest(a.attoptions) AS o
             WHERE split_part(o, '=', 1) = ANY (%(column_options)s)) || ')', '')
       || coalesce(' OPTIONS (' || array_to_string(a.attfdwoptions, ', ') || ')', '')
  FROM attribute AS a
  JOIN pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
"""

CONSTRAINTS = """
SELECT 'constraint', r.name || '.' || c.conname, 0, '', pg_get_constraintdef(c.oid),
       coalesce(' -- ' || nullif((
         SELECT count(*) FROM pg_trigger AS t
          WHERE t.tgconstraint = c.oid AND t.tgisinternal AND t.tgenabled <> 'O'), 0)
       || ' of its triggers not enabled', '')
  FROM pg_constraint AS c
  JOIN relation AS r ON r.oid = c.conrelid
  LEFT JOIN pg_constraint AS p ON p.oid = c.conparentid
 WHERE c.contype IN ('c', 'f', 'p', 'u', 'x')
   -- a foreign key to a partitioned table repeats itself for every partition
   AND (c.contype <> 'f' OR p.conrelid IS DISTINCT FROM c.conrelid)
"""

INDEXES = """
SELECT 'index', r.nspname || '.' || i.relname, 0, '', pg_get_indexdef(i.oid),
       CASE WHEN x.indisvalid THEN '' ELSE ' -- INVALID' END
       || CASE WHEN x.indisclustered THEN ' -- CLUSTERED' ELSE '' END
  FROM pg_index AS x
  JOIN relation AS r ON r.oid = x.indrelid
  JOIN pg_class AS i ON i.oid = x.indexrelid
"""

_STATE = """CASE {} WHEN 'D' THEN ' -- DISABLED' WHEN 'A' THEN ' -- ENABLE ALWAYS'
            WHEN 'R' THEN ' -- ENABLE REPLICA' ELSE '' END"""

TRIGGERS = f"""
SELECT 'trigger', r.name || '.' || t.tgname, 0, '', pg_get_triggerdef(t.oid),
       {_STATE.format("t.tgenabled")}
  FROM pg_trigger AS t
  JOIN relation AS r ON r.oid = t.tgrelid
 WHERE NOT t.tgisinternal
"""

RULES = f"""
SELECT 'rule', r.name || '.' || w.rulename, 0, '', pg_get_ruledef(w.oid),
       {_STATE.format("w.ev_enabled")}
  FROM pg_rewrite AS w
  JOIN relation AS r ON r.oid = w.ev_class
 WHERE w.rulename <> '_RETURN'
"""

POLICIES = """
SELECT 'policy', r.name || '.' || p.polname, l.position, l.head, l.expression, NULL
  FROM pg_policy AS p
  JOIN relation AS r ON r.oid = p.polrelid,
       LATERAL (VALUES
         (0, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END
             || ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                                         WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                                         ELSE 'ALL' END
             || ' TO ' || coalesce((SELECT string_agg(n.label, ', ' ORDER BY n.label)
                                      FROM unnest(p.polroles) AS g
                                      JOIN role_name AS n ON n.oid = g),
                                   'roles left out'), NULL),
         (1, 'USING ', pg_get_expr(p.polqual, p.polrelid)),
         (2, 'WITH CHECK ', pg_get_expr(p.polwithcheck, p.polrelid))
       ) AS l (position, head, expression)
 WHERE l.position = 0 OR l.expression IS NOT NULL
"""

SEQUENCES = """
SELECT 'sequence', s.name, l.position, l.head, NULL, NULL
  FROM sequence AS s,
       LATERAL (VALUES
         (0, CASE s.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END
             || 'SEQUENCE AS ' || format_type(s.seqtypid, NULL)
             || ' START ' || s.seqstart || ' INCREMENT ' || s.seqincrement
             || ' MINVALUE ' || s.seqmin || ' MAXVALUE ' || s.seqmax
             || ' CACHE ' || s.seqcache
             || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END),
         (1, 'OWNED BY ' || s.owner_column)
       ) AS l (position, head)
 WHERE l.head IS NOT NULL
"""

STATISTICS = """
SELECT 'statistics', n.nspname || '.' || s.stxname, 0, '',
       pg_get_statisticsobjdef(s.oid), NULL
  FROM pg_statistic_ext AS s
  JOIN relation AS r ON r.oid = s.stxrelid
  JOIN pg_namespace AS n ON n.oid = s.stxnamespace
"""

PARTS = (
    TABLES,
    COLUMNS,
    CONSTRAINTS,
    INDEXES,
    TRIGGERS,
    RULES,
    POLICIES,
    SEQUENCES,
    STATISTICS,
)
