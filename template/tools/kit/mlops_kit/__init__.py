"""The part of this repository that the template owns: updates change it, people do not."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError

if TYPE_CHECKING:
    import pandas

if sys.version_info < (3, 11):  # noqa: UP036  (said here, before anything fails)
    sys.stderr.write(
        f"error: Python {sys.version_info[0]}.{sys.version_info[1]} is too old; "
        "use Python 3.11 or newer, for example with `uv python pin 3.11`.\n"
    )
    raise SystemExit(3)


def load(name: str) -> "pandas.DataFrame":
    """Load a table of the open zone: `features`, `predictions`, or any table of conf/sources.yaml.

    Works from the project folder and from every folder below it, such as notebooks/.

    Raises
    ------
    MlopsError
        When there is no such table; the message lists those that are there.
    """
    import pandas as pd

    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "conf" / "base.yaml").is_file():
            break
    else:
        raise MlopsError("Open this project's folder first: conf/base.yaml is not above here.")
    zone = folder / "data" / "open"
    files = {file.stem: file for file in [*zone.glob("tables/*.parquet"), *zone.glob("*.parquet")]}
    if name not in files:
        known = ", ".join(sorted(files)) or "none yet: run `uv run mlops run`"
        raise MlopsError(f'There is no table "{name}" in the open zone. There are: {known}.')
    return pd.read_parquet(files[name])
