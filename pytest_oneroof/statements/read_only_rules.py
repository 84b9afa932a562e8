"""What a read-only check may not send, as data.

READ ONLY does not stop half of it: locks, messages, replication slots, files,
signals, sessions elsewhere. First what may not run, then what may not be called.
"""

from __future__ import annotations

from pytest_oneroof.statements import tree
from pytest_oneroof.statements.rules import Row

READERS = "only SELECT, VALUES, TABLE, SHOW and EXPLAIN run there"
READ = "write the check as one SELECT, VALUES, TABLE, SHOW or EXPLAIN"
NO_CALL = "select the data itself, without this call"
ON_CLONE = "make it a check of the clone: leave out the marker readonly"

ROWS: tuple[Row, ...] = (
    ("text", "text without a statement", "it checks nothing", READ, "empty"),
    ("text", "{} statements in one text", "one at a time is read", READ, "several"),
    (
        "text",
        "text that cannot be parsed",
        "what it does is unknown",
        f"{READ}, of at most 256 KB, in PostgreSQL's syntax",
        "unparsed",
    ),
    (
        "statement",
        "{}",
        "the transaction and its mode are the channel's",
        "leave it out: every check reads in one READ ONLY, REPEATABLE READ transaction",
        "TransactionStmt",
    ),
    (
        "statement",
        "{}",
        "the session's settings are the channel's",
        "leave it out, or ask for what it changes with SHOW or current_setting()",
        "VariableSetStmt|ConstraintsSetStmt|DiscardStmt",
    ),
    (
        "statement",
        "{}",
        "it writes",
        ON_CLONE,
        "InsertStmt|UpdateStmt|DeleteStmt|MergeStmt|TruncateStmt|CreateTableAsStmt",
    ),
    ("statement", "{}", "it hinders other sessions", "read without it", "LockStmt"),
    ("statement", "{}", "it can write and leaves no trace", READ, "CopyStmt"),
    ("statement", "{}", "it can do anything", READ, "DoStmt|CallStmt|LoadStmt"),
    (
        "statement",
        "{}",
        "it hides the statement that runs from the grammar",
        "send the SELECT itself, with parameters",
        "PrepareStmt|ExecuteStmt|DeallocateStmt|DeclareCursorStmt|FetchStmt|"
        "ClosePortalStmt",
    ),
    (
        "statement",
        "{}",
        "READ ONLY does not stop it, and other sessions see it",
        ON_CLONE,
        "ListenStmt|NotifyStmt|UnlistenStmt",
    ),
    ("statement", "{}", READERS, READ, "*"),
    ("trait", "SELECT INTO", "it creates a table", "leave out INTO", tree.INTO),
    (
        "trait",
        "SELECT … FOR UPDATE or SHARE",
        "it locks rows",
        "leave out the locking clause",
        tree.LOCKING,
    ),
    ("any function", "{}()", "its lock can stop others", NO_CALL, "pg_*advisory*"),
    ("any function", "{}()", "other sessions get what it sends", NO_CALL, "pg_notify"),
    (
        "any function",
        "{}()",
        "it moves a sequence",
        "last_value of pg_sequences",
        "nextval|setval",
    ),
    (
        "any function",
        "{}()",
        "it works in another session or on another host",
        NO_CALL,
        "dblink*|http|http_*|pg_background_*",
    ),
    (
        "any function",
        "{}()",
        "large objects are written by its kind",
        "pg_largeobject_metadata tells which exist",
        "lo_*|loread|lowrite",
    ),
    (
        "any function",
        "{}()",
        "it makes, drops or moves replication",
        "pg_replication_slots and pg_stat_replication tell what is there",
        "pg_*slot*|pg_replication_origin_*|pg_logical_emit_message",
    ),
    ("any function", "{}()", "it changes settings", "SHOW", "set_config"),
    (
        "any function",
        "{}()",
        "it would use up a transaction id of production",
        "pg_current_xact_id_if_assigned()",
        "pg_current_xact_id|txid_current",
    ),
    (
        "any function",
        "{}()",
        "it reaches into other sessions",
        NO_CALL,
        "pg_terminate_backend|pg_cancel_backend|pg_log_backend_memory_contexts",
    ),
    (
        "any function",
        "{}()",
        "it acts on the server, and READ ONLY does not stop it",
        NO_CALL,
        "pg_reload_conf|pg_rotate_logfile|pg_rotate_logfile_*|pg_switch_wal|"
        "pg_create_restore_point|pg_log_standby_snapshot|pg_backup_*|pg_start_backup|"
        "pg_stop_backup|pg_promote|pg_wal_replay_*|pg_export_snapshot|"
        "pg_import_system_collations|pg_nextoid|pg_stop_making_pinned_objects|"
        "pg_extension_config_dump|binary_upgrade_*",
    ),
    (
        "any function",
        "{}()",
        "it clears or replaces statistics",
        NO_CALL,
        "pg_stat_reset*|pg_stat_*_reset|pg_clear_*_stats|pg_restore_*_stats",
    ),
    (
        "any function",
        "{}()",
        "it changes pages or indexes, and READ ONLY does not stop it",
        NO_CALL,
        "brin_summarize_*|brin_desummarize_range|gin_clean_pending_list|"
        "heap_force_kill|heap_force_freeze|pg_truncate_visibility_map|"
        "pg_buffercache_evict*",
    ),
    (
        "any function",
        "{}()",
        "it runs SQL given as a string, which is not read here",
        "send that SQL itself",
        "query_to_xml*|table_to_xml*|cursor_to_xml*|schema_to_xml*|database_to_xml*|"
        "ts_stat|ts_rewrite|crosstab*|connectby",
    ),
    (
        "any function",
        "{}()",
        "it reads or writes files of the server",
        NO_CALL,
        "pg_read_file|pg_read_binary_file|pg_ls_*|pg_stat_file|pg_file_*|"
        "pg_current_logfile",
    ),
)
