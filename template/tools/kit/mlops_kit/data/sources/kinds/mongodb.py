"""MongoDB: the documents of a collection, or those that a filter finds."""

import contextlib
import datetime
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources import objects
from mlops_kit.data.sources.base import NOT_IN, Landed, Looked, Wanted
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.look import clock, looked
from mlops_kit.data.sources.missing import missing_group

if TYPE_CHECKING:
    import polars
    import pymongo
    import pymongo.database

    from mlops_kit.data.config import Table

SECONDS = 10  # for a connection
WRITES = {"insert", "update", "remove", "dropCollection"}
# Codes of MongoDB for a user who may not enter, and for one who may not do this.
UNKNOWN, NOT_PERMITTED = (18, 8000), (13,)


class Mongodb(Landed):
    """A MongoDB database: `path` is a collection, or `query` finds documents.

    A query is a find command as JSON: `{"find": "orders", "filter": {"country": "AR"}}`. A column
    such as `client.town` is a field inside of another.
    """

    kind: Literal["mongodb"]  # type: ignore[assignment]
    batch: int = Field(10_000, ge=1)
    """Documents that are asked for at once."""

    schemes: ClassVar[tuple[str, ...]] = ("mongodb", "mongodb+srv")

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """Open a connection for one table; see `Landed`."""
        with self.opened(table.source) as database:
            yield Reader(self, database, name, table)

    def seed(self, source: str, tables: "Mapping[str, polars.DataFrame]") -> None:
        """Make collections that are not there yet, all or none; see `Seeded`. A day is a moment."""
        with self.opened(source) as database:
            if there := set(database.list_collection_names()) & set(tables):
                raise MlopsError(
                    f"{self.shown(source)} has a collection {min(there)} already, and nothing was "
                    "written: name another database."
                )
            try:
                for name, rows in tables.items():
                    database[name].insert_many(map(_document, rows.iter_rows(named=True)))
            except BaseException:
                for name in tables:
                    database.drop_collection(name)
                raise

    @contextlib.contextmanager
    def opened(self, source: str) -> "Iterator[pymongo.database.Database[Any]]":
        """Open the database of the address, and make sentences of what the driver raises."""
        try:
            import pymongo
            from bson.errors import BSONError
            from pymongo import errors
        except ImportError:
            raise missing_group(self.kind, "mongodb") from None
        options: dict[str, Any] = {}
        if (secret := self.secret(source)) is not None:
            options["password"] = secret
        try:
            client: pymongo.MongoClient[Any] = pymongo.MongoClient(
                self.here(source),
                serverSelectionTimeoutMS=1000 * SECONDS,
                tz_aware=True,
                datetime_conversion="DATETIME_AUTO",  # what no year holds comes as milliseconds
                uuidRepresentation="standard",
                appname="mlops data ingest",
                **options,
            )
            database = client.get_default_database()
        except (errors.ConfigurationError, errors.InvalidURI, errors.InvalidOperation) as error:
            why = "is no whole address: write mongodb://user@host:27017/database"
            raise self.sentence(source, why, str(error)) from None
        try:
            with client:
                yield database
        except errors.OperationFailure as error:
            said = str(error).split(", full error")[0]
            why = "refuses: correct `path` or `query`"
            if error.code in UNKNOWN or "authentication failed" in said.lower():
                why = NOT_IN
            elif error.code in NOT_PERMITTED:
                why = "does not permit it: ask for the role read"
            raise self.sentence(source, why, said) from None
        except BSONError as error:
            why = "holds a document that cannot be read: leave it out by `query`, or mend it there"
            raise self.sentence(source, why, str(error)) from None
        except errors.PyMongoError as error:
            raise self.sentence(source, None, str(error).split(", Timeout")[0]) from None

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection, the permission and the clock; see `Landed`."""
        from pymongo.errors import OperationFailure

        with self.opened(name) as database:
            hello = database.command("hello")
            yield Looked("connection", True, f"{self.shown(name)} answers")
            try:
                status = database.command("connectionStatus", showPrivileges=True)
                granted = status["authInfo"].get("authenticatedUserPrivileges", [])
                may = WRITES & {action for one in granted for action in one.get("actions", ())}
                anybody = not status["authInfo"].get("authenticatedUsers")
                yield from looked("any collection" if may or anybody else None)
            except (OperationFailure, KeyError):
                yield Looked("permission", True, "it does not tell whether this user may write")
            there = hello.get("localTime")
            yield clock(there.timestamp() if there else None)


class Reader(objects.Reader):
    """An open connection for one table; see `Connection`."""

    def __init__(
        self,
        source: Mongodb,
        database: "pymongo.database.Database[Any]",
        name: str,
        table: "Table",
    ) -> None:
        super().__init__(source, name, table)
        objects.check_cursor(table, self.whose)
        collection, self.filter = self._asked()
        if collection not in database.list_collection_names(filter={"name": collection}):
            there = ", ".join(sorted(database.list_collection_names())[:10]) or "none"
            raise MlopsError(
                f'{source.shown(table.source)} has no collection "{collection}" (it has {there}): '
                "correct `path` or `query`."
            )
        self.collection = database[collection]
        # By a key that is a whole number, MongoDB orders as we do.
        kinds = {str(self.schema.field(one).type) for one in table.key}
        self.ordered = bool(table.cursor) and len(table.key) == 1 and kinds <= {"int64"}

    def _asked(self) -> tuple[str, dict[str, Any]]:
        if self.table.query is None:
            return str(self.table.path), {}
        from bson import json_util

        try:
            found = json_util.loads(self.table.query)
        except (ValueError, TypeError):
            found = None
        if not isinstance(found, dict) or set(found) - {"find", "filter"} or "find" not in found:
            raise MlopsError(
                f"{self.whose}: query is no find command; write it as JSON, such as "
                + json.dumps({"find": "orders", "filter": {"country": "AR"}})
                + "."
            )
        return found["find"], found.get("filter", {})

    def newest(self) -> Any:
        """Return the highest cursor that the collection has now."""
        cursor = str(self.table.cursor)
        found = self.collection.find(self.filter, {cursor: 1}).sort(cursor, -1).limit(1)
        one = next(iter(found), None)
        if one is None:
            return None
        taken = objects.batches([one], _only(self.table, cursor), self.whose, 1, Wanted(limit=1))
        return next(iter(taken)).column(0)[0].as_py()

    def found(self, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Find documents."""
        asked = [self.filter] if self.filter else []
        if wanted.after is not None:
            asked.append({self.table.key[0]: {"$gt": wanted.after[0]}})
        fields = dict.fromkeys(_apart(asked_columns(self.table)), 1)
        found = self.collection.find(
            {"$and": asked} if asked else {}, fields | ({} if "_id" in fields else {"_id": 0})
        ).batch_size(self.size)
        if self.ordered:
            found = found.sort(self.table.key[0], 1)
        return (objects.deeply(one, _plain) for one in found)


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row as a document: what is missing is not there, and a day is its first moment."""
    days = {name: datetime.datetime(value.year, value.month, value.day)
            for name, value in row.items() if type(value) is datetime.date}  # fmt: skip
    return {name: value for name, value in row.items() if value is not None} | days


def _only(table: "Table", column: str) -> "Table":
    """The declaration of one column."""
    return table.model_copy(
        update={"columns": {column: table.columns[column]}, "key": [], "cursor": None}
    )


def _apart(columns: list[str]) -> list[str]:
    """Leave out what is inside of another column: MongoDB refuses both."""
    return [one for one in columns if not any(one.startswith(f"{other}.") for other in columns)]


def _plain(value: Any) -> Any:
    """Turn MongoDB's own decimals into those of Python."""
    return value.to_decimal() if hasattr(value, "to_decimal") else value


SOURCE = Mongodb
