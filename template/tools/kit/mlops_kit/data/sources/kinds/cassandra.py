"""Cassandra, and what speaks its protocol: a table, or what a query of CQL selects.

No server was run for it: paging and errors were tried on a recorded cursor, the sentences on a
driver that finds nobody. See the README.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from mlops_kit.core.sql import quoted
from mlops_kit.data.sources import objects
from mlops_kit.data.sources.base import NOT_IN, Landed, Looked, Wanted
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.missing import missing_group

if TYPE_CHECKING:
    from mlops_kit.data.config import Table

SECONDS = 10


class Cassandra(Landed):
    """A keyspace of Cassandra: `path` is a table, or `query` is CQL.

    `cassandra://user@host:9042/keyspace`; several hosts stand between commas.
    """

    kind: Literal["cassandra"]  # type: ignore[assignment]
    batch: int = Field(5_000, ge=1)
    """Rows of a page."""

    schemes: ClassVar[tuple[str, ...]] = ("cassandra",)

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """Open a connection for one table; see `Landed`."""
        with self.opened(table.source) as session:
            yield Reader(self, session, name, table)

    @contextlib.contextmanager
    def opened(self, source: str) -> Iterator[Any]:
        """Open a session, and make sentences of what the driver raises."""
        try:
            import cassandra
            from cassandra import auth, cluster, query
        except ImportError:
            raise missing_group(self.kind, "cassandra") from None
        place, secret = urlsplit(self.here(source)), self.secret(source)
        user, _, hosts = place.netloc.rpartition("@")
        names = [one.rpartition(":")[0] or one for one in hosts.split(",")]
        port = hosts.rpartition(":")[2]
        connected = cluster.Cluster(
            names,
            port=int(port) if port.isdigit() else 9042,
            auth_provider=auth.PlainTextAuthProvider(user, secret) if secret is not None else None,
            connect_timeout=SECONDS,
        )
        try:
            session = connected.connect(place.path.strip("/") or None)
            session.row_factory = query.dict_factory
            session.default_fetch_size = self.batch
            yield session
        except cluster.NoHostAvailable as error:
            found = dict(error.errors or {}).values()
            reasons = [one for one in found if isinstance(one, Exception)]
            if any(isinstance(one, cassandra.AuthenticationFailed) for one in reasons):
                raise self.sentence(source, NOT_IN, str(reasons[0])) from None
            raise self.sentence(source, None, str(error)) from None
        except cassandra.AuthenticationFailed as error:
            raise self.sentence(source, NOT_IN, str(error)) from None
        except cassandra.Unauthorized as error:
            why = "does not permit it: ask for SELECT on this table"
            raise self.sentence(source, why, str(error)) from None
        except cassandra.InvalidRequest as error:
            why = "refuses the query: correct `path`, `query` or the columns"
            raise self.sentence(source, why, str(error)) from None
        except (cassandra.DriverException, cassandra.OperationTimedOut, OSError) as error:
            raise self.sentence(source, None, str(error)) from None
        finally:
            connected.shutdown()

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection; what a user may do is not asked."""
        with self.opened(name) as session:
            session.execute("SELECT release_version FROM system.local")
            yield Looked("connection", True, f"{self.shown(name)} answers")
            yield Looked("permission", True, "it is not asked; reading needs SELECT alone")


class Reader(objects.Reader):
    """An open connection for one table; see `Connection`."""

    def __init__(self, source: Cassandra, session: Any, name: str, table: "Table") -> None:
        super().__init__(source, name, table)
        self.session = session
        columns = ", ".join(map(quoted, asked_columns(table)))
        place = ".".join(map(quoted, str(table.path).split(".")))
        self.query = table.query or f"SELECT {columns} FROM {place}"

    def found(self, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Run the query; the driver asks for the next page when one is used up."""
        for row in self.session.execute(self.query):
            yield {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    """Turn what Cassandra has of its own into types of Python: its dates, and sorted sets."""
    if type(value).__module__ == "cassandra.util":
        if hasattr(value, "date"):
            return value.date()
        if hasattr(value, "time"):
            return value.time()
        return list(value)
    return value


SOURCE = Cassandra
