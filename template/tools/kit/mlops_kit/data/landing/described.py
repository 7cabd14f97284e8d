"""A table that nobody has declared yet, brought here whole so that it can be described.

It is one of a database, in a bucket, or a folder of files that are rows themselves.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, get_args, runtime_checkable

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.files import progress
from mlops_kit.data.config import Column, Sources, Table
from mlops_kit.data.landing.table import How, Landing
from mlops_kit.data.sources.base import SECRETS, Landed
from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.sources.registry import kinds
from mlops_kit.data.sources.stored import SCHEMES
from mlops_kit.data.storage.bringing import bring

# What files that are rows end in, by the kind of source that reads them by their content.
ROWS = {
    "images": {".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp", ".avif"},
    "pdf": {".pdf"},
    "audio": {".wav", ".mp3", ".flac", ".aiff", ".m4a", ".aac", ".ogg", ".opus"},
    "video": {".mp4", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"},
}


class Origin(NamedTuple):
    """Where a described table is from: the source's name, its settings, and the table there."""

    name: str
    source: dict[str, Any]
    path: str


@runtime_checkable
class OfFiles(Protocol):
    """A kind of source whose rows are files."""

    def found(self, name: str, table: Table) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Look which files of an address are of this kind.

        Returns
        -------
        int, dict and dict
            How many there are, what the source says besides its address, and the type of each
            column that there may be.
        """

    def needed(self) -> None:
        """Refuse where the library that reads them is not installed."""


def landed_from(address: str) -> tuple[Path, Origin]:
    """Bring a table here by its address.

    Parameters
    ----------
    address : str
        `postgresql://user@host:port/database/table`, `s3://bucket/folder/table.csv`, or a folder
        of a bucket with files of one table, or with files that are rows.

    Returns
    -------
    Path and Origin
        The snapshot or folder, and what conf/sources.yaml will say of where it is from.

    Raises
    ------
    MlopsError
        When no kind of source has such addresses, or the place refuses.
    """
    scheme = address.partition("://")[0]
    if scheme in SCHEMES and (landed := files_in(address)):
        return landed
    kind = kind_for(address, [one for one in kinds() if issubclass(one, Landed | Fetched)])
    address, question, parameters = address.partition("?")
    before, _, path = address.rstrip("/").rpartition("/")
    inside, where = before.partition("://")[2], "user@host/database/table"
    if issubclass(kind, Fetched):
        where = "bucket/folder"
    if not inside or not path or ("/" not in inside and not issubclass(kind, Fetched)):
        raise MlopsError(
            f"{without_credentials(address)} names no table: write {scheme}://{where}."
        )
    name = _name(before.rpartition("/")[2]) or scheme
    settings = signed_in("describe", name, before + question + parameters)
    source = made(kind, settings)
    origin = Origin(name, {"kind": source.kind, **settings}, path)
    asked = Table(source=name, path=path, columns={"any": Column(type="integer")})
    fetched = isinstance(source, Fetched)
    short = _name(path.partition(".")[0]) if fetched else path.rpartition(".")[2]
    place = source.place(short, asked)
    if isinstance(source, Fetched):
        place.parent.mkdir(parents=True, exist_ok=True)
        progress("describe", bring(source, short, asked, lambda _: 0))
        return place, origin
    # As they come: nothing is declared a text that is none.
    columns = {one: Column(type="integer", nullable=True) for one in source.names(asked)}
    _land(source, short, asked.model_copy(update={"columns": columns}))
    return place, origin


def files_in(address: str) -> tuple[Path, Origin] | None:
    """Land a folder, of this machine or a bucket, whose files are rows themselves.

    Returns
    -------
    Path and Origin, or None
        None where it holds tables, or nothing that a kind of source here reads so.
    """
    able = [one for one in kinds() if issubclass(one, OfFiles)]
    if "://" not in address:
        _check_read(Path(address), able)
    if not able:
        return None
    short = _name(address.rstrip("/").rpartition("/")[2]) or "files"
    settings = signed_in("describe", short, address) if "://" in address else {"address": address}
    asked = Table(source="mine", path=".", columns={"any": Column(type="integer")})
    sources = [made(kind, settings) for kind in able]
    looked = [(source.found(short, asked), source) for source in sources]
    (count, more, types), source = max(looked, key=lambda one: one[0][0])
    if not count:
        return None
    settings |= more
    source = made(type(source), settings)
    source.needed()
    columns = {one: Column(type=kind, nullable=True) for one, kind in types.items()}
    _land(source, short, asked.model_copy(update={"columns": columns}))
    return source.place(short, asked), Origin("mine", {"kind": source.kind, **settings}, ".")


def _check_read(folder: Path, able: Sequence[Any]) -> None:
    """Refuse a folder of nothing but files that a kind of source would read which is not here."""
    endings = {file.suffix.lower() for file in folder.iterdir() if file.is_file()} or {""}
    known = {name for one in able for name in get_args(one.model_fields["kind"].annotation)}
    for kind, theirs in ROWS.items():
        if endings <= {*theirs, ".json", ".txt"} and endings & theirs and kind not in known:
            raise MlopsError(
                f"{folder.as_posix()} holds {', '.join(sorted(endings & theirs))}, which no source "
                f"here reads: `copier-mlops update -d 'data_sources=[{kind}]'`, with the other "
                "sources of this repository, brings the one that does."
            )


def _land(source: Landed, name: str, table: Table) -> None:
    source.place(name, table).parent.mkdir(parents=True, exist_ok=True)
    with source.connected(name, table) as connection:
        progress("describe", Landing(source, name, table, How(full=True), connection, ()).land())


def _name(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower()


def kind_for(address: str, able: Sequence[Any]) -> Any:
    """Return which of these kinds of sources has such addresses.

    Raises
    ------
    MlopsError
        When none has.
    """
    scheme = address.partition("://")[0]
    kind = next((one for one in able if scheme in one.schemes), None)
    if kind is None:
        known = ", ".join(f"{scheme}://" for one in able for scheme in one.schemes)
        raise MlopsError(
            f"{without_credentials(address)}: no source here that could do this has such addresses"
            f"{f' (there are {known})' if known else ''}{Sources.OTHER_KINDS}."
        )
    return kind


def signed_in(what: str, name: str, address: str) -> dict[str, Any]:
    """Return what conf/sources.yaml says of an address: also where its password stands, if it does.

    Parameters
    ----------
    what : str
        What is done, for the line that says that there is no password.
    name : str
        Of the source, after which its variable or file is called.
    """
    variable = re.sub(r"\W+", "_", name).strip("_").upper() + "_PASSWORD"
    if variable in os.environ:
        return {"address": address, "password": {"env": variable}}
    if (SECRETS / variable).is_file():
        return {"address": address, "password": {"file": variable}}
    progress(what, f"without a password: if one is needed, set {variable}")
    return {"address": address}


def made(kind: Any, settings: dict[str, Any]) -> Any:
    """Make a source of a kind from what conf/sources.yaml will say of it.

    Raises
    ------
    MlopsError
        When its address is none.
    """
    from pydantic import ValidationError

    try:
        (name,) = get_args(kind.model_fields["kind"].annotation)
        return kind.model_validate({"kind": name, **settings})
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise MlopsError(f"{without_credentials(settings['address'])}: {said}.") from None
