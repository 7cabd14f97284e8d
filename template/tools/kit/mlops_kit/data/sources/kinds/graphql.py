"""A GraphQL service: pages of a connection by its cursor, as the Relay specification describes."""

import contextlib
import email.utils
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources import objects
from mlops_kit.data.sources.base import Broken, Landed, Looked, Wanted
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.look import clock
from mlops_kit.data.sources.missing import missing_group
from mlops_kit.data.values.json_text import Twice, of_a_store

if TYPE_CHECKING:
    import httpx

    from mlops_kit.data.config import Table

SECONDS = 60  # for one page
BUSY = (408, 425, 429, 500, 502, 503, 504)


class Graphql(Landed):
    """A GraphQL service: `path` is the field of a connection, or `query` asks for one.

    A query is given `$first` (rows of a page) and `$after` (a cursor), and must ask for
    `pageInfo {hasNextPage endCursor}` beside `edges {node {...}}` or `nodes {...}`. The password
    is sent as a bearer token.
    """

    kind: Literal["graphql"]  # type: ignore[assignment]
    batch: int = Field(500, ge=1)
    """Rows of a page: many services allow no more than some hundred."""

    schemes: ClassVar[tuple[str, ...]] = ("http", "https")

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """Open a connection for one table; see `Landed`."""
        with self.opened(table.source) as client:
            yield Reader(self, client, name, table)

    @contextlib.contextmanager
    def opened(self, source: str) -> "Iterator[httpx.Client]":
        """Open a client that sends the token to this address alone."""
        try:
            import httpx
        except ImportError:
            raise missing_group(self.kind, "graphql") from None
        secret = self.secret(source)
        headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
        with httpx.Client(headers=headers, timeout=SECONDS) as client:
            yield client

    def ask(
        self, client: "httpx.Client", source: str, query: str, variables: Mapping[str, Any]
    ) -> "httpx.Response":
        """Send a query.

        Raises
        ------
        Broken, MlopsError
            When there is no whole answer, or one with errors.
        """
        import httpx

        shown = self.shown(source)
        try:
            answer = client.post(
                self.here(source), json={"query": query, "variables": dict(variables)}
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self.sentence(source, None, str(error) or type(error).__name__) from None
        if answer.status_code in (401, 403):
            why = "does not let this user in: check its password, which is sent as a bearer token"
            raise self.sentence(source, why, str(answer.status_code))
        if answer.status_code in BUSY:
            raise Broken(f"{shown} is busy or broken ({answer.status_code})")
        said = self._errors(answer)
        if said:
            why = "refuses the query: correct `path`, `query` or the columns"
            raise self.sentence(source, why, said)
        if answer.status_code != 200:
            raise MlopsError(
                f"{shown} answers with {answer.status_code} and no data: correct its address."
            )
        return answer

    def _errors(self, answer: "httpx.Response") -> str:
        try:
            content = of_a_store(answer.content)
        except Twice as error:
            return f"in the answer {error}"
        except ValueError:
            return "" if answer.status_code != 200 else "the answer is no JSON"
        errors = content.get("errors") if isinstance(content, dict) else None
        if not errors:
            return "" if isinstance(content, dict) else "the answer is no object"
        return "; ".join(str(one.get("message", one)) for one in errors)

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection and the clock; what a token permits is not told by GraphQL."""
        with self.opened(name) as client:
            answer = self.ask(client, name, "{__typename}", {})
            yield Looked("connection", True, f"{self.shown(name)} answers")
            yield Looked("permission", True, "GraphQL does not tell; nothing but queries is sent")
            date = answer.headers.get("date")
            yield clock(email.utils.parsedate_to_datetime(date).timestamp() if date else None)


class Reader(objects.Reader):
    """An open connection for one table; see `Connection`."""

    def __init__(self, source: Graphql, client: "httpx.Client", name: str, table: "Table") -> None:
        super().__init__(source, name, table)
        self.service, self.client = source, client
        self.query = table.query or _query(str(table.path), asked_columns(table))

    def found(self, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Ask for page after page."""
        size = min(self.size, wanted.limit or self.size)
        variables: dict[str, Any] = {"first": size, "after": None}
        while True:
            answer = self.service.ask(self.client, self.table.source, self.query, variables)
            connection = self._connection(of_a_store(answer.content).get("data"))
            yield from self._nodes(connection)
            page = connection["pageInfo"]
            if not page.get("hasNextPage"):
                return
            cursor = page.get("endCursor")
            if cursor is None or cursor == variables["after"]:
                raise MlopsError(
                    f"{self.whose} says that more follows and gives no other endCursor: ask for "
                    "pageInfo {hasNextPage endCursor} in `query`, and pass $after on."
                )
            variables["after"] = cursor

    def _nodes(self, connection: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Give the objects of a page; null in the place of one is no row that may be left out."""
        if "nodes" in connection:
            found = connection["nodes"]
        else:
            edges = connection.get("edges") or ()
            found = [one.get("node") if isinstance(one, Mapping) else None for one in edges]
        for one in found or ():
            if not isinstance(one, Mapping):
                raise MlopsError(
                    f"{self.whose} comes with null in the place of a row, which the service does "
                    "not show or could not make: mend it there, or leave such rows out by `query`."
                )
            yield one

    def _connection(self, data: Any) -> Mapping[str, Any]:
        """Find the one object of an answer that has pages."""
        found = list(_with_pages(data))
        if len(found) != 1:
            raise MlopsError(
                f"The answer for {self.whose} has {len(found) or 'no'} objects with pageInfo, and "
                "one is needed: ask for one connection, with pageInfo {hasNextPage endCursor}."
            )
        return found[0]


def _with_pages(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if isinstance(value.get("pageInfo"), Mapping):
            yield value
        else:
            for inner in value.values():
                yield from _with_pages(inner)


def _query(path: str, columns: list[str]) -> str:
    """Ask for columns of the connection at a path of fields, such as `shop.orders`."""
    tree: dict[str, Any] = {}
    for column in columns:
        inside = tree
        for part in column.split("."):
            inside = inside.setdefault(part, {})
    *above, field = path.split(".")
    node = _braced(f"node {_fields(tree)}")
    page = _braced(f"edges {node} pageInfo {_braced('hasNextPage endCursor')}")
    asked = f"{field}(first: $first, after: $after) {page}"
    for one in reversed(above):
        asked = f"{one} {_braced(asked)}"
    return f"query ($first: Int, $after: String) {_braced(asked)}"


def _fields(tree: Mapping[str, Any]) -> str:
    inside = " ".join(name + (f" {_fields(one)}" if one else "") for name, one in tree.items())
    return _braced(inside)


def _braced(fields: str) -> str:
    return "{" + fields + "}"


SOURCE = Graphql
