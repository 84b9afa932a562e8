"""The tripwire: a deferred constraint that no commit of a check gets past.

Made once with the clone, in schema `oneroof`, owned by the administrator: the
check role may insert its row, as whichever role it acts, and nothing else.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

CREATE = """
SET LOCAL session_replication_role = replica;
DROP SCHEMA IF EXISTS oneroof CASCADE;
CREATE SCHEMA oneroof;
COMMENT ON SCHEMA oneroof IS
  'pytest-oneroof: the tripwire of this clone. Goes with the clone.';
CREATE UNLOGGED TABLE oneroof.tripwire (nonce text NOT NULL);
COMMENT ON TABLE oneroof.tripwire IS
  'pytest-oneroof: one row per check, whose deferred trigger refuses to commit.';
CREATE FUNCTION oneroof.refuse_commit() RETURNS trigger
LANGUAGE plpgsql
AS $refuse$
BEGIN
  IF pg_catalog.current_setting('oneroof.pass', true)
    OPERATOR(pg_catalog.=) NEW.nonce
  THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'oneroof: a guarded check may not commit'
    USING ERRCODE = 'invalid_transaction_termination',
          HINT = 'The check ends in a rollback. For code that commits: '
                 '@pytest.mark.oneroof(isolation="savepoint").';
END
$refuse$;
COMMENT ON FUNCTION oneroof.refuse_commit() IS
  'pytest-oneroof: raises at commit, unless oneroof.pass is the row''s nonce.';
REVOKE ALL ON FUNCTION oneroof.refuse_commit() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER tripwire
  AFTER INSERT ON oneroof.tripwire
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION oneroof.refuse_commit();
"""


def set_tripwire(on_database: Connection, *roles: str) -> None:
    """Create schema `oneroof` anew, and let these roles insert a check's row.

    Within the transaction that is open.
    """
    on_database.execute(CREATE)
    to = sql.SQL(", ").join(map(sql.Identifier, roles))
    for grant in (
        "GRANT USAGE ON SCHEMA oneroof TO {}",
        "GRANT INSERT ON oneroof.tripwire TO {}",
    ):
        on_database.execute(sql.SQL(grant).format(to))
