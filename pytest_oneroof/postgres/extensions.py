"""Extensions whose code stays within the transaction that calls it, each with why.

A routine in C can do whatever the server's account may do, and no rollback undoes it.
So one that is not of an extension here is a way out. The name of an extension is no
proof: the routine's library has to be that extension's own too, and its symbol none
that acts on the server.
"""

from __future__ import annotations

from typing import Any, NamedTuple

LIBRARY = "$libdir/"


class Reviewed(NamedTuple):
    """An extension, why it stays inside, and where it does not.

    `binary` is the file of its code, where that is not named as the extension;
    `out` are symbols of it that act on the server (fnmatch would be too generous:
    each is named).
    """

    extension: str
    reason: str
    binary: str = ""
    out: tuple[str, ...] = ()


_COMPUTES = "it computes from its arguments, and gives types, operators and indexes"
_SPI = "its triggers write through SQL, in the transaction that fired them"
_LOOKS = "it reads pages, locks or statistics, and changes none"
_SAMPLES = "it chooses rows of a table"
_DICTIONARY = "it looks words up in the server's own dictionary files"
_CONVERTS = "it converts values for a trusted language"

EXTENSIONS: tuple[Reviewed, ...] = (
    Reviewed("amcheck", _LOOKS),
    Reviewed("autoinc", _SPI),
    Reviewed("bloom", _COMPUTES),
    Reviewed("bool_plperl", _CONVERTS),
    Reviewed("btree_gin", _COMPUTES),
    Reviewed("btree_gist", _COMPUTES),
    Reviewed("citext", _COMPUTES),
    Reviewed("cube", _COMPUTES),
    Reviewed("dict_int", _DICTIONARY),
    Reviewed("dict_xsyn", _DICTIONARY),
    Reviewed("earthdistance", _COMPUTES),
    Reviewed("fuzzystrmatch", _COMPUTES),
    Reviewed("hstore", _COMPUTES),
    Reviewed("hstore_plperl", _CONVERTS),
    Reviewed("insert_username", _SPI),
    Reviewed("intagg", _COMPUTES),
    Reviewed("intarray", _COMPUTES, "_int"),
    Reviewed("isn", _COMPUTES),
    Reviewed("jsonb_plperl", _CONVERTS),
    Reviewed("lo", "its trigger unlinks large objects, which a rollback brings back"),
    Reviewed("ltree", _COMPUTES),
    Reviewed("moddatetime", _SPI),
    Reviewed("old_snapshot", _LOOKS),
    Reviewed("pageinspect", _LOOKS),
    Reviewed(
        "pg_buffercache",
        _LOOKS,
        out=(
            "pg_buffercache_evict",
            "pg_buffercache_evict_all",
            "pg_buffercache_evict_relation",
            "pg_buffercache_mark_dirty",
            "pg_buffercache_mark_dirty_all",
            "pg_buffercache_mark_dirty_relation",
        ),
    ),
    Reviewed("pg_freespacemap", _LOOKS),
    Reviewed("pg_logicalinspect", _LOOKS),
    Reviewed(
        "pg_prewarm",
        "it reads blocks into memory",
        out=("autoprewarm_dump_now", "autoprewarm_start_worker"),
    ),
    Reviewed(
        "pg_stat_statements",
        _LOOKS,
        out=(
            "pg_stat_statements_reset",
            "pg_stat_statements_reset_1_7",
            "pg_stat_statements_reset_1_11",
        ),
    ),
    Reviewed("pg_trgm", _COMPUTES),
    Reviewed("pg_visibility", _LOOKS, out=("pg_truncate_visibility_map",)),
    Reviewed("pg_walinspect", _LOOKS),
    Reviewed(
        "pgaudit", "its event triggers write to the server's log, and nowhere else"
    ),
    Reviewed(
        "pgcrypto", "it computes from its arguments and the system's random bytes"
    ),
    Reviewed("pgrowlocks", _LOOKS),
    Reviewed("pgstattuple", _LOOKS),
    Reviewed("pgtap", _COMPUTES),
    Reviewed("postgis", _COMPUTES, "postgis-3"),
    Reviewed("postgis_topology", _SPI, "postgis_topology-3"),
    Reviewed("refint", _SPI),
    Reviewed("seg", _COMPUTES),
    Reviewed("sslinfo", "it tells of the session's own certificate"),
    Reviewed("tablefunc", "it computes, and runs the SQL that it is given where it is"),
    Reviewed("tcn", "its trigger notifies at commit, which never comes"),
    Reviewed("tsm_system_rows", _SAMPLES),
    Reviewed("tsm_system_time", _SAMPLES),
    Reviewed("unaccent", _DICTIONARY),
    Reviewed("uuid-ossp", "it computes from its arguments, random bytes and the clock"),
    Reviewed("vector", _COMPUTES),
)
# What a language is by its handler, not by its name or by being called trusted: whose
# routines can do no more than SQL can. SQL itself has none.
LANGUAGES: tuple[tuple[str, str], ...] = (
    ("plpgsql", "plpgsql_call_handler"),
    ("plperl", "plperl_call_handler"),
    ("pltcl", "pltcl_call_handler"),
)
# Settings of superusers that a granted role may change without harm: what is logged
# and counted. Any other could disarm a trigger or load code.
HARMLESS_SETTINGS = ("log_", "track_", "auto_explain.", "pg_stat_statements.")


def parameters(allowed: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the values of outward.sql's placeholders; `allowed` widen the list."""
    return {
        "extensions": [row.extension for row in EXTENSIONS],
        "libraries": [LIBRARY + (row.binary or row.extension) for row in EXTENSIONS],
        "symbols": [
            f"{row.extension} {name}" for row in EXTENSIONS for name in row.out
        ],
        "languages": [f"{LIBRARY}{library} {name}" for library, name in LANGUAGES],
        "allowed": list(allowed),
        "harmless": list(HARMLESS_SETTINGS),
    }
