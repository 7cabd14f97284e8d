"""decision.json is one layout: what is decided keeps it, and earlier releases' files are read."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from compare_scenarios import ALL_CHECKS, wide_scores
from decisions import FIRST, PRIMARY
from mlops_kit.compare import decision_file
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.gate import check
from mlops_kit.compare.holdout.holdout import read_holdout


def decided(tmp_path: Path, **other: Any) -> Any:
    pd.DataFrame(wide_scores()).to_csv(tmp_path / "rows.csv", index=False)
    config = CompareConfig.model_validate({"case": "B"} | ALL_CHECKS | other)
    return decide(read_holdout(tmp_path / "rows.csv", config), config, {"candidate": "1f" * 32})


def strictly(schema: dict[str, Any], value: Any, whole: dict[str, Any]) -> None:
    """Assert that every key of a value stands in its schema."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, dict):
        for key, one in value.items():
            known = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
            assert known, key
            strictly(known, one, whole)
    elif isinstance(value, list):
        for one in value:
            strictly(schema["items"], one, whole)


@pytest.mark.parametrize("other", [{}, {"ops": {"size_mb": 1}}, {"data": {"labels": "censored"}}])
def test_what_is_decided_keeps_the_layout_and_has_no_key_that_it_lacks(
    other: dict[str, Any], tmp_path: Path
) -> None:
    result = decided(tmp_path, **other)
    text = json.dumps(result)
    assert json.dumps(decision_file.validated(result)) == text
    schema = decision_file.json_schema()
    strictly(schema, result, schema)


def test_the_first_release_is_read_and_opens_the_gate(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(FIRST), encoding="utf-8")
    assert decision_file.read(path) == FIRST
    assert check(path) == (0, "promote candidate: auc is better by 0.1.")


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "Promote"},
        {"reasons": "auc is better by 0.1."},
        {"primary": PRIMARY | {"lower": "0.05"}},
        {"safety": [{"name": "leak", "sentence": "A leak."}]},
        {"safety": [{"verdict": "failed"}]},
        {"holdout_sha256": None},
    ],
)
def test_a_misspelt_or_mistyped_value_is_no_decision(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(FIRST | changes), encoding="utf-8")
    with pytest.raises(ValueError, match=next(iter(changes))):
        decision_file.read(path)
    assert check(path)[0] == 3


def test_a_later_layout_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(FIRST | {"schema": 2}), encoding="utf-8")
    assert check(path) == (3, f"{path.as_posix()} has a schema that this version does not know.")
