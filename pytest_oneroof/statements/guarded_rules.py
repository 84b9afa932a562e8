"""What a guarded check may not send, as data.

These are the things that a rollback does not undo and that nothing shows afterwards,
and those that would disarm the proof. What a rollback undoes, and what the proof finds
and puts back (sequences, session locks, prepared statements), is allowed.
"""

from __future__ import annotations

from pytest_oneroof.statements import lexical, tree
from pytest_oneroof.statements.rules import Row

COMMITS = (
    "code that must commit: @pytest.mark.oneroof(isolation='savepoint') or "
    "isolation='database'; a part that may fail: with connection.transaction()"
)
NO_BEGIN = "leave it out: the transaction is open; for a part: connection.transaction()"
OUTSIDE = (
    "do it before the run, outside of the checks, and let the check read its effect"
)
CLIENT = "COPY … TO STDOUT or FROM STDIN, and read or write the file in the test"
OURS = "leave it out: schema oneroof and oneroof.pass hold the proof of this check"
DATABASE = "@pytest.mark.oneroof(isolation='database') gives a throw-away database"
OTHER_SESSION = "let the session end by itself, or end it from outside of the checks"

ROWS: tuple[Row, ...] = (
    (
        "verb",
        "COMMIT",
        "it would make the check's changes permanent",
        COMMITS,
        "commit",
    ),
    (
        "verb",
        "ROLLBACK",
        "it would end the transaction that is proved and rolled back",
        "ROLLBACK TO a savepoint that the check opened, or connection.transaction()",
        "rollback",
    ),
    (
        "verb",
        "BEGIN",
        "the check's transaction is already open",
        NO_BEGIN,
        "begin|start",
    ),
    (
        "verb",
        "PREPARE TRANSACTION",
        "it would outlive the check with all its locks",
        DATABASE,
        "prepare",
    ),
    (
        "verb",
        "COMMIT or ROLLBACK PREPARED",
        "it ends a transaction that is not the check's",
        DATABASE,
        "commit_prepared|rollback_prepared",
    ),
    (
        "verb",
        "{} of a savepoint the check did not open",
        "it may belong to the proof",
        "name a savepoint that this check has opened by SAVEPOINT, or open it first",
        "release|rollback_to",
    ),
    (
        "text",
        "SAVEPOINT oneroof…",
        "names that begin so are the proof's own",
        "take another name",
        "own savepoint",
    ),
    (
        "text",
        "transaction control in text that cannot be parsed",
        "its effect cannot be told",
        "send the part that cannot be parsed as a statement of its own",
        "unparsed savepoint",
    ),
    # Not oneroof.*: our SQL files take their settings by such names.
    ("setting", "SET {}", "it disarms the proof of this check", OURS, "oneroof.pass*"),
    (
        "written",
        "a change of {}",
        "it holds the proof of every check",
        OURS,
        f"{tree.OWN_SCHEMA_ITSELF}|{tree.OWN_SCHEMA}.*",
    ),
    (
        "next mode",
        "SET {}",
        "what follows a played commit() keeps this mode",
        DATABASE,
        "default_transaction_*",
    ),
    (
        "trait",
        "COPY to or from a {}",
        "a rollback does not undo it and nothing shows it",
        CLIENT,
        f"{lexical.SERVER_FILE}|{lexical.SERVER_PROGRAM}",
    ),
    (
        "call beside",
        "pg_logical_emit_message",
        "not transactional, it stays in the log of changes",
        "pass true as its first argument, literally",
        "pg_logical_emit_message",
    ),
    (
        "call beside",
        "pg_cancel_backend",
        "it reaches into another session",
        OTHER_SESSION,
        "pg_cancel_backend",
    ),
    (
        "statement",
        "{}",
        "it changes the server's configuration, not the database",
        "SET LOCAL, which the rollback undoes",
        "AlterSystemStmt",
    ),
    (
        "statement",
        "{}",
        "it loads code that a rollback does not unload",
        OUTSIDE,
        "LoadStmt",
    ),
    (
        "statement",
        "{}",
        "it acts on the server, beside the clone",
        OUTSIDE,
        "CreatedbStmt|DropdbStmt|CreateTableSpaceStmt|DropTableSpaceStmt",
    ),
    (
        "statement",
        "{}",
        "it opens a path out of the clone that no rollback covers",
        "a local table or view of the same name in its place",
        "CreateSubscriptionStmt|AlterSubscriptionStmt|DropSubscriptionStmt|"
        "CreateForeignServerStmt|AlterForeignServerStmt|CreateUserMappingStmt|"
        "AlterUserMappingStmt|CreateForeignTableStmt|ImportForeignSchemaStmt|"
        "CreateFdwStmt|AlterFdwStmt",
    ),
    (
        "statement",
        "{}",
        "its routines run outside of what can be proved",
        "SQL or PL/pgSQL",
        "CreatePLangStmt",
    ),
    (
        "language",
        "code in language {}",
        "it can act outside of the database, unseen",
        "SQL, PL/pgSQL, or another trusted language",
        "*",
    ),
    (
        "extension",
        "CREATE EXTENSION {}",
        "its routines act outside of this transaction",
        "install it before the clone is made; its calls stay refused in checks",
        "dblink|*_fdw|plpython*u|plperlu|pltclu|plsh|plr|pljava|"
        "adminpack|http|pg_net|pg_cron|pg_background|pg_surgery",
    ),
    (
        "function",
        "{}()",
        "it reads or writes a file of the server",
        "lo_from_bytea and lo_get, or psycopg's large objects",
        "lo_export|lo_import",
    ),
    (
        "any function",
        "{}()",
        "it works in a session of its own, out of the rollback's reach",
        "do it in the check's own transaction",
        "dblink|dblink_exec|dblink_connect|dblink_connect_u|dblink_open|"
        "dblink_send_query|pg_background_launch|pg_background_launch_v2",
    ),
    (
        "any function",
        "{}()",
        "what it sends cannot be taken back",
        "put a function of the test's own in its place",
        "http_get|http_post|http_put|http_patch|http_delete|http_head",
    ),
    (
        "any function",
        "{}()",
        "it changes files of the server",
        OUTSIDE,
        "pg_file_write|pg_file_unlink|pg_file_rename|pg_file_sync",
    ),
    (
        "any function",
        "{}()",
        "it changes pages under the transaction",
        OUTSIDE,
        "heap_force_kill|heap_force_freeze|pg_truncate_visibility_map",
    ),
    (
        "function",
        "{}()",
        "it ends other sessions",
        OTHER_SESSION,
        "pg_terminate_backend",
    ),
    (
        "function",
        "{}()",
        "it acts on the server, beside the clone",
        OUTSIDE,
        "pg_backup_start|pg_backup_stop|pg_start_backup|pg_stop_backup|pg_reload_conf|"
        "pg_rotate_logfile|pg_rotate_logfile_*|pg_promote|pg_wal_replay_pause|"
        "pg_wal_replay_resume|pg_log_backend_memory_contexts|pg_nextoid|"
        "pg_stop_making_pinned_objects",
    ),
    (
        "function",
        "{}()",
        "what it writes to the log of changes stays there",
        OUTSIDE,
        "pg_switch_wal|pg_create_restore_point|pg_log_standby_snapshot",
    ),
    (
        "function",
        "{}()",
        "a rollback does not undo what it does to replication",
        OUTSIDE,
        "pg_create_physical_replication_slot|pg_create_logical_replication_slot|"
        "pg_copy_physical_replication_slot|pg_copy_logical_replication_slot|"
        "pg_drop_replication_slot|pg_replication_slot_advance|"
        "pg_sync_replication_slots|pg_logical_slot_get_changes|"
        "pg_logical_slot_get_binary_changes|pg_replication_origin_advance|"
        "pg_replication_origin_session_setup|pg_replication_origin_session_reset",
    ),
    ("function", "{}()", "the counters it clears are gone", OUTSIDE, "pg_stat_reset*"),
    (
        "any function",
        "{}()",
        "the counters it clears are gone",
        OUTSIDE,
        "pg_stat_*_reset",
    ),
)
