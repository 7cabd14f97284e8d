"""A clinic in a folder: raw files of three kinds, a policy with many actions, a key.

The stages of the template's package run on it in this process.
"""

import datetime
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from mlops_kit.data import commands
from mlops_kit.privacy.protect import keys, tokens
from mlops_kit.privacy.protect import stage as protect_of

KEY = "the key of an invented clinic, long enough"
TABLES, QUARANTINE = Path("data/restricted/tables"), Path("data/restricted/quarantine")
OPEN = Path("data/open")
TODAY = datetime.date(2026, 1, 15)
PATIENTS = 60

FILES = {
    "conf/base.yaml": """
project: Clinic
business_metric: visits
model_name: clinic
task: regression
functionality: new
data: {max_quarantined_share: 0.1}
""",
    "conf/dev.yaml": """
dvc_remote: dev
tracking: {uri: "sqlite:///mlflow.db", experiment: clinic, registry_prefix: dev}
""",
    "params.yaml": """
seed: 1
split: {method: hash, holdout: 0.2}
features: {}
model: {}
""",
    "conf/sources.yaml": """
entity: {table: patients, column: patient_id}
sources:
  clinic: {kind: files, folder: raw}
tables:
  patients:
    source: clinic
    path: patients.csv
    columns:
      patient_id: {type: integer, unique: true}
      email: {type: string, unique: true}
      full_name: {type: string}
      birth_date: {type: date}
      postal_code: {type: string}
      ward: {type: string}
  visits:
    source: clinic
    path: visits.jsonl
    columns:
      patient_id: {type: integer}
      day: {type: date}
      minutes: {type: number, minimum: 0}
  letters:
    source: clinic
    path: letters.parquet
    columns:
      email: {type: string}
      pages: {type: integer}
""",
    "conf/privacy.yaml": """
columns:
  patients.patient_id: {entity: account, action: token, domain: patient}
  patients.email: {entity: email, action: token}
  patients.full_name: {entity: name, action: encrypt}
  patients.birth_date: {entity: birth_date, action: generalise, to: year}
  patients.postal_code: {entity: postal_code, action: generalise, to: prefix, characters: 2}
  patients.ward: {entity: none, action: keep}
  visits.patient_id: {entity: account, action: token, domain: patient}
  visits.day: {action: date_shift, days: 30}
  visits.minutes: {entity: none, action: keep}
  letters.email: {entity: email, action: token}
  letters.pages: {entity: none, action: keep}
""",
}


def email(patient: int) -> str:
    """Return the address of a patient as the raw files spell it."""
    return f"Patient{patient}@example.org"


def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the clinic into a folder, stand in it, and set its key."""
    stand_in(folder, monkeypatch)
    for name, text in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    Path("raw").mkdir()
    people = [
        f'{n},{email(n)},"Pérez {n}, Ana",{1950 + n % 40}-03-0{1 + n % 9},{10100 + n},ward {n % 3}'
        for n in range(PATIENTS)
    ]
    header = "patient_id,email,full_name,birth_date,postal_code,ward"
    Path("raw/patients.csv").write_text("\n".join([header, *people, ""]), encoding="utf-8")
    visits = [
        {"patient_id": n, "day": f"2025-0{1 + visit}-11", "minutes": 10.5 + visit}
        for n in range(PATIENTS)
        for visit in range(3)
    ]
    # One row that breaks its contract: it goes to the quarantine with its raw values.
    visits.append({"patient_id": 7, "day": "yesterday", "minutes": 5})
    lines = "".join(json.dumps(visit) + "\n" for visit in visits)
    Path("raw/visits.jsonl").write_text(lines, encoding="utf-8")
    letters = {"email": [email(n).upper() for n in range(PATIENTS)], "pages": [1, 2] * 30}
    pl.DataFrame(letters).write_parquet("raw/letters.parquet")
    return folder


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter the folder of a clinic, with its key."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.setenv(keys.KEY_VARIABLE, KEY)


def finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build a clinic and run its stages."""
    build(folder, monkeypatch)
    read()
    protect()
    derive()
    return folder


def stand_in_copy(built: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy a clinic and enter the copy: cheaper than building another."""
    shutil.copytree(built, folder)
    stand_in(folder, monkeypatch)


def read() -> None:
    """Run the data stage."""
    commands.ingest(TABLES, QUARANTINE)


def protect() -> str:
    """Run the protect stage."""
    return protect_of.protect(TODAY)


def token(value: object, domain: str = "patient", entity: str = "account", key: str = KEY) -> str:
    """Return the token of one raw value."""
    return tokens.token(pl.Series([value]), key.encode(), domain, entity).item()


def opened(name: str) -> pl.DataFrame:
    """Read a table of the open zone."""
    return pl.read_parquet(OPEN / "tables" / f"{name}.parquet")


def derive() -> None:
    """Write features and predictions as later stages do: with tokens, also in lists."""
    patients = opened("patients").get_column("patient_id")
    split = pl.Series("split", ["train", "train", "holdout"] * (len(patients) // 3))
    features = pl.DataFrame({"id": patients, "split": split, "minutes": 1.0})
    features.write_parquet(OPEN / "features.parquet")
    lists = patients.to_frame("id").with_columns(
        items=pl.concat_list("id", pl.lit("none", dtype=pl.String))
    )
    lists.write_parquet(OPEN / "predictions.parquet")
