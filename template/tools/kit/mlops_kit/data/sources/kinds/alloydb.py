"""AlloyDB, which speaks PostgreSQL's protocol: at its own address, or at that of its proxy."""

from typing import Literal

from mlops_kit.data.sources.kinds.postgresql import Postgresql


class Alloydb(Postgresql):
    """An AlloyDB database."""

    kind: Literal["alloydb"]  # type: ignore[assignment]


SOURCE = Alloydb
