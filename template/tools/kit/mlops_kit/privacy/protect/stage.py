"""The protect stage: restricted tables, treated as the policy says, pass the gate to the open zone.

Tables are read, treated and searched in batches and sorted on disk: memory does not grow with them.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core import utc
from mlops_kit.core.errors import NEGATIVE, MlopsError
from mlops_kit.core.files import write_json
from mlops_kit.core.words import acting
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.ingest import ENTITIES as ENTITIES_TABLE
from mlops_kit.privacy.detect.language_model import finder, joins, redacts
from mlops_kit.privacy.policy.load import (
    PRIVACY_FILE,
    check_expiry,
    domain_of,
    load_privacy,
    refuse_undecided,
    unnamed_text,
)
from mlops_kit.privacy.policy.schema import BEHIND, Anonymity, ColumnPolicy, Privacy
from mlops_kit.privacy.protect.actions import Subject, act, k_edges
from mlops_kit.privacy.protect.anonymity import ROW, changed, positions, reach, too_few
from mlops_kit.privacy.protect.keys import key_id, privacy_key
from mlops_kit.privacy.protect.outgoing import Opening
from mlops_kit.privacy.protect.singling_out import report_of
from mlops_kit.privacy.protect.sort import frames_of, write_sorted
from mlops_kit.privacy.protect.staging import publish, waiting, workplace
from mlops_kit.privacy.protect.tokens import Memo

if TYPE_CHECKING:
    import polars

REPORT = Path("reports/privacy/protect.json")
BATCH = 32_768
TOKENS = ("token", "encrypt")


class Treatment(NamedTuple):
    """What happens to one column of one table; `subject` says whose dates are shifted."""

    column: str
    rule: ColumnPolicy
    domain: str
    subject: tuple[str, str, str] | None = None  # column, domain, entity
    edges: Sequence[Any] = ()
    names: bool = False  # whether the language model helps to redact


def protect(today: datetime.date | None = None) -> str:
    """Write the protected form of every restricted table to the open zone, if the gate lets it.

    Returns
    -------
    str
        A line about what passed, and one of each table of people: how many of them stand alone.

    Raises
    ------
    MlopsError
        With exit code 1 when the gate is closed: the report says where, the open zone is as before.
    """
    sources = load_sources()
    policy = load_privacy(sources)
    key = privacy_key(sources, policy)
    with workplace() as place:
        files, told = protect_tables(place, sources, policy, key, today or utc.today())
        publish(files, _of_the_past(files))
    rules = policy.columns.values()
    passing = sum(rule.action not in BEHIND for rule in rules)
    tokens = sum(rule.action in TOKENS for rule in rules)
    treated = sum(rule.action not in (*TOKENS, "keep", *BEHIND) for rule in rules)
    behind = sum(len(table.columns) for table in sources.tables.values()) - passing
    more = f", {treated} changed" if treated else ""
    line = f"{acting(passing, 'column', 'pass')} ({tokens} as tokens{more}), {behind} left behind"
    line += f"; names in texts found {finder(joins(policy))}" if redacts(policy) else ""
    return "\n".join([line, *told])


def protect_tables(
    place: Path, sources: Sources, policy: Privacy, key: bytes, today: datetime.date
) -> tuple[dict[Path, Path], list[str]]:
    """Protect every table into `place`, write the report, and stop unless the gate is open.

    Returns
    -------
    dict of Path to Path
        The finished file by its target in the open zone.
    list of str
        What was left out or made coarser to hide people, and how many stand alone all the same.
    """
    refuse_undecided(policy)
    check_expiry(policy, today)
    if policy.defaults.unknown_string_column == "fail" and (
        unknown := unnamed_text(policy, sources)
    ):
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()} says nothing about {unknown[0]}, which holds text; "
            "name it there with an action (drop, when in doubt)."
        )
    files: dict[Path, Path] = {}
    opening = Opening(policy, today)
    tables: dict[str, Any] = {}
    for name in [*sources.tables, ENTITIES_TABLE]:
        source = RESTRICTED_ZONE / "tables" / f"{name}.parquet"
        if not source.is_file():
            raise MlopsError(f"{source.as_posix()} does not exist; run `uv run mlops run` first.")
        plan = treatments(name, source, sources, policy)
        if plan:
            target = OPEN_ZONE / "tables" / source.name
            files[target] = waiting(place, target)
            wanted = policy.anonymity.get(name)
            tables[name] = protect_table(source, files[target], plan, key, opening, wanted)
            if name != ENTITIES_TABLE:
                tables[name] |= report_of(name, files[target], sources, policy)
    closed = opening.closed()
    about = {"schema": 1, "gate": "closed" if closed else "open", "key": key_id(key)}
    about |= {"names": finder(joins(policy))} if redacts(policy) else {}
    write_json(REPORT, {**about, "tables": tables, **opening.report()})
    if closed:
        raise MlopsError(closed, NEGATIVE)
    told = [line for name, one in tables.items() for line in changed(name, one)]
    return files, told + [one["alone"]["said"] for one in tables.values() if "alone" in one]


def treatments(name: str, source: Path, sources: Sources, policy: Privacy) -> list[Treatment]:
    """List what happens to the columns of a table that leave it, in their order."""
    entity = sources.entity
    table = entity.table if name == ENTITIES_TABLE else name
    columns = (
        ["held_out", entity.column] if name == ENTITIES_TABLE else sources.tables[name].columns
    )
    found = []
    for column in columns:
        rule = policy.columns.get(f"{table}.{column}")
        if name == ENTITIES_TABLE and column == "held_out":
            rule = ColumnPolicy(action="keep")
        if rule is None or rule.action in BEHIND:
            continue
        subject, edges = None, ()
        if rule.action == "date_shift":
            whose = rule.subject or entity.column
            theirs = policy.columns.get(f"{table}.{whose}", ColumnPolicy())
            subject = (whose, domain_of(theirs, whose), theirs.entity)
        if rule.to == "k_band" and rule.action == "generalise":
            edges = _edges(source, column, rule.k)
        names = rule.action == "redact" and joins(policy)
        found.append(Treatment(column, rule, domain_of(rule, column), subject, edges, names))
    return found


def protect_table(
    source: Path,
    target: Path,
    plan: list[Treatment],
    key: bytes,
    opening: Opening,
    wanted: Anonymity | None = None,
) -> dict[str, Any]:
    """Treat one table batch by batch, search what is kept, reach k, and sort.

    Returns
    -------
    dict
        Rows read and written, the action of each column, and the anonymity that was reached.
    """
    import pyarrow.parquet

    name = source.stem
    rows = pyarrow.parquet.read_metadata(source).num_rows
    if rows == 0:
        raise MlopsError(f"{source.as_posix()} has no rows; run `uv run mlops run` first.")
    order = _order(plan)
    by_token = bool(order) and any(one.rule.action == "token" for one in plan)
    told: dict[str, Any] = {"rows": rows, "columns": {one.column: one.rule.action for one in plan}}
    frames = _treated(source, plan, key, opening, rows)
    if wanted is not None:
        treated = target.with_suffix(".treated")
        write_sorted(_numbered(frames), treated, (), rows, by_token=False)
        told["anonymity"] = _anonymous(name, treated, wanted, opening)
        frames = frames_of(treated, BATCH)
    write_sorted(frames, target, order, rows, by_token)
    for one in plan:
        if one.rule.action == "keep":
            opening.judge(name, one.column, one.rule)
    return told


def _treated(
    source: Path, plan: list[Treatment], key: bytes, opening: Opening, rows: int
) -> "Iterator[polars.DataFrame]":
    """Treat a table batch by batch, and search all that passes as it is."""
    import polars as pl
    import pyarrow.parquet

    needed = {one.column for one in plan} | {one.subject[0] for one in plan if one.subject}
    start = 0
    with pyarrow.parquet.ParquetFile(source, pre_buffer=False) as read:
        for batch in read.iter_batches(BATCH, columns=sorted(needed)):
            frame = pl.DataFrame(pl.from_arrow(batch))
            memo: Memo = {}
            found = frame.select(treat(frame, one, key, memo) for one in plan)
            for one in plan:
                if one.rule.action == "keep":
                    vouched = bool(one.rule.reason)
                    opening.search(source.stem, one.column, found[one.column], start, rows, vouched)
            start += len(frame)
            yield found


def _numbered(frames: "Iterable[polars.DataFrame]") -> "Iterator[polars.DataFrame]":
    start = 1
    for frame in frames:
        yield frame.with_row_index(ROW, start)
        start += len(frame)


def treat(
    frame: "polars.DataFrame", one: Treatment, key: bytes, memo: Memo | None = None
) -> "polars.Series":
    """Treat one column of a batch."""
    subject = None
    if one.subject is not None:
        column, domain, entity = one.subject
        subject = Subject(frame[column], domain, entity)
    values = act(frame[one.column], one.rule, key, one.domain, subject, one.edges, memo, one.names)
    return values.alias(one.column)


def _order(plan: list[Treatment]) -> list[str]:
    """Columns to sort by: in the order of the source, a row's place would tell whose it is.

    Tokens first, then what else is known of the row, so that equal tokens keep no order of their
    own. A table of which every column passes as it is keeps its order.
    """
    first = [[one.column for one in plan if one.rule.action == action] for action in TOKENS]
    others = [one.column for one in plan if one.rule.action not in TOKENS]
    changed = any(one.rule.action != "keep" for one in plan)
    return [*first[0], *first[1], *others] if changed else []


def _anonymous(name: str, file: Path, wanted: Anonymity, opening: Opening) -> dict[str, Any]:
    """Bring the treated table to k and l, or tell the gate which rows prevent it."""
    import polars as pl

    reached = reach(pl.scan_parquet(file), wanted)
    told = {
        "method": wanted.method,
        "before": reached.before._asdict(),
        "after": reached.after._asdict(),
        "suppressed": reached.preventing.height if reached.holds else 0,
        "why": too_few(wanted),
        "generalised": reached.levels,
    }
    if reached.holds:
        beside = file.with_name(f".{name}.reached.tmp")
        reached.frame.drop(ROW).sink_parquet(beside)
        beside.replace(file)
    else:
        many = reached.preventing.height
        opening.close(
            f"{many:,} {f'row of {name} prevents' if many == 1 else f'rows of {name} prevent'} "
            f"k = {wanted.k}"
            + (f", l = {wanted.l}" if wanted.l > 1 else "")
            + f" over {', '.join(wanted.quasi)} ({positions(reached.preventing)}): make these "
            f"columns coarser, or change anonymity.{name} in {PRIVACY_FILE.as_posix()}."
        )
    return told


def _edges(source: Path, column: str, k: int) -> list[Any]:
    import polars as pl

    values = (
        pl.scan_parquet(source)
        .select(pl.col(column).drop_nulls())
        .group_by(column)
        .agg(pl.len().alias("how often"))
        .sort(column)
        .collect(engine="streaming")
    )
    return k_edges(values[column], values["how often"], k)


def _of_the_past(files: dict[Path, Path]) -> list[Path]:
    folder = OPEN_ZONE / "tables"
    return [file for file in folder.glob("*") if file not in files] if folder.is_dir() else []
