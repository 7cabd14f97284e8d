"""Requests a second, and a CPU second, of `mlops serve` beside MLflow, LitServe and a constant.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/serve.py [--seconds N]``.
A rendered shop's model behind four servers of two processes on loopback, each in an environment of
its own: `mlops serve` by its plan and by the plain path, `mlflow models serve`, LitServe, and
`mlops serve` whose model answers a constant, with the same log. All get the same features in the
request. A client on raw sockets keeps 1 or 8 connections busy with 1 or 100 rows, in rounds: each
server in its turn, so that a slow minute of the machine falls on all of them. On a machine that
does other work, requests per CPU second of the server tell more than requests per second. The last
lines give those of `mlops serve` as a share of a constant's: the median of the rounds, both ends.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from asking import KEY, load, one, request
from listening import free_port, listening
from measuring import cpu_of, machine
from running import Project, new_project, replace
from stages import pipeline, registered

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
"""


def shop(folder: Path) -> Project:
    """Render a shop, run its pipeline and make its model the champion."""
    project = new_project(folder / "shop", SHOP)
    whole = "customers: 5000, products: 300, order_lines: 60000"
    small = "customers: 1500, products: 100, order_lines: 20000"
    replace(project.path / "conf/sources.yaml", whole, small)
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


def servers(project: Project, folder: Path) -> Iterator[tuple[str, int, Any, Any]]:
    """Give each server: its name, its port, what starts and stops it, and what asks it for rows."""
    own = {**project.environment(), "MLOPS_SERVE_KEY": KEY, "OMP_NUM_THREADS": "1",
           "OMP_WAIT_POLICY": "PASSIVE"}  # fmt: skip
    apart = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    apart |= {"MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    (model,) = project.path.glob("mlruns/*/models/*/artifacts")
    needs = [word for line in (model / "requirements.txt").read_text().split() for word in
             ("--with", line)]  # fmt: skip
    isolated = ["uv", "run", "--no-project", "--python", sys.executable]
    # Python runs a module of this name when it starts, in each of the processes.
    (folder / "constant").mkdir()
    (folder / "constant/sitecustomize.py").write_text(CONSTANT, encoding="utf-8")
    (folder / "peer.py").write_text(LITSERVE, encoding="utf-8")

    def given(
        name: str, asked: Any, path: str, where: Path, environment: dict[str, str], *command: str
    ) -> tuple[str, int, Any, Any]:
        port = free_port()
        words = [str(port) if word == "PORT" else word for word in command]
        return name, port, started(words, where, environment, port, path), asked

    serve = ["uv", "run", "--frozen", "mlops", "serve", "--port", "PORT"]
    configured(project)
    yield given("mlops serve", of_ours, "/ready", project.path, own, *serve)
    at = own | {"PYTHONPATH": str(folder / "constant")}
    yield given("constant", of_ours, "/ready", project.path, at, *serve)
    mlflow = ["mlflow", "models", "serve", "-m", str(model), "--env-manager", "local", "--host",
              "127.0.0.1", "--port", "PORT", "--workers", "2"]  # fmt: skip
    mlflow = [*isolated, "--with", "mlflow==3.17.2", *needs, *mlflow]
    yield given("mlflow models serve", of_mlflow, "/ping", folder, apart, *mlflow)
    peer = ["python", "peer.py", str(project.path / "models/model.skops"), "PORT"]
    peer = [*isolated, "--with", "litserve>=0.2.19,<1", *needs, *peer]
    yield given("LitServe", of_litserve, "/health", folder, apart, *peer)
    configured(project, fast=False)  # last: every process of the others has read its own by now
    yield given("mlops serve, plain path", of_ours, "/ready", project.path, own, *serve)


def started(
    command: list[str], folder: Path, environment: dict[str, str], port: int, path: str
) -> Any:
    """Return what starts a server, waits until it answers, and stops it by its session."""

    def answers() -> bool:
        return asyncio.run(one(port, request("GET", path, b"")))[0] == 200

    return listening(command, folder, answers, folder / "server.log", environment, 600)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON has them."""
    return json.loads(frame.to_json(orient="records"))


def of_ours(frame: pd.DataFrame) -> bytes:
    """Ask `mlops serve` for rows."""
    listed = [{"features": row} for row in records(frame)]
    if len(listed) == 1:
        return request("POST", "/predict", json.dumps(listed[0]).encode())
    return request("POST", "/predict/batch", json.dumps({"rows": listed}).encode())


def of_mlflow(frame: pd.DataFrame) -> bytes:
    """Ask `mlflow models serve` for them."""
    table = frame.to_json(orient="split", index=False)
    return request("POST", "/invocations", f'{{"dataframe_split": {table}}}'.encode())


def of_litserve(frame: pd.DataFrame) -> bytes:
    """Ask LitServe for them."""
    return request("POST", "/predict", json.dumps({"rows": records(frame)}).encode())


def swaps(project: Project, seconds: float) -> str:
    """Move the alias ten times under load; return what came of it."""
    configured(project, workers=1, poll_seconds=0.3)
    own = {**project.environment(), "MLOPS_SERVE_KEY": KEY, "OMP_NUM_THREADS": "1"}
    replace(project.path / "params.yaml", "trees: 60", "trees: 40")
    pipeline(project)
    registered(project)
    port = free_port()
    command = ["uv", "run", "--frozen", "mlops", "serve", "--port", str(port)]
    content = of_ours(rows_of(project).head(1))

    async def under_load() -> tuple[list[float], int]:
        loading = asyncio.create_task(load(port, [content], 4, seconds))
        for turn in range(10):
            number = 1 + turn % 2
            await asyncio.to_thread(move, project, number)
            until = time.monotonic() + 60
            while json.loads((await one(port, content))[1])["version"] != str(number):
                assert time.monotonic() < until
                await asyncio.sleep(0.1)
        return await loading

    with started(command, project.path, own, port, "/ready"):
        took, failed = asyncio.run(under_load())
    return f"10 swaps under load: {len(took):,} requests, {failed} failed"


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
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", default=[], help="names of servers")
    options = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="serve-") as scratch:
        folder = Path(scratch)
        project = shop(folder)
        rows = rows_of(project)
        with contextlib.ExitStack() as stack:
            up = [
                (name, port, stack.enter_context(server).pid, asked)
                for name, port, server, asked in servers(project, folder)
                if not options.only or name in options.only
            ]
            heads = "server | rows | clients | requests/s | per CPU s | p50 ms | p95 | p99 | failed"
            print(f"| {heads} |")
            print("|---|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
            for count, connections in CASES:
                starts = range(0, len(rows) - count, max(1, count))
                frames = [rows[start : start + count] for start in starts]
                compared(up, frames, connections, options.rounds, options.seconds)
        if not options.only:
            print(swaps(project, max(60.0, 50 * options.seconds)), flush=True)


def compared(
    up: list[tuple[str, int, int, Any]],
    frames: list[pd.DataFrame],
    connections: int,
    rounds: int,
    seconds: float,
) -> None:
    """Ask all servers in turn, and print a line of each."""
    took: dict[str, list[float]] = {name: [] for name, *_ in up}
    rates: dict[str, list[float]] = {name: [] for name, *_ in up}
    failed, spent = Counter[str](), dict.fromkeys(took, 0.0)
    contents = {asked: list(map(asked, frames)) for *_, asked in up}
    for number in range(rounds + 1):  # the first warms up
        for name, port, pid, asked in up:
            before = cpu_of(pid)
            said, lost = asyncio.run(load(port, contents[asked], connections, seconds))
            used = cpu_of(pid) - before
            if number:
                took[name] += said
                rates[name].append(len(said) / used)
                failed[name] += lost
                spent[name] += used
    count = len(frames[0])
    for name, said in took.items():
        cuts = statistics.quantiles(said, n=100)
        print(
            f"| {name} | {count} | {connections} | {len(said) / rounds / seconds:,.0f} | "
            f"{len(said) / spent[name]:,.0f} | {cuts[49] * 1e3:.1f} | {cuts[94] * 1e3:.1f} | "
            f"{cuts[98] * 1e3:.1f} | {failed[name]} |",
            flush=True,
        )
    if {"mlops serve", "constant"} <= set(rates):
        shares = [a / b for a, b in zip(rates["mlops serve"], rates["constant"], strict=True)]
        print(
            f"  {count} rows, {connections} clients: {statistics.median(shares):.0%} of a "
            f"constant's [{min(shares):.0%}, {max(shares):.0%}]",
            flush=True,
        )


if __name__ == "__main__":
    main()
