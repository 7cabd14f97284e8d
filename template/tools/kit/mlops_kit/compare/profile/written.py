"""`mlops data profile`: which tables, where their profiles go, and what is said of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_kit.compare.profile.page import html_page
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_texts
from mlops_kit.core.settings import load_settings
from mlops_kit.core.team import project_folder
from mlops_kit.core.words import counted
from mlops_kit.data.profiling.against import differences
from mlops_kit.data.profiling.columns import without_values
from mlops_kit.data.profiling.opened import FEATURES, Asked, names_of_open_tables, opened
from mlops_kit.data.profiling.profile import profile
from mlops_kit.room import raw_zone
from mlops_kit.train.checks.suspects import suspects

REPORTS = Path("reports/data")
MOST_SAID = 12


def profiled(asked: list[Asked], against: str | None) -> Iterator[dict[str, Any]]:
    """Profile tables, write `profile-NAME.json` and `.html` of each, and give what was written.

    Raises
    ------
    MlopsError
        When a table cannot be profiled, or nothing is there.
    """
    settings = load_settings() if project_folder() else None
    if not asked:
        names = names_of_open_tables()
        if not names:
            raise MlopsError(
                "The open zone holds no table yet: first `uv run mlops run`, or name a file: "
                "`mlops data profile FILE`."
            )
        asked = [Asked(name) for name in names]
    if against is not None and len(asked) != 1:
        raise MlopsError("--against is for one table: name it, as `mlops data profile features`.")
    project = settings.project if settings else "Data"
    for one in asked:
        with opened(one, settings) as table:
            result = profile(table, suspects)
            if against is not None:
                other = Asked(against, one.target, one.columns, one.options)
                _set_against(result, table, other, settings)
        yield result | {"written": _write(result, project)}


def _set_against(result: dict[str, Any], table: Any, other: Asked, settings: Any) -> None:
    with opened(Asked(other.subject, None, (), other.options), settings) as before:
        if other.columns:
            before.columns = [one for one in before.columns if one.name in other.columns]
        then = profile(before, lambda rows, names: {})
        found = differences(table, before, result, then)
    counts = f"{counted(result['rows'], 'row')} here, {counted(then['rows'], 'row')} there"
    result["against"] = {
        "name": then["name"],
        "of": then["of"],
        "rows": then["rows"],
        "said": f"{counts}; {counted(len(found), 'difference')} worth a look"
        if found else f"{counts}; nothing differs by more than chance and a little.",
        "differences": found,
    }  # fmt: skip
    # What is restricted on one side is on both.
    result["restricted"] = result["restricted"] or then["restricted"]


def _write(result: dict[str, Any], project: str) -> list[str]:
    folder = raw_zone() / "profiles" if result["restricted"] else REPORTS
    stem = "profile" if result["name"] == FEATURES else f"profile-{_file_name(result['name'])}"
    if "against" in result:
        stem += f"-against-{_file_name(result['against']['name'])}"
    files = {
        folder / f"{stem}.json": json.dumps(result, indent=1, ensure_ascii=False) + "\n",
        folder / f"{stem}.html": html_page(result, project),
    }
    write_texts(files)
    return [file.as_posix() for file in files]


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "table"


def said(result: dict[str, Any]) -> list[str]:
    """Say in a few lines what was found; no line holds a value of a row."""
    found = result["findings"]
    lines = [
        f"{result['name']:<12} {counted(result['rows'], 'row')}, "
        f"{counted(len(result['columns']), 'column')}: {result['written'][-1]}"
    ]
    lines += [f"  {one['kind']}: {one['sentence']}" for one in found[:MOST_SAID]]
    if found[MOST_SAID:]:
        lines.append(f"  and {len(found) - MOST_SAID} more, on the page")
    if against := result.get("against"):
        lines.append(f"  against {against['name']}: {against['said']}")
        differ = against["differences"][:MOST_SAID]
        lines += [f"  {one['kind']}: {one['sentence']}" for one in differ]
    if result["candidates"]:
        best = [one["column"] for one in result["candidates"] if not one["chance"]][:5]
        lines.append(f"  tells most of the outcome: {', '.join(best)}" if best else
                     "  no column tells more of the outcome than chance")  # fmt: skip
    lines += [f"  note: {one}" for one in result["notes"]]
    if result["restricted"]:
        lines.append("  it shows values that were never protected, and lies in the restricted zone")
    return lines


def for_machines(result: dict[str, Any]) -> dict[str, Any]:
    """Return the profile to be printed: without values where they must not be shown."""
    return without_values(result) if result["restricted"] else result
