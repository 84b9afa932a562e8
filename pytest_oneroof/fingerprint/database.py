"""The part of the schema fingerprint's query that reads what belongs to no relation.

Rows as in `fingerprint_relations`. Members of an extension are summarised as the
extension; option values that look like secrets are never read out.
"""

from __future__ import annotations

SCHEMAS = """
SELECT 'schema' AS kind, n.nspname::text AS identity, 0 AS position, 'SCHEMA' AS head,
       NULL AS expression, NULL AS tail
  FROM namespace AS n
 WHERE %(database)s
   AND ('pg_namespace'::regclass, n.oid) NOT IN (SELECT * FROM member)
"""

EXTENSIONS = """
SELECT 'extension', x.extname, 0,
       'VERSION ' || x.extversion || ' SCHEMA ' || n.nspname, NULL, NULL
  FROM pg_extension AS x
  JOIN pg_namespace AS n ON n.oid = x.extnamespace
 WHERE %(database)s
"""

EVENT_TRIGGERS = """
SELECT 'event_trigger', t.evtname, 0,
       'ON ' || t.evtevent
       || coalesce(' WHEN TAG IN (' || (SELECT string_agg(g, ', ' ORDER BY g)
                                          FROM unnest(t.evttags) AS g) || ')', '')
       || ' EXECUTE FUNCTION ' || t.evtfoid::regprocedure, NULL,
       CASE t.evtenabled WHEN 'D' THEN ' -- DISABLED' WHEN 'A' THEN ' -- ENABLE ALWAYS'
                         WHEN 'R' THEN ' -- ENABLE REPLICA' ELSE '' END
  FROM pg_event_trigger AS t
 WHERE %(database)s
   AND ('pg_event_trigger'::regclass, t.oid) NOT IN (SELECT * FROM member)
"""

LANGUAGES = """
SELECT 'language', l.lanname, 0,
       concat_ws(' ', CASE WHEN l.lanpltrusted THEN 'TRUSTED' ELSE 'UNTRUSTED' END,
                 'HANDLER', nullif(l.lanplcallfoid, 0)::regproc,
                 nullif(l.laninline, 0)::regproc, nullif(l.lanvalidator, 0)::regproc),
       NULL, NULL
  FROM pg_language AS l
 WHERE %(database)s AND l.oid >= 16384
   AND ('pg_language'::regclass, l.oid) NOT IN (SELECT * FROM member)
"""

COLLATIONS = """
SELECT 'collation', n.nspname || '.' || c.collname, 0,
       -- the third locale's column is called otherwise before 17
       concat_ws(' ', 'PROVIDER', c.collprovider, 'LOCALE', c.collcollate, c.collctype,
                 coalesce(to_jsonb(c) ->> 'colllocale',
                          to_jsonb(c) ->> 'colliculocale'),
                 CASE WHEN c.collisdeterministic THEN 'DETERMINISTIC'
                      ELSE 'NONDETERMINISTIC' END), NULL, NULL
  FROM pg_collation AS c
  JOIN namespace AS n ON n.oid = c.collnamespace
 WHERE %(database)s
   AND ('pg_collation'::regclass, c.oid) NOT IN (SELECT * FROM member)
"""

OPERATORS = """
SELECT 'operator', o.oid::regoperator::text, 0,
       concat_ws(' ', 'FUNCTION', o.oprcode, 'COMMUTATOR',
                 nullif(o.oprcom, 0)::regoperator, 'NEGATOR',
                 nullif(o.oprnegate, 0)::regoperator,
                 nullif(o.oprrest::oid, 0)::regproc,
                 nullif(o.oprjoin::oid, 0)::regproc,
                 CASE WHEN o.oprcanhash THEN 'HASHES' END,
                 CASE WHEN o.oprcanmerge THEN 'MERGES' END), NULL, NULL
  FROM pg_operator AS o
  JOIN namespace AS n ON n.oid = o.oprnamespace
 WHERE %(database)s
   AND ('pg_operator'::regclass, o.oid) NOT IN (SELECT * FROM member)
"""

CASTS = """
SELECT 'cast',
       format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL), 0,
       concat_ws(' ', nullif(c.castfunc, 0)::regprocedure, c.castcontext,
                 c.castmethod), NULL, NULL
  FROM pg_cast AS c
 WHERE %(database)s AND c.oid >= 16384
   AND ('pg_cast'::regclass, c.oid) NOT IN (SELECT * FROM member)
"""

_NAMED = (
    ("pg_opclass", "opcnamespace"),
    ("pg_opfamily", "opfnamespace"),
    ("pg_ts_config", "cfgnamespace"),
    ("pg_ts_dict", "dictnamespace"),
    ("pg_ts_parser", "prsnamespace"),
    ("pg_ts_template", "tmplnamespace"),
    ("pg_conversion", "connamespace"),
)

# Of these kinds only the existence is told.
NAMED = "UNION ALL".join(
    f"""
SELECT replace(i.type, ' ', '_'), i.identity, 0, '', NULL, NULL
  FROM {catalog} AS o
  JOIN namespace AS n ON n.oid = o.{column},
       LATERAL pg_identify_object('{catalog}'::regclass, o.oid, 0) AS i
 WHERE %(database)s
   AND ('{catalog}'::regclass, o.oid) NOT IN (SELECT * FROM member)
"""
    for catalog, column in _NAMED
)

_OPTIONS = """(SELECT string_agg(
         CASE WHEN o ~* '^[^=]*(pass|secret|token|key)'
              THEN split_part(o, '=', 1) || '=***' ELSE o END,
         ', ' ORDER BY o COLLATE "C") FROM unnest({}) AS o)"""

FOREIGN = f"""
SELECT 'foreign_data_wrapper', w.fdwname, 0,
       concat_ws(' ', 'HANDLER', nullif(w.fdwhandler, 0)::regproc, 'VALIDATOR',
                 nullif(w.fdwvalidator, 0)::regproc),
       NULL, ' ' || {_OPTIONS.format("w.fdwoptions")}
  FROM pg_foreign_data_wrapper AS w
 WHERE %(database)s
   AND ('pg_foreign_data_wrapper'::regclass, w.oid) NOT IN (SELECT * FROM member)
UNION ALL
SELECT 'server', s.srvname, 0,
       concat_ws(' ', 'WRAPPER', w.fdwname, s.srvtype, s.srvversion), NULL,
       ' ' || {_OPTIONS.format("s.srvoptions")}
  FROM pg_foreign_server AS s
  JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
 WHERE %(database)s
UNION ALL
SELECT 'user_mapping', u.srvname || ' ' || n.label, 0, 'USER MAPPING', NULL, NULL
  FROM pg_user_mappings AS u
  JOIN role_name AS n ON n.oid = u.umuser
 WHERE %(database)s AND n.label IS NOT NULL
"""

REPLICATION = """
SELECT 'publication', p.pubname, 0,
       concat_ws(' ', CASE WHEN p.puballtables THEN 'ALL TABLES' END,
                 CASE WHEN p.pubinsert THEN 'INSERT' END,
                 CASE WHEN p.pubupdate THEN 'UPDATE' END,
                 CASE WHEN p.pubdelete THEN 'DELETE' END,
                 CASE WHEN p.pubtruncate THEN 'TRUNCATE' END,
                 CASE WHEN p.pubviaroot THEN 'VIA ROOT' END), NULL, NULL
  FROM pg_publication AS p
 WHERE %(database)s
UNION ALL
SELECT 'publication', p.pubname, 1, '  TABLE ' || r.prrelid::regclass || ' '
       || coalesce((SELECT string_agg(a.attname, ', ' ORDER BY a.attnum)
                      FROM pg_attribute AS a
                     WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)), ''),
       pg_get_expr(r.prqual, r.prrelid), NULL
  FROM pg_publication AS p
  JOIN pg_publication_rel AS r ON r.prpubid = p.oid
 WHERE %(database)s
UNION ALL
SELECT 'publication', p.pubname, 2, '  SCHEMA ' || r.pnnspid::regnamespace, NULL, NULL
  FROM pg_publication AS p
  JOIN pg_publication_namespace AS r ON r.pnpubid = p.oid
 WHERE %(database)s
UNION ALL
SELECT 'subscription', s.subname, 0,
       CASE WHEN s.subenabled THEN 'ENABLED ' ELSE 'DISABLED ' END
       || array_to_string(s.subpublications, ', '), NULL, NULL
  FROM pg_subscription AS s
  JOIN pg_database AS d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE %(database)s
"""

COMMENTS = """
SELECT 'comment', CASE WHEN a.attname IS NULL THEN o.kind ELSE 'column' END
       || ' ' || o.name || coalesce('.' || a.attname, ''), 0, '',
       NULL, d.description
  FROM (SELECT 'pg_namespace'::regclass AS class, n.oid, 'schema' AS kind,
               n.nspname::text AS name
          FROM namespace AS n
         WHERE %(database)s
        UNION ALL
        SELECT 'pg_class'::regclass, r.oid, r.kind, r.name FROM relation AS r
        UNION ALL
        SELECT 'pg_class'::regclass, s.oid, 'sequence', s.name FROM sequence AS s
        UNION ALL
        SELECT 'pg_class'::regclass, c.oid, 'index', r.nspname || '.' || c.relname
          FROM relation AS r
          JOIN pg_index AS i ON i.indrelid = r.oid
          JOIN pg_class AS c ON c.oid = i.indexrelid
        UNION ALL
        SELECT 'pg_proc'::regclass, p.oid, p.kind, p.name FROM routine AS p
        UNION ALL
        SELECT 'pg_type'::regclass, t.oid, 'type', t.name FROM type AS t
        UNION ALL
        SELECT 'pg_constraint'::regclass, c.oid, 'constraint',
               r.name || '.' || c.conname
          FROM pg_constraint AS c JOIN relation AS r ON r.oid = c.conrelid
        UNION ALL
        SELECT 'pg_trigger'::regclass, t.oid, 'trigger', r.name || '.' || t.tgname
          FROM pg_trigger AS t JOIN relation AS r ON r.oid = t.tgrelid
        UNION ALL
        SELECT 'pg_policy'::regclass, p.oid, 'policy', r.name || '.' || p.polname
          FROM pg_policy AS p JOIN relation AS r ON r.oid = p.polrelid
        UNION ALL
        SELECT 'pg_rewrite'::regclass, w.oid, 'rule', r.name || '.' || w.rulename
          FROM pg_rewrite AS w JOIN relation AS r ON r.oid = w.ev_class
        UNION ALL
        SELECT 'pg_event_trigger'::regclass, t.oid, 'event_trigger', t.evtname
          FROM pg_event_trigger AS t WHERE %(database)s
       ) AS o
  JOIN pg_description AS d ON d.classoid = o.class AND d.objoid = o.oid
  LEFT JOIN pg_attribute AS a
    ON d.objsubid > 0 AND a.attrelid = d.objoid AND a.attnum = d.objsubid
 WHERE %(comments)s
"""

PARTS = (
    SCHEMAS,
    EXTENSIONS,
    EVENT_TRIGGERS,
    LANGUAGES,
    COLLATIONS,
    OPERATORS,
    CASTS,
    NAMED,
    FOREIGN,
    REPLICATION,
    COMMENTS,
)
