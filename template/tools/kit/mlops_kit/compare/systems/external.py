"""Systems outside this code: their logged decisions, or a program that answers in JSON lines."""

import contextlib
import json
import math
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.systems.spec import Command, Logged
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import from_json
from mlops_kit.core.words import counted

if TYPE_CHECKING:
    import numpy
    import pandas

VALUE = {
    "classification": "score",
    "classes": "scores",
    "regression": "prediction",
    "recommendation": "items",
}
WANTED = {
    "classes": "a class or a list of probabilities",
    "recommendation": "a list of items",
}


def join_logged(spec: Logged, rows: "pandas.DataFrame", task: str) -> "numpy.ndarray":
    """Look the decision of each row up in the log, shape (n,); each row must have exactly one."""
    import pandas as pd

    where = f"{spec.name}: {spec.file.as_posix()}"
    log = read_table(spec.name, spec.file, spec.id)
    named = {"id": spec.id, "time": spec.time, "horizon": spec.horizon}
    keys = {key: column for key, column in named.items() if column}
    for column in (*keys.values(), spec.column):
        if column not in log.columns:
            raise MlopsError(f'{where} has no column "{column}"; mend conf/compare.yaml.')
    if "time" not in keys and rows["id"].duplicated().any():
        raise MlopsError(f"{where}: an id has rows at several times; name the log's `time` column.")
    if "horizon" in rows and "horizon" not in keys and rows[["id", "time"]].duplicated().any():
        raise MlopsError(
            f"{where}: an id and time has rows of several horizons; name the log's `horizon` "
            "column."
        )
    try:
        wanted, known = _keys(rows, {key: key for key in keys}), _keys(log, keys)
    except ValueError as error:
        raise MlopsError(f"{where}: {spec.time} holds what is no time ({error}).") from error
    if repeated := int(known.duplicated().sum()):
        raise MlopsError(f"{where} holds {repeated:,} decisions about a row that has one already.")
    decisions = pd.Series(log[spec.column].to_numpy(), index=known)
    found = wanted.isin(known)
    if missing := int((~found).sum()):
        raise MlopsError(
            f"{where} misses {missing:,} of {len(rows):,} holdout rows: a comparison needs all."
        )
    values = decisions.loc[wanted]
    if empty := int(values.isna().sum()):
        raise MlopsError(f"{where} has no {spec.column} for {empty:,} holdout rows.")
    if task != "recommendation":
        return values.to_numpy()
    try:
        return _lists([_items(value) for value in values])
    except (ValueError, TypeError) as error:
        raise MlopsError(f"{where}: {spec.column} holds what is no list of items.") from error


def read_table(who: str, file: Path, id_column: str = "id") -> "pandas.DataFrame":
    """Read a csv or parquet file; ids of a csv stay text, so that 007 is no 7."""
    import pandas as pd

    if not file.is_file():
        raise MlopsError(f"{who}: {file.as_posix()} does not exist; mend the path.")
    try:
        if file.suffix.lower() == ".csv":
            return pd.read_csv(file, dtype={id_column: str})
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise MlopsError(f"{who}: {file.as_posix()} is not readable csv or parquet.") from error


def _keys(table: "pandas.DataFrame", columns: dict[str, str]) -> "pandas.Index":
    """Spell the keys the same way, whatever types a csv or a parquet gives them."""
    import pandas as pd

    parts = [table[columns["id"]].astype(str)]
    if "time" in columns:
        # A log may hold an offset, where the table of features is in UTC without one.
        times = pd.to_datetime(table[columns["time"]], utc=True)
        parts.append(times.dt.strftime("%Y-%m-%dT%H:%M:%S.%f"))
    if "horizon" in columns:
        steps = pd.to_numeric(table[columns["horizon"]], errors="coerce")
        parts.append(steps.map("{:g}".format))
    if len(parts) == 1:
        return pd.Index(parts[0])
    return pd.Index(parts[0].str.cat(pd.concat(parts[1:], axis=1), sep="\0"))


def _items(value: Any) -> list[Any]:
    """Read a list of items, or the text of one: a JSON list, or items between spaces."""
    if not isinstance(value, str):
        return list(value)
    if value.lstrip().startswith("["):
        return from_json(value)
    return value.split()  # 007 is no 7; what are numbers becomes so beside the outcome's


def _lists(lists: list[list[Any]]) -> "numpy.ndarray":
    import numpy as np

    values = np.empty(len(lists), dtype=object)
    values[:] = lists
    return values


def ask_command(
    spec: Command, rows: "pandas.DataFrame", task: str, several: bool = False
) -> "numpy.ndarray":
    """Give a program one JSON object per row on stdin and read one JSON value per line.

    A value is a number (or a list of items for a recommendation), or an object that holds it
    under score, prediction or items. Of several classes it is a label, or a list of probabilities,
    and an object holds it under scores.
    """
    asked = "".join(f"{json.dumps(row, default=_plain)}\n" for row in _records(rows))
    lines = _answer(spec, asked).splitlines()
    if len(lines) != len(rows):
        raise MlopsError(
            f"{spec.name}: the command wrote {counted(len(lines), 'line')} for "
            f"{counted(len(rows), 'row')}; write one JSON value for each line that it reads, and "
            "anything else to stderr."
        )
    kind = "classes" if several else task
    values = [_value(spec.name, kind, number, line) for number, line in enumerate(lines, start=1)]
    if task == "recommendation" or several:
        return _lists(values)
    import numpy as np

    return np.array(values, dtype=np.float64)


def _records(rows: "pandas.DataFrame") -> list[dict[str, Any]]:
    return [
        # JSON has no NaN: a missing number is null, as in every other language.
        {
            str(key): None if isinstance(value, float) and math.isnan(value) else value
            for key, value in row.items()
        }
        for row in rows.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        return None if text == "NaT" else text
    if hasattr(value, "tolist"):
        return value.tolist()
    if value is None or type(value).__name__ == "NAType":
        return None
    return str(value)


def _answer(spec: Command, asked: str) -> str:
    program = spec.command[0]
    try:
        # A session of its own: at the time limit, the program's children are stopped as well.
        process = subprocess.Popen(
            spec.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise MlopsError(f"{spec.name}: {program} does not start: {error.strerror}.") from error
    with process:
        try:
            said, complaint = process.communicate(asked, timeout=spec.timeout)
        except subprocess.TimeoutExpired as error:
            _stop(process)
            raise MlopsError(
                f"{spec.name}: {program} did not finish within {spec.timeout:g} s; raise "
                "`timeout` in conf/compare.yaml or make it faster."
            ) from error
        except BaseException:
            _stop(process)
            raise
    if process.returncode != 0:
        last = (complaint.strip().splitlines() or ["it said nothing on stderr"])[-1][:200]
        raise MlopsError(f"{spec.name}: {program} exited with {process.returncode}: {last}")
    return said


def _stop(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _value(name: str, task: str, number: int, line: str) -> Any:
    key = VALUE[task]
    try:
        value = from_json(line)
        value = value[key] if isinstance(value, dict) else value
    except (ValueError, KeyError) as error:
        raise MlopsError(
            f"{name}: line {number:,} of the command is {line[:60]!r}, "
            f'neither JSON nor an object with "{key}".'
        ) from error
    wanted = WANTED.get(task, "a finite number")
    right = {
        "recommendation": isinstance(value, list),
        "classes": isinstance(value, list | str) or _is_number(value),
    }.get(task, _is_number(value))
    if not right:
        raise MlopsError(f"{name}: line {number:,} of the command is {line[:60]!r}, not {wanted}.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
