"""A tiny project of its own, so that the contracts hold whatever the team writes into its files."""

import datetime
import types
from pathlib import Path

import pytest
from mlops_kit.core.settings import load_settings
from mlops_kit.data.ingest import ingest
from mlops_kit.train import features as dataset

BASE = """
project: Club
business_metric: visits
model_name: club
task: regression
functionality: new
data: {max_quarantined_share: 0.1}
"""
DEV = """
dvc_remote: dev
tracking: {uri: "sqlite:///mlflow.db", experiment: club, registry_prefix: dev}
"""
SOURCES = """
entity: {table: members, column: member_id}
sources:
  club: {kind: files, folder: raw}
tables:
  members:
    source: club
    path: members.csv
    columns:
      member_id: {type: integer, unique: true}
      family: {type: string}
      age: {type: integer, minimum: 0, maximum: 120}
  visits:
    source: club
    path: visits.csv
    time: day
    columns:
      member_id: {type: integer}
      day: {type: date}
      minutes: {type: number, minimum: 0}
"""
PARAMS = """
seed: 1
split: {method: time, holdout: 0.2, gap_days: 7}
features: {}
model: {}
"""
ROWS = "SELECT DISTINCT member_id AS id, day AS time FROM visits WHERE day >= DATE '2025-01-10'"
FEATURES = """
SELECT rows.id, rows.time, coalesce(sum(minutes), 0) AS minutes_before
FROM rows LEFT JOIN visits ON member_id = id AND day < rows.time
GROUP BY ALL
"""
TARGET = "SELECT member_id AS id, day AS time, minutes AS y_true FROM visits"


def write_club(folder: Path) -> None:
    """Write 40 members in 20 families, 30 days of visits, and the configuration that reads them."""
    for name, text in {
        "conf/base.yaml": BASE,
        "conf/dev.yaml": DEV,
        "conf/sources.yaml": SOURCES,
        "params.yaml": PARAMS,
        "raw/members.csv": members_csv(),
        "raw/visits.csv": visits_csv(),
    }.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")


@pytest.fixture
def club(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the club's project folder, the cwd."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    write_club(tmp_path)
    use_features(monkeypatch, FEATURES)
    return tmp_path


@pytest.fixture(scope="session")
def club_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the club's tables as ingest writes them, made once: copy, never change them."""
    folder = tmp_path_factory.mktemp("club")
    write_club(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLOPS_ENV", raising=False)
        ingest(load_settings(), folder / "tables", folder / "quarantine")
    return folder / "tables"


def use_features(monkeypatch: pytest.MonkeyPatch, features: str, rows: str = ROWS) -> None:
    """Let the features stage run these SQL texts in place of the team's features.py."""
    module = types.SimpleNamespace(
        rows=lambda params: rows, features=lambda params: features, target=lambda params: TARGET
    )
    monkeypatch.setattr(dataset, "_seeds", lambda: module)


def members_csv() -> str:
    lines = [f"{member},family {member // 2},{20 + member}" for member in range(40)]
    return "\n".join(["member_id,family,age", *lines, ""])


def visits_csv() -> str:
    start = datetime.date(2025, 1, 1)
    lines = [
        f"{member},{start + datetime.timedelta(days=day)},{10 + (member * 7 + day * 3) % 50}"
        for day in range(30)
        for member in range(40)
    ]
    return "\n".join(["member_id,day,minutes", *lines, ""])


def replace(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
