"""`mlops privacy propose`: a first policy from a scan, with the reasons, for a person to judge.

No more permissive than a wary reviewer: what the scan does not know stays undecided, and the run
refuses to go on before a person has decided.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, read_yaml, written_beside
from mlops_kit.core.words import acting
from mlops_kit.core.zones import RESTRICTED_ZONE
from mlops_kit.data.config import SOURCES_FILE, Sources, load_sources
from mlops_kit.data.reading import store
from mlops_kit.privacy.detect.columns.column import K, judge
from mlops_kit.privacy.detect.findings import Verdict
from mlops_kit.privacy.policy.load import PRIVACY_FILE, load_privacy
from mlops_kit.privacy.policy.schema import ColumnPolicy
from mlops_kit.privacy.policy.suggestion import (
    UNDECIDED,
    Rule,
    as_outcome,
    is_key_of,
    quasi,
    seen,
    suggest,
)
from mlops_kit.privacy.protect.keys import KEY_FILE
from mlops_kit.room import Draft, Wanted

if TYPE_CHECKING:
    import polars

    from mlops_kit.privacy.protect.singling_out import Alone

SAMPLE_ROWS = 10_000
PROPOSAL = Path("conf/privacy.proposed.yaml")
PARAMS = Path("params.yaml")
MOST_LEFT_OUT = 0.05  # of the rows, to hide the others
SCANNED = RESTRICTED_ZONE / "proposing"
HEAD = """\
# Proposed by `uv run mlops {command}` from a scan of the declared tables.
# A scan can be wrong both ways: read and correct each line{then}.
# Names in texts were looked for {names}.
defaults:
  unknown_string_column: fail
  free_text: drop

# Who may do this, why, and for how long; docs/privacy.md shows it.
record:
  purpose: {purpose}
  owner: {owner}
  retention: ""

# Nothing runs while a line says undecided: look at some values, and name an action.
# Undecided now: {undecided} of {columns} columns.
columns:
"""
ANONYMITY = """
# How many people must share what passes of them and others may know. What you decide to keep of
# people, if others may know it, belongs to quasi as well. Too many people alone: make columns
# coarser, or take one away.
"""


class Proposed(NamedTuple):
    """What is proposed for one table: a rule and its reason by column, and the rows looked at."""

    rules: dict[str, tuple[Rule, str]]
    frame: "polars.DataFrame"
    person: str


def propose() -> Path:
    """Write conf/privacy.proposed.yaml, and never touch what is there already.

    Raises
    ------
    MlopsError
        When there is a proposal already, or a table cannot be read or has no row that keeps its
        contract.
    """
    if PROPOSAL.exists():
        raise MlopsError(
            f"{PROPOSAL.as_posix()} exists already; read it, then move it or delete it."
        )
    sources = load_sources()
    with _read(sources):
        split = read_yaml(PARAMS).get("split") or {} if PARAMS.is_file() else {}
        text = _drafted(sources, SCANNED, Wanted(None, split.get("column")))[0]
    with written_beside(PROPOSAL) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
        load_privacy(sources, beside)
        try:
            os.link(beside, PROPOSAL)  # fails when somebody was faster
        except FileExistsError as error:
            raise MlopsError(f"{PROPOSAL.as_posix()} was written meanwhile; read it.") from error
    return PROPOSAL


def draft(sources: Sources, folder: Path, wanted: Wanted) -> Draft:
    """Propose the policy of the tables `<table>.parquet` of a folder, in their declared types."""
    text, rules, said = _drafted(sources, folder, wanted)
    (folder / PRIVACY_FILE.name).write_text(text, encoding="utf-8")
    policy = load_privacy(sources, folder / PRIVACY_FILE.name)
    withheld = {
        name: f"conf/privacy.yaml says {rule['action']}"
        for name, rule in rules.items()
        if rule["action"] in ("drop", "undecided")
    }
    waiting = sum(rule == UNDECIDED for rule in rules.values())
    if waiting and wanted.undecided == UNDECIDED["action"]:
        said.append(
            f"{acting(waiting, 'column', 'wait')} for a decision in conf/privacy.yaml; "
            "--undecided drop leaves what waits behind"
        )
    if policy.key.source is None and not KEY_FILE.is_file():
        said.append("uv run mlops privacy key makes the key of the codes")
    return Draft({PRIVACY_FILE: text}, withheld, said)


def _drafted(
    sources: Sources, folder: Path, wanted: Wanted
) -> tuple[str, dict[str, Rule], list[str]]:
    """Judge the tables of a folder.

    Returns
    -------
    str, dict and list of str
        The policy's text, its rules by table.column, and where too many people would stand alone.
    """
    from mlops_kit.privacy.detect.language_model import finder, installed

    known = _entities(sources, folder)
    tables = {table: _table(table, sources, known, folder, wanted) for table in sources.tables}
    needed = [f"{sources.entity.table}.{column}" for column in (wanted.target, wanted.time)]
    rules: dict[str, Rule] = {}
    lines = []
    for table, proposed in tables.items():
        for column, (rule, why) in proposed.rules.items():
            name = f"{table}.{column}"
            left = rule == UNDECIDED and name not in needed and wanted.undecided is not None
            rules[name] = {"action": wanted.undecided} if left else rule
            lines.append(_written(name, rules[name], why))
    waiting = sum(rule == UNDECIDED for rule in rules.values())
    record = read_yaml(PRIVACY_FILE).get("record") or {} if PRIVACY_FILE.is_file() else {}
    head = HEAD.format(
        command="privacy propose" if wanted.undecided is None else "data describe",
        then=", then move it to conf/privacy.yaml" if wanted.undecided is None else "",
        purpose=json.dumps(record.get("purpose") or "", ensure_ascii=False),
        owner=json.dumps(record.get("owner") or "", ensure_ascii=False),
        names=finder(installed()), undecided=waiting, columns=len(lines),
    )  # fmt: skip
    anonymity, lonely = _anonymity(tables)
    return head + "\n".join(lines) + "\n" + ANONYMITY + anonymity, rules, lonely


@contextmanager
def _read(sources: Sources) -> Iterator[None]:
    """Read every declared table anew: what an earlier run left may be of other declarations."""
    shutil.rmtree(SCANNED, ignore_errors=True)  # of a scan that was killed
    SCANNED.mkdir(parents=True)
    try:
        for name in sources.tables:
            reading = store(sources, name, [], SCANNED, SCANNED / f"{name}.parquet")
            for line in reading.said():
                progress("propose", line)
            if not reading.good:
                raise MlopsError(
                    f'No row of table "{name}" keeps its contract, so that there is nothing to '
                    f"judge by: mend {SOURCES_FILE.as_posix()} or the source."
                )
        yield
    finally:
        shutil.rmtree(SCANNED)


def _entities(sources: Sources, folder: Path) -> "polars.Series":
    """What predictions are about, as text."""
    import polars as pl

    column = sources.entity.column
    frame = pl.scan_parquet(folder / f"{sources.entity.table}.parquet").select(
        pl.col(column).drop_nulls().unique()
    )
    return frame.collect(engine="streaming")[column].cast(pl.String)


def _table(
    table: str, sources: Sources, known: "polars.Series", folder: Path, wanted: Wanted
) -> Proposed:
    """Judge the columns of a table on a sample across all of its rows."""
    from mlops_kit.privacy.detect.columns.values import leaves, sample_of_row_groups

    frame = sample_of_row_groups(folder / f"{table}.parquet", SAMPLE_ROWS)
    entity = (sources.entity.table, sources.entity.column)
    columns = sources.tables[table].columns
    if table == entity[0]:
        keys = [entity[1]]
    else:
        keys = [name for name in columns if is_key_of(name, frame[name], entity, known)]
    verdicts = {
        column: _likeliest([judge(leaf, part) for leaf, part, _ in leaves(column, frame[column])])
        for column in columns
    }
    identified = [one for one in verdicts.values() if one and one.kind == "identifier"]
    rules: dict[str, tuple[Rule, str]] = {}
    for column, contract in columns.items():
        if column in keys:
            rule: Rule = {"action": "token", "domain": entity[1]}
            what = "predictions are about it" if table == entity[0] else f"joins {entity[0]}"
            rules[column] = (rule, what)
            continue
        if table == entity[0] and column == wanted.group:
            rules[column] = ({"action": "token", "domain": column}, "its rows belong together")
            continue
        of_people = bool(keys or identified)
        rules[column] = suggest(column, contract, verdicts[column], seen(frame[column]), of_people)
        if table == entity[0] and column == wanted.target:
            rules[column] = as_outcome(column, contract, *rules[column])
    # One row a person, in the sample at least: then anonymity can be counted in rows.
    person = next((key for key in keys if frame[key].n_unique() == len(frame)), "")
    return Proposed(rules, frame, person)


def _likeliest(verdicts: list[Verdict]) -> Verdict | None:
    """Keep the likeliest verdict of a column; a nested one is judged by its worst part."""
    return max(verdicts, key=lambda one: one.likelihood, default=None)


def _anonymity(tables: dict[str, Proposed]) -> tuple[str, list[str]]:
    """Propose how people hide among each other, and say where too many would stand alone."""
    lines, said = [], []
    for table, proposed in tables.items():
        found = [column for column, (rule, _) in proposed.rules.items() if quasi(column, rule)]
        if not proposed.person or not found:
            continue
        rule: Rule = {"quasi": found, "k": K, "method": "suppress", "max_suppressed": MOST_LEFT_OUT}
        measured = _as_proposed(proposed, found)
        why = (
            f"as proposed, {measured.unique:,} of {measured.people:,} people looked at are alone, "
            f"and the smallest class has {measured.smallest:,}"
        )
        lines.append(_written(table, rule, why))
        if measured.unique > MOST_LEFT_OUT * measured.people:
            said.append(
                f"{measured.unique:,} of {measured.people:,} people looked at stand alone by "
                f"{', '.join(found)}: make some of these coarser in conf/privacy.yaml or drop "
                f"them, or the run refuses (anonymity.{table})"
            )
    if not lines:
        none = "# No table with a row per person passes what tells, together, who it is.\n"
        return none + "anonymity: {}\n", said
    return "anonymity:\n" + "\n".join(lines) + "\n", said


def _as_proposed(proposed: Proposed, found: list[str]) -> "Alone":
    """Count how many people of the sample would stand alone with these rules."""
    from mlops_kit.privacy.protect.actions import k_edges
    from mlops_kit.privacy.protect.singling_out import alone
    from mlops_kit.privacy.protect.stage import Treatment, treat

    treated = [proposed.frame[proposed.person].alias("who is it")]
    for column in found:
        rule = ColumnPolicy.model_validate(proposed.rules[column][0])
        values = proposed.frame[column]
        edges: list[Any] = []
        if rule.to == "k_band":
            often = values.drop_nulls().value_counts(name="how often").sort(column)
            edges = k_edges(often[column], often["how often"], rule.k)
        one = Treatment(column, rule, "", None, edges)
        treated.append(treat(proposed.frame, one, b""))
    import polars as pl

    return alone(pl.DataFrame(treated).lazy(), "who is it", found)


def _written(name: str, rule: dict[str, object], why: str) -> str:
    content = ", ".join(f"{key}: {json.dumps(value)}" for key, value in rule.items())
    quoted = json.dumps(name, ensure_ascii=False)
    return "".join(["  ", quoted, ": {", content, "} # ", " ".join(why.split())])
