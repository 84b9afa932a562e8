"""Hold the survivors of `mutmut run` against those that are explained.

Prints killed, equivalent and survived for each module; ends with 1 where a mutant
survived without an explanation, or an explained one is no longer there.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

EXPLAINED = Path(__file__).with_name("explained.toml")
KILLED = ("killed", "timeout")
# mutmut calls it a timeout too: pytest itself could not run the tests.
UNRUN = 255

Mutant = tuple[str, str, str]


def read_explained() -> dict[Mutant, str]:
    """Return why each explained mutant changes nothing, by function and line."""
    entries = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))["mutant"]
    return {(e["function"], e["was"], e["is"]): e["why"] for e in entries}


def changed(name: str, path: Path) -> Mutant:
    """Return a mutant's function, and the lines that it changes."""
    function, owner = orig_function_and_class_names_from_key(name)
    module = name.rpartition(".")[0]
    parts = [part for part in (module, owner, function) if part]
    lines = get_diff_for_mutant(name, path=path).splitlines()[3:]
    was, now = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign))
        for sign in "-+"
    )
    return ".".join(parts), was, now


def outcomes() -> Iterator[tuple[str, str, Path, str]]:
    """Yield module, mutant, file and mutmut's word for each mutant."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            status = "not run" if code == UNRUN else status_by_exit_code[code]
            yield path.as_posix(), name, path, status


def main() -> int:
    """Print the table and what is open; return the exit status."""
    explained = read_explained()
    stale = dict(explained)
    counts: dict[str, Counter[str]] = {}
    survived: list[Mutant] = []
    for module, name, path, status in outcomes():
        count = counts.setdefault(module, Counter())
        if status in KILLED:
            count["killed"] += 1
            continue
        mutant = changed(name, path)
        if mutant in explained:
            stale.pop(mutant, None)
        else:
            survived.append(mutant)
        count["equivalent" if mutant in explained else "survived"] += 1
    counts["all"] = sum(counts.values(), Counter())
    kinds = ("killed", "equivalent", "survived")
    print("| module |", *(f"{kind} |" for kind in kinds))
    print("|---|" + "--:|" * len(kinds))
    for module, count in counts.items():
        print(f"| {module} |", *(f"{count[kind]} |" for kind in kinds))
    for title, mutants in (("survived", survived), ("no longer there", stale)):
        for function, was, now in mutants:
            print(f"\n{title}: {function}\n  - {was}\n  + {now}")
    return bool(survived or stale)


if __name__ == "__main__":
    sys.exit(main())
