"""A served model is asked once, recorded, and repeated offline; the server here is a stub."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlops_kit.compare.systems.external import ask_command
from mlops_kit.compare.systems.spec import Command
from mlops_kit.govern import documents

SCRIPT = Path("pipelines/pretrained/ask.py")
ROWS = [{"id": f"r{n}", "time": "2026-01-01", "orders": n} for n in range(5)]


@contextmanager
def served() -> Iterator[SimpleNamespace]:
    """Serve scores that differ from one answer to the next, and keep what was asked."""
    told = SimpleNamespace(asked=[], keys=set(), url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append(body)
            told.keys.add(self.headers.get("Authorization"))
            reply = {"score": body["features"]["orders"] / 10 + 0.01 * (len(told.asked) % 3)}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(reply).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/score"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Rows = Sequence[Mapping[str, object]]


def run(*options: str, rows: Rows = ROWS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *options],
        input="".join(json.dumps(row) + "\n" for row in rows),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def model(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    documents.add("pretrained")
    with served() as told:
        monkeypatch.setenv("PRETRAINED_URL", told.url)
        monkeypatch.setenv("PRETRAINED_API_KEY", "a secret")
        yield told


def test_each_row_is_asked_so_often_once_and_then_repeated_offline(model: SimpleNamespace) -> None:
    first = run()
    assert first.returncode == 0, first.stderr
    assert len(model.asked) == 3 * len(ROWS)
    assert model.keys == {"Bearer a secret"}
    # Neither the id nor the time leaves.
    assert all(set(one["features"]) == {"orders"} for one in model.asked)
    answers = [json.loads(line) for line in first.stdout.splitlines()]
    assert answers == pytest.approx([n / 10 + 0.01 for n in range(5)])
    assert "5 rows, 15 answers asked for, 0 from the record" in first.stderr
    assert "differ by up to 0.02" in first.stderr
    again = run("--offline")
    assert (again.stdout, len(model.asked)) == (first.stdout, 15)
    assert "0 answers asked for, 15 from the record" in again.stderr
    record = Path("data/open/pretrained.jsonl").read_text()
    assert "a secret" not in record and record.count("\n") == 15


def test_offline_refuses_a_row_that_was_never_asked(model: SimpleNamespace) -> None:
    run(rows=ROWS[:2])
    refused = run("--offline")
    assert refused.returncode != 0
    assert "Row 3 was not asked before" in refused.stderr
    assert len(model.asked) == 6


def test_a_killed_run_goes_on_where_it_was(model: SimpleNamespace) -> None:
    run(rows=ROWS[:2])
    record = Path("data/open/pretrained.jsonl")
    record.write_bytes(record.read_bytes()[:-20])  # torn in the middle of its last line
    done = run()
    assert done.returncode == 0, done.stderr
    assert len(model.asked) == 6 + 1 + 9
    assert len(run("--offline").stdout.splitlines()) == 5


def test_a_server_that_does_not_answer_is_one_sentence(
    model: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETRAINED_URL", "http://127.0.0.1:9/score")
    refused = run()
    assert refused.returncode != 0 and "Traceback" not in refused.stderr
    assert refused.stderr.startswith("http://127.0.0.1:9/score does not answer")
    monkeypatch.setenv("PRETRAINED_URL", "http://plain.example.org/score")
    assert "write an address that begins with https://" in run().stderr


def test_the_gate_takes_its_answers_as_a_command(model: SimpleNamespace) -> None:
    import pandas as pd

    spec = Command(kind="command", command=(sys.executable, str(SCRIPT)))
    answers = ask_command(spec, pd.DataFrame(ROWS), "classification")
    assert list(answers) == pytest.approx([n / 10 + 0.01 for n in range(5)])
