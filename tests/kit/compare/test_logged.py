"""Decisions of a running system, read from its log: each as it was written, or a sentence."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from mlops_kit.compare.holdout.values import _of_one_type
from mlops_kit.compare.systems.external import _value, join_logged
from mlops_kit.compare.systems.spec import Logged
from mlops_kit.core.errors import MlopsError

ROWS = pd.DataFrame({"id": ["a", "b"], "time": pd.to_datetime(["2024-01-01", "2024-01-02"])})
DEEP = "[" * 100_000


def logged(tmp_path: Path, columns: dict[str, list[str]], **spec: str) -> Logged:
    pd.DataFrame({"id": ["a", "b"], **columns}).to_csv(tmp_path / "log.csv", index=False)
    named = {"name": "now", "kind": "logged", "file": tmp_path / "log.csv", "id": "id", **spec}
    return Logged.model_validate(named)


def test_items_between_spaces_stay_what_they_are(tmp_path: Path) -> None:
    """7 is not 007, and a list of codes and numbers is one of texts."""
    spec = logged(tmp_path, {"items": ["007 A1", "12 -3"]}, column="items")
    found = join_logged(spec, ROWS, "recommendation")
    assert list(found) == [["007", "A1"], ["12", "-3"]]
    lists = {"y_true": pa.array([["007"], ["12"]]), "now": pa.array(found.tolist())}
    assert _of_one_type(lists)["now"].to_pylist() == [["007", "A1"], ["12", "-3"]]
    numbers = {"y_true": pa.array([[7], [12]]), "now": pa.array([["7", "8"], ["12", "-3"]])}
    assert _of_one_type(numbers)["now"].to_pylist() == [[7, 8], [12, -3]]


@pytest.mark.parametrize("broken", ["[1, 2", DEEP], ids=["cut", "deep"])
def test_a_list_that_is_none_is_one_sentence(tmp_path: Path, broken: str) -> None:
    spec = logged(tmp_path, {"items": ["[1]", broken]}, column="items")
    with pytest.raises(MlopsError, match="items holds what is no list of items"):
        join_logged(spec, ROWS, "recommendation")


def test_a_time_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    spec = logged(tmp_path, {"at": ["2024-01-01", "soon"], "score": ["1", "2"]},
                  column="score", time="at")  # fmt: skip
    with pytest.raises(MlopsError, match="at holds what is no time"):
        join_logged(spec, ROWS, "regression")


def test_what_a_command_answers_may_be_hostile() -> None:
    with pytest.raises(MlopsError, match="line 3 of the command"):
        _value("rules", "regression", 3, DEEP)
