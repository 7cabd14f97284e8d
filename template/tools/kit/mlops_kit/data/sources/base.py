"""What a source is: a folder of files, or a place whose tables are landed as files first.

`mlops data ingest` asks a source of the second kind once and lands each of its tables as a parquet
snapshot; the pipeline reads that like any file, and never opens a connection.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field, field_validator, model_validator

from mlops_kit.core.errors import BAD_INPUT, MlopsError, without_credentials
from mlops_kit.core.settings import Section, environment
from mlops_kit.core.zones import RESTRICTED_ZONE

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Table

LANDED = RESTRICTED_ZONE / "landed"
SECRETS = Path(".secrets")
# Beside a snapshot, while it is read: what came of it already, in parts.
LANDING = ".landing"
# Why a source of any kind refuses a user.
NOT_IN = "does not let this user in: check the user in its address and its password"


class Files(Section):
    """A folder of csv, parquet, JSON or XML files."""

    kind: Literal["files"]
    folder: Path
    """Where the files are."""
    drift: Literal["freeze", "evolve", "discard"] | None = None
    """Columns that are new, missing or of another type than declared: `freeze` stops, `evolve` goes
    along and tells, `discard` leaves them out; without it only a missing one stops."""

    def place(self, name: str, table: "Table") -> Path:
        """Return the file or folder that a table is read from, by its name and declaration."""
        assert table.path is not None
        return self.folder / table.path

    def absent(self) -> str:
        """Say what to do where a table has no file."""
        return "put the file there or correct the path"


class Secret(Section):
    """Where a password or key stands: never in a file that git keeps."""

    env: str | None = None
    """Name of the environment variable that holds it."""
    file: str | None = None
    """Name of the file in `.secrets/` that holds it."""

    @model_validator(mode="before")
    @classmethod
    def _refers(cls, given: Any) -> Any:
        # A sentence of ours: pydantic's own would show what was given.
        if isinstance(given, Secret):
            return given
        if not isinstance(given, dict) or len(given) != 1 or set(given) - {"env", "file"}:
            raise ValueError(
                "a secret does not belong into git: write {env: NAME OF A VARIABLE}, or "
                "{file: NAME OF A FILE IN .secrets/}"
            )
        name = next(iter(given.values()))
        if not isinstance(name, str) or not name or Path(name).name != name:
            raise ValueError("a secret is named by a variable, or by a file in .secrets/")
        return given

    def read(self, whose: str) -> str:
        """Return the secret.

        Parameters
        ----------
        whose : str
            What needs it, for the message.

        Raises
        ------
        MlopsError
            When it is nowhere.
        """
        if self.env is not None:
            value = os.environ.get(self.env)
            if not value:
                raise MlopsError(f"{whose} needs the environment variable {self.env}: set it.")
            return value
        assert self.file is not None
        place = SECRETS / self.file
        try:
            return place.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise MlopsError(
                f"{whose} needs the file {place.as_posix()}: write the secret into it."
            ) from error


class Broken(MlopsError):
    """A source that stopped answering: trying again may help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, BAD_INPUT)


class Wanted(NamedTuple):
    """Which rows of a table are wanted; all of them where nothing is said.

    Attributes
    ----------
    since : object
        Only rows whose cursor is this or higher, and those that have none: a row without a cursor
        is read each time rather than never.
    after : tuple
        Only rows whose key is higher: where a broken read goes on.
    limit : int
        At most as many.
    """

    since: Any = None
    after: tuple[Any, ...] | None = None
    limit: int | None = None


class Connection(Protocol):
    """An open connection for one table."""

    @property
    def schema(self) -> "pyarrow.Schema":
        """The columns that are read, with the types in which each batch comes."""

    @property
    def ordered(self) -> bool:
        """Whether rows come by their key, the lowest first, so that a broken read can go on."""

    def newest(self) -> Any:
        """Return the highest cursor that the table has now; None where there is none."""

    def rows(self, wanted: Wanted) -> "Iterator[pyarrow.RecordBatch]":
        """Read rows, some at a time.

        Raises
        ------
        Broken
            When it stops answering.
        MlopsError
            When it refuses, or holds what cannot be taken exactly.
        """


class Looked(NamedTuple):
    """One line of `mlops sources test`: what was looked at, whether it is well, what was found."""

    what: str
    well: bool
    said: str


def here(address: str | dict[str, str], name: str) -> str:
    """Return the address of this environment of a source, by its own name."""
    if isinstance(address, str):
        return address
    if environment() not in address:
        raise MlopsError(
            f"conf/sources.yaml: sources.{name}.address has none for {environment()}; add it."
        )
    return address[environment()]


class Landed(Files):
    """A source whose tables are landed as parquet snapshots before the pipeline reads them."""

    kind: str  # type: ignore[assignment]  # each kind has its own
    folder: Path = LANDED
    """Where snapshots are landed: the default, which git ignores and no remote gets."""
    address: str | dict[str, str]
    """Where it listens, without a password; or an address for each environment by its name."""
    password: Secret | None = None
    """Where the password stands: `{env: NAME}` or `{file: NAME}`, a file in `.secrets/`."""
    batch: int = Field(131_072, ge=1)
    """Rows that are asked for at once; fewer where rows are large."""
    retries: int = Field(3, ge=0)
    """How often a read that breaks off is tried again, after 1, 2, 4, ... seconds."""

    schemes: ClassVar[tuple[str, ...]] = ()
    """What an address of this kind begins with."""

    @field_validator("folder")
    @classmethod
    def _restricted(cls, folder: Path) -> Path:
        if folder != LANDED:
            raise ValueError(f"snapshots are landed in {LANDED.as_posix()}; leave the folder out")
        return folder

    @field_validator("address", mode="before")
    @classmethod
    def _without_secret(cls, given: Any) -> Any:
        for one in given.values() if isinstance(given, dict) else [given]:
            if not isinstance(one, str) or one.partition("://")[0] not in cls.schemes:
                begins = " or ".join(f"{scheme}://" for scheme in cls.schemes)
                raise ValueError(f"an address of this kind begins with {begins}")
            user = one.partition("://")[2].partition("@")[0] if "@" in one else ""
            if ":" in user or "password=" in one.lower():
                raise ValueError(
                    "a password does not belong into git: take it out of the address and write "
                    "password: {env: NAME} beside it"
                )
        return given

    def here(self, name: str) -> str:
        """Return the address of this environment, by the source's own name."""
        return here(self.address, name)

    def secret(self, name: str) -> str | None:
        """Return the password, if one is declared; for the driver alone."""
        return None if self.password is None else self.password.read(name)

    def shown(self, name: str) -> str:
        """Return its name and where it listens, as a person may see it."""
        return f"{name} ({without_credentials(self.here(name))})"

    def sentence(self, name: str, why: str | None, said: str) -> MlopsError:
        """Make a sentence of what a driver says, without secrets.

        Parameters
        ----------
        why : str, optional
            What the source does, and what to do; without it, trying again may help.
        """
        said = without_credentials(" ".join(said.split()))
        if secret := self.secret(name):
            said = said.replace(secret, "***")
        first = said[:200].rstrip(".")
        if why is None:
            return Broken(f"{self.shown(name)} does not answer, or broke off ({first})")
        return MlopsError(f"{self.shown(name)} {why} ({first}).")

    def place(self, name: str, table: "Table") -> Path:
        """Return where the snapshot of a table is landed, apart for each environment."""
        return self.folder / environment() / table.source / f"{name}.parquet"

    def absent(self) -> str:
        """Say what to do where a table has no snapshot."""
        return "`uv run mlops data ingest` lands it there"

    def beside(self, name: str) -> str:
        """Say what of a person the source itself goes on holding, by its name; often nothing."""
        return ""

    def forget(self, name: str, table: "Table") -> None:
        """Remove what is kept here of a table besides its snapshot, of which people may be part."""

    def asked(self, table: "Table") -> list[Any]:
        """Return what a snapshot depends on: asked for anything else, it is read whole again."""
        return [self.here(table.source), table.path, table.query, table.cursor, table.key]

    def connected(self, name: str, table: "Table") -> AbstractContextManager[Connection]:
        """Open a connection for one table, by its name and declaration.

        Raises
        ------
        Broken, MlopsError
            When it does not answer, refuses, or has no such table or column.
        """
        raise NotImplementedError

    def names(self, table: "Table") -> list[str]:
        """Name all columns that a table has there, for `mlops data describe`.

        Raises
        ------
        MlopsError
            As `connected`, or where a source of this kind has no names to tell.
        """
        raise MlopsError(
            f"What a source of kind {self.kind} holds cannot be described: declare the columns of "
            f"{table.path} in conf/sources.yaml."
        )

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection, the permission and the clock, by the source's own name."""
        raise NotImplementedError


class Asked(Section):
    """What a table says of how it is read from a source that is no folder."""

    query: str | None = None
    """What gives its rows, in the source's own language; otherwise `path` is a table there."""
    cursor: str | None = None
    """Column that grows with every change of a row: with it only new and changed rows are read."""
    key: list[str] = []
    """Columns that identify a row: a changed row takes the place of the one with its key."""
