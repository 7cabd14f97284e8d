"""Who answers a request: the model or its canary, and the fall-back when it fails or is late."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.operate.serve.log import plain, sampled
from mlops_kit.operate.serve.request.rows import Row
from mlops_kit.operate.serve.served import Served
from mlops_kit.operate.serve.state import CANARY, MODEL, RULES, Holder, State

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy

THREADS = 4
# After so many failures in a row a model is left alone for some seconds.
FAILURES = 5
PAUSE = 10.0


class FailedError(Exception):
    """Nobody could answer."""


class Answer(NamedTuple):
    """What was said about a row, and by whom."""

    value: Any
    by: str
    model: Served
    milliseconds: float


class Answering:
    """Ask models, within the time that they have.

    A compiled plan answers at once: it holds none of the team's code, and its time is bounded by
    the rows of a request. Anything else runs in a thread, which is left behind when it is late.

    Attributes
    ----------
    failed : dict
        How often each role failed or was late.
    """

    def __init__(self, holder: Holder) -> None:
        self.holder, self.config = holder, holder.config
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="answer")
        self._at_work = 0
        self._in_a_row: dict[int, int] = {}
        self._paused: dict[int, float] = {}
        self.failed: dict[str, int] = {}

    async def answers(self, state: State, rows: list[Row]) -> list[Answer]:
        """Answer rows in their order.

        Raises
        ------
        FailedError
            When neither the model nor its fall-backs answer.
        """
        canary = self.config.canary
        if canary is None or CANARY not in state.models:
            return await self._by(state, MODEL, rows)
        roles = [
            CANARY if row.id is not None and sampled(row.id, canary.weight, CANARY) else MODEL
            for row in rows
        ]
        found: dict[int, Answer] = {}
        for role in (MODEL, CANARY):
            places = [place for place, one in enumerate(roles) if one == role]
            if places:
                said = await self._by(state, role, [rows[place] for place in places])
                found |= dict(zip(places, said, strict=True))
        return [found[place] for place in range(len(rows))]

    async def _by(self, state: State, role: str, rows: list[Row]) -> list[Answer]:
        """Ask a role, then the model behind a canary, then the fall-backs."""
        order = [role, *([MODEL] if role == CANARY else []), *self.config.fall_back]
        for one in order:
            model = state.models.get(MODEL if one == RULES else one)
            if model is None or (one == RULES and self.holder.rules is None):
                continue
            begun = time.perf_counter()
            try:
                values = await self.ask(one, model, rows)
            except Exception as error:
                self.failed[one] = self.failed.get(one, 0) + 1
                late = isinstance(error, TimeoutError)
                why = "is late" if late else f"fails ({type(error).__name__})"
                if self.failed[one] == 1:
                    progress("serve", f"{one}, version {model.number}, {why}")
                continue
            each = (time.perf_counter() - begun) * 1000
            return [Answer(plain(value), one, model, each) for value in values]
        raise FailedError

    async def ask(self, role: str, model: Served, rows: list[Row]) -> "numpy.ndarray | list[Any]":
        """Ask one model within its time.

        Raises
        ------
        Exception
            What it raised; TimeoutError when it was late, or was before and rests.
        """
        key = hash((role, model.number))
        if self._paused.get(key, 0.0) > time.monotonic():
            raise TimeoutError
        values = [row.values for row in rows]
        exclude = any(row.exclude for row in rows)
        try:
            if role == RULES:
                rules = self.holder.rules
                assert rules is not None
                found: Any = await self._apart(lambda: rules(model, model.frame(values), rows))
            elif model.path == "fast":
                found = model.answers(values)
            elif exclude:
                found = await self._apart(lambda: deeper(model, rows))
            else:
                found = await self._apart(lambda: model.answers(values))
        except Exception:
            self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
            if self._in_a_row[key] >= FAILURES:
                self._paused[key] = time.monotonic() + PAUSE
            raise
        self._in_a_row[key] = 0
        if exclude:
            length = _length(model)
            found = [
                [item for item in plain(one) if item not in set(row.exclude)][:length]
                for one, row in zip(found, rows, strict=True)
            ]
        return found

    async def _apart(self, work: "Callable[[], Any]") -> Any:
        if self._at_work >= THREADS:
            # Every thread is held by a model that hangs, or waits for its turn: nobody waits more.
            for _ in range(20):
                await asyncio.sleep(self.config.limits.seconds / 20)
                if self._at_work < THREADS:
                    break
            else:
                raise TimeoutError
        self._at_work += 1
        future = self._threads.submit(work)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wait_for(asyncio.wrap_future(future), self.config.limits.seconds)

    def _done(self) -> None:
        self._at_work -= 1

    def close(self) -> None:
        """Let threads end; one that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def hangs(self) -> bool:
        """Whether a model is still at work in a thread."""
        return self._at_work > 0


def _length(model: Served) -> int | None:
    found = getattr(model.scorer.model.estimator, "k", None)
    return found if isinstance(found, int) else None


def deeper(model: Served, rows: list[Row]) -> Any:
    """Ask for so many more items that enough are left when the excluded ones are taken out.

    An estimator with a parameter `k`, as the seeded one has, is asked for more; of another one the
    list gets shorter.
    """
    import copy

    estimator = model.scorer.model.estimator
    length = _length(model)
    values = [row.values for row in rows]
    if length is None:
        return model.answers(values)
    # A copy of the shell: what was learned is shared, and nobody else's k changes.
    other = copy.copy(estimator)
    other.k = length + max(len(set(row.exclude)) for row in rows)
    registered = copy.copy(model.scorer.model)
    registered.estimator = other
    found = model.scorer._replace(model=registered).answers(model.frame(values))
    first = model.answers(values)
    if [list(one)[:length] for one in found] != [list(one) for one in first]:
        raise MlopsError("Asked for more items, the model gives others in the first places.")
    return found
