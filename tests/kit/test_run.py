"""`mlops run` in a repository whose dvc.yaml is the team's own, as after an adoption (real DVC)."""

from pathlib import Path

import pytest
from mlops_kit import run
from mlops_kit.core.errors import BAD_INPUT, MlopsError
from rendering import git


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git("init", "--quiet", str(tmp_path), cwd=tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    monkeypatch.chdir(tmp_path)
    # What the repository configures is not what is tried here.
    for name in ("load_settings", "load_params", "write_records"):
        monkeypatch.setattr(run, name, lambda: None)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("exit 1", "Stage theirs is your own, and `exit 1` ended with 1; what it said stands"),
        ("true", "none writes reports/compare/decision.json, so that nothing can be decided"),
    ],
)
def test_stages_of_the_team_alone_end_in_a_sentence_that_is_no_verdict(
    command: str, sentence: str, foreign: Path
) -> None:
    text = f'stages:\n  theirs:\n    cmd: "{command}"\n'
    (foreign / "dvc.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MlopsError) as refused:
        run.run()
    assert sentence in str(refused.value)
    assert refused.value.exit_code == BAD_INPUT
