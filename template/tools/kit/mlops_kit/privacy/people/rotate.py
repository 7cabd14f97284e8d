"""Give the open zone the tokens of a new key, all at once, so that its tables go on joining."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core import utc
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE
from mlops_kit.data.config import Sample, load_sources, uses_only_sample
from mlops_kit.data.sources.tables import read
from mlops_kit.privacy.people.subjects import (
    erased_under,
    forget_lines_of,
    naming_columns,
    note_tokens,
)
from mlops_kit.privacy.people.traces import files_with
from mlops_kit.privacy.policy.load import PRIVACY_FILE, domain_of, load_privacy
from mlops_kit.privacy.policy.schema import Privacy
from mlops_kit.privacy.protect.actions import act
from mlops_kit.privacy.protect.keys import (
    KEY_FILE,
    NEXT_KEY_FILE,
    NEXT_KEY_VARIABLE,
    key_id,
    other_key,
    privacy_key,
    retire,
)
from mlops_kit.privacy.protect.sort import frames_of, write_sorted
from mlops_kit.privacy.protect.stage import protect_tables
from mlops_kit.privacy.protect.staging import publish, waiting, workplace
from mlops_kit.train.model_file import MODEL_CARD, read_card

if TYPE_CHECKING:
    import polars


def rotate(today: datetime.date | None = None) -> list[str]:
    """Re-key the open zone from today's key to the next one.

    Tables are protected again; in what is derived from them, old tokens become new ones by a
    mapping from the restricted tables, which is never stored outside of them.

    Returns
    -------
    list of str
        What was done and what must be trained again, in sentences.

    Raises
    ------
    MlopsError
        When a key is missing, or the open zone holds tokens of people whom the restricted tables do
        not know; nothing has changed then.
    """
    sources = load_sources()
    policy = load_privacy(sources)
    old = privacy_key(sources, policy)
    new = other_key(NEXT_KEY_VARIABLE, NEXT_KEY_FILE, "Rotation")
    if new == old:
        raise MlopsError("The next key must be a new one; make it with `mlops privacy key --next`.")
    marks = (f"{key_id(old)}-", f"{key_id(old)}.")
    derived = [f for f in sorted(OPEN_ZONE.rglob("*.parquet")) if f.parent != OPEN_ZONE / "tables"]
    with workplace() as place:
        pairs = _pairs(policy, old, new)
        counted, holding = 0, set()
        files = {}
        for file in derived:
            columns = _columns_with(file, marks)
            if columns:
                files[file] = waiting(place, file)
                frames = (_rekeyed(frame, columns, pairs, marks, file) for frame in frames_of(file))
                write_sorted(frames, files[file], (), 0, by_token=False)
                counted += 1
                holding |= set(columns) if file.name == "features.parquet" else set()
        tables, _ = protect_tables(place, sources, policy, new, today or utc.today())
        raw = (
            (name, frame)
            for name, table in sources.tables.items()
            if isinstance(sources.sources[table.source], Sample)
            for frame in read(sources, name)
        )
        again, lost = erased_under(raw, naming_columns(sources, policy), old, new)
        note_tokens(again, new)
        keys = retire(old) if NEXT_KEY_FILE.is_file() else {}
        publish({**files, **tables, **keys}, [])
    forget_lines_of(old)
    told = [
        f"{len(tables)} tables and {counted} files derived from them now have tokens of the key "
        f"{key_id(new)}; they join as before."
    ]
    told += _what_to_train(policy, holding)
    told += [
        f"{file.as_posix()} still has codes of the old key: the team wrote it, write it again."
        for file in files_with([OPEN_ZONE], set(marks))  # never in a table: no code ends there
    ]
    if lost:
        told.append(
            f"{lost:,} erased people cannot be known under the new key: should a source deliver "
            "them again, erase them again."
        )
    if keys:
        told.append(
            f"{KEY_FILE.as_posix()} is the new key now, the old one is beside it; share the new "
            "one with the team, and destroy the old one when no old token is left anywhere."
        )
    else:
        told.append("Set MLOPS_PRIVACY_KEY, or your secret manager, to the new key now.")
    if policy.key.ids:
        told.append(f"Change key.ids in {PRIVACY_FILE.as_posix()} to {key_id(new)}.")
    if uses_only_sample(sources) and not keys:
        told.append("Without that, the sample's public key is used again.")
    return told


def _pairs(policy: Privacy, old: bytes, new: bytes) -> "polars.DataFrame":
    """Old and new code of every value that leaves as a code, shape (n, 2)."""
    import polars as pl

    found = []
    for name, rule in policy.columns.items():
        if rule.action not in ("token", "encrypt"):
            continue
        table, _, column = name.partition(".")
        domain = domain_of(rule, column)
        values = (
            pl.scan_parquet(RESTRICTED_ZONE / "tables" / f"{table}.parquet")
            .select(pl.col(column).drop_nulls().unique())
            .collect(engine="streaming")[column]
        )
        found.append(
            pl.DataFrame(
                {
                    "old": act(values, rule, old, domain).alias("old"),
                    "new": act(values, rule, new, domain).alias("new"),
                }
            )
        )
    schema = {"old": pl.String, "new": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *found]).unique("old")


def _columns_with(file: Path, marks: tuple[str, str]) -> list[str]:
    """Columns of text, or of lists of text, that hold a code of the old key."""
    import polars as pl

    found: set[str] = set()
    for frame in frames_of(file):
        for column in frame.get_columns():
            flat = column.explode() if isinstance(column.dtype, pl.List) else column
            if flat.dtype == pl.String and any(flat.str.starts_with(mark).any() for mark in marks):
                found.add(column.name)
    return sorted(found)


def _rekeyed(
    frame: "polars.DataFrame",
    columns: list[str],
    pairs: "polars.DataFrame",
    marks: tuple[str, str],
    file: Path,
) -> "polars.DataFrame":
    import polars as pl

    def changed(values: pl.Series) -> pl.Series:
        found = values.replace(pairs["old"], pairs["new"])
        lost = sum(int(found.str.starts_with(mark).sum()) for mark in marks)
        if lost:
            raise MlopsError(
                f"{file.as_posix()} has {lost:,} codes of people whom the restricted tables do not "
                "know; run `uv run mlops run` first, or remove the file if nobody needs it."
            )
        return found

    def changed_lists(values: pl.Series) -> pl.Series:
        rows = pl.DataFrame({"row": range(len(values)), "one": values}).explode("one")
        rows = rows.with_columns(changed(rows["one"]))
        lists = rows.group_by("row", maintain_order=True).agg("one")["one"]
        empty = values.list.len().fill_null(0) == 0
        return pl.select(pl.when(empty).then(values).otherwise(lists)).to_series()

    return frame.with_columns(
        (changed_lists if frame[name].dtype == pl.List(pl.String) else changed)(frame[name]).alias(
            name
        )
        for name in columns
    )


def _what_to_train(policy: Privacy, holding: set[str]) -> list[str]:
    """A model that saw codes or shifted dates saw others than those of today."""
    shifted = [name for name, rule in policy.columns.items() if rule.action == "date_shift"]
    learned = holding & set(read_card()["features"]) if MODEL_CARD.is_file() else set()
    if learned:
        return [
            f"models/model.skops learned from codes ({', '.join(sorted(learned))}), which are "
            "others now: `uv run mlops run` trains it again, and registered versions like it "
            "must not be used on new data."
        ]
    if shifted:
        return [
            f"Dates are shifted by other days now ({', '.join(shifted)}): `uv run mlops run` "
            "computes the features and trains again; its figures may differ."
        ]
    return [
        "No feature of the model is a code: models stay valid, and `uv run mlops run` writes the "
        "same one again."
    ]
