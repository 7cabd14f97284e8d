"""The stored model: written so that equal models are equal files, read with trusted types only.

A model that was built elsewhere comes in a bundle, and is judged here in place of one fitted here.
"""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops_kit.core import team
from mlops_kit.core.bundle import Bundle, opened
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import written_beside
from mlops_kit.train.splits.split import IN_TIME

MODEL_FILE = Path("models/model.skops")
MODEL_CARD = Path("models/model.json")
# The bundle whose model the train stage takes.
GIVEN = Path("models/given.bundle")
IN_BUNDLE = {"model": "model/model.skops", "card": "model/model.json", "params": "params.yaml",
             "decision": "decision/decision.json"}  # fmt: skip
# Whose types a stored model may hold, besides this project's own: here and where it is registered.
LIBRARIES = ("sklearn", "numpy", "scipy", "pandas", "xgboost", "lightgbm", "catboost")


def save_model(estimator: Any, path: Path) -> list[str]:
    """Store an estimator with skops so that equal models are equal files.

    skops writes memory addresses and times of day into its zip; both are replaced, so that the
    digest of a model says whether it changed.

    Returns
    -------
    list of str
        The dotted names of its types that a reader is asked about.

    Raises
    ------
    MlopsError
        When it holds a type that no reader would trust; an earlier file stays as it was.
    """
    import skops.io

    content = skops.io.dumps(estimator)
    types = skops.io.get_untrusted_types(data=content)
    if strange := _strange(types):
        raise MlopsError(
            f"model.py: the model holds {strange[0]}, which is neither this project's nor one of "
            f"{', '.join(LIBRARIES)}: nobody could load the stored model. Build it of their types, "
            "or of classes in the project's own package."
        )
    stored = zipfile.ZipFile(io.BytesIO(content))
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as out:
        schema = stored.read("schema.json").decode()
        order: dict[str, int] = {}
        names: dict[str, str] = {}
        for address in re.findall(r'"__id__": (\d+)', schema):
            order.setdefault(address, len(order))
        for position, name in enumerate(re.findall(r'"file": "([^"]+)"', schema)):
            names.setdefault(name, f"{position}{Path(name).suffix}")
        schema = re.sub(
            r'"__id__": (\d+)', lambda found: f'"__id__": {order[found.group(1)]}', schema
        )
        schema = re.sub(
            r'"file": "([^"]+)"', lambda found: f'"file": "{names[found.group(1)]}"', schema
        )
        out.writestr(zipfile.ZipInfo("schema.json"), schema)
        for name in names:
            out.writestr(zipfile.ZipInfo(names[name]), stored.read(name))
    return types


def load_model(path: Path = MODEL_FILE, also: Sequence[str] = ()) -> Any:
    """Load a stored estimator: types of this project, of LIBRARIES, and those of `also` only.

    Parameters
    ----------
    path : Path
        A skops file; the model of the last run by default.
    also : sequence of str
        Dotted names of further types that a person trusts in this file.

    Raises
    ------
    MlopsError
        When there is no such file, or it asks for a type from anywhere else.
    """
    import skops.io

    if not path.is_file():
        raise MlopsError(f"{path.as_posix()} does not exist; run `uv run mlops run` first.")
    trusted = trusted_types(path, also)
    if any(name.split(".")[0] == team.package() for name in trusted):
        team.folder()  # where nothing installs the team's package, this puts it on the path
    return skops.io.load(path, trusted=trusted)


def trusted_types(path: Path, also: Sequence[str] = ()) -> list[str]:
    """Name the types of a stored model that skops asks about, or refuse those of strangers."""
    import skops.io

    asked = skops.io.get_untrusted_types(file=path)
    if strange := _strange(asked, also):
        raise MlopsError(
            f"{path.as_posix()} asks for {strange[0]}, which is neither this project's nor one of "
            f"{', '.join(LIBRARIES)}: do not use the file if you do not know where it is "
            "from; a model may be made of the other types only."
        )
    return asked


def _strange(types: Sequence[str], also: Sequence[str] = ()) -> list[str]:
    modules = trusted_modules()
    return [name for name in types if name.split(".")[0] not in modules and name not in also]


def trusted_modules() -> list[str]:
    """Return the top-level names whose types a stored model may hold: LIBRARIES, the team's own."""
    own = team.package()
    return [*LIBRARIES] if own is None else [*LIBRARIES, own]


def read_card() -> dict[str, Any]:
    """Return what models/model.json says about the model of the last run."""
    if not MODEL_CARD.is_file():
        raise MlopsError(f"{MODEL_CARD.as_posix()} does not exist; run `uv run mlops run` first.")
    return json.loads(MODEL_CARD.read_text(encoding="utf-8"))


def given_bundle() -> Bundle | None:
    """Return the bundle whose model is judged here; None where the train stage fits one."""
    return opened(GIVEN) if GIVEN.is_file() else None


def place_given(given: Bundle, features: list[str], split: dict[str, Any]) -> dict[str, Any]:
    """Write a bundle's model as the model of this run; return what its card says of it.

    Parameters
    ----------
    features : list of str
        Those of this run, in their order.
    split : dict
        How rows are held back here.

    Raises
    ------
    MlopsError
        When the model learned from other features, or rows are held back in another way, so that
        it may have learned from what it is judged on.
    """
    card = json.loads(given.read(IN_BUNDLE["card"]))
    if card["features"] != features:
        odd = sorted(set(card["features"]) ^ set(features))
        which = f"{', '.join(odd[:3])} differ" if odd else "their order differs"
        raise MlopsError(
            f"{GIVEN.as_posix()} learned from other features than this run has ({which}): check "
            "out the commit that it names (`mlops bundle verify`), or drop it."
        )
    # Of splits in time, only rows are judged that come after all that it learned from.
    in_time = {split["method"], card["split"]["method"]} <= set(IN_TIME)
    if not in_time and card["split"] != split:
        raise MlopsError(
            f"{GIVEN.as_posix()} was built with another split or seed than params.yaml holds, so "
            "that it would be judged on rows that it learned from: use the same split and seed."
        )
    with written_beside(MODEL_FILE) as beside:
        beside.write_bytes(given.read(IN_BUNDLE["model"]))
    return card
