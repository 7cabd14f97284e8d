"""The bad case of each gate: what must not pass is refused, here and with these versions."""

import os
import shutil
from pathlib import Path

import polars as pl
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.gate import check
from mlops_kit.core import team
from mlops_kit.core.errors import BAD_INPUT, MlopsError
from mlops_kit.core.settings import load_settings, read_config, settings_files
from mlops_kit.data.config import SOURCES_FILE, load_sources
from mlops_kit.data.contract import Contract
from mlops_kit.data.contracts.references import NOT_UNIQUE
from mlops_kit.train.model_file import load_model, save_model

ROOT = team.project_folder() or Path(__file__).parents[3]


@pytest.fixture
def project(monkeypatch):
    """The project's own folder as the cwd."""
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.chdir(ROOT)


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    """An empty folder as the cwd."""
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_empty_row_breaks_the_contract_of_each_table(project):
    for name, table in load_sources().tables.items():
        needed = [column for column, contract in table.columns.items() if not contract.nullable]
        frame = pl.DataFrame(
            {column: [None] for column in table.columns}, dict.fromkeys(table.columns, pl.String)
        )
        good, broken, _ = Contract(name, table).check(frame)
        assert (good.height, broken.height) == ((0, 1) if needed else (1, 0)), name
        assert not needed or f"{needed[0]} is empty" in broken["reason"][0]


def test_a_value_that_stands_twice_breaks_a_contract_that_says_unique(project):
    for name, table in load_sources().tables.items():
        for column, contract in table.columns.items():
            if contract.unique and contract.type in ("string", "integer", "number"):
                rows = pl.DataFrame({each: ["7", "7"] for each in table.columns})
                twice = {column: {NOT_UNIQUE: Contract(name, table).check(rows).keys[column]}}
                _, broken, _ = Contract(name, table, twice).check(rows)
                assert broken.height == 2, name
                assert all(f"{column} is not unique" in reason for reason in broken["reason"])


def test_a_model_of_a_strangers_types_is_neither_stored_nor_loaded(somewhere):
    stranger = FunctionTransformer(os.system)
    with pytest.raises(MlopsError, match="nobody could load the stored model"):
        save_model(stranger, somewhere / "mine.skops")
    assert not (somewhere / "mine.skops").exists()
    skops.io.dump(stranger, somewhere / "theirs.skops")
    with pytest.raises(MlopsError, match="do not use the file"):
        load_model(somewhere / "theirs.skops")


@pytest.mark.parametrize("content", [None, "{", "{}", '{"schema": 99}', '{"decision": "promote"}'])
def test_what_is_no_decision_lets_nothing_through(content, somewhere):
    decision = somewhere / "decision.json"
    if content is not None:
        decision.write_text(content, encoding="utf-8")
    assert check(decision)[0] == BAD_INPUT


@pytest.mark.parametrize(
    ("file", "key", "read"),
    [
        ("settings", "tracknig", load_settings),
        (SOURCES_FILE, "tabels", load_sources),
        (COMPARE_FILE, "primry", lambda: read_config(COMPARE_FILE, CompareConfig)),
    ],
)
def test_a_misspelt_setting_is_refused(file, key, read, somewhere):
    shutil.copytree(ROOT / "conf", somewhere / "conf")
    read()
    path = settings_files()[0] if file == "settings" else file
    with path.open("a", encoding="utf-8") as out:
        out.write(f"\n{key}: 1\n")
    with pytest.raises(MlopsError, match=key):
        read()
