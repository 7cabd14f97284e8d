"""Readers of columnar files: parquet and Arrow, batch by batch, and arrays of NumPy."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mlops_kit.data.sources.parquet import plain
from mlops_kit.privacy.read.json_csv import label
from mlops_kit.privacy.read.open_file import (
    MAGIC,
    Column,
    Opened,
    Piece,
    Text,
    Unreadable,
    pieces_of_bytes,
)

if TYPE_CHECKING:
    import polars as pl

ROWS_AT_ONCE = 65_536


def parquet(opened: Opened) -> Iterator[Piece]:
    """Read every row group, the schema's notes, and dictionary entries that no row uses."""
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(opened.stream, pre_buffer=False)
    notes = file.metadata.metadata or {}
    kept = {key: value for key, value in notes.items() if key != b"ARROW:schema"}
    yield from _schema(file.schema_arrow, kept, opened.place)
    yield from _columns(file.iter_batches(batch_size=ROWS_AT_ONCE), opened)
    yield from _unused_entries(opened, file)


def arrow(opened: Opened) -> Iterator[Piece]:
    """Read an Arrow (Feather) file."""
    from pyarrow import ipc

    file = ipc.open_file(opened.stream)
    yield from _schema(file.schema, file.schema.metadata or {}, opened.place)
    batches = (file.get_batch(index) for index in range(file.num_record_batches))
    yield from _columns(batches, opened)


def _schema(schema: Any, notes: dict[bytes, bytes], place: str) -> Iterator[Piece]:
    said = [f"{key!r} {value.decode('utf-8', 'replace')}" for key, value in notes.items()]
    names = []
    for field in _fields(schema):
        names.append(field.name)
        said += [str(text, "utf-8", "replace") for text in (field.metadata or {}).values()]
    yield Text(f"{place}: column names", "\n".join(names))
    yield Text(f"{place}: metadata", "\n".join(said))


def _fields(parents: Iterable[Any]) -> Iterator[Any]:
    """Return fields and, in the same way, what is nested in them."""
    for field in parents:
        yield field
        yield from _fields(field.type.field(number) for number in range(field.type.num_fields))


def _columns(batches: Iterable[Any], opened: Opened) -> Iterator[Piece]:
    import polars as pl
    import pyarrow

    first = 1
    for batch in batches:
        for number, (name, array) in enumerate(
            zip(batch.schema.names, batch.columns, strict=True), 1
        ):
            place = f"{opened.place}: column {label(name, str(number))}"
            try:
                values = pl.Series(name, pl.from_arrow(plain(pyarrow.chunked_array([array]))))
            except (Exception, pl.exceptions.PanicException) as error:
                raise Unreadable(place, "has a type that is not known here; change it") from error
            if values.dtype in (pl.Object, pl.Unknown):
                raise Unreadable(place, "has a type that is not known here; change it")
            if values.dtype == pl.Binary:
                yield from _files_inside(values, place, opened.depth)
                values = values.filter(~_is_file(values))
            yield Column(place, name, values, first)
        first += batch.num_rows


def _is_file(values: "pl.Series") -> "pl.Series":
    """Tell which values of a column of bytes are files of a known kind."""
    import polars as pl

    starts = [pl.first().bin.slice(at, len(magic)) == pl.lit(magic) for at, magic, _ in MAGIC]
    return values.to_frame().select(pl.any_horizontal(starts).fill_null(value=False)).to_series()


def _files_inside(values: "pl.Series", place: str, depth: int) -> Iterator[Piece]:
    for content in values.filter(_is_file(values)).to_list():
        yield from pieces_of_bytes(content, place, "", depth + 1)


def _unused_entries(opened: Opened, file: Any) -> Iterator[Piece]:
    """Return texts that stand in a column's dictionary though no row has them any more."""
    import polars as pl
    import pyarrow.compute as pc
    import pyarrow.types as types
    from pyarrow.parquet import ParquetFile

    names = [
        field.name
        for field in file.schema_arrow
        if types.is_string(field.type)
        or types.is_large_string(field.type)
        or types.is_dictionary(field.type)
    ]
    if not names:
        return
    opened.stream.seek(0)
    again = ParquetFile(opened.stream, read_dictionary=names, pre_buffer=False)
    for group in range(again.num_row_groups):
        for name in names:
            for chunk in again.read_row_group(group, columns=[name]).column(0).chunks:
                entries = pl.Series(name, pl.from_arrow(chunk.dictionary))
                used = pl.Series(pl.from_arrow(pc.unique(chunk.indices))).drop_nulls()
                if len(used) < len(entries):
                    numbered = entries.to_frame().with_row_index()
                    unused = numbered.filter(~pl.col("index").is_in(used.implode()))
                    place = f"{opened.place}: column {label(name, '*')}, dictionary"
                    yield Column(place, name, unused[name], 0)


def numpy_array(opened: Opened) -> Iterator[Piece]:
    """Read an array's values, field by field; objects inside it would have to be executed."""
    import numpy as np
    import polars as pl

    try:
        array = np.load(opened.stream, allow_pickle=False)
    except ValueError as error:
        why = "holds Python objects or is damaged; store plain numbers or texts"
        raise Unreadable(opened.place, why) from error
    names = array.dtype.names
    yield Text(f"{opened.place}: field names", "\n".join(names or ()))
    fields = {name: array[name] for name in names} if names else {"": array}
    for name, values in fields.items():
        place = f"{opened.place}: {label(name, '*')}" if name else opened.place
        flat = values.ravel()
        if flat.dtype.kind == "S":
            flat = np.char.decode(flat, "utf-8", "replace")
        if flat.dtype.kind not in "USiufbMmc":
            raise Unreadable(place, "has a type that is not known here; change it")
        if flat.dtype.kind == "c":
            flat = flat.view(flat.real.dtype)
        yield Column(
            place, name, pl.Series(name, flat.tolist() if flat.dtype.kind in "USMm" else flat)
        )
