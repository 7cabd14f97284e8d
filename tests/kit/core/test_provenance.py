"""What a result was made of is named by digests: code, what was read, raw files, data."""

import json
from pathlib import Path

import pytest
from mlops_kit.core import provenance, team


def test_other_data_or_another_raw_file_is_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.setattr(team, "folder", lambda: tmp_path / "src")
    none = provenance.provenance()
    assert none["inputs_sha256"] is None and none["raw_sha256"] is None and none["data"] == {}
    (tmp_path / "data").mkdir()
    seen = {none["data_sha256"]}
    for digest in ("a" * 32, "b" * 32):
        lock = {"stages": {"data": {"outs": [{"path": "data/open/tables", "md5": digest}]}}}
        (tmp_path / "dvc.lock").write_text(json.dumps(lock), encoding="utf-8")
        (tmp_path / "data/inputs.json").write_text(digest, encoding="utf-8")
        (tmp_path / "data/raw-dev.json").write_text(digest, encoding="utf-8")
        (tmp_path / "data/raw-prod.json").write_text("of another", encoding="utf-8")
        found = provenance.provenance()
        assert found["data"] == {"data/open/tables": digest}
        assert found["raw_sha256"] == found["inputs_sha256"] and found["raw_sha256"] not in seen
        seen |= {found["raw_sha256"], found["data_sha256"]}
    assert len(seen) == 5
