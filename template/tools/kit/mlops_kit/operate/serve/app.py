"""The application that answers requests; see docs/serving.md."""

import asyncio
import contextlib
import datetime
import gc
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request, Response

from mlops_kit.core.settings import Settings, load_settings
from mlops_kit.core.zones import SERVED
from mlops_kit.operate.predict.scorer import scorer
from mlops_kit.operate.serve import log as logs
from mlops_kit.operate.serve.answering import Answer, Answering, FailedError
from mlops_kit.operate.serve.config import Serve, load_serve
from mlops_kit.operate.serve.limits import Gate, keys_of
from mlops_kit.operate.serve.metrics import Metrics
from mlops_kit.operate.serve.openapi import described
from mlops_kit.operate.serve.request.ids import AskedError
from mlops_kit.operate.serve.request.rows import Row
from mlops_kit.operate.serve.served import Served
from mlops_kit.operate.serve.state import MODEL, SHADOW, Holder, Load, State
from mlops_kit.train.predictions import SCORES, VALUE_COLUMN

EPOCH = datetime.datetime(1970, 1, 1)  # in UTC, as all times without a zone are here
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
MOST_SHADOWS = 64  # at once; further requests are not shadowed
TURN = 0.0005  # seconds that the log's thread may keep Python's lock while a request waits for it
_PAIRS = object()  # all pairs of a shadow fit into one table


def create() -> Any:
    """Make the application of the project in the working directory, as a worker starts it."""
    return application(load_settings(), load_serve())


def application(settings: Settings, config: Serve, load: Load = scorer) -> Any:
    """Make the application; it is ready when this returns.

    Parameters
    ----------
    load : callable
        Gives the version that an alias names.

    Raises
    ------
    MlopsError
        When there is no key, no model, or no snapshot that fits it.
    """
    keys = keys_of(config)
    server = Server(Holder(settings, config, load), config)
    app = FastAPI(title=settings.project, docs_url=None, redoc_url=None, lifespan=server.lifespan)
    app.add_api_route("/predict", server.predict, methods=["POST"])
    app.add_api_route("/predict/batch", server.predict_batch, methods=["POST"])
    app.add_api_route("/health", server.health, methods=["GET"])
    app.add_api_route("/ready", server.ready, methods=["GET"])
    app.add_api_route("/metrics", server.told, methods=["GET"])
    # Another model may have another schema.
    app.openapi = lambda: described(settings, server.holder.state, config)  # type: ignore[method-assign]
    gate = Gate(app, config.limits, keys, config.require_key)
    server.gate, app.state.server = gate, server
    return gate


class Server:
    """What the routes do."""

    def __init__(self, holder: Holder, config: Serve) -> None:
        self.holder, self.config = holder, config
        self.answering = Answering(holder)
        self.metrics = Metrics()
        self.log = logs.Kept(config.log, SERVED, logs.served_table)
        self.pairs = (
            logs.Kept(config.log, logs.SHADOW, logs.shadow_table) if config.shadow else None
        )
        self.gate: Gate | None = None
        self._shadows: set[asyncio.Task[None]] = set()
        # Seeded by the system once: asked for each request, it would let the log's thread go first.
        self._names = random.Random()  # noqa: S311

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Watch registry and snapshot as long as requests are answered; then write what waits."""
        watch = asyncio.create_task(self.holder.watch())
        gc.collect()
        gc.freeze()  # what stays is not looked through again and again
        usual = sys.getswitchinterval()
        sys.setswitchinterval(TURN)
        try:
            yield
        finally:
            sys.setswitchinterval(usual)
            gc.unfreeze()
            watch.cancel()
            if self._shadows:
                await asyncio.wait(self._shadows, timeout=1)
            self.answering.close()
            for kept in (self.log, self.pairs):
                if kept is not None:
                    await asyncio.to_thread(kept.close)

    async def health(self) -> Response:
        """Say that the process is there."""
        return _json(200, {"status": "ok"})

    async def ready(self) -> Response:
        """Say whether requests are answered."""
        stale = self.holder.state.reader.stale and self.config.features.stale == "refuse"
        if stale:
            return _json(503, {"status": "not ready"}, {"retry-after": "60"})
        return _json(200, {"status": "ready"})

    async def told(self) -> Response:
        """Give the figures to Prometheus."""
        at_work = self.gate.at_work if self.gate else 0
        self.metrics.look(self.holder, self.answering, self.log, at_work)
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def predict(self, request: Request) -> Response:
        """Answer for one row."""
        return await self._answered(request, batch=False)

    async def predict_batch(self, request: Request) -> Response:
        """Answer for several rows, in their order."""
        return await self._answered(request, batch=True)

    async def _answered(self, request: Request, batch: bool) -> Response:
        begun = time.perf_counter()
        given = request.headers.get("x-request-id", "")
        name = given if REQUEST_ID.fullmatch(given) else f"{self._names.getrandbits(128):032x}"
        state = self.holder.state
        try:
            rows = state.reader.rows(state.reader.read(await request.body(), batch))
            answers = await self.answering.answers(state, rows)
        except AskedError as error:
            return self._refused(name, error.status, error.told)
        except FailedError:
            told = [{"field": "request", "reason": "no model answers now"}]
            return self._refused(name, 503, told)
        took = time.perf_counter() - begun
        stale = state.reader.stale
        self._kept(state, name, rows, answers, stale)
        self._shadowed(state, name, rows, answers)
        self.metrics.requests.labels("200").inc()
        self.metrics.seconds.observe(took)
        shared = {"request_id": name, "as_of": _as_of(state), "stale": stale}
        each = [_said(row, answer, state) for row, answer in zip(rows, answers, strict=True)]
        return _json(200, shared | ({"rows": each} if batch else each[0]))

    def _refused(self, name: str, status: int, told: list[dict[str, str]]) -> Response:
        self.metrics.requests.labels(str(status)).inc()
        later = {"retry-after": "5"} if status == 503 else {}
        return _json(status, {"request_id": name, "detail": told}, later)

    def _kept(
        self, state: State, name: str, rows: list[Row], answers: list[Answer], stale: bool
    ) -> None:
        """Put lines into the log; whatever goes wrong with it is no caller's business."""
        try:
            at = EPOCH + datetime.timedelta(seconds=time.time())
            as_of = _as_of(state)
            time_of = None if as_of is None else datetime.datetime.fromisoformat(as_of)
            shared = {"time": time_of, "request_id": name, "served_at": at, "stale": stale}
            log = self.config.log
            told: dict[tuple[Served, bool], list[tuple[int, Row, Answer]]] = {}
            for place, (row, answer) in enumerate(zip(rows, answers, strict=True)):
                entity = name if row.id is None else row.id
                shown = log.features and logs.sampled(entity, log.sample, "log")
                told.setdefault((answer.model, shown), []).append((place, row, answer))
            for shape, lines in told.items():
                self.log.put(shape, len(lines), (shared, lines))
            by = Counter((answer.by, answer.model.number) for answer in answers)
            for who, count in by.items():
                self.metrics.predictions.labels(*who).inc(count)
            if state.snapshot is not None and (new := sum(not row.known for row in rows)):
                self.metrics.new.inc(new)
        except Exception:
            self.log.failed()

    def _shadowed(self, state: State, name: str, rows: list[Row], answers: list[Answer]) -> None:
        """Ask the shadow about the same rows, after the answer."""
        shadow, model = self.config.shadow, state.models.get(SHADOW)
        if shadow is None or model is None or self.pairs is None:
            return
        if len(self._shadows) >= MOST_SHADOWS or not logs.sampled(name, shadow.share, SHADOW):
            return
        task = asyncio.create_task(self._pair(model, name, rows, answers))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _pair(self, model: Any, name: str, rows: list[Row], answers: list[Answer]) -> None:
        begun = time.perf_counter()
        try:
            values = await self.answering.ask(SHADOW, model, rows)
        except Exception:
            self.answering.failed[SHADOW] = self.answering.failed.get(SHADOW, 0) + 1
            return
        took = (time.perf_counter() - begun) * 1000
        pairs = [
            {
                "id": f"{name}.{place}", "incumbent": answer.value,
                "candidate": logs.plain(value), "incumbent_ms": answer.milliseconds,
                "candidate_ms": took,
            }
            for place, (answer, value) in enumerate(zip(answers, values, strict=True))
            if answer.by == MODEL
        ]  # fmt: skip
        if self.pairs is not None and pairs:
            self.pairs.put(_PAIRS, len(pairs), pairs)


def _as_of(state: State) -> str | None:
    return None if state.snapshot is None else state.snapshot.facts["as_of"]


def _said(row: Row, answer: Answer, state: State) -> dict[str, Any]:
    """Return what is said about a row."""
    config = answer.model.scorer.config
    classes = config.get("classes")
    if classes is None:
        told: dict[str, Any] = {VALUE_COLUMN[config["task"]]: answer.value}
    else:
        told = {SCORES: {str(one): each for one, each in zip(classes, answer.value, strict=True)}}
    if state.snapshot is not None:
        told["known"] = row.known
    return told | {"version": answer.model.number, "answered_by": answer.by}


def _json(status: int, content: Any, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, "application/json")
