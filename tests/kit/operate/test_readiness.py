"""What an environment lacks is said by name, each with what mends it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlops_kit.core.settings import Promotion, Tracking
from mlops_kit.operate.promote import readiness
from mlops_kit.room import Finding


class Asked:
    """Settings as far as readiness reads them."""

    def __init__(self, uri: str, **promotion: Any) -> None:
        self.tracking = Tracking(uri=uri, experiment="e", registry_prefix="prod")
        self.promotion = Promotion(**promotion)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    for name in ("dev", "prod"):
        (tmp_path / f"conf/{name}.yaml").touch()
    (tmp_path / ".dvc").mkdir()
    monkeypatch.setenv("MLOPS_ENV", "prod")
    for name in readiness.SIGN_IN:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@contextmanager
def server(code: int = 200, late: float = 0) -> Iterator[str]:
    """Answer as a tracking server would, with a code and a clock of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(code)
            self.send_header("Date", formatdate(time.time() + late, usegmt=True))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def found(uri: str = "sqlite:///m.db", **promotion: Any) -> dict[str, Finding]:
    settings: Any = Asked(uri, **promotion)
    return {one.name: one for one in readiness.ready(settings)}


def test_a_file_is_a_registry_of_this_machine_alone() -> None:
    one = found()["registry"]
    assert one.status == "note" and "conf/prod.yaml" in one.mend


def test_a_server_that_answers_is_one_and_its_clock_is_compared() -> None:
    with server() as uri:
        told = found(uri)
        assert told["registry"].status == "ok" and "clock" not in told
        assert "MLFLOW_TRACKING_USERNAME" in told["sign-in"].mend
    with server(code=401) as uri:
        assert found(uri)["registry"].status == "ok"  # it is there, and asks who comes
    with server(late=3600) as uri:
        assert found(uri)["clock"].status == "problem"


def test_a_server_that_is_no_tracking_server_or_not_there_is_a_problem() -> None:
    with server(code=404) as uri:
        assert "answers 404" in found(uri)["registry"].message
    one = found("http://127.0.0.1:9")["registry"]
    assert one.status == "problem" and "does not answer" in one.message


def test_no_password_of_an_address_is_shown() -> None:
    told = found("http://ana:hidden-word@127.0.0.1:9")
    assert "hidden-word" not in " ".join(one.message + one.mend for one in told.values())


@pytest.mark.parametrize(
    ("promotion", "status", "message"),
    [
        ({}, "note", "no person lets a model into prod"),
        ({"approval": True}, "note", "whoever may commit approves"),
        ({"approval": True, "approvers": ["Ana"]}, "ok", "by Ana"),
    ],
)
def test_who_lets_a_model_in_is_told(promotion: dict[str, Any], status: str, message: str) -> None:
    one = found(**promotion)["approval"]
    assert (one.status, one.message) == (status, message)


def test_that_drift_lets_a_model_in_is_told() -> None:
    one = found(approval=True, automatic=True)["automatic"]
    assert one.status == "note" and "needs no approval" in one.message
    assert "automatic" not in found(approval=True) | found(automatic=True)


def test_a_disk_that_is_nearly_full_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": 10**8})
    monkeypatch.setattr(readiness.shutil, "disk_usage", lambda _: usage)
    one = found()["disk"]
    assert one.status == "problem" and "0.1 GB are free" in one.message
