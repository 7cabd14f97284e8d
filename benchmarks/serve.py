"""Requests a second, and a CPU second, of `mlops serve` beside MLflow, LitServe and a constant.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/serve.py [--seconds N]``.
A rendered shop's model behind four servers of two processes on loopback, each in an environment of
its own: `mlops serve` by its plan and by the plain path, `mlflow models serve`, LitServe, and
`mlops serve` whose model answers a constant, with the same log. All get the same features in the
request. A client on raw sockets keeps 1 or 8 connections busy with 1 or 100 rows. On a machine that
does other work, requests per CPU second of the server tell more than requests per second.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from measuring import machine
from running import Project, new_project
from stages import pipeline, registered

KEY = "a-key-of-the-benchmark"
SHOP = {"serving": "both", "personal_data": "none", "package_name": "shop"}
CASES = [(rows, connections) for rows in (1, 100) for connections in (1, 8)]
LITSERVE = """
import sys
import litserve, pandas, skops.io

class Shop(litserve.LitAPI):
    def setup(self, device):
        file = sys.argv[1]
        self.model = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))

    def decode_request(self, request):
        return pandas.DataFrame(request["rows"])

    def predict(self, frame):
        return self.model.predict_proba(frame)[:, 1]

    def encode_response(self, found):
        return {"rows": found.tolist()}

if __name__ == "__main__":
    server = litserve.LitServer(Shop(), accelerator="cpu", workers_per_device=2)
    port = int(sys.argv[2])
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="error")
"""
CONSTANT = """
import numpy
from mlops_kit.operate.serve import served

def compiled(estimator, config):
    return lambda rows: numpy.full(len(rows), 0.5)

served.compiled = compiled
served.alike = lambda found, wanted: True
from mlops_kit.operate.serve.app import create
"""


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cpu_of(session: int) -> float:
    """Add up the CPU seconds of a session's processes, finished children included."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(told[3]) == session:
            ticks += sum(map(int, told[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def started(
    command: list[str], folder: Path, environment: dict[str, str], port: int, path: str
) -> Iterator[int]:
    """Start a server, wait until it answers, and stop it by its session."""
    log = folder / "server.log"
    with log.open("wb") as said:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        )
    try:
        for _ in range(1200):
            try:
                status, _ = asyncio.run(one(port, request("GET", path, b"")))
                if status == 200:
                    break
            except OSError:
                pass
            if server.poll() is not None:
                raise SystemExit(log.read_text(encoding="utf-8")[-3000:])
            time.sleep(0.5)
        yield server.pid
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def request(method: str, path: str, body: bytes) -> bytes:
    """Write a request of HTTP 1.1."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answered(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if b"transfer-encoding: chunked" not in head.lower():
        return status, await reader.readexactly(length)
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return status, body


async def one(port: int, content: bytes) -> tuple[int, bytes]:
    """Ask once, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    found = await answered(reader)
    writer.close()
    return found


async def load(
    port: int, contents: list[bytes], connections: int, seconds: float
) -> tuple[list[float], int]:
    """Keep connections busy; return the seconds of each request, and how many failed."""
    took: list[float] = []
    failed = 0
    until = time.perf_counter() + seconds

    async def busy(first: int) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        place = first
        while (begun := time.perf_counter()) < until:
            writer.write(contents[place % len(contents)])
            status, _ = await answered(reader)
            took.append(time.perf_counter() - begun)
            failed += status != 200
            place += 1
        writer.close()

    await asyncio.gather(*(busy(37 * number) for number in range(connections)))
    return took, failed


def shop(folder: Path) -> Project:
    """Render a shop, run its pipeline and make its model the champion."""
    project = new_project(folder / "shop", SHOP)
    sources = project.path / "conf/sources.yaml"
    text = sources.read_text(encoding="utf-8")
    small = text.replace("customers: 5000, products: 300, order_lines: 60000",
                         "customers: 1500, products: 100, order_lines: 20000")  # fmt: skip
    sources.write_text(small, encoding="utf-8")
    pipeline(project)
    registered(project)
    project.run("uv", "sync", "--frozen", "--quiet")
    return project


def configured(project: Project, **more: Any) -> None:
    """Write conf/serve.yaml: features of the request, two processes."""
    told = {"workers": 2, "features": {"source": "request"}, "poll_seconds": 0.5} | more
    (project.path / "conf/serve.yaml").write_text(json.dumps(told), encoding="utf-8")


def rows_of(project: Project) -> pd.DataFrame:
    """Return features of the holdout, as a caller would send them."""
    table = pd.read_parquet(project.path / "data/open/features.parquet")
    known = ["id", "time", "group", "y_true", "split", "known_at"]
    return table[table["split"] == "holdout"].drop(columns=known, errors="ignore").head(500)


def servers(project: Project, folder: Path) -> Iterator[tuple[str, Any, Any]]:
    """Give each server: its name, how to start it and its port, and what asks it for rows."""
    own = {**project.environment(), "MLOPS_SERVE_KEY": KEY, "OMP_NUM_THREADS": "1",
           "OMP_WAIT_POLICY": "PASSIVE"}  # fmt: skip

    def ours(frame: pd.DataFrame) -> bytes:
        listed = [{"features": row} for row in json.loads(frame.to_json(orient="records"))]
        single = len(listed) == 1
        body = listed[0] if single else {"rows": listed}
        return request(
            "POST", "/predict" if single else "/predict/batch", json.dumps(body).encode()
        )

    serve = ["uv", "run", "--frozen", "mlops", "serve", "--port"]
    for name, settings in (("mlops serve", {}), ("mlops serve, plain path", {"fast": False})):
        configured(project, **settings)
        port = free_port()
        yield name, (started([*serve, str(port)], project.path, own, port, "/ready"), port), ours
    (folder / "constant.py").write_text(CONSTANT, encoding="utf-8")
    configured(project)
    port = free_port()
    command = ["uv", "run", "--frozen", "python", "-m", "uvicorn", "constant:create", "--factory",
               "--workers", "2", "--port", str(port), "--log-level", "error"]  # fmt: skip
    constant = own | {"PYTHONPATH": str(folder)}
    yield "constant", (started(command, project.path, constant, port, "/ready"), port), ours
    apart = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    apart |= {"MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    (model,) = project.path.glob("mlruns/*/models/*/artifacts")
    needs = [word for line in (model / "requirements.txt").read_text().split() for word in
             ("--with", line)]  # fmt: skip

    def of_mlflow(frame: pd.DataFrame) -> bytes:
        table = json.loads(frame.to_json(orient="split", index=False))
        return request("POST", "/invocations", json.dumps({"dataframe_split": table}).encode())

    port = free_port()
    isolated = ["uv", "run", "--no-project", "--python", sys.executable]
    command = [*isolated, "--with", "mlflow==3.17.2", *needs, "mlflow", "models", "serve", "-m",
               str(model), "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
               "--workers", "2"]  # fmt: skip
    yield (
        "mlflow models serve",
        (started(command, folder, apart, port, "/ping"), port),
        of_mlflow,
    )

    def of_litserve(frame: pd.DataFrame) -> bytes:
        listed = json.loads(frame.to_json(orient="records"))
        return request("POST", "/predict", json.dumps({"rows": listed}).encode())

    (folder / "peer.py").write_text(LITSERVE, encoding="utf-8")
    port = free_port()
    command = [*isolated, "--with", "litserve>=0.2.19,<1", *needs, "python", "peer.py",
               str(project.path / "models/model.skops"), str(port)]  # fmt: skip
    yield "LitServe", (started(command, folder, apart, port, "/health"), port), of_litserve


def swaps(project: Project, seconds: float) -> str:
    """Move the alias ten times under load; return what came of it."""
    configured(project, workers=1, poll_seconds=0.3)
    own = {**project.environment(), "MLOPS_SERVE_KEY": KEY, "OMP_NUM_THREADS": "1"}
    params = project.path / "params.yaml"
    params.write_text(params.read_text().replace("trees: 60", "trees: 40"), encoding="utf-8")
    pipeline(project)
    registered(project)
    port = free_port()
    command = ["uv", "run", "--frozen", "mlops", "serve", "--port", str(port)]
    body = json.loads(rows_of(project).head(1).to_json(orient="records"))[0]
    content = request("POST", "/predict", json.dumps({"features": body}).encode())

    async def under_load() -> tuple[list[float], int, int]:
        loading = asyncio.create_task(load(port, [content], 4, seconds))
        seen = []
        for turn in range(10):
            number = 1 + turn % 2
            await asyncio.to_thread(move, project, number)
            for _ in range(600):
                said = json.loads((await one(port, content))[1])
                if said["version"] == str(number):
                    seen.append(number)
                    break
                await asyncio.sleep(0.1)
        took, failed = await loading
        return took, failed, len(seen)

    with started(command, project.path, own, port, "/ready"):
        took, failed, seen = asyncio.run(under_load())
    return f"{seen} swaps under load: {len(took):,} requests, {failed} failed"


def move(project: Project, number: int) -> None:
    """Let the alias name another version, as a promotion does at its end."""
    code = (
        "from mlflow import MlflowClient; MlflowClient('sqlite:///mlflow.db')"
        f".set_registered_model_alias('dev.shop', 'champion', '{number}')"
    )
    project.uv("python", "-c", code)


def main() -> None:
    """Measure every server and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement")
    parser.add_argument("--only", default="", help="servers whose name holds this")
    seconds = parser.parse_args().seconds
    only = parser.parse_args().only
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="serve-") as scratch:
        folder = Path(scratch)
        project = shop(folder)
        rows = rows_of(project)
        print("| server | rows | clients | requests/s | per CPU s | p50 ms | p95 | p99 | failed |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
        for name, (server, port), asked in servers(project, folder):
            if only not in name:
                continue
            with server as session:
                for count, connections in CASES:
                    starts = range(0, len(rows) - count, max(1, count))
                    contents = [asked(rows[start : start + count]) for start in starts]
                    asyncio.run(load(port, contents, connections, 1.0))
                    before = cpu_of(session)
                    took, failed = asyncio.run(load(port, contents, connections, seconds))
                    spent = cpu_of(session) - before
                    cuts = statistics.quantiles(took, n=100)
                    print(
                        f"| {name} | {count} | {connections} | {len(took) / seconds:,.0f} | "
                        f"{len(took) / spent:,.0f} | {cuts[49] * 1e3:.1f} | {cuts[94] * 1e3:.1f} | "
                        f"{cuts[98] * 1e3:.1f} | {failed} |",
                        flush=True,
                    )
        if not only:
            print(swaps(project, max(60.0, 10 * seconds)), flush=True)


if __name__ == "__main__":
    main()
