"""Lists and structs: each value inside as its own type, the whole of it only if all of them are.

They come as a typed file has them, or as JSON. Null is the only value inside that means nothing.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.types import NUMBERS, PARTS, Type
from mlops_kit.data.values.json_text import Number, document_of, parsed, text_of
from mlops_kit.data.values.missing import where
from mlops_kit.data.values.numbers import GROUPED, Writing

if TYPE_CHECKING:
    import polars


class Taken(NamedTuple):
    """Values as their type, and why one is none of it; `why` is null where all is well."""

    values: "polars.Series"
    why: "polars.Series"


Take: TypeAlias = Callable[["polars.Series", Type], Taken]


def taken(values: "polars.Series", kind: Type, take: Take, writing: Writing | None) -> Taken:
    """Take lists or structs as the declared type, shape (n,).

    Parameters
    ----------
    take : callable
        Takes values that are no list and no struct.
    writing : Writing, optional
        Is told which declared fields were seen.

    Raises
    ------
    MlopsError
        When a typed file has no field of a declared name.
    """
    return _Taking(take, writing).taken(values, kind, values.name)


class _Taking:
    def __init__(self, take: Take, writing: Writing | None) -> None:
        self.take, self.writing = take, writing

    def taken(self, values: "polars.Series", kind: Type, path: str) -> Taken:
        if kind.name == "list":
            return self.lists(values, kind, path)
        if kind.name == "struct":
            return self.structs(values, kind, path)
        return self.take(values, kind)

    def lists(self, values: "polars.Series", kind: Type, path: str) -> Taken:
        """Take each list apart, its items as theirs, and put it together again."""
        import polars as pl
        import pyarrow as pa

        item = kind.parts[0][1]
        if values.dtype == pl.String:
            found = _read(values, list)
            texts = [None if one is None else [_text(part, item) for part in one] for one in found]
            lists = pl.Series(texts, dtype=pl.List(pl.String))
        elif isinstance(values.dtype, pl.List | pl.Array):
            lists = values.cast(pl.List(values.dtype.inner))
        else:
            lists = pl.repeat(None, len(values), dtype=pl.List(pl.Null), eager=True)
        lost = lists.is_null() & values.is_not_null()
        sizes = lists.list.len().fill_null(0)
        rows = pl.select(pl.int_range(len(lists)).repeat_by(pl.lit(sizes)).explode()).to_series()
        items = lists.filter(sizes > 0).explode()
        made = self.taken(items, item, path + "[]")
        ends = pl.concat([pl.Series([0]), sizes.cum_sum().cast(pl.Int64)])
        # polars has no way to cut a column into lists of given lengths.
        cut = pa.LargeListArray.from_arrays(
            ends.to_arrow(),
            made.values.to_arrow(compat_level=pl.CompatLevel.oldest()),
            mask=lists.is_null().to_arrow(),
        )
        whole = pl.Series(pl.from_arrow(cut))
        said = pl.repeat(None, len(values), dtype=pl.String, eager=True)
        if lost.any():
            said = said.zip_with(~lost, _always(f"is no {_shape(values, 'array')}", values))
        if made.why.null_count() < len(items):
            wrong = made.why.is_not_null()
            each = {"row": rows.drop_nulls().filter(wrong), "why": made.why.filter(wrong)}
            first = pl.DataFrame(each).unique("row", keep="first")
            said = said.scatter(first["row"], "at [] " + first["why"])
        return _whole(whole, said, values.name)

    def structs(self, values: "polars.Series", kind: Type, path: str) -> Taken:
        """Take each field as its type."""
        import polars as pl

        names = [name for name, _ in kind.parts]
        if values.dtype == pl.String:
            found = _read(values, dict)
            there = pl.Series([one is not None for one in found], dtype=pl.Boolean)
            fields = {
                name: pl.Series(
                    name, [_text((one or {}).get(name), its) for one in found], dtype=pl.String
                )
                for name, its in kind.parts
            }
            if self.writing is not None and there.any():
                self.writing.note_fields(path, names, {n for one in found for n in one or ()})
        elif isinstance(values.dtype, pl.Struct):
            there = values.is_not_null()
            has = [field.name for field in values.dtype.fields]
            if lacks := [name for name in names if name not in has]:
                raise MlopsError(
                    f'"{path}" has no field "{lacks[0]}", which its type declares (it has '
                    f"{', '.join(has) or 'none'}): correct the type in conf/sources.yaml."
                )
            fields = {name: where(there, values.struct.field(name)) for name in names}
        else:
            there = pl.repeat(False, len(values), dtype=pl.Boolean, eager=True)
            fields = {
                name: pl.repeat(None, len(values), dtype=pl.Null, eager=True) for name in names
            }
        lost = ~there & values.is_not_null()
        said = pl.repeat(None, len(values), dtype=pl.String, eager=True)
        if lost.any():
            said = said.zip_with(~lost, _always(f"is no {_shape(values, 'object')}", values))
        parts = []
        for name, its in kind.parts:
            made = self.taken(fields[name], its, f"{path}.{name}")
            parts.append(made.values.alias(name))
            if made.why.null_count() < len(values):
                well = said.is_not_null() | made.why.is_null()
                said = said.zip_with(well, f"at {name} " + made.why)
        whole = pl.DataFrame(parts).to_struct(values.name)
        return _whole(where(there, whole), said, values.name)


def _whole(made: "polars.Series", said: "polars.Series", name: str) -> Taken:
    """Give what is whole; what is wrong further inside is named by the path to it."""
    said = said.str.replace_all(r"^at (\S+) at ", "at ${1}.").str.replace(r"\.\[\]", "[]")
    return Taken(where(said.is_null(), made).alias(name), said)


def _shape(values: "polars.Series", of_json: str) -> str:
    import polars as pl

    wanted = {"array": "list", "object": "struct"}[of_json]
    return f"{of_json} of JSON" if values.dtype == pl.String else wanted


def _always(said: str, values: "polars.Series") -> "polars.Series":
    import polars as pl

    return pl.repeat(said, len(values), dtype=pl.String, eager=True)


def _read(values: "polars.Series", wanted: type) -> list[Any]:
    """Read texts of JSON, each an array or an object; None what is none."""
    found = []
    for text in values.to_list():
        try:
            value = None if text is None else parsed(text)
        except ValueError:
            value = None
        found.append(value if isinstance(value, wanted) else None)
    return found


def _text(value: Any, kind: Type) -> str | None:
    """Return what stands inside, as its own type reads it."""
    if kind.name in ("json", *PARTS):
        return document_of(value)
    two_readings = isinstance(value, str) and not isinstance(value, Number)
    if kind.name in NUMBERS and two_readings and GROUPED.match(value):
        return f"?{value}"  # no number: its point may stand before the fraction or for thousands
    return text_of(value)
