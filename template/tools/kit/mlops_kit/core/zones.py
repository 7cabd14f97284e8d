"""The two zones of data: what is as it came, and what has passed the gate."""

from pathlib import Path

OPEN_ZONE = Path("data/open")
RESTRICTED_ZONE = Path("data/restricted")
# Where `mlops predict` wrote scores by tokens besides these, a path a line: `erase` names them.
SCORED_ELSEWHERE = RESTRICTED_ZONE / "scored-elsewhere.txt"
# What was answered online, and the features from which it is: by ids of the open zone.
SERVED = OPEN_ZONE / "served"
SNAPSHOT = OPEN_ZONE / "snapshot.sqlite"


def open_table(name: str) -> Path:
    """Return where a table of the open zone lies; `features` are what a model learns from."""
    return OPEN_ZONE / ("features.parquet" if name == "features" else f"tables/{name}.parquet")
