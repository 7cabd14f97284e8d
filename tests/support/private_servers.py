"""Real servers on 127.0.0.1 that want a password: git over http, and a package index."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PERSON, SECRET = "person", "a-secret-password"
CODED = base64.b64encode(f"{PERSON}:{SECRET}".encode()).decode()


@dataclass
class Server:
    """Where a server is, and its access log: who asked (empty for nobody), and for what."""

    place: str
    log: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address without a password."""
        return f"http://{self.place}"

    @property
    def with_password(self) -> str:
        """The address as people paste it."""
        return f"http://{PERSON}:{SECRET}@{self.place}"

    @property
    def let_in(self) -> list[str]:
        """What was asked for by somebody whom the server knows."""
        return [path for who, path in self.log if who == PERSON]


class Guarded(BaseHTTPRequestHandler):
    """Answer only who gives the password."""

    server_log: Server

    def answer(self) -> None:
        """Check the password and serve."""
        known = self.headers.get("Authorization") == f"Basic {CODED}"
        self.server_log.log.append((PERSON if known else "", self.path))
        if known:
            self.serve()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_HEAD = answer  # noqa: N815

    def serve(self) -> None:
        """Serve what was asked for."""
        raise NotImplementedError

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing; the log is kept."""


@contextmanager
def running(handler: type[Guarded]) -> Iterator[Server]:
    """Run a server while the test does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        handler.server_log = Server(f"127.0.0.1:{http.server_port}")
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield handler.server_log
        http.shutdown()


@contextmanager
def git_server(root: Path) -> Iterator[Server]:
    """Serve the git repositories below a folder, by git's own http-backend."""

    class Handler(Guarded):
        def serve(self) -> None:
            path, _, query = self.path.partition("?")
            done = subprocess.run(
                ["git", "http-backend"],
                input=self.rfile.read(int(self.headers.get("Content-Length", 0))),
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("GIT_CONFIG_")},
                    "GIT_PROJECT_ROOT": str(root),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "REMOTE_USER": PERSON,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                },
                capture_output=True,
                check=True,
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with running(Handler) as server:
        yield server


@contextmanager
def index_server(pages: Mapping[str, tuple[str, bytes]]) -> Iterator[Server]:
    """Serve the pages of a package index."""

    class Handler(Guarded):
        def serve(self) -> None:
            content_type, content = pages.get(self.path, ("text/plain", b""))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with running(Handler) as server:
        yield server
