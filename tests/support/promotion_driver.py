"""Promote in forked processes of a rendered project, killing or racing them; print what is left.

Run by tests/rendered/test_promote.py and tests/servers/test_registry_server.py with the project's
interpreter: `promotion_driver.py SCENARIO FOLDER`. Each case has a registry of its own: a file, or
where PROMOTION_URI names a server a prefix there.

Forks share the imports, so that forty promotions cost the time of a few; no fork inherits an open
registry, because only forks open one.
"""

import importlib
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

PACKAGE = "shop"
promote_module = importlib.import_module("mlops_kit.operate.promote.promote")
settings_module = importlib.import_module("mlops_kit.core.settings")
errors = importlib.import_module("mlops_kit.core.errors")

# What every fork would otherwise import again.
for module in ("model_registry", "tracking"):
    importlib.import_module(f"mlflow.store.{module}.sqlalchemy_store")

SERVER = os.environ.get("PROMOTION_URI")
PREFIX = Path("prefix")  # of a case on a server
DECISION = Path("reports/compare/decision.json")
WRITES = (
    "set_registered_model_tag",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_model_version_tag",
)
SIGN_IN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
# Without and with a champion; `make verify` races more often.
RACES = int(os.environ.get("PROMOTION_RACES", "2"))
KILLS = 10
fork = multiprocessing.get_context("fork")


def name() -> str:
    """Return the registered model's name in the case that stands in the working folder."""
    return f"{PREFIX.read_text() if SERVER else 'dev'}.{PACKAGE}"


def registry() -> MlflowClient:
    """Return a client of the case's registry."""
    return MlflowClient(SERVER or "sqlite:///mlflow.db")


def write_decision(digest: str, **changes: Any) -> None:
    """Write a decision for the model with this digest."""
    decision = {
        "schema": 1,
        "decision": "promote",
        "case": "C",
        "reasons": ["It is better."],
        "primary": {
            "metric": "auc",
            "estimate": 0.2,
            "lower": 0.1,
            "upper": 0.3,
            "min_effect": 0.0,
        },
        "holdout_sha256": "holdout",
        "candidate": {"name": "candidate", "digest": digest},
        "incumbent": {"name": "champion", "digest": "d2"},
    }
    DECISION.parent.mkdir(parents=True, exist_ok=True)
    DECISION.write_text(json.dumps(decision | changes), encoding="utf-8")


def seed(champion: bool) -> None:
    """Register versions 1 to 4 with digests d1 to d4: 1 previous, 2 champion, 3 challenger."""
    client = registry()
    client.create_registered_model(name())
    experiment = client.create_experiment(f"judged {name()}")
    for number in range(1, 5):
        judged = {"holdout_sha256": "holdout", "decision": "promote"}
        run = client.create_run(experiment, tags=judged).info
        tags, source = {"model_sha256": f"d{number}"}, f"{run.artifact_uri}/nothing"
        client.create_model_version(name(), source, run.run_id, tags=tags, await_creation_for=0)
    aliases = {"challenger": "3"} | ({"previous": "1", "champion": "2"} if champion else {})
    for alias, number in aliases.items():
        client.set_registered_model_alias(name(), alias, number)


def state() -> dict[str, Any]:
    """Return the registry's aliases and the numbers of the log's entries."""
    client = registry()
    entries = client.search_model_versions(f"name = '{name()}.promotions'")
    aliases = {a: str(n) for a, n in client.get_registered_model(name()).aliases.items()}
    return {"aliases": aliases, "log": [dict(e.tags) for e in entries]}


def promoted() -> dict[str, Any]:
    """Promote, and return the result or the refusal."""
    try:
        return promote_module.promote(settings_module.load_settings(), DECISION)
    except errors.MlopsError as error:
        return {"refused": str(error), "exit_code": error.exit_code}


def rolled_back() -> dict[str, Any]:
    """Roll back, and return the result or the refusal."""
    try:
        return promote_module.rollback(settings_module.load_settings())
    except errors.MlopsError as error:
        return {"refused": str(error), "exit_code": error.exit_code}


def _child(work: Callable[[], Any], folder: Path, answer: Any) -> None:
    os.chdir(folder)
    if SERVER:
        os.environ["MLOPS_TRACKING__URI"] = SERVER
        os.environ["MLOPS_TRACKING__REGISTRY_PREFIX"] = PREFIX.read_text()
    try:
        answer.put(work())
    except BaseException:
        answer.put({"crashed": traceback.format_exc()})
    finally:
        # Whatever the libraries want to tidy up at the end belongs to the parent.
        os._exit(0)


class Forked:
    """Work that runs in a process of its own, in a folder of its own."""

    def __init__(self, work: Callable[[], Any], folder: Path) -> None:
        self.answer = fork.SimpleQueue()
        self.process = fork.Process(target=_child, args=(work, folder, self.answer))
        self.process.start()

    def result(self) -> Any:
        """Wait for the end; None when it was killed."""
        self.process.join(120)
        return None if self.answer.empty() else self.answer.get()


def done(work: Callable[[], Any], folder: Path) -> Any:
    """Run `work` in a fork and return what it returns."""
    return Forked(work, folder).result()


def killed_at(count: int, work: Callable[[], Any]) -> Callable[[], Any]:
    """Kill the process with signal 9 right before the registry's write number `count`."""

    def run() -> Any:
        seen = 0

        def hooked(write: Callable[..., Any]) -> Callable[..., Any]:
            def instead(*arguments: Any, **named: Any) -> Any:
                nonlocal seen
                seen += 1
                if seen == count:
                    os.kill(os.getpid(), signal.SIGKILL)
                return write(*arguments, **named)

            return instead

        for method in WRITES:
            setattr(MlflowClient, method, hooked(getattr(MlflowClient, method)))
        return work()

    return run


def before(called: str, moment: Callable[[], Any], work: Callable[[], Any]) -> Callable[[], Any]:
    """Call `moment` before the first call of one of the client's methods."""

    def run() -> Any:
        method, waited = getattr(MlflowClient, called), []

        def instead(*arguments: Any, **named: Any) -> Any:
            if not waited:
                waited.append(True)
                moment()
            return method(*arguments, **named)

        setattr(MlflowClient, called, instead)
        return work()

    return run


def new_case(folder: Path, label: str, champion: bool = True) -> Path:
    """Return a copy of the project's configuration with a registry of its own."""
    if SERVER:
        case = folder / label
        shutil.copytree("conf", case / "conf")
        (case / PREFIX).write_text(f"{folder.name}-{label}")
        done(lambda: (seed(champion), write_decision("d3")), case)
        return case
    pattern = folder / f"pattern-{champion}"
    if not pattern.is_dir():
        pattern.mkdir(parents=True)
        shutil.copytree("conf", pattern / "conf")
        done(lambda: (seed(champion), write_decision("d3")), pattern)
    return Path(shutil.copytree(pattern, folder / label))


def looked_at() -> list[Any]:
    """Return the state, the result of promoting, the state then, and of promoting once more."""
    return [state(), promoted(), state(), promoted()]


def interrupted(folder: Path) -> list[dict[str, Any]]:
    """Kill a promotion before each of its writes, then promote again."""
    found = []
    for champion in (True, False):
        for count in range(1, 12):
            case = new_case(folder, f"kill-{champion}-{count}", champion)
            first = done(killed_at(count, promoted), case)
            halfway, again, after, third = done(looked_at, case)
            found.append({"champion_before": champion, "killed": first is None})
            found[-1] |= {"halfway": halfway, "again": again, "after": after, "third": third}
            if first is not None:
                break
    return found


def interrupted_rollback(folder: Path) -> list[dict[str, Any]]:
    """Kill a rollback before each of its writes, then promote: it completes the rollback."""
    found = []
    whole = new_case(folder, "back-0")
    done(promoted, whole)
    for count in range(1, 12):
        if SERVER:
            done(promoted, case := new_case(folder, f"back-{count}"))
        else:
            case = Path(shutil.copytree(whole, folder / f"back-{count}"))
        first = done(killed_at(count, rolled_back), case)
        halfway, again, after, _ = done(looked_at, case)
        found.append({"killed": first is None, "halfway": halfway, "again": again, "after": after})
        if first is not None:
            break
    return found


def random_kills(folder: Path) -> list[dict[str, Any]]:
    """Kill ten promotions at random moments of the time that one takes, then promote again.

    One that is done before its moment shows that they take less time than was thought.
    """
    cases = (new_case(folder, f"random-{count}") for count in itertools.count())
    started = time.monotonic()
    done(promoted, next(cases))
    takes, found = time.monotonic() - started, []
    while len(found) < KILLS:
        case, started = next(cases), time.monotonic()
        victim = Forked(promoted, case)
        victim.process.join(takes * random.random())  # noqa: S311
        victim.process.kill()
        if victim.result() is not None:
            takes = time.monotonic() - started
            continue
        halfway, again, after, third = done(looked_at, case)
        found.append({"halfway": halfway, "again": again, "after": after, "third": third})
    return found


def gone(folder: Path) -> dict[str, Any]:
    """Stop the server's database, by its number, before the first alias is set."""

    def stop() -> None:
        os.kill(int(os.environ["PROMOTION_DATABASE"]), signal.SIGQUIT)

    case = new_case(folder, "gone")
    return {"refused": done(before("set_registered_model_alias", stop, promoted), case)}


def afterwards(folder: Path) -> dict[str, Any]:
    """Look at what `gone` left, and promote again."""
    halfway, again, after, third = done(looked_at, folder / "gone")
    return {"halfway": halfway, "again": again, "after": after, "third": third}


def not_permitted(folder: Path) -> dict[str, Any]:
    """Promote and roll back as somebody who may only read, also with a log of their own."""
    admin = {key: os.environ[key] for key in SIGN_IN}
    reader = dict(zip(SIGN_IN, os.environ["PROMOTION_READER"].split(":"), strict=True))
    case = new_case(folder, "reader")

    def as_reader() -> dict[str, Any]:
        os.environ.update(reader)
        first = promoted()
        client = registry()
        client.create_registered_model(f"{name()}.promotions")
        tags = {"token": "forged", "after": "0", "kind": "promote", "who": "me", "at": "now"}
        tags |= {"champion": "4", "previous": "", "retired": "", "from": "2"}
        log, source = f"{name()}.promotions", f"models:/{name()}/4"
        client.create_model_version(log, source, tags=tags, await_creation_for=0)
        return {"first": first, "after": state()}

    found = done(as_reader, case)
    os.environ.update(admin)
    return found | {"carried_out": done(promoted, case), "later": done(state, case)}


def racing(folder: Path) -> list[dict[str, Any]]:
    """Let promotions of versions 3 and 4 append at the same moment, several times."""
    found = []
    for count in range(RACES):
        case = new_case(folder, f"race-{count}", champion=count % 3 > 0)
        # The second project has decided about version 4, in the same registry.
        other = Path(shutil.copytree(case, folder / f"race-{count}-other"))
        if not SERVER:
            (other / "mlflow.db").unlink()
            (other / "mlflow.db").symlink_to(case / "mlflow.db")
        done(lambda: write_decision("d4"), other)
        reached, gate = fork.Event(), fork.Barrier(2, timeout=60)

        def meet(reached: Any = reached, gate: Any = gate) -> None:
            reached.set()
            gate.wait()

        one = Forked(before("create_model_version", meet, promoted), case)
        reached.wait(60)
        # The first has read its challenger and is about to append: now the second reads its own.
        done(_set_challenger_4, case)
        two = Forked(before("create_model_version", meet, promoted), other)
        found.append({"results": [one.result(), two.result()], "after": done(state, case)})
    return found


def same(folder: Path, racers: int = 4) -> list[dict[str, Any]]:
    """Let several promotions of the same decision append at the same moment."""
    found = []
    for count in range(RACES // 2):
        case = new_case(folder, f"same-{count}")
        gate = fork.Barrier(racers, timeout=60)
        work = before("create_model_version", gate.wait, promoted)
        forks = [Forked(work, case) for _ in range(racers)]
        results = [one.result() for one in forks]
        found.append({"results": results, "after": done(state, case)})
    return found


def overtaken(folder: Path) -> list[dict[str, Any]]:
    """Halt a promotion before each alias write while another completes it and a third follows."""
    found = []
    for halt in range(1, 4):
        case = new_case(folder, f"overtaken-{halt}")
        reached, go = fork.Event(), fork.Event()

        def halted(halt: int = halt, reached: Any = reached, go: Any = go) -> Any:
            method, seen = MlflowClient.set_registered_model_alias, []

            def instead(*arguments: Any, **named: Any) -> Any:
                seen.append(True)
                if len(seen) == halt:
                    reached.set()
                    go.wait(60)
                return method(*arguments, **named)

            setattr(MlflowClient, "set_registered_model_alias", instead)  # noqa: B010
            return promoted()

        slow = Forked(halted, case)
        reached.wait(60)

        def quick() -> dict[str, Any]:
            write_decision("d4", incumbent={"name": "champion", "digest": "d3"})
            _set_challenger_4()
            return promoted()

        found.append({"quick": done(quick, case)})
        go.set()
        found[-1] |= {"slow": slow.result(), "after": done(state, case)}
    return found


def _register_as_rejected() -> None:
    """Make the registry remember that the challenger's run ended with a rejection."""
    client = registry()
    client.set_tag(str(client.get_model_version(name(), "3").run_id), "decision", "reject")


def _set_challenger_4() -> None:
    registry().set_registered_model_alias(name(), "challenger", "4")


def _made(days_ago: int) -> None:
    """Make the registry remember that its versions were registered that many days ago."""
    with closing(sqlite3.connect("mlflow.db")) as opened, opened:
        change = "UPDATE model_versions SET creation_time = creation_time - ?"
        opened.execute(change, (days_ago * 86_400_000,))


def refusals(folder: Path) -> dict[str, Any]:
    """Promote what must not be promoted, and return the refusal and what it left."""
    changes: dict[str, Callable[[], Any]] = {
        "reject": lambda: write_decision("d3", decision="reject"),
        "inconclusive": lambda: write_decision("d3", decision="inconclusive"),
        "no decision": DECISION.unlink,
        "another model": lambda: write_decision("d4"),
        "no digest": lambda: write_decision("d3", candidate={"name": "candidate", "digest": None}),
        "another holdout": lambda: write_decision("d3", holdout_sha256="other"),
        "another decision": _register_as_rejected,
        "another champion": lambda: write_decision(
            "d3", incumbent={"name": "champion", "digest": "d1"}
        ),
        "not the champion": lambda: write_decision(
            "d3", incumbent={"name": "baseline", "digest": "rules"}
        ),
        "no challenger": lambda: registry().delete_registered_model_alias(name(), "challenger"),
        "no registry": Path("mlflow.db").unlink,
        "stale": lambda: _made(40),
        "of the future": lambda: _made(-1),
        "an edited decision": lambda: registry().set_model_version_tag(
            name(), "3", "decision_sha256", "0" * 64
        ),
    }
    found = {}
    for label, change in changes.items():
        case = new_case(folder, f"refused-{label}".replace(" ", "-"))

        def refused(label: str = label, change: Callable[[], Any] = change) -> dict[str, Any]:
            change()
            result = {"result": promoted()}
            return result if label == "no registry" else result | {"after": state()}

        found[label] = done(refused, case)
    return found


def life(folder: Path) -> dict[str, Any]:
    """Promote 3, then 4, roll back, and try to roll back once more."""

    def lived() -> dict[str, Any]:
        steps = [promoted(), promoted()]
        write_decision("d4", incumbent={"name": "champion", "digest": "d3"})
        _set_challenger_4()
        steps += [promoted(), rolled_back(), rolled_back(), promoted()]
        return {"steps": steps, "after": state()}

    return done(lived, new_case(folder, "life"))


if __name__ == "__main__":
    scenario = globals()[sys.argv[1]]
    target = Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    print(json.dumps(scenario(target), indent=1))
