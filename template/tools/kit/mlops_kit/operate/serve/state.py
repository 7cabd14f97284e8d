"""Which models and which snapshot answer now, and how others take their place under way.

A new state is loaded, compiled and tried beside the one that answers, then takes its place in one
step; requests at work keep the one that they began with. Where anything of it is refused, the old
one stays, whole.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.systems.adapters import predict_with
from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.files import progress
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.zones import OPEN_ZONE, SNAPSHOT
from mlops_kit.data.config import load_sources
from mlops_kit.operate.predict.scorer import Scorer, number_of, scorer
from mlops_kit.operate.serve.config import SERVE_FILE, Serve
from mlops_kit.operate.serve.request.rows import Reader, Row
from mlops_kit.operate.serve.served import Served
from mlops_kit.operate.serve.snapshot import Snapshot

if TYPE_CHECKING:
    import numpy
    import pandas

MODEL, CANARY, SHADOW, PREVIOUS, RULES = "model", "canary", "shadow", "previous", "rules"
PROBED = 200  # rows of the snapshot on which a plan is tried besides invented ones
# Rules that answer any row at once.
QUICK = ("table", "rules")

Load = Callable[[Settings, str], Scorer]


@dataclass(frozen=True)
class State:
    """What answers.

    Attributes
    ----------
    models : dict
        By role: model, and where they are there canary, shadow and previous.
    reader : Reader
        Reads requests for all of them.
    snapshot : Snapshot or None
        Where features come from by id.
    seen : tuple
        By which it is told that something changed.
    """

    models: dict[str, Served]
    reader: Reader
    snapshot: Snapshot | None
    seen: tuple[Any, ...]
    notes: list[str] = field(default_factory=list)


class Holder:
    """The state that answers now, and the watch over what it should be.

    Attributes
    ----------
    problem : str
        Why the state is not what registry and snapshot say; empty when it is.
    swaps : int
        How often another state took its place.
    """

    def __init__(self, settings: Settings, config: Serve, load: Load = scorer) -> None:
        self.settings, self.config, self._load = settings, config, load
        self.problem, self.swaps = "", 0
        self.state = self._made(self._seen(), None)
        self.rules = rules_of(config, settings) if RULES in config.fall_back else None
        for note in self.state.notes:
            progress("serve", note)

    async def watch(self) -> None:
        """Look for another model or snapshot for ever."""
        while True:
            await asyncio.sleep(self.config.poll_seconds)
            await self.refresh()

    async def refresh(self) -> bool:
        """Take what registry and snapshot say now; return whether it is another state."""
        try:
            seen = await asyncio.to_thread(self._seen)
            if seen == self.state.seen:
                self._said("")
                return False
            made = await asyncio.to_thread(self._made, seen, self.state)
        except Exception as error:
            sentence = str(error) if isinstance(error, MlopsError) else (
                f"{type(error).__name__}: {error}")  # fmt: skip
            self._said(f"{sentence} Version {self.state.models[MODEL].number} answers on.")
            return False
        old, self.state = self.state, made
        self.swaps += 1
        self._said("")
        progress("serve", f"version {made.models[MODEL].number} answers ({_ways(made)})")
        for note in made.notes:
            progress("serve", note)
        if old.snapshot is not None and old.snapshot is not made.snapshot:
            old.snapshot.close()
        return True

    def _said(self, problem: str) -> None:
        problem = without_credentials(problem)
        if problem and problem != self.problem:
            progress("serve", problem)
        self.problem = problem

    def _aliases(self) -> dict[str, str]:
        found = {MODEL: self.config.model}
        if self.config.canary is not None:
            found[CANARY] = self.config.canary.alias
        if self.config.shadow is not None:
            found[SHADOW] = self.config.shadow.alias
        if PREVIOUS in self.config.fall_back:
            found[PREVIOUS] = "previous"
        return found

    def _seen(self) -> tuple[Any, ...]:
        """Ask which versions the aliases name, and which file the snapshot is."""
        numbers: list[Any] = []
        for role, alias in self._aliases().items():
            try:
                numbers.append((role, number_of(self.settings, alias)))
            except MlopsError as error:
                # An alias that is not there is no model for its role; of the first there must be.
                if role == MODEL or "refuses" in str(error):
                    raise
                numbers.append((role, None))
        return tuple(numbers), _file_of(self.config)

    def _made(self, seen: tuple[Any, ...], old: State | None) -> State:
        numbers, file = seen
        snapshot = None
        if file is not None:
            same = old is not None and old.seen[1] == file
            snapshot = old.snapshot if same and old is not None else Snapshot()
        probes = [] if snapshot is None else list(snapshot.sample(PROBED))
        loaded: dict[str, Served] = {}
        models, notes = {}, []
        aliases = self._aliases()
        known = {one.number: one for one in (old.models.values() if old else ())}
        for role, number in numbers:
            if number is None:
                if role != PREVIOUS:
                    notes.append(f"there is no version {aliases[role]}: {role} is off")
                continue
            try:
                if number not in loaded and number in known:
                    loaded[number] = known[number]
                elif number not in loaded:
                    loaded[number] = self._served(aliases[role], number, snapshot, probes)
                if role != MODEL:
                    _refuse_others(loaded[number], models[MODEL])
                models[role] = loaded[number]
            except MlopsError as error:
                if role == MODEL:
                    raise
                notes.append(f"{error} So {role} is off.")
        for model in loaded.values():
            if model.why_plain:
                notes.append(f"version {model.number} takes the plain path: {model.why_plain}")
        reader = Reader(self.config, models[MODEL], snapshot, load_sources())
        return State(models, reader, snapshot, seen, notes)

    def _served(
        self, alias: str, number: str, snapshot: Snapshot | None, probes: list[list[Any]]
    ) -> Served:
        found = self._load(self.settings, alias)
        if found.number != number:
            raise MlopsError(f"{alias} moved while version {number} was loaded: it is tried again.")
        names = [str(name) for name, _ in found.config["features"]]
        known = []
        if snapshot is not None and set(names) <= set(snapshot.names):
            order = [snapshot.names.index(name) for name in names]
            known = [[row[place] for place in order] for row in probes]
        return Served(found, self.config.fast, known)


def _refuse_others(model: Served, first: Served) -> None:
    """Of another role, a model must read the same rows: requests are read once."""
    if model.names != first.names or model.schema != first.schema:
        raise MlopsError(
            f"Version {model.number} learned from other features than version {first.number}."
        )


def _file_of(config: Serve) -> tuple[int, int, int] | None:
    if config.features.source == "request":
        return None
    if not SNAPSHOT.is_file():
        raise MlopsError(
            f"{SNAPSHOT.as_posix()} does not exist: write it with `uv run mlops snapshot`."
        )
    found = SNAPSHOT.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _ways(state: State) -> str:
    return ", ".join(f"{role}: {one.number}, {one.path}" for role, one in state.models.items())


def rules_of(
    config: Serve, settings: Settings
) -> "Callable[[Served, pandas.DataFrame, list[Row]], numpy.ndarray]":
    """Return what answers by the incumbent of conf/compare.yaml.

    Raises
    ------
    MlopsError
        When it is none that answers any row at once, or there are no rows to learn from.
    """
    import pandas as pd

    spec = read_config(COMPARE_FILE, CompareConfig).incumbent
    if spec.kind not in QUICK:
        raise MlopsError(
            f"{SERVE_FILE.as_posix()}: fall_back names rules, and the incumbent of "
            f"{COMPARE_FILE.as_posix()} is of kind {spec.kind}, which answers no single request."
        )
    file = Path(OPEN_ZONE / "features.parquet")
    if not file.is_file():
        raise MlopsError(f"{file.as_posix()} does not exist, from which rules learn.")
    table = pd.read_parquet(file)
    train = table[table["split"] == "train"].drop(columns="split")

    def answer(model: Served, features: "pandas.DataFrame", rows: "list[Row]") -> "numpy.ndarray":
        import numpy as np

        asked = features.assign(id=[row.id for row in rows])
        params = {"seed": 0, "classes": model.scorer.config.get("classes")}
        return np.asarray(predict_with(spec, train, asked, settings.task, params))

    return answer
