"""Neo4j: the nodes of a label, or what a query of Cypher returns, over Bolt."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources import objects
from mlops_kit.data.sources.base import NOT_IN, Landed, Looked, Wanted
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.look import clock
from mlops_kit.data.sources.missing import missing_group

if TYPE_CHECKING:
    import neo4j

    from mlops_kit.data.config import Table

SECONDS = 10


class Neo4j(Landed):
    """A Neo4j database: `path` is a label of nodes, or `query` is Cypher that returns columns.

    `neo4j://user@host:7687/database`; a query names its columns: `RETURN a.id AS from_id`.
    """

    kind: Literal["neo4j"]  # type: ignore[assignment]
    batch: int = Field(10_000, ge=1)
    """Records that are asked for at once."""

    schemes: ClassVar[tuple[str, ...]] = (
        *("neo4j", "neo4j+s", "neo4j+ssc"),
        *("bolt", "bolt+s", "bolt+ssc"),
    )

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """Open a connection for one table; see `Landed`."""
        with self.opened(table.source) as session:
            yield Reader(self, session, name, table)

    @contextlib.contextmanager
    def opened(self, source: str) -> "Iterator[neo4j.Session]":
        """Open a session that may only read, and make sentences of what the driver raises."""
        try:
            import neo4j
            from neo4j import exceptions
        except ImportError:
            raise missing_group(self.kind, "neo4j") from None
        place, secret = urlsplit(self.here(source)), self.secret(source)
        user, _, host = place.netloc.rpartition("@")
        try:
            driver = neo4j.GraphDatabase.driver(
                f"{place.scheme}://{host}",
                auth=(user, secret) if secret is not None else None,
                connection_timeout=SECONDS,
                user_agent="mlops data ingest",
            )
        except (exceptions.ConfigurationError, ValueError) as error:
            raise self.sentence(source, "is no address of Neo4j", str(error)) from None
        try:
            with (
                driver,
                driver.session(
                    database=place.path.strip("/") or None,
                    default_access_mode=neo4j.READ_ACCESS,
                    fetch_size=self.batch,
                ) as session,
            ):
                yield session
        except exceptions.AuthError as error:
            raise self.sentence(source, NOT_IN, _said(error)) from None
        except exceptions.Forbidden as error:
            raise self.sentence(source, "does not permit it", _said(error)) from None
        except (exceptions.TransientError, exceptions.DriverError, OSError) as error:
            raise self.sentence(source, None, _said(error)) from None
        except exceptions.Neo4jError as error:
            security = "security" in str(error.code).lower()
            why = NOT_IN if security else "refuses the query: correct `path` or `query`"
            raise self.sentence(source, why, _said(error)) from None

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection and the clock; a session of ours may only read."""
        with self.opened(name) as session:
            record = session.run("RETURN timestamp() AS now").single()
            yield Looked("connection", True, f"{self.shown(name)} answers")
            said = "the session may only read; what else its user may do is not told"
            yield Looked("permission", True, said)
            yield clock(record["now"] / 1000 if record else None)


class Reader(objects.Reader):
    """An open connection for one table; see `Connection`."""

    def __init__(self, source: Neo4j, session: "neo4j.Session", name: str, table: "Table") -> None:
        super().__init__(source, name, table)
        self.session = session
        columns = ", ".join(f"n.{_name(one)} AS {_name(one)}" for one in asked_columns(table))
        self.query = table.query or f"MATCH (n:{_name(str(table.path))}) RETURN {columns}"

    def found(self, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Run the query; its records come as they are used up."""
        of_label, known = self.table.query is None, set[str]()
        for record in self.session.run(self.query):  # type: ignore[arg-type]
            made = {name: objects.deeply(value, _plain) for name, value in record.items()}
            if of_label:  # a property that no node has is null everywhere
                known |= {name for name, value in made.items() if value is not None}
                made = {name: value for name, value in made.items() if name in known}
            yield made


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _said(error: Exception) -> str:
    return getattr(error, "message", None) or str(error)


def _plain(value: Any) -> Any:
    """Turn what Neo4j has of its own, times above all, into types of Python."""
    if hasattr(value, "to_native"):
        if getattr(value, "nanosecond", 0) % 1000:
            raise MlopsError(
                "A time of Neo4j has nanoseconds, which no column can hold: return it with "
                "toString() and declare the type string."
            )
        return value.to_native()
    return value


SOURCE = Neo4j
