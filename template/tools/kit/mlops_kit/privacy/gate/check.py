"""`mlops privacy check`: nothing personal in what must be clean, or the gate closes.

Every value is read, never a sample; what cannot be read closes the gate as well.
"""

import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_json, write_text
from mlops_kit.core.gate.listing import SelectionError
from mlops_kit.core.gate.sarif import text_of
from mlops_kit.core.words import counted
from mlops_kit.privacy.detect.columns.column import scan
from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.gate.accepted import (
    BASELINE_FILE,
    BaselineError,
    ended,
    load_baseline,
    not_accepted,
)
from mlops_kit.privacy.gate.files import (
    Chosen,
    findings_of,
    named_files,
    project_files,
    staged_files,
)
from mlops_kit.privacy.gate.report import Outcome, as_json, as_markdown, as_sarif
from mlops_kit.privacy.gate.scan import (
    GATED,
    UNREADABLE,
    in_column_lightly,
    in_file_name,
    merged,
    today,
)
from mlops_kit.privacy.read.open_file import Column, Unreadable, pieces_of_bytes, pieces_of_file

REPORTS = Path("reports/privacy")
POLICY_FILE = Path("conf/privacy.yaml")
OPEN_COLUMN = re.compile(r"^data/open/tables/([^/]+)\.parquet: column (.+)$")
FEW = 20  # values: what is no table is judged as text, without statistics
QUIET_SECONDS = 1.0


def check(
    paths: Sequence[Path] = (),
    staged: bool = False,
    baseline: Path | None = None,
    names: bool = False,
) -> Outcome:
    """Check what must be clean and write reports/privacy/check.*.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders; none means the whole project.
    staged : bool
        Check what git has staged instead.
    baseline : Path, optional
        Accepted findings, if not in conf/privacy-baseline.json.
    names : bool
        Let the language model look for full names in prose too.

    Raises
    ------
    MlopsError
        When a path, the baseline or the policy is wrong, or the model is not installed.
    """
    file = baseline or BASELINE_FILE
    try:
        accepted = load_baseline(file)
        if staged:
            chosen = staged_files()
        else:
            chosen = named_files(list(paths)) if paths else project_files()
    except (BaselineError, SelectionError) as error:
        raise MlopsError(str(error)) from error
    from mlops_kit.privacy.detect.language_model import finder, need

    if names:
        need()
    read = scan_with_names if names else scan_chosen
    found = _without_allowed([each for one in _with_progress(chosen) for each in read(one)])
    closing = not_accepted(found, accepted, file)
    if not paths and not staged:
        named = {each.place for each in closing}
        for entry in ended(accepted):
            if not any(place.startswith(entry.place) for place in named):
                why = f"accepts {entry.place}, which ended on {entry.until}; remove or renew it"
                closing.append(Finding(file.as_posix(), UNREADABLE, 1, 0, 1.0, why))
    outcome = Outcome(len(chosen), closing, len(found) - len(closing), finder(names))
    if not paths and not staged:
        write_json(REPORTS / "check.json", as_json(outcome))
        write_text(REPORTS / "check.md", as_markdown(outcome))
        write_text(REPORTS / "check.sarif", text_of(as_sarif(outcome)))
    return outcome


def scan_file(path: Path) -> list[Finding]:
    """Return what is personal in one file, every value read.

    Returns
    -------
    list of Finding
        Of entity `unreadable`, with the reason, where the file cannot be read whole.
    """
    return scan_chosen(Chosen(Path(path)))


def scan_chosen(chosen: Chosen) -> list[Finding]:
    """Return what is personal in a file of the folder or of git's index."""
    return findings_of(chosen, in_column)


def scan_with_names(chosen: Chosen) -> list[Finding]:
    """Return what is personal in a file, and the names that only the language model sees."""
    from mlops_kit.privacy.detect.language_model import in_pieces

    found = scan_chosen(chosen)
    known = {one.place for one in found if one.entity == "name"}
    place, _ = in_file_name(chosen.path.as_posix())
    if chosen.is_link or chosen.why or (chosen.staged is None and not chosen.path.is_file()):
        return found
    if chosen.staged is not None:
        pieces = pieces_of_bytes(chosen.staged, place, chosen.path.name)
    else:
        pieces = pieces_of_file(chosen.path, place)
    return [*found, *(one for one in merged(in_pieces(pieces)) if one.place not in known)]


def in_column(column: Column) -> list[Finding]:
    """Return the findings of a column, by the vectorised scan of every value."""
    import polars as pl

    if not isinstance(column.values, pl.Series):
        if len(column.values) < FEW:
            return in_column_lightly(column)
        texts = [None if value is None else str(value) for value in column.values]
        values: pl.Series = pl.Series(column.name, texts, dtype=pl.String)
    else:
        values = column.values
    try:
        found = scan(column.name, values, max(column.first_row, 1))
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(column.place, "has a type that is not known here; change it") from error
    return [
        Finding(
            column.place,
            one.entity,
            one.count,
            one.position if column.first_row else 0,
            one.likelihood,
        )
        for one in found
        if one.entity in GATED
    ]


def _with_progress(chosen: Sequence[Chosen]) -> Iterable[Chosen]:
    """Tell a person on stderr how far a long check is."""
    told = time.monotonic()
    for number, one in enumerate(chosen, 1):
        if time.monotonic() - told > QUIET_SECONDS and sys.stderr.isatty():
            told = time.monotonic()
            print(
                f"privacy   {number} of {counted(len(chosen), 'file')}", file=sys.stderr, flush=True
            )
        yield one


def _without_allowed(findings: list[Finding]) -> list[Finding]:
    """Leave out what the allow list of conf/privacy.yaml accepts, by file or by table.column."""
    if not findings or not POLICY_FILE.is_file():
        return findings
    from mlops_kit.data.config import load_sources
    from mlops_kit.privacy.policy.load import is_allowed, load_privacy

    policy, day = load_privacy(load_sources()), today()
    return [
        one
        for one in findings
        if not is_allowed(one, policy, day)
        and not is_allowed(replace(one, place=OPEN_COLUMN.sub(r"\1.\2", one.place)), policy, day)
    ]
