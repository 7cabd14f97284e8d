"""A registered model takes along the team's modules that it needs, and nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlops_kit.train import packing, registered

FILES = {
    "__init__.py": "",
    "model.py": "import numpy as np\nfrom . import lists\nfrom .parts.trees import Trees\n",
    "lists.py": "def late():\n    import club.words.greek\n    import yaml\n",
    "parts/__init__.py": "from .base import Base\n",
    "parts/base.py": "import os\n",
    "parts/trees.py": "from .. import constants as c\n",
    "constants.py": "",
    "words/__init__.py": "",
    "words/greek.py": "",
    "words/latin.py": "",
    "features.py": "import duckdb\n",
    "notes.csv": "name\nAna\n",
}
NEEDED = {name for name in FILES if name.endswith(".py")} - {
    "features.py",
    "words/latin.py",
}


@pytest.fixture
def club(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "club" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "club"


def packed(club: Path, *types: str) -> tuple[set[str], Any]:
    target = club.parent / "packed"
    told = packing.pack(list(types), target, club)
    files = {file.relative_to(target / "club").as_posix() for file in target.rglob("*.py")}
    return files, told


def test_the_imports_of_the_models_module_are_followed_and_no_others(club: Path) -> None:
    files, told = packed(club, "club.model.Model", "numpy.dtype")
    assert files == NEEDED
    assert told.is_complete
    names = {requirement.split("==")[0].lower() for requirement in told.requirements}
    assert "pyyaml" in names
    assert "duckdb" not in names


def test_a_model_of_libraries_alone_takes_no_code_along(club: Path) -> None:
    files, told = packed(club, "sklearn.tree.Tree", "clubhouse.model.Model")
    assert files == set()
    assert told.code_paths == []


def test_a_model_that_needs_our_code_is_told_and_our_code_stays_here(club: Path) -> None:
    (club / "model.py").write_text("from mlops_kit.core import files\n", encoding="utf-8")
    files, told = packed(club, "club.model.Model")
    assert files == {"__init__.py", "model.py"}
    assert not told.is_complete


def test_the_registered_file_imports_nothing_of_the_project() -> None:
    text = Path(str(registered.__file__)).read_text(encoding="utf-8")
    assert "from ." not in text
    assert "shop" not in text


def column(values: object, kind: str) -> pd.Series:
    model = registered.Registered()
    model.config = {"features": [["x", kind]]}
    return model._as_in_training(pd.DataFrame({"x": values}))["x"]


@pytest.mark.parametrize(
    ("values", "kind", "expected", "dtype"),
    [
        ([1, 2], "int64", [1, 2], "int64"),
        ([1.0, 2.0], "int32", [1, 2], "int32"),
        ([1, None], "int64", [1.0, np.nan], "float64"),
        (pd.array([1, None], dtype="Int64"), "int64", [1.0, np.nan], "float64"),
        ([True, False], "bool", [True, False], "bool"),
        ([1, 0], "bool", [True, False], "bool"),
        (pd.array([True, None], dtype="boolean"), "bool", [True, None], "object"),
        ([1, 2], "float64", [1.0, 2.0], "float64"),
        (["a", None], "str", ["a", np.nan], "str"),
        (pd.to_datetime(pd.Series(["2026-01-31", None])), "datetime64[us]", None, "datetime64[us]"),
    ],
)
def test_each_column_gets_the_type_that_the_estimator_learned_from(
    values: object, kind: str, expected: list[object] | None, dtype: str
) -> None:
    found = column(values, kind)
    assert str(found.dtype) == dtype
    if expected is not None:
        pd.testing.assert_series_equal(found, pd.Series(expected, dtype=dtype, name="x"))


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        ([1.5, 2.0], "int64", "must hold whole numbers"),
        (["one", "2"], "int64", "must hold numbers"),
        ([2, 1], "bool", "must hold true and false"),
    ],
)
def test_what_would_change_a_value_is_refused(values: object, kind: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f'Column "x" {sentence}'):
        column(values, kind)
