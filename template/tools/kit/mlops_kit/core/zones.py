"""The two zones of data: what is as it came, and what has passed the gate."""

from pathlib import Path

OPEN_ZONE = Path("data/open")
RESTRICTED_ZONE = Path("data/restricted")
