"""A table that nobody has declared yet, brought here whole so that it can be described.

It is one of a database, in a bucket, or a folder of files that are rows themselves.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, get_args, runtime_checkable
from urllib.parse import unquote

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.files import progress
from mlops_kit.data.config import Column, Sources, Table
from mlops_kit.data.landing.table import How, Landing
from mlops_kit.data.sources.base import SECRETS, Landed, Wanted
from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.sources.registry import kinds
from mlops_kit.data.sources.stored import SCHEMES
from mlops_kit.data.sources.unfit import Unfit
from mlops_kit.data.storage.bringing import bring

# What files that are rows end in, by the kind of source that reads them by their content.
ROWS = {
    "images": {".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp", ".avif"},
    "pdf": {".pdf"},
    "audio": {".wav", ".mp3", ".flac", ".aiff", ".m4a", ".aac", ".ogg", ".opus"},
    "video": {".mp4", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"},
}


class Origin(NamedTuple):
    """Where a described table is from: the source's name, its settings, and the table there.

    Attributes
    ----------
    texts : tuple of str
        Columns with values that their types there hold and ours do not: they come as text.
    """

    name: str
    source: dict[str, Any]
    path: str
    texts: tuple[str, ...] = ()


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


def landed_from(
    address: str, given: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Path, Origin]:
    """Bring a table here by its address.

    Parameters
    ----------
    address : str
        `postgresql://user@host:port/database/table`, `s3://bucket/folder/table.csv` (or
        `s3://KEY_ID@bucket/...`), or a folder of a bucket with files of one table, or with files
        that are rows.
    given : mapping of str to mapping, optional
        What a person declares of columns.

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
    name = _name(before.rpartition("/")[2].rpartition("@")[2]) or scheme
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
    # As they come: nothing is declared a text that is none, but by who asks.
    types = {one: (given or {}).get(one, {}).get("type", "integer") for one in source.names(asked)}
    if not types:
        raise MlopsError(f"{without_credentials(address)} has no columns: name another table.")
    return place, origin._replace(texts=_land_all(source, short, asked, types))


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
    above, _, last = address.rstrip("/").rpartition("/")
    short = _name(last) or "files"
    settings: dict[str, Any] = {"address": address}
    if "://" in address:  # the secret is that of the folder, or of the place where it lies
        names = (short, _name(above.rpartition("/")[2].rpartition("@")[2]))
        name = next((one for one in names if one and _secret(one)), short)
        settings = signed_in("describe", name, address)
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


def _land_all(source: Landed, name: str, table: Table, types: dict[str, str]) -> tuple[str, ...]:
    """Land columns; return those that come as text, as they hold what their types cannot."""

    def of(some: Mapping[str, str]) -> Table:
        columns = {one: Column(type=kind, nullable=True) for one, kind in some.items()}
        return table.model_copy(update={"columns": columns})

    texts: list[str] = []
    while True:
        try:
            _land(source, name, of(types))
            return tuple(texts)
        except Unfit as error:
            found = [one for one in error.columns if _is_unfit(source, name, of({one: types[one]}))]
            if not found or set(found) & set(texts):
                raise
            progress("describe", f"{', '.join(found)} as text: holds {error.what}")
            texts += found
            types |= dict.fromkeys(found, "string")


def _is_unfit(source: Landed, name: str, table: Table) -> bool:
    """Whether the one column of a table holds what its type cannot."""
    try:
        with source.connected(name, table) as connection:
            for _ in connection.rows(Wanted()):
                pass
    except Unfit:
        return True
    return False


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

    Who signs in to a bucket stands before it, as in `s3://KEY_ID@bucket`, and becomes `user`.

    Parameters
    ----------
    what : str
        What is done, for the line that says that there is no password.
    name : str
        Of the source, after which its variable or file is called.
    """
    scheme, _, rest = address.partition("://")
    user, at, place = rest.partition("@")
    said = {"address": address}
    if scheme in SCHEMES and at and ":" not in user and "/" not in user:
        said = {"address": f"{scheme}://{place}", "user": unquote(user)}
    if secret := _secret(name):
        return said | {"password": secret}
    progress(what, f"without a password: if one is needed, set {_variable(name)}")
    return said


def _variable(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").upper() + "_PASSWORD"


def _secret(name: str) -> dict[str, str] | None:
    """Return where the password of a source stands, if it does."""
    variable = _variable(name)
    if variable in os.environ:
        return {"env": variable}
    return {"file": variable} if (SECRETS / variable).is_file() else None


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
