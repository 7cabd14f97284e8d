"""`mlops demo`: a drift is put into the sample shop, seen, answered by a new model, and clears.

It runs in a copy of this repository, so that nothing of it changes. Every step is a verb that
anybody can run.
"""

import datetime
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, write_text
from mlops_kit.core.programs import said_by
from mlops_kit.core.settings import load_settings
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.data.config import SOURCES_FILE, Sample, load_sources
from mlops_kit.operate.demo.page import demo_page

SHIFT = datetime.date(2025, 8, 1)
TRAINED, ALL = datetime.date(2025, 5, 31), datetime.date(2025, 12, 31)
# Outcomes take HORIZON days: those of the quiet weeks are all known before the shift.
QUIET = (datetime.date(2025, 6, 2), datetime.date(2025, 6, 29))
DRIFTED = (datetime.date(2025, 6, 30), datetime.date(2025, 10, 12))
AFTER = (datetime.date(2025, 11, 3), datetime.date(2025, 12, 28))
EVERY = 21  # a customer is scored about once in so many days
HORIZON = 30
ENDINGS = {
    "promoted": ("habits_change", "those who seldom bought buy most from now on"),
    "kept": ("cents", "prices arrive in cents from now on"),
}
LEFT_OUT = (".git", ".venv", ".dvc/cache", ".dvc/tmp", "data", "models", "reports", "mlruns",
            "mlartifacts", "dist", "build")  # fmt: skip


class Step(NamedTuple):
    """What was done, what came of it, and the page that shows it, if any."""

    verb: str
    said: str
    good: bool
    page: str = ""


def demo(ending: str, folder: Path) -> dict[str, Any]:
    """Run the loop on the sample shop, and write a page about it.

    Parameters
    ----------
    ending : str
        promoted: habits change, a model that learned them wins; kept: a feed breaks, and a model
        that learned from it does not.
    folder : Path
        Where the copy is made and the page is written; it must not exist.

    Returns
    -------
    dict
        `ending`, `expected`, `seconds`, `page`, `steps`.

    Raises
    ------
    MlopsError
        When this repository does not read the sample shop, or predicts something else than classes.
    """
    settings = load_settings()
    sources = load_sources()
    shops = [name for name, one in sources.sources.items() if isinstance(one, Sample)]
    if not shops or settings.task != "classification":
        raise MlopsError(
            "The demo tells of the sample shop and who buys again; this project has another task "
            "or other data. Render one with the defaults to see it."
        )
    if ending not in ENDINGS:
        raise MlopsError(f"--ending: {ending} is none of {', '.join(ENDINGS)}.")
    if folder.exists():
        raise MlopsError(f"{folder.as_posix()} is there already: remove it, or name another one.")
    started, field = time.monotonic(), ENDINGS[ending][0]
    shutil.copytree(Path.cwd(), folder, symlinks=True, ignore=_left_out)
    with _inside(folder):
        # A repository of its own: DVC passes over what the one around it ignores.
        said_by("git", "init", "--quiet")
        steps = list(_story(field, ENDINGS[ending][1]))
    found = "promoted" if any(step.verb == "promote" for step in steps[2:]) else "kept"
    seconds = time.monotonic() - started
    result = {
        "ending": found,
        "expected": found == ending and all(step.good for step in steps),
        "seconds": seconds,
        "page": (folder / "demo.html").as_posix(),
        "steps": [step._asdict() for step in steps],
    }
    write_text(folder / "demo.html", demo_page(result, settings.project))
    return result


def _story(field: str, what: str) -> Iterator[Step]:
    """Do each step, and say what came of it."""
    from mlops_kit.operate.feedback.labels import take_in
    from mlops_kit.operate.monitor.monitor import monitor
    from mlops_kit.operate.predict.predict import predict
    from mlops_kit.operate.promote.promote import promote

    settings = load_settings()
    _set(until=TRAINED)
    first = _run()
    yield _told("run", f"The first model: {first['reason']}", first["decision"] == "promote")
    decision = Path("reports/compare/decision.json")
    done = promote(settings, decision, "the first model")
    yield _told("promote", f"Version {done['champion']} is champion.", True)

    def score(name: str, span: tuple[datetime.date, datetime.date]) -> int:
        asked = _asked(name, span)
        predict(settings, asked, max_aside=0.5)
        return int(take_in(_outcomes(name), settings.task)["new"])

    def look(name: str, day: datetime.date, wanted: str) -> tuple[Step, dict[str, Any]]:
        _, told = monitor(settings, as_of=day)
        page = f"{name}.html"
        shutil.copy("reports/monitor/drift.html", page)
        alarms = told["alarms"]
        said = f"As of {day}: {told['verdict']}."
        if alarms:
            kinds = ", ".join(one["key"] for one in alarms[:4])
            said += f" {kinds}. {alarms[0]['sentence']} Likely {alarms[0]['cause']}."
        cleared = f" Cleared: {', '.join(told['cleared'])}." if told["cleared"] else ""
        return _told("monitor", said + cleared, told["verdict"] == wanted, page), told

    _set(until=ALL, **{field: SHIFT})
    _ingest()
    outcomes = score("quiet", QUIET)
    yield _told(
        "predict", f"{QUIET[0]} to {QUIET[1]}: scored; {counted(outcomes, 'outcome')} came.", True
    )
    yield look("1-quiet", QUIET[1], "quiet")[0]
    outcomes = score("drifted", DRIFTED)
    said = (
        f"{SHIFT}: {what}. {DRIFTED[0]} to {DRIFTED[1]} scored; {counted(outcomes, 'outcome')} "
        "came."
    )
    yield _told("predict", said, True)
    step, told = look("2-alarm", DRIFTED[1], "alarm")
    yield step
    _against_champion()
    again = _run()
    yield _told("run", f"Retrained because of drift: {again['reason']}", True)
    shutil.copy("reports/compare/report.html", "3-decision.html")
    wins = again["decision"] == "promote"
    if wins:
        done = promote(settings, decision, "drift")
        yield _told("promote", f"Version {done['champion']} is champion, reason drift.", True)
    else:
        said = f"Kept: the champion stays, for the new model is not better ({again['decision']})."
        yield _told("keep", said, True, "3-decision.html")
        if field == "cents":
            _set(until=ALL)
            _ingest()
            yield _told("data ingest", "The feed is mended: prices are in dollars again.", True)
    outcomes = score("after", AFTER)
    yield _told(
        "predict", f"{AFTER[0]} to {AFTER[1]}: scored; {counted(outcomes, 'outcome')} came.", True
    )
    yield look("4-cleared", AFTER[1], "quiet")[0]


def _told(verb: str, said: str, good: bool, page: str = "") -> Step:
    progress("demo", f"{verb}: {said}")
    return Step(verb, said, good, page)


def _left_out(folder: str, names: list[str]) -> set[str]:
    place = Path(folder).resolve()
    here = Path.cwd().resolve()
    inside = {(here / one) for one in LEFT_OUT}
    return {
        name for name in names
        if (place / name) in inside or name == "__pycache__" or name.startswith("mlflow")
    }  # fmt: skip


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _set(**changes: datetime.date) -> None:
    """Write what has happened into the line of the sample."""
    text = SOURCES_FILE.read_text(encoding="utf-8")
    text = re.sub(r", (until|habits_change|cents): [\d-]+", "", text)
    more = "".join(f", {key}: {day}" for key, day in changes.items())
    text = re.sub(r"(\{kind: sample[^}]*)\}", rf"\1{more}}}", text, count=1)
    write_text(SOURCES_FILE, text)


def _against_champion() -> None:
    """Compare with the champion, for a gain of a hundredth."""
    file = Path("conf/compare.yaml")
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^incumbent: .*$", "incumbent: {kind: mlflow}", text)
    text = re.sub(r"(?m)^oracle: .*$", "", text)
    write_text(file, re.sub(r"(?m)^  min_effect: [\d.]+", "  min_effect: 0.01", text))


def _mlops(*words: str) -> str:
    """Run a command of this repository in the copy."""
    code = "from mlops_kit.cli import main; main()"
    done = said_by(sys.executable, "-c", code, *words)
    print(done.stderr, end="", file=sys.stderr, flush=True)
    if done.returncode:
        raise MlopsError(f"`mlops {' '.join(words)}` failed in the demo, see above.")
    return done.stdout


def _run() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_mlops("run", "--json"))
    return told


def _ingest() -> None:
    """Bring newer facts in without training: the first stages of the pipeline."""
    import yaml

    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name in ("data", "protect"):
        if name in stages:
            _mlops(*stages[name]["cmd"].split()[1:])


def _asked(name: str, span: tuple[datetime.date, datetime.date]) -> Path:
    """Ask each day for some of the customers who are known by then."""
    entity = load_sources().entity.column
    file = Path(f"data/open/asked-{name}.parquet")
    with connect() as connection:
        orders = connection.read_parquet("data/open/tables/orders.parquet")
        orders.create_view("orders")
        connection.sql(
            f"""
            SELECT id, time FROM (SELECT {entity} AS id, min(ordered_at) AS first_order
                                  FROM orders GROUP BY ALL),
            (SELECT CAST(unnest(generate_series(DATE '{span[0]}', DATE '{span[1]}',
                    INTERVAL 1 DAY)) AS DATE) AS time)
            WHERE first_order < time
              AND hash(concat(id, time)) % {EVERY} = 0
            ORDER BY time, id
            """
        ).write_parquet(str(file))
    return file


def _outcomes(name: str) -> Path:
    """Say who of those asked for has ordered since: what a shop knows a month later."""
    entity = load_sources().entity.column
    file = Path(f"data/open/outcomes-{name}.parquet")
    with connect() as connection:
        connection.read_parquet("data/open/tables/orders.parquet").create_view("orders")
        connection.read_parquet(f"data/open/asked-{name}.parquet").create_view("asked")
        connection.sql(
            f"""
            SELECT id, time, CAST(count(order_id) > 0 AS BIGINT) AS outcome
            FROM asked LEFT JOIN orders ON {entity} = id AND ordered_at >= time
                 AND ordered_at < time + INTERVAL {HORIZON} DAY
            WHERE time + INTERVAL {HORIZON} DAY <= DATE '{ALL}'
            GROUP BY ALL ORDER BY time, id
            """
        ).write_parquet(str(file))
    return file
