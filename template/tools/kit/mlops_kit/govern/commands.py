"""Commands of what stands around a model: `mlops docs` and `mlops costs`."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops_kit.core.errors import NEGATIVE
from mlops_kit.core.files import write_json
from mlops_kit.core.utc import today
from mlops_kit.core.words import counted
from mlops_kit.govern.documents import DOCUMENTS, answers, language
from mlops_kit.govern.documents import add as add_document
from mlops_kit.govern.site.site import site_of_project
from mlops_kit.room import Room

BRIEF = Path("reports/brief.html")
MOST_PRICES = 3  # that move the result most are named
WAYS = {
    "buy": "own machines",
    "rent": "rented machines",
    "managed": "a platform",
    "finished": "a finished model",
}
"""What the ways of `conf/costs.yaml` are called in the terminal."""
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def build(as_json: Json = False) -> None:
    """Write the facts of this repository to docs/facts, each number beside the file it is from."""
    from mlops_kit.govern.facts.build import build as write

    pages = write()
    if as_json:
        told = {path.as_posix(): page.gaps for path, page in pages.items()}
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for path, page in pages.items():
        gaps = counted(len(page.gaps), "gap") if page.gaps else ""
        print(f"{path.as_posix():<26} {gaps}".rstrip())


def check(
    context: typer.Context,
    only: Annotated[
        list[str] | None,
        typer.Option(help="fill, link, review, command or facts; may be repeated."),
    ] = None,
    warn: Annotated[bool, typer.Option("--warn", help="For CI: say it, and exit 0.")] = False,
    as_json: Json = False,
) -> None:
    """List what is left in the documents: places to fill, dead links, reviews that are due.

    Exit codes: 0 nothing is left, 1 something is.
    """
    from mlops_kit.govern.checking.check import check as look

    found = look(names_of(context.find_root().command), today(), only or ())
    if as_json:
        print(json.dumps([one._asdict() for one in found], indent=2, ensure_ascii=False))
    else:
        for one in found:
            owner = f"{one.owner}: " if one.owner else ""
            if warn and os.environ.get("GITHUB_ACTIONS"):
                print(f"::warning file={one.file},line={one.line}::{owner}{one.what}")
            else:
                print(f"{one.file}:{one.line}: {one.kind}: {owner}{one.what}")
        # What is nobody's, such as a dead link, is counted by its kind.
        whose = Counter(one.owner or one.kind for one in found).most_common()
        parts = ", ".join(f"{name} {many}" for name, many in whose)
        print(f"{counted(len(found), 'finding')}: {parts}" if found else "nothing is left to do")
    if found and not warn:
        raise typer.Exit(NEGATIVE)


def add(
    name: Annotated[str | None, typer.Argument(help="Which; without it, all are listed.")] = None,
    as_json: Json = False,
) -> None:
    """Write the first text of a document, from the answers; it is the team's from then on."""
    if name is None:
        there = {
            key: [path.as_posix() for path in one.files if path.exists()]
            for key, one in DOCUMENTS.items()
        }
        if as_json:
            print(json.dumps(there, indent=2))
            return
        for key, one in DOCUMENTS.items():
            print(f"{key:<15} {'there' if there[key] else '-':<6} {one.about}")
        return
    written = [path.as_posix() for path in add_document(name)]
    if as_json:
        print(json.dumps(written))
        return
    for path in written:
        print(f"written    {path}")


def site(
    output: Annotated[Path, typer.Option(help="Folder; what is in it is replaced.")] = Path("site"),
    as_json: Json = False,
) -> None:
    """Build a site of README and docs/ (group `docs`), which asks for nothing from outside."""
    given = answers()
    pages = site_of_project(given, language(given), output)
    page = (output / "index.html").as_posix()
    print(json.dumps({"pages": pages, "page": page}) if as_json else f"{pages} pages   {page}")


def brief(output: Annotated[Path, typer.Option(help="The page.")] = BRIEF) -> None:
    """Write one page for whoever decides: verdict, what it says about kinds of rows, costs."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.govern.brief.brief import brief as write

    write(load_settings(), output)
    print(output.as_posix())


def costs(as_json: Json = False) -> None:
    """Reckon what it costs, bought and rented, and from which month on buying is cheaper."""
    from mlops_kit.govern.costs.reckon import REPORT, reckoned

    told = reckoned()
    write_json(REPORT, told)
    if as_json:
        print(json.dumps(told, indent=2))
        return
    for name, way in told["ways"].items():
        once = f"{way['upfront']:,.0f} once, " if way["upfront"] else ""
        month = f"{way['monthly']:,.2f} {told['currency']} a month"
        point = told["break_even"].get(name)
        cheaper = "; buying never gets cheaper" if point else ""
        if point and point["month"] is not None:
            cheaper = f"; buying is cheaper from month {point['month']:.1f} on"
            cheaper += "" if point["within_life"] else ", after the machine's life"
        print(f"{WAYS[name]:<16} {once}{month}{cheaper}")
    if any(point["month"] is None for point in told["break_even"].values()):
        part, amount = max(told["ways"]["buy"]["parts"].items(), key=lambda one: one[1])
        why = f"a month of own machines costs more there, most of it {part} ({amount:,.2f})"
        print(f"{'never':<16} {why}: a cheaper machine alone changes nothing")
    if len(told["ways"]) > 1:
        best = min(told["ways"], key=lambda name: told["ways"][name]["total"])
        span = "1 year" if told["years"] == 1 else f"{told['years']:g} years"
        total = f"{told['ways'][best]['total']:,.0f} {told['currency']} in {span}"
        print(f"{'least in all':<16} {WAYS[best]}, {total}")
    if moved := [one["price"] for one in told["sensitivity"]][:MOST_PRICES]:
        print(f"{'moved most by':<16} {', '.join(moved)} of conf/costs.yaml")
    if told["without_storage"]:
        names = ", ".join(told["without_storage"])
        print(f"{'note':<16} no price of rent.storage for {names}: not reckoned")
    if told["examples"]:
        number = counted(len(told["examples"]), "price")
        print(f"{'note':<16} {number} of conf/costs.yaml are examples: write yours")
    next_step = "`uv run mlops docs build` writes docs/facts/costs.md"
    print(f"{'report':<16} {REPORT.as_posix()}; {next_step}")


def names_of(command: Any, before: str = "") -> set[str]:
    """Return the words of every command, and of every group, below one of the command line."""
    found = set()
    for name, one in getattr(command, "commands", {}).items():
        words = f"{before} {name}".strip()
        found |= {words} | names_of(one, words)
    return found


def _settings() -> Mapping[str, Callable[[], object]]:
    from mlops_kit.govern.config import GOVERNANCE_FILE, load_governance
    from mlops_kit.govern.costs.config import COSTS_FILE, load_costs

    files = {GOVERNANCE_FILE: load_governance, COSTS_FILE: load_costs}
    return {file.as_posix(): read for file, read in files.items() if file.is_file()}


ROOM = Room(
    groups={"docs": "The documents of the project: their facts, and what is left to fill in."},
    commands={
        "docs build": build,
        "docs check": check,
        "docs add": add,
        "docs site": site,
        "docs brief": brief,
        "costs": costs,
    },
    settings=_settings,
)
