"""A decision says of which code and inputs it was made, and is followed with no others."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from compare_scenarios import wide_scores
from decisions import FIRST
from mlops_kit.compare.gate import NAMES, changed_since, check
from mlops_kit.compare.stage import run_table
from mlops_kit.core import provenance
from mlops_kit.core.files import sha256_of
from mlops_kit.core.provenance import JUDGED, judged_of

CARD = Path("models/model.json")


@pytest.fixture
def decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project's files, and a decision that was made of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance.team, "folder", lambda: tmp_path / "src/shop")
    for file in (*JUDGED.values(), Path("src/shop/model.py"), CARD):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{file.name}\n", encoding="utf-8")
    CARD.write_text(json.dumps({"sha256": FIRST["candidate"]["digest"]}), encoding="utf-8")
    file = Path("decision.json")
    file.write_text(json.dumps(FIRST | {"made_of": judged_of()}), encoding="utf-8")
    assert check(file, CARD)[0] == 0
    return file


@pytest.mark.parametrize("name", NAMES)
def test_what_changed_since_is_named_and_the_decision_not_followed(
    decided: Path, name: str
) -> None:
    changed = JUDGED.get(name, Path("src/shop/model.py"))
    whole = changed.read_bytes()
    changed.write_bytes(whole + b"more\n")
    code, sentence = check(decided, CARD)
    assert code == 3
    assert f"made of other inputs than lie here: {NAMES[name]} changed since" in sentence
    assert "run `mlops run` again" in sentence
    changed.write_bytes(whole)
    assert check(decided, CARD)[0] == 0
    # Where nothing of it lies, as in a clone without data, there is nothing to compare with.
    changed.unlink()
    assert check(decided, CARD)[0] == (3 if name == "code_sha256" else 0)


def test_a_decision_of_an_earlier_release_does_not_say(decided: Path) -> None:
    assert changed_since(FIRST) == ""  # type: ignore[arg-type]
    decided.write_text(json.dumps(FIRST), encoding="utf-8")
    assert check(decided, CARD)[0] == 0


def test_line_ends_of_another_clone_are_no_other_code(decided: Path) -> None:
    code = Path("src/shop/model.py")
    code.write_bytes(code.read_bytes().replace(b"\n", b"\r\n"))
    assert check(decided, CARD)[0] == 0


def test_of_a_table_outside_a_project_its_digest_is_said(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    pd.DataFrame(wide_scores()).to_csv(table, index=False)
    (tmp_path / "compare.yaml").write_text(
        "case: B\nprimary: {metric: auc, min_effect: 0}\n", encoding="utf-8"
    )
    told: Any = run_table(table, tmp_path / "compare.yaml", tmp_path / "out")
    assert told["made_of"] == {"predictions_sha256": sha256_of(table)}
