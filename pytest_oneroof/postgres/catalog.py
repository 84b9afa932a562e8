"""What the catalogs say of a database: the facts that the guard judges.

The queries run on the connection that will write, as its own role, and read
only what every role may read (manual, chapter 53).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from pytest_oneroof.postgres.facts import Facts, SessionFacts, parse_facts
from pytest_oneroof.postgres.outward import read_ways_out
from pytest_oneroof.postgres.search_path import own_names

# Predefined roles (manual, 22.5) through which a role reaches past its database.
POWERFUL_ROLES = (
    "pg_checkpoint",
    "pg_create_subscription",
    "pg_execute_server_program",
    "pg_maintain",
    "pg_read_server_files",
    "pg_signal_autovacuum_worker",
    "pg_signal_backend",
    "pg_write_all_data",
    "pg_write_server_files",
)

SESSIONS = """
SELECT coalesce(jsonb_agg(jsonb_build_object(
         'pid', a.pid, 'role', u.rolname,
         'application', a.application_name) ORDER BY a.pid), '[]')
  FROM pg_catalog.pg_stat_get_activity(NULL) AS a
  JOIN pg_catalog.pg_roles AS u ON u.oid = a.usesysid
 WHERE a.datid = (SELECT d.oid FROM pg_catalog.pg_database AS d
                   WHERE d.datname = pg_catalog.current_database())
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.leader_pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
   AND NOT a.pid = ANY (%(own_pids)s)
"""
FACTS = """
WITH RECURSIVE
here AS (
  SELECT d.oid, d.datname, d.datdba, d.datistemplate
    FROM pg_catalog.pg_database AS d
   WHERE d.datname = pg_catalog.current_database()
),
closure (member, role) AS (
  SELECT r.oid, r.oid FROM pg_catalog.pg_roles AS r
  UNION
  SELECT c.member, m.roleid
    FROM closure AS c
    JOIN pg_catalog.pg_auth_members AS m ON m.member = c.role
),
flags AS (
  SELECT r.oid, f.power, NULL::bigint AS database_oid
    FROM pg_catalog.pg_roles AS r,
         LATERAL (VALUES (r.rolsuper, 'superuser'),
                         (r.rolcreatedb, 'createdb'),
                         (r.rolcreaterole, 'createrole'),
                         (r.rolreplication, 'replication'),
                         (r.rolbypassrls, 'bypassrls'),
                         (r.rolname = ANY (%(powerful)s), r.rolname::text)
                 ) AS f (held, power)
   WHERE f.held
  UNION ALL
  SELECT d.datdba, 'owner of database ' || d.datname, d.oid::bigint
    FROM pg_catalog.pg_database AS d
   WHERE d.oid <> (SELECT oid FROM here)
  UNION ALL
  SELECT DISTINCT s.refobjid, 'owner of objects in database ' || d.datname,
         d.oid::bigint
    FROM pg_catalog.pg_shdepend AS s
    JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
   WHERE s.deptype = 'o'
     AND s.refclassid = 'pg_catalog.pg_authid'::regclass
     AND d.datallowconn  -- one in the making: nobody can get at what is in it
     AND d.oid <> (SELECT oid FROM here)
),
powers AS (
  SELECT c.member AS oid,
         pg_catalog.jsonb_build_object(
           'what', f.power,
           'through', CASE WHEN c.role = c.member THEN '' ELSE r.rolname::text END,
           'database_oid', f.database_oid) AS power
    FROM closure AS c
    JOIN flags AS f ON f.oid = c.role
    JOIN pg_catalog.pg_roles AS r ON r.oid = c.role
),
me AS (SELECT oid, rolname FROM pg_catalog.pg_roles WHERE rolname = session_user)
SELECT pg_catalog.jsonb_build_object(
  'database', (SELECT datname FROM here),
  'database_oid', (SELECT oid::bigint FROM here),
  'system_identifier',
    (SELECT system_identifier::text FROM pg_catalog.pg_control_system()),
  'server_host', pg_catalog.host(pg_catalog.inet_server_addr()),
  'server_port', coalesce(pg_catalog.inet_server_port(),
                          pg_catalog.current_setting('port')::int),
  'server_version', pg_catalog.current_setting('server_version'),
  'in_recovery', pg_catalog.pg_is_in_recovery(),
  'is_template', (SELECT datistemplate FROM here),
  'comment', pg_catalog.shobj_description((SELECT oid FROM here), 'pg_database'),
  'role', session_user,
  'owner', (SELECT pg_catalog.pg_get_userbyid(datdba) FROM here),
  'powers', (SELECT coalesce(jsonb_agg(power ORDER BY power), '[]')
               FROM powers WHERE oid = (SELECT oid FROM me)),
  'sessions', ({sessions}),
  'connectors', (SELECT coalesce(jsonb_agg(r.rolname ORDER BY r.rolname), '[]')
                   FROM pg_catalog.pg_roles AS r
                  WHERE r.rolcanlogin AND NOT r.rolsuper
                    AND pg_catalog.has_database_privilege(
                          r.oid, (SELECT oid FROM here), 'CONNECT')),
  'public_connects', (SELECT EXISTS (
       SELECT FROM pg_catalog.pg_database AS d,
                   pg_catalog.aclexplode(coalesce(
                     d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
        WHERE d.oid = (SELECT oid FROM here)
          AND a.grantee = 0 AND a.privilege_type = 'CONNECT')),
  'databases', (SELECT jsonb_agg(jsonb_build_object(
                         'name', d.datname, 'oid', d.oid::bigint,
                         'comment', pg_catalog.shobj_description(
                           d.oid, 'pg_database'),
                         'reachable', d.datallowconn
                           AND pg_catalog.has_database_privilege(
                                 session_user, d.oid, 'CONNECT'))
                         ORDER BY d.datname)
                  FROM pg_catalog.pg_database AS d),
  'outward', (SELECT coalesce(jsonb_agg(found ORDER BY found), '[]') FROM (
      SELECT 'foreign server ' || srvname AS found
        FROM pg_catalog.pg_foreign_server
      UNION ALL
      SELECT 'user mapping of ' || usename || ' on ' || srvname
        FROM pg_catalog.pg_user_mappings
      UNION ALL
      SELECT 'subscription ' || subname FROM pg_catalog.pg_subscription
       WHERE subdbid = (SELECT oid FROM here)
      UNION ALL
      SELECT 'job table ' || n.nspname || '.' || c.relname
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE (n.nspname, c.relname) IN (('cron', 'job'), ('pgagent', 'pga_job'))
      ) AS paths),
  'definers', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'routine', p.oid::regprocedure::text,
                        'owner', pg_catalog.pg_get_userbyid(p.proowner),
                        'extension', (
                          SELECT x.extname
                            FROM pg_catalog.pg_depend AS d
                            JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
                           WHERE d.classid = 'pg_catalog.pg_proc'::regclass
                             AND d.objid = p.oid AND d.deptype = 'e'
                             AND d.refclassid = 'pg_catalog.pg_extension'::regclass),
                        'powers', w.powers) ORDER BY p.oid::regprocedure::text), '[]')
                 FROM pg_catalog.pg_proc AS p
                 JOIN (SELECT oid, jsonb_agg(power ORDER BY power) AS powers
                         FROM powers GROUP BY oid) AS w ON w.oid = p.proowner
                WHERE p.prosecdef
                  AND p.proowner <> (SELECT oid FROM me)
                  AND (p.prorettype = 'pg_catalog.trigger'::regtype
                       OR pg_catalog.has_function_privilege(
                            session_user, p.oid, 'EXECUTE'))),
  'tripwire', pg_catalog.to_regclass('oneroof.tripwire') IS NOT NULL
)
""".replace("{sessions}", SESSIONS)


def read_facts(
    connection: psycopg.Connection[Any], *, own_pids: Sequence[int] = ()
) -> Facts:
    """Return the facts of the connected database, as the connected role sees it.

    Sessions of `own_pids` are not counted as foreign.
    """
    values = {"own_pids": list(own_pids), "powerful": list(POWERFUL_ROLES)}
    with own_names(connection):
        row = connection.execute(FACTS, values).fetchone()
    assert row is not None
    info, ways = connection.info, read_ways_out(connection)
    return parse_facts(row[0], info.host, info.hostaddr, info.port, ways)


def read_sessions(connection: psycopg.Connection[Any]) -> tuple[SessionFacts, ...]:
    """Return the other sessions on the connected database."""
    with own_names(connection):
        row = connection.execute(SESSIONS, {"own_pids": []}).fetchone()
    assert row is not None
    return tuple(SessionFacts(**value) for value in row[0])
