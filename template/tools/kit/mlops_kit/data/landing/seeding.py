"""`mlops data sample --into`: the invented shop written into a service, to try a source against."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import urlsplit

from mlops_kit.core.errors import without_credentials
from mlops_kit.core.files import flow
from mlops_kit.core.words import counted
from mlops_kit.data.config import SOURCES_FILE, load_sources
from mlops_kit.data.landing.described import kind_for, made, signed_in
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
    kind = kind_for(address, [one for one in kinds() if issubclass(one, Seeded)])
    place = urlsplit(address)
    last = place.path.rpartition("/")[2]
    name = last if last[:1].isalpha() else place.scheme
    settings = signed_in("sample", name, address)
    source = made(kind, settings)
    assert isinstance(source, Seeded)
    tables = shop_of(_sample())
    source.seed(name, tables)
    for table, rows in tables.items():
        yield f"{table}: {counted(len(rows), 'row')}"
    settings |= {"address": without_credentials(address)}
    declared = {"kind": source.kind, **settings}  # type: ignore[attr-defined]
    yield f"in {SOURCES_FILE.as_posix()}: shop: {flow(declared)}"


def _sample() -> Sample:
    """Return the sample that the project declares, or the usual one."""
    if Path(SOURCES_FILE).is_file():
        for source in load_sources().sources.values():
            if isinstance(source, Sample):
                return source
    return Sample(kind="sample")
