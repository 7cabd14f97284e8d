"""Redis, and what speaks its protocol: hashes, or texts of JSON, whose keys fit a pattern."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources import objects
from mlops_kit.data.sources.base import NOT_IN, Landed, Looked, Wanted
from mlops_kit.data.sources.exact import Written, text
from mlops_kit.data.sources.look import clock, looked
from mlops_kit.data.sources.missing import missing_group
from mlops_kit.data.values.json_text import Twice, of_a_store

if TYPE_CHECKING:
    import polars
    import redis

    from mlops_kit.data.config import Table

SECONDS = 30
KEY = "redis_key"  # a column that every row has: its key


class Redis(Landed):
    """A Redis database: `path` is a pattern of keys, such as `order:*`.

    Each key is a row: a hash, or a text that is a JSON object. The column `redis_key` is the key
    itself. Memory grows with the number of keys (about 100 MB a million), because Redis may name
    one twice.
    """

    kind: Literal["redis"]  # type: ignore[assignment]
    batch: int = Field(5_000, ge=1)
    """Keys that are asked for at once."""

    schemes: ClassVar[tuple[str, ...]] = ("redis", "rediss")

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """Open a connection for one table; see `Landed`."""
        if table.path is None:
            raise MlopsError(
                f"{name} of {table.source}: Redis has no queries; write a pattern of keys as path."
            )
        with self.opened(table.source) as client:
            yield Reader(self, client, name, table)

    def seed(self, source: str, tables: "Mapping[str, polars.DataFrame]") -> None:
        """Make a hash for each row, `orders:1`, all at once; see `Seeded`."""
        with self.opened(source) as client:
            for name in tables:
                if next(client.scan_iter(f"{name}:*"), None) is not None:
                    raise MlopsError(
                        f"{self.shown(source)} has keys {name}:* already, and nothing was written: "
                        "name another database."
                    )
            pipeline = client.pipeline(transaction=True)
            for name, rows in tables.items():
                for number, row in enumerate(rows.iter_rows(named=True), 1):
                    there = {key: text(one) for key, one in row.items() if one is not None}
                    pipeline.hset(f"{name}:{number}", mapping=there)  # type: ignore[arg-type]
            pipeline.execute()

    @contextlib.contextmanager
    def opened(self, source: str) -> "Iterator[redis.Redis]":
        """Open a connection, and make sentences of what the driver raises."""
        try:
            import redis
        except ImportError:
            raise missing_group(self.kind, "redis") from None
        try:
            client = redis.Redis.from_url(
                self.here(source),
                password=self.secret(source),
                socket_timeout=SECONDS,
                socket_connect_timeout=SECONDS,
                client_name="mlops-data-ingest",
            )
        except ValueError as error:
            raise self.sentence(source, "is no address of Redis", str(error)) from None
        try:
            client.ping()
            yield client
        except redis.exceptions.AuthenticationError as error:
            raise self.sentence(source, NOT_IN, str(error)) from None
        except redis.exceptions.NoPermissionError as error:
            why = "does not permit it: ask for read access to these keys, +@read +scan"
            raise self.sentence(source, why, str(error)) from None
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            raise self.sentence(source, None, str(error)) from None
        except redis.exceptions.RedisError as error:
            why = NOT_IN if "AUTH" in str(error).upper() else "refuses"
            raise self.sentence(source, why, str(error)) from None
        finally:
            client.close()

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection, the permission and the clock; see `Landed`."""
        import redis

        with self.opened(name) as client:
            yield Looked("connection", True, f"{self.shown(name)} answers")
            try:
                user = client.execute_command("ACL", "WHOAMI")
                said = client.execute_command("ACL", "DRYRUN", user, "SET", "a key", "a value")
                may = said in (b"OK", "OK", True)
                yield from looked("a key" if may else None)
            except redis.exceptions.ResponseError:
                yield Looked("permission", True, "it does not tell whether this user may write")
            seconds, micro = client.time()  # type: ignore[misc]
            yield clock(int(seconds) + int(micro) / 1e6)


class Reader(objects.Reader):
    """An open connection for one table; see `Connection`."""

    def __init__(self, source: Redis, client: "redis.Redis", name: str, table: "Table") -> None:
        super().__init__(source, name, table)
        self.client = client
        of_bytes = (one for one, its in table.columns.items() if its.type == "binary")
        self.binary = {one.encode() for one in of_bytes}

    def found(self, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Go through the keys, some at a time, and give each once."""
        seen: set[bytes] = set()
        cursor: Any = 0
        while True:
            cursor, found = self.client.scan(cursor, self.table.path, self.size)  # type: ignore[misc]
            keys: Any = [key for key in dict.fromkeys(found) if key not in seen]
            seen.update(keys)
            if keys:
                yield from self._values(keys)
            if not int(cursor):
                return

    def _values(self, keys: list[bytes]) -> Iterator[Mapping[str, Any]]:
        kinds = self._asked([("TYPE", key) for key in keys])
        commands = {b"hash": "HGETALL", b"string": "GET"}
        if odd := set(kinds) - {*commands, b"none"}:
            raise MlopsError(
                f"{self.whose}: a key of this pattern is a {odd.pop().decode()}, and rows are "
                "hashes or texts of JSON: correct `path`."
            )
        there = [(commands[kind], key) for key, kind in zip(keys, kinds, strict=True)
                 if kind in commands]  # fmt: skip
        for (_, key), value in zip(there, self._asked(there), strict=True):
            if value is not None and value != {} and value != []:  # a key may go meanwhile
                yield {KEY: self._text(key)} | self._object(value)

    def _asked(self, commands: list[tuple[str, bytes]]) -> list[Any]:
        pipeline = self.client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return pipeline.execute()

    def _object(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return {self._text(name): self._value(name, one) for name, one in value.items()}
        if isinstance(value, list):  # as pairs, where the answer is not a map
            return self._object(dict(zip(value[::2], value[1::2], strict=True)))
        try:
            found = of_a_store(value)
        except Twice as error:
            raise MlopsError(
                f"{self.whose}: a key of this pattern holds JSON that cannot be taken ({error}): "
                "mend it there."
            ) from None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise MlopsError(
                f"{self.whose}: a key of this pattern holds a text that is no JSON object: "
                "correct `path`."
            )
        return found

    def _value(self, name: bytes, value: bytes) -> str | bytes:
        """Give the value of a field: bytes where they are declared, and else a text."""
        return value if name in self.binary else Written(self._text(value))

    def _text(self, value: bytes) -> str:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise MlopsError(
                f"{self.whose} holds bytes that are no UTF-8 text, which a row cannot have: "
                "correct `path`."
            ) from None


SOURCE = Redis
