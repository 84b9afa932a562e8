"""The report: whole in one file, as the document tells it, and legible in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.evidence.facts import Check, Figure, RunFacts
from pytest_oneroof.evidence.heat import cells_of, read_cells
from pytest_oneroof.evidence.origin import Origin
from pytest_oneroof.pack import Pack, bundled
from pytest_oneroof.report.document import Document
from pytest_oneroof.report.html import bars, groups, html, hues, short_names, spans
from pytest_oneroof.report.report import report_files

from . import runs
from .conftest import Browse
from .pages import NUMBER, numbers_in, text_of

MEGABYTE = 1_000_000
ANCHOR = (
    "DELETE FROM public.governance_object_ownership"
    " WHERE object_ref = 'GRP-GOVERNANCE' AND scope = 'audit'"
)
OVERRIDE = (
    "INSERT INTO public.governance_object_ownership (object_type, object_ref, scope,"
    " owner_kind, owner_gov_code, is_inherited_anchor, lifecycle_status, created_by)"
    " VALUES ('collection', 'agents', 'audit', 'accountable', 'GOV-SIV', false,"
    " 'active', 'TEST')"
)


def told(facts: RunFacts) -> Document:
    """Return a run's document, as it comes back from its file."""
    found: Document = json.loads(json.dumps(runs.told_of(facts)))
    return found


ALL = runs.dirty(
    runs.failing(runs.with_production(runs.released(), "BLOCKED", "ospa<1;"), "r1.2")
)
WANTING = replace(ALL, cells=runs.cells("agents/audit", "tasks/policy"))


# ------------------------------------------------------------------------ without one


@pytest.mark.parametrize(
    "facts", [runs.clone_run(), WANTING], ids=["clone", "failed-and-wanting"]
)
def test_every_figure_is_in_the_document(facts: RunFacts) -> None:
    """Each number that the page shows stands in verdict.json."""
    values = told(facts)
    known = numbers_in(json.dumps(values, ensure_ascii=False))
    shown = NUMBER.findall(text_of(html(values)))
    assert len(shown) > 200
    assert set(shown) - known == set()


def test_page_is_whole_by_itself() -> None:
    """The page loads nothing; its policy admits its one script by its hash alone."""
    page = html(told(WANTING))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page
    assert not re.search(r"fetch|XMLHttp|import|innerHTML|eval", script)
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:,)", page)
    assert not re.search(r"url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_what_is_told_is_no_markup() -> None:
    """Claims, messages and names are text, whatever signs they hold."""
    nasty = "<script>alert('x')</script> & \"y\""
    facts = runs.clone_run()
    check = replace(facts.checks[0], claim=nasty, message=nasty, outcome="failed")
    page = html(told(replace(facts, checks=(check,), reasons=(nasty,))))
    assert page.count("<script") == 1
    assert text_of(page).count(nasty) >= 3
    assert page.count("alert(") == page.count("&lt;script&gt;alert(")


def test_large_run_stays_below_a_megabyte() -> None:
    """Ten thousand own checks do not make the page large; the document has them all."""
    name = "tests/test_shop.py::test_order_of_a_customer[{}]"
    many = tuple(
        Check(name.format(n), "own tests", "clone", "An order is kept.", proof=proof)
        for n in range(10_000)
        if (proof := runs.proved(name.format(n)))
    )
    values = told(replace(ALL, checks=(*ALL.checks, *many)))
    assert len(html(values).encode()) < MEGABYTE
    assert values["suites"][-1]["total"] == 10_000


def test_page_stays_small_whatever_a_run_has_sent() -> None:
    """Long statements, messages and figures have their room; the worst has it first."""
    noise = "<'\\u1ea3&" * 999
    many = tuple(
        Check(
            f"tests/test_shop.py::test_{n}",
            f"suite {n % 5}",
            "clone",
            "An order is kept.",
            outcome="failed" if n % 3 else "passed",
            message=noise[:4000],
            output=noise[:4000],
            statements=(noise[:500],) * 6,
            figures=tuple(Figure(f"f{m}", noise[:99], noise[:98]) for m in range(40)),
        )
        for n in range(2_000)
    )
    values = told(replace(ALL, checks=(*ALL.checks, *many)))
    page = html(values)
    assert len(page.encode()) < 2 * MEGABYTE
    assert page.count('<article class="card failure">') > 5
    assert "The others are in verdict.json." in page
    assert "SQL and figures of the last checks are in verdict.json alone." in page


def test_failed_check_is_open_and_told() -> None:
    """A suite with a failed check is unfolded, its message and figures beside it."""
    page = html(told(ALL))
    suite = page[page.index("<b>Coverage</b>") - 60 :]
    assert '<details class="card suite" open>' in suite[:80]
    assert (
        "<pre>1 figure moved, phase &#39;x&#39;:\n  gap: expected 0, found 1</pre>"
        in page
    )
    assert '<td>gap</td><td>0</td><td class="differs">1</td>' in page


@pytest.mark.parametrize(
    ("facts", "tells"),
    [
        (runs.clone_run(), "Tiers: not run."),
        (runs.clone_run(gate=None), "Gate: not read."),
        (runs.clone_run(), "Seals: none was checked in this run."),
        (runs.clone_run(states=()), "Not read."),
        (runs.clone_run(), "Nothing was left, and nothing had to be put back."),
        (runs.clone_run(), "a stand-in took its place"),
        (runs.clone_run(checks=()), "No check ran."),
    ],
    ids=["tiers", "gate", "seals", "states", "ledger", "production", "checks"],
)
def test_what_is_absent_is_said(facts: RunFacts, tells: str) -> None:
    """Each part without data says so."""
    assert tells in text_of(html(told(facts)))
    assert tells not in text_of(html(told(ALL)))


def test_release_is_told_with_locks_and_rows() -> None:
    """Each tier has its place on the time line, its locks and the rows it moved."""
    page = html(told(ALL))
    assert 'style="left:0.0%;width:10.6%"' in page
    assert 'style="left:89.4%;width:10.6%"' in page
    text = " ".join(text_of(page).split())
    assert "RowExclusiveLock 1 governance_object_ownership read only: 4" in text
    assert "governance_object_ownership +30" in text


def test_names_and_colours() -> None:
    """Owners are shortened by what all begin with, and coloured by their code."""
    own: dict[str, Any] = {"owners": [{"owner": "GOV-DOT"}, {"owner": "GOV-KG-SYS"}]}
    assert short_names(own) == {"GOV-DOT": "DOT", "GOV-KG-SYS": "KG-SYS"}
    assert hues(own) == {"GOV-DOT": 0, "GOV-KG-SYS": 1}
    assert hues({"owners": own["owners"][::-1]}) == hues(own)
    other = {"owners": [{"owner": f"TEAM{n:02}"} for n in range(12)]}
    assert short_names(other)["TEAM03"] == "TEAM03"
    assert hues(other)["TEAM11"] == 7
    assert (short_names(None), hues(None), bars([]), spans([])) == ({}, {}, [], [])


def test_bars_are_in_proportion() -> None:
    """The longest bar is full, and the others stand in proportion to it."""
    entries = [{"seconds": 2.0}, {"seconds": 0.5}, {"seconds": 0}]
    assert [length for _, length in bars(entries)] == [100, 25, 0]
    assert [length for _, length in bars([{"seconds": 0}])] == [0]


# ---------------------------------------------------------------------- the database


def gaps(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the open cells as the database tells them."""
    rows = connection.execute(
        "SELECT object_ref || '/' || scope AS cell FROM public.v_object_owner_gap"
        ' ORDER BY object_ref COLLATE "C", scope COLLATE "C"'
    ).fetchall()
    return [cell for (cell,) in rows]


def drawn(page: str) -> dict[str, int]:
    """Return how many cells a page's heat map shows, by kind."""
    table = page[page.index('class="card heat"') : page.index("cells</b>")]
    return {
        kind: len(re.findall(rf'<td class="{kind}', table))
        for kind in ("own", "own direct", "own inherited", "open")
    }


def test_heat_map_is_the_database(
    baseline_copy: str, browse: Browse, tmp_path: Path
) -> None:
    """In a browser the map shows what the database counts, before and after a change.

    One anchor deleted: exactly its group's 16 cells are open, and verdict and map
    name the cells that gap view and endpoint name; one override: exactly one is direct.
    """
    with psycopg.connect(baseline_copy, autocommit=True) as own:
        own.execute(resources.read_text("sql/contract/E5_gaps.sql").encode())
        for number, (change, expected) in enumerate(
            [
                (
                    "SELECT 1",
                    {"own": 210, "own direct": 0, "own inherited": 210, "open": 0},
                ),
                (
                    ANCHOR,
                    {"own": 194, "own direct": 0, "own inherited": 194, "open": 16},
                ),
                (
                    OVERRIDE,
                    {"own": 194, "own direct": 1, "own inherited": 193, "open": 16},
                ),
            ]
        ):
            own.execute(change.encode())
            facts = runs.clone_run(
                cells=cells_of(read_cells(own, bundled())), reasons=("one",)
            )
            file = tmp_path / f"{number}.html"
            file.write_bytes(report_files(told(facts))["report.html"])
            page = browse(file)
            assert page.console == ()
            assert drawn(page.dom) == expected
            found = gaps(own)
            assert len(found) == expected["open"]
            values = told(facts)
            assert values["ownership"]["open"] == found
            answer = own.execute("SELECT * FROM public.v_api_coverage_gaps")
            assert [f"{ref}/{scope}" for _, ref, scope in answer] == found
            assert (
                sum(o["cells"] for o in values["ownership"]["owners"])
                == expected["own"]
            )
            if found:
                assert (
                    f"16 open cells: {', '.join(found[:6])} and 10 more"
                    in (values["verdict"]["reasons"])
                )


def test_a_pack_without_cells_has_no_heat_map(fresh_database: str) -> None:
    """Where a pack names no heat map none is read, and the report leaves it out."""
    with psycopg.connect(fresh_database, autocommit=True) as own:
        assert read_cells(own, Pack()) == []
    page = html(told(runs.clone_run(cells=())))
    assert 'class="card heat"' not in page
    assert 'href="#ownership"' not in page


# ----------------------------------------------------------------------- the browser

# Contrast of each visible text with what is behind it (WCAG 2.2, 1.4.3), told in the
# document, as nothing of the page itself may run.
MEASURE = """
<script>
function rgb(text) {
  const n = text.match(/[-.0-9e]+/g).map(Number);
  return text.startsWith("color(srgb") ? [n[0]*255, n[1]*255, n[2]*255, n[3] ?? 1]
    : [n[0], n[1], n[2], n[3] ?? 1];
}
function light(c) {
  const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92
    : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
}
function behind(e) {
  for (; e; e = e.parentElement) {
    const s = getComputedStyle(e);
    if (s.backgroundImage !== "none")
      return s.backgroundImage.match(/(rgb|color)\\([^)]*\\)/g).map(rgb)[0];
    const c = rgb(s.backgroundColor);
    if (c[3] === 1) return c;
  }
  return [255, 255, 255];
}
const worst = {};
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!own || !e.checkVisibility() || e.closest(".hidden, .skip")) continue;
  const a = light(rgb(getComputedStyle(e).color)), b = light(behind(e));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const name = e.tagName + "." + e.className;
  if (!(name in worst) || ratio < worst[name]) worst[name] = ratio;
}
const low = Object.entries(worst).filter(([, r]) => r < 4.5)
  .map(([n, r]) => n + " " + r.toFixed(2));
const wide = document.documentElement.scrollWidth - innerWidth;
document.body.append("MEASURED " + Object.keys(worst).length + " LOW[" + low + "] WIDE "
  + Math.max(0, wide) + " END");
</script>
"""


def measured(file: Path, facts: RunFacts) -> Path:
    """Write a page that measures itself: its policy taken out, a script put in."""
    page = html(told(facts))
    page = re.sub(r"<meta http-equiv[^>]*>", "", page)
    page = page.replace("<details ", "<details open ")
    file.write_text(page.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    return file


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_text_is_legible(
    tmp_path: Path, browse: Browse, width: int, *, dark: bool
) -> None:
    """In light and dark every text has a contrast of 4.5 or more; nothing overflows."""
    file = measured(tmp_path / "page.html", WANTING)
    page = browse(file, f"--window-size={width},3000", dark=dark)
    (count, low, wide) = re.findall(
        r"MEASURED (\d+) LOW\[(.*?)\] WIDE (\d+) END", page.dom
    )[-1]
    assert page.console == ()
    assert int(count) > 30
    assert low == ""
    assert int(wide) == 0


USED = """
<script>
const form = document.getElementById("filter");
const [words, bad] = form.querySelectorAll("input");
const seen = [];
const look = () => {
  const all = (what, e) => [...e.querySelectorAll(what)].filter(one => !one.hidden);
  const shown = all("details.suite", document);
  const rows = shown.flatMap(s => all(":scope > table > tbody > tr", s));
  const ids = rows.map(row => row.cells[0].textContent);
  seen.push(ids.length > 9 ? ids.length : ids.join("+"));
  seen.push(shown.filter(s => s.open).length);
};
const type = (text) => {
  words.value = text;
  form.dispatchEvent(new Event("input"));
  look();
};
look();
type("coverage R1.2");
type("r1.2 select nothing like it");
type("");
bad.checked = true;
type("");
const cell = document.querySelector('.heat td[tabindex="0"]');
cell.focus();
for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft"])
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key }));
seen.push(document.activeElement.querySelector(".tip").textContent);
seen.push(document.querySelectorAll('.heat td[tabindex="0"]').length);
document.querySelector('nav a[href="#timings"]').click();
setTimeout(() => {
  seen.push(document.getElementById("timings").open);
  document.title = "USED " + seen.join("|");
});
</script>
"""


def test_checks_are_filtered_and_cells_reached_by_keyboard(
    tmp_path: Path, browse: Browse
) -> None:
    """By words, by outcome, and as before without; arrows tell a cell's anchor."""
    page = re.sub(r"<meta http-equiv[^>]*>", "", html(told(WANTING)))
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", f"{USED}</body>"), encoding="utf-8")
    shown = browse(file, "--virtual-time-budget=3000")
    assert shown.console == ()
    (title,) = re.findall(r"<title>(.*?)</title>", shown.dom)
    found = title.split("|")
    total = str(len(WANTING.checks))
    begin = found[:2]
    assert begin[0] == f"USED {total}"
    assert found[2:4] == ["r1.2", "1"]
    assert found[4:6] == ["", "0"]
    assert found[6:8] == [total, begin[1]]
    assert found[8] == "r1.2"
    assert found[10].startswith("tasks/audit")
    assert found[11:] == ["1", "true"]


def test_dark_is_dark(tmp_path: Path, browse: Browse) -> None:
    """The page follows the reader's colour scheme."""
    script = "<script>document.title = getComputedStyle(document.body).color</script>"
    page = re.sub(r"<meta http-equiv[^>]*>", "", html(told(ALL)))
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", f"{script}</body>"), encoding="utf-8")
    titles = [
        re.findall(r"<title>(.*?)</title>", browse(file, dark=dark).dom)[0]
        for dark in (False, True)
    ]
    assert titles == ["rgb(26, 31, 39)", "rgb(231, 234, 238)"]


def test_console_would_tell(tmp_path: Path, browse: Browse) -> None:
    """What the page's policy forbids is told on the console, so that silence counts."""
    page = html(told(ALL)).replace(
        "</main>", '<img src="http://127.0.0.1:9/x.png"><script>let x</script></main>'
    )
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    said = "\n".join(browse(file).console)
    assert "Content Security Policy" in said
    assert "http://127.0.0.1:9/x.png" in said


def test_page_has_its_parts(tmp_path: Path, browse: Browse) -> None:
    """In the browser every link of the page leads to one of its parts."""
    file = tmp_path / "page.html"
    file.write_text(html(told(WANTING)), encoding="utf-8")
    dom = browse(file).dom
    links = re.findall(r'href="#(\w+)"', dom)
    assert len(links) > 10
    ids = re.findall(r'\sid="(\w+)"', dom)
    assert set(links) <= set(ids)
    assert len(ids) == len(set(ids))
    assert dom.index('id="verdict"') < min(dom.index(f'id="{i}"') for i in ids[1:])


def test_groups_keep_their_order() -> None:
    """Rows are shown group by group, in the order of the document."""
    values = told(runs.clone_run())
    found = [
        (n, [r["object"] for r in rows]) for n, rows in groups(values["ownership"])
    ]
    assert found == [("GRP-AI", ["agents"]), ("GRP-B", ["tasks", "workflows"])]


def test_figures_of_passed_checks_are_shown() -> None:
    """What a passed check noted is shown with it, expected beside found."""
    facts = runs.clone_run()
    noted = replace(facts.checks[0], figures=(Figure("own", "30", "30"),))
    page = html(told(replace(facts, checks=(noted, *facts.checks[1:]))))
    assert "<td>own</td><td>30</td><td>30</td>" in page


# ------------------------------------------------------------------ who cannot see it


class Outline(HTMLParser):
    """What a reader that speaks the page goes by: tables, headings, labels."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.language = ""
        self.headings: list[int] = []
        self.captions: list[int] = []
        self.unscoped: list[str] = []
        self.unlabelled: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element brings along."""
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang") or ""
        elif tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        elif tag == "table":
            self.captions.append(0)
        elif tag == "caption":
            self.captions[-1] += 1
        elif tag == "th" and given.get("scope") not in ("col", "row", "rowgroup"):
            self.unscoped.append(str(attrs))
        elif given.get("role") == "img" and not given.get("aria-label"):
            self.unlabelled.append(str(attrs))


def test_page_can_be_read_aloud() -> None:
    """Every table has its caption, every head its scope, every drawing its words."""
    outline = Outline(html(told(WANTING)))
    assert outline.language == "en"
    assert outline.headings.count(1) == 1
    assert outline.headings[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(outline.headings))
    assert len(outline.captions) > 20
    assert set(outline.captions) == {1}
    assert outline.unscoped == []
    assert outline.unlabelled == []


def test_page_prints_in_some_pages(tmp_path: Path, browse: Browse) -> None:
    """Printed it is a document, not a roll: what is folded stays folded."""
    file, printed = tmp_path / "page.html", tmp_path / "page.pdf"
    file.write_text(html(told(ALL)), encoding="utf-8")
    page = browse(file, f"--print-to-pdf={printed}")
    assert page.console == ()
    pages = re.findall(rb"/Type\s*/Page\b", printed.read_bytes())
    assert 3 <= len(pages) <= 15


def test_failure_is_told_whole() -> None:
    """Claim, expected, found, message, line, last statement and output, in order."""
    facts = runs.clone_run()
    failed = replace(
        facts.checks[0],
        claim="The seed owns every group.",
        outcome="failed",
        message="own: 29 instead of 30",
        place="test_own.py:7",
        statements=("SELECT 1", "SELECT count(*)\nFROM own"),
        output="Captured stdout call\nseen & printed",
        figures=(Figure("own", "30", "29"), Figure("gap", "0", "0")),
    )
    page = html(told(replace(facts, checks=(failed, *facts.checks[1:]))))
    (card,) = re.findall(r'<article class="card failure">.*?</article>', page, re.S)
    assert " ".join(text_of(card).split()) == (
        f"failed {failed.nodeid} The seed owns every group. own: expected 30 found 29 "
        "own: 29 instead of 30 at test_own.py:7 Last statement SELECT count(*) FROM "
        "own captured output Captured stdout call seen & printed"
    )


def test_hero_tells_which_run_it_is() -> None:
    """Database, time, code, who, pipeline as a link, and what the user adds."""
    url = "https://ci.example.org/7"
    origin = Origin(
        "0123456789abcdef",
        "main",
        changed=True,
        by="eve",
        pipeline=url,
        meta={"ticket": "OR-7", "evil": "javascript:alert(1)"},
    )
    page = html(told(runs.clone_run(origin=origin)))
    hero = page[page.index('<dl class="facts">') : page.index('<dl class="tiles">')]
    shown = " ".join(text_of(hero).split())
    assert "Code main at 0123456789ab (edited since) By eve Pipeline" in shown
    assert "ticket OR-7 evil javascript:alert(1)" in shown
    assert re.findall('href="(.*?)"', hero) == [url]


def test_objectives_have_three_words() -> None:
    """What is held or retained is GO, with its own word beside."""
    page = html(told(runs.clone_run()))
    objectives = page[page.index('<h2 id="objectives"') : page.index('<h2 id="owner')]
    chips = set(re.findall(r'<span class="chip [\w-]+">(.*?)</span>', objectives))
    assert chips <= {"GO", "NO-GO", "not checked"}
    assert '<span class="dim">retained</span>' in objectives


def test_origin_stands_in_the_document() -> None:
    """Commit, branch and who are told, passwords taken out."""
    facts = runs.clone_run(
        origin=Origin("abc", "main", by="eve", meta={"url": "http://a:secret@h/"})
    )
    told = runs.told_of(facts)["origin"]
    assert (told["commit"], told["by"], told["changed"]) == ("abc", "eve", None)
    assert told["meta"]["url"] == "http://a:***@h/"
