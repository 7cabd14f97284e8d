"""A running `mlops serve`: the real process of a rendered project, and a client of it."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from listening import free_port, listening, wait_for
from running import Project, replace
from stages import pipeline, registered

KEY = "a-key-that-nobody-guesses"
WHOLE = "shop: {kind: sample, customers: 5000, products: 300, order_lines: 60000, seed: 7}"
SMALL = "shop: {kind: sample, customers: 600, products: 60, order_lines: 8000, seed: 7}"


@dataclass(frozen=True)
class Server:
    """A server that answers: its process (uv's, the leader of a session), port and log."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ask(
        self, path: str, body: Any = None, key: str = KEY, seconds: float = 60
    ) -> tuple[int, Any]:
        """Ask on a connection of its own; `body` is sent as JSON, or as it is if it is bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            method = "GET" if body is None else "POST"
            sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, sent, {"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            content = answer.read().decode()
            return answer.status, json.loads(content) if content.startswith("{") else content
        finally:
            connection.close()

    def wait_for(self, holds: Callable[[], object], seconds: float = 400) -> None:
        """Wait until something holds, as long as it runs."""
        wait_for(holds, self.process, self.log, seconds)

    def end(self) -> int:
        """Ask it to end as whoever deploys does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        """End it as a power cut does, workers and all."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=60)


class Callers:
    """Who ask one id after the other, each on a connection that is kept open, until told to stop.

    Attributes
    ----------
    answers : list of (status, id, what was said)
        In no order between callers.
    lost : int
        Requests whose connection ended before their answer.
    """

    def __init__(
        self, port: int, ids: Sequence[Any], callers: int = 3, more: Mapping[str, Any] | None = None
    ) -> None:
        """Ask about `ids`; `more` stands in each body beside the id."""
        self.port, self.ids, self.more = port, ids, more or {}
        self.answers: list[tuple[int, Any, Any]] = []
        self.lost = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(callers)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        own = itertools.cycle(self.ids[number::3] or self.ids)
        headers = {"Authorization": f"Bearer {KEY}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            for id_ in own:
                if self._stop.is_set():
                    return
                try:
                    connection.request(
                        "POST", "/predict", json.dumps({"id": id_, **self.more}), headers
                    )
                    answer = connection.getresponse()
                    said = json.loads(answer.read())
                except (OSError, http.client.HTTPException, ValueError):
                    self.lost += 1
                    return
                self.answers.append((answer.status, id_, said))


@contextmanager
def served(
    project: Project,
    *options: str,
    environment: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> Iterator[Server]:
    """Serve a project on a free port; it is stopped at the end if it still runs.

    `before` are words that stand before its command.
    """
    port, log = free_port(), project.path.parent / "server.log"
    command = [*before, "uv", "run", "mlops", "serve", "--port", str(port), *options]
    own = {**project.environment(), "MLOPS_SERVE_KEY": KEY, **(environment or {})}

    def ready() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    with listening(command, project.path, ready, log, own, 400) as process:
        yield Server(process, port, log)


def ready_to_serve(project: Project, small: bool = True, **serve: Any) -> None:
    """Train, register and make champion; a snapshot may be as old as it is."""
    if small:
        replace(project.path / "conf/sources.yaml", WHOLE, SMALL)
    file = project.path / "conf/serve.yaml"
    replace(file, "max_age_hours: 36", "max_age_hours: null")
    more = {"poll_seconds": 0.3, **serve}
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(declared | more), encoding="utf-8")
    pipeline(project)
    registered(project)
