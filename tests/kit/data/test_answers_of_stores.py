"""What GraphQL, Redis and MongoDB answer: each number as it is written, no row without a word.

Answers are recorded (stub): a web server of Python's own, and a client that holds keys.
"""

import contextlib
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS
from bson.errors import InvalidBSON
from databases import landed, place, snapshot, written
from mlops_kit.core.errors import MlopsError

COLUMNS = {
    "id": {"type": "integer"},
    "exact": {"type": "decimal(30,4)", "nullable": True},
    "text": {"type": "string", "nullable": True},
}
PAGE = '{"data": {"members": {"%s": [%s], "pageInfo": {"hasNextPage": false}}}}'


class Service(BaseHTTPRequestHandler):
    """Gives one answer, whatever it is asked."""

    answer = ""

    def do_POST(self) -> None:
        """Give it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        content = type(self).answer.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def graphql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Service]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        source = {"kind": "graphql", "address": address, "retries": 0}
        written(tmp_path, monkeypatch, source, {"members": {"columns": COLUMNS}})
        yield Service
        server.shutdown()


def test_numbers_of_a_graphql_service_come_as_they_are_written(graphql: type[Service]) -> None:
    node = '{"node": {"id": 1.0, "exact": 12345678901234567.89, "text": 1.10}}'
    graphql.answer = PAGE % ("edges", node)
    landed()
    assert snapshot("members").rows() == [(1, Decimal("12345678901234567.8900"), "1.10")]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("edges", '{"node": null}'), ("edges", "null"), ("edges", "{}"), ("nodes", "null")],
)
def test_null_in_the_place_of_a_row_is_refused(
    graphql: type[Service], kind: str, rows: str
) -> None:
    whole = '{"node": {"id": 1, "exact": 1, "text": "a"}}'
    graphql.answer = PAGE % (kind, f"{whole if kind == 'edges' else '{}'}, {rows}")
    with pytest.raises(MlopsError, match="null in the place of a row"):
        landed()
    assert not place("members").exists()


def test_a_name_that_an_answer_has_twice_is_refused(graphql: type[Service]) -> None:
    graphql.answer = PAGE % ("nodes", '{"id": 1, "id": 2, "exact": 1, "text": "a"}')
    with pytest.raises(MlopsError, match="a name stands twice in it"):
        landed()


def test_half_of_a_letter_is_refused_by_its_column(graphql: type[Service]) -> None:
    graphql.answer = PAGE % ("nodes", r'{"id": 1, "exact": 1, "text": "\ud83d"}')
    with pytest.raises(MlopsError, match='"text" of members of db holds half of a letter'):
        landed()


class Keys:
    """A client of Redis that holds texts."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = {key.encode(): text.encode() for key, text in texts.items()}
        self.asked: list[Any] = []

    def ping(self) -> None:
        """Answer."""

    close = ping

    def scan(self, *_: Any) -> tuple[int, list[bytes]]:
        """Give all keys at once."""
        return 0, list(self.texts)

    def pipeline(self, transaction: bool) -> "Keys":
        """Take commands."""
        assert not transaction
        self.asked = []
        return self

    def execute_command(self, name: str, key: bytes) -> None:
        """Take one."""
        self.asked.append(b"string" if name == "TYPE" else self.texts.get(key))

    def execute(self) -> list[Any]:
        """Give what was asked for."""
        return self.asked


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no JSON object"), ("[]", "no JSON object"), ('{"id": 1, "id": 2}', "stands twice")],
)
def test_no_key_of_redis_goes_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    import redis

    texts = {"a:1": '{"id": 1, "exact": 12345678901234567.89, "text": "x"}'}
    client = Keys(texts)
    monkeypatch.setattr(redis.Redis, "from_url", lambda *_, **__: client)
    source = {"kind": "redis", "address": "redis://127.0.0.1/0", "retries": 0}
    written(tmp_path, monkeypatch, source, {"members": {"path": "a:*", "columns": COLUMNS}})
    landed()
    assert snapshot("members").rows() == [(1, Decimal("12345678901234567.8900"), "x")]
    client.texts[b"a:2"] = text.encode()
    with pytest.raises(MlopsError, match=said):
        landed()
    assert len(snapshot("members")) == 1, "the snapshot of before"


class Documents(contextlib.AbstractContextManager):
    """A client of MongoDB, its database and its one collection."""

    def __init__(self, documents: list[Any]) -> None:
        self.documents = documents

    def get_default_database(self) -> "Documents":
        """Give the database."""
        return self

    def list_collection_names(self, **_: Any) -> list[str]:
        """Name the collection."""
        return ["members"]

    def __getitem__(self, _: str) -> "Documents":
        return self

    def find(self, *_: Any) -> "Documents":
        """Find all documents."""
        return self

    def batch_size(self, _: int) -> Iterator[Any]:
        """Give the documents, or raise what stands in the place of one."""
        for one in self.documents:
            if isinstance(one, Exception):
                raise one
            yield one

    def __exit__(self, *_: Any) -> None:
        """Leave."""


@pytest.mark.parametrize(
    ("document", "more", "said"),
    [
        (InvalidBSON("no UTF-8"), {}, "holds a document that cannot be read"),
        ({"id": 1, "at": DatetimeMS(2**50)}, {}, '"at" of members of db is a DatetimeMS'),
        ({"id": 1, "name": b"\xff"}, {}, "declare the type binary"),
        ({"id": 1}, {"key": ["id"], "cursor": "grows"}, 'cursor "grows" of members of db has no'),
    ],
)
def test_what_mongodb_has_and_a_row_cannot_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: Any, more: Any, said: str
) -> None:
    import pymongo

    asked: dict[str, Any] = {}

    def client(_: str, **options: Any) -> Documents:
        asked.update(options)
        return Documents([document])

    monkeypatch.setattr(pymongo, "MongoClient", client)
    columns = {"id": {"type": "integer"}, "at": {"type": "timestamptz", "nullable": True},
               "name": {"type": "string", "nullable": True}}  # fmt: skip
    source = {"kind": "mongodb", "address": "mongodb://127.0.0.1/shop", "retries": 0}
    written(tmp_path, monkeypatch, source, {"members": {"columns": columns, **more}})
    with pytest.raises(MlopsError, match=said):
        landed()
    assert asked["datetime_conversion"] == "DATETIME_AUTO", "or the driver refuses with no column"


def test_a_source_without_columns_says_that_drift_means_nothing_there(
    graphql: type[Service],
) -> None:
    file = Path("conf/sources.yaml")
    file.write_text(file.read_text().replace("retries: 0", "retries: 0\n    drift: freeze"))
    graphql.answer = PAGE % ("nodes", '{"id": 1, "exact": 1, "text": "a"}')
    with pytest.raises(MlopsError, match=r"sources\.db\.drift: a source of kind graphql has no"):
        landed()
