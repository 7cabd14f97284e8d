"""The holdout ledger: how often each holdout was used to judge, and the risk left for the next.

A holdout that judges one candidate after another promotes a worthless one sooner or later. The
ledger keeps the fingerprints of the candidates that each holdout has judged, in their order: the
first use may take half of alpha, the second a sixth, use j the share 1 / (j (j + 1)), which add up
to alpha however many follow. The same candidate again is the same use and spends nothing.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_json

LEDGER_FILE = Path("data/holdouts.json")


@dataclass(frozen=True)
class Look:
    """One use of a holdout: its number from 1, and the alpha that it may spend."""

    number: int
    alpha: float
    fingerprint: str
    recorded: bool = False


def look_at(path: Path | None, holdout: Holdout, config: CompareConfig) -> Look:
    """Find which use of the holdout this is; nothing is written.

    Parameters
    ----------
    path : Path or None
        The ledger; None, or one that does not exist, is an empty one.

    Raises
    ------
    MlopsError
        When the ledger is damaged: without it nobody knows what was spent.
    """
    own = fingerprint(holdout, config)
    alpha = config.inference.alpha
    if config.inference.reuse == "free" or path is None:
        return Look(1, alpha, own)
    used = _read(path).get(holdout.sha256, [])
    known = own in used
    number = used.index(own) + 1 if known else len(used) + 1
    if config.inference.reuse == "spend":
        alpha /= number * (number + 1)
    return Look(number, alpha, own, known)


def record(path: Path | None, holdout: Holdout, config: CompareConfig, look: Look) -> None:
    """Write the use into the ledger, before its decision is told; a known one changes nothing.

    A run that is killed right after this has spent its own use only: run again, it is found.
    """
    if config.inference.reuse == "free" or path is None or look.recorded:
        return
    entries = _read(path)
    used = entries.setdefault(holdout.sha256, [])
    if look.fingerprint not in used:
        used.append(look.fingerprint)
        write_json(path, {"schema": 1, "holdouts": entries})


def fingerprint(holdout: Holdout, config: CompareConfig) -> str:
    """SHA-256 of what the candidates predict and of the metric that judges them.

    Taken of the predictions, not of the model's file, so that it needs no file and survives a
    training on another machine; from single precision, which rounding does not reach; and of
    sorted rows, so that neither their order nor the names of ids matter.
    """
    parts = []
    for role in sorted(role for role in holdout.predictions if role.startswith("candidate")):
        prediction = holdout.predictions[role]
        if isinstance(prediction, pa.Array):
            lists = (holdout.truth, prediction)
            lines = pc.binary_join_element_wise(
                *(pc.binary_join(values.cast(pa.list_(pa.string())), ",") for values in lists), "|"
            )
            content = "\n".join(lines.take(pc.sort_indices(lines)).to_pylist()).encode()
        else:
            with np.errstate(over="ignore"):
                truth = holdout.truth_of(holdout.metric)
                columns = np.column_stack([truth, prediction]).astype("<f4")
            content = columns[np.lexsort(columns.T)].tobytes()
        parts.append(hashlib.sha256(content).hexdigest())
    # Which candidate is named first does not matter. Another metric is another question, and so is
    # another threshold: trying one after the other finds the luckiest.
    settings = config.primary.model_dump(include={"quantile", "payoff"}, exclude_none=True)
    if config.data.threshold is not None:
        settings["threshold"] = config.data.threshold
    asked = [json.dumps(settings, sort_keys=True)] if settings else []
    text = "\n".join([config.primary.metric, *asked, *sorted(parts)])
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["holdouts"]
        if all(isinstance(used, list) for used in entries.values()):
            return entries
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise MlopsError(
        f"{path.as_posix()} is damaged, so nobody knows how often the holdout was used: restore "
        "it with git, and after a merge keep the lines of both sides."
    )
