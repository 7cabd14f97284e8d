"""A table of a database that nobody has declared yet, landed whole so that it can be described."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.files import progress
from mlops_kit.data.config import Column, Sources, Table
from mlops_kit.data.landing.table import How, Landing
from mlops_kit.data.sources.base import SECRETS, Landed
from mlops_kit.data.sources.registry import kinds


class Origin(NamedTuple):
    """Where a described table is from: the source's name, its settings, and the table there."""

    name: str
    source: dict[str, Any]
    path: str


def landed_from(address: str) -> tuple[Path, Origin]:
    """Land a table by its address, `postgresql://user@host:port/database/table`.

    Returns
    -------
    Path and Origin
        The snapshot, and what conf/sources.yaml will say of where it is from.

    Raises
    ------
    MlopsError
        When no kind of source has such addresses, or the database refuses.
    """
    kind = kind_for(address, [one for one in kinds() if issubclass(one, Landed)])
    scheme = address.partition("://")[0]
    address, question, parameters = address.partition("?")
    database, _, path = address.rpartition("/")
    if "/" not in database.partition("://")[2] or not path:
        raise MlopsError(
            f"{without_credentials(address)} names no table: write {scheme}://user@host/"
            "database/table."
        )
    name = re.sub(r"\W+", "_", database.rpartition("/")[2]).strip("_").lower() or scheme
    settings = signed_in("describe", name, database + question + parameters)
    origin, source = Origin(name, settings, path), made(kind, settings)
    origin = origin._replace(source={"kind": source.kind, **origin.source})
    asked = Table(source=name, path=path, columns={"any": Column(type="integer")})
    # As they come: nothing is declared a text that is none.
    columns = {one: Column(type="integer", nullable=True) for one in source.names(asked)}
    table = asked.model_copy(update={"columns": columns})
    short = path.rpartition(".")[2]
    place = source.place(short, table)
    place.parent.mkdir(parents=True, exist_ok=True)
    with source.connected(short, table) as connection:
        progress("describe", Landing(source, short, table, How(full=True), connection, ()).land())
    return place, origin


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
