"""What `mlops sources test` says of a database."""

import time
from collections.abc import Iterator

from mlops_kit.data.sources.base import Looked

MOST_SECONDS = 5


def looked(may_write: str | None) -> Iterator[Looked]:
    """Say whether the user may only read, as is recommended."""
    if may_write is None:
        yield Looked("permission", True, "read only")
    else:
        yield Looked(
            "permission",
            False,
            f"this user may change data there, such as {may_write}: reading needs SELECT alone",
        )


def clock(there: float | None) -> Looked:
    """Say how far the clock of the server is from this machine's."""
    if there is None:
        return Looked("clock", False, "it tells no time")
    apart = there - time.time()
    said = f"{abs(apart):.1f} s {'ahead' if apart > 0 else 'behind'}"
    return Looked("clock", abs(apart) <= MOST_SECONDS, said)
