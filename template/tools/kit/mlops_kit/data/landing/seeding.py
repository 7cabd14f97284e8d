"""`mlops data sample --into`: the invented shop written into a service, to try a source against."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.files import progress
from mlops_kit.data.config import SOURCES_FILE, load_sources
from mlops_kit.data.landing.described import made
from mlops_kit.data.sources.base import SECRETS
from mlops_kit.data.sources.registry import kinds
from mlops_kit.data.sources.sample_shop.settings import Sample
from mlops_kit.data.sources.tables import shop_of

if TYPE_CHECKING:
    import polars


@runtime_checkable
class Seeded(Protocol):
    """A kind of source that can be given tables."""

    def seed(self, source: str, tables: "Mapping[str, polars.DataFrame]") -> None:
        """Make tables that are not there yet, all of them or none.

        Raises
        ------
        MlopsError
            When one is there already, or the service refuses; nothing of ours is left there.
        """


def seed(address: str) -> Iterator[str]:
    """Write the shop into a service that holds no such tables; say what conf/sources.yaml needs.

    Its size is that of the sample in conf/sources.yaml, if it declares one.

    Parameters
    ----------
    address : str
        As a source has it, such as `postgresql://user@host/database` or `s3://bucket/x`.

    Raises
    ------
    MlopsError
        When nothing here writes to such an address, or as `Seeded.seed`.
    """
    scheme = address.partition("://")[0]
    able: list[Any] = [one for one in kinds() if issubclass(one, Seeded)]
    kind = next((one for one in able if scheme in one.schemes), None)
    if kind is None:
        known = ", ".join(f"{scheme}://" for one in able for scheme in one.schemes)
        raise MlopsError(
            f"{without_credentials(address)}: no source here can be given the sample at such an "
            "address" + (f"; there are {known}." if known else ": see `data_sources`.")
        )
    place = urlsplit(address)
    last = place.path.rpartition("/")[2]
    name = last if last[:1].isalpha() else scheme
    variable = re.sub(r"\W+", "_", name).strip("_").upper() + "_PASSWORD"
    settings: dict[str, Any] = {"address": address}
    if variable in os.environ:
        settings["password"] = {"env": variable}
    elif (SECRETS / variable).is_file():
        settings["password"] = {"file": variable}
    else:
        progress("sample", f"without a password: if one is needed, set {variable}")
    source = made(kind, settings)
    assert isinstance(source, Seeded)
    tables = shop_of(_sample())
    source.seed(name, tables)
    for table, rows in tables.items():
        yield f"{table}: {len(rows):,} rows"
    written = ", ".join(f"{key}: {_flow(value)}" for key, value in settings.items())
    declared = f"kind: {source.kind}, {written}"  # type: ignore[attr-defined]
    yield f"in {SOURCES_FILE.as_posix()}: shop: " + "{" + declared + "}"


def _sample() -> Sample:
    """Return the sample that the project declares, or the usual one."""
    if Path(SOURCES_FILE).is_file():
        for source in load_sources().sources.values():
            if isinstance(source, Sample):
                return source
    return Sample(kind="sample")


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {one}" for key, one in value.items()) + "}"
    return without_credentials(str(value))
