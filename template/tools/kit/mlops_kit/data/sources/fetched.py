"""What a source is whose files are brought here, as they are, before the pipeline reads them."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.settings import environment
from mlops_kit.data.sources.base import LANDED, Files, here

if TYPE_CHECKING:
    from mlops_kit.data.config import Table


class Fetched(Files):
    """A source whose files are brought here before the pipeline reads them, each table's apart."""

    kind: str  # type: ignore[assignment]  # each kind has its own
    folder: Path = LANDED
    address: str | dict[str, str]

    def here(self, name: str) -> str:
        """Return the address of this environment, by the source's own name."""
        return here(self.address, name)

    def place(self, name: str, table: "Table") -> Path:
        """Return the folder that the files of a table are brought into."""
        return self.folder / environment() / table.source / name

    def absent(self) -> str:
        """Say what to do where a table has no file."""
        return "`uv run mlops data ingest` brings it there"
