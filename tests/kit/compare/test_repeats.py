"""The same table gives the same digits in any form, and each further candidate on it less alpha."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml
from compare_scenarios import ALL_CHECKS, AUC, N, wide_scores
from mlops_kit.compare import stage as compare
from mlops_kit.core.errors import MlopsError
from rendering import KIT
from running import first_and_repetitions


def _lines(tmp_path: Path, table: Any, config: dict[str, Any], name: str) -> list[str]:
    """Decision.json of `mlops compare run --data` on a file, as lines."""
    data, out = tmp_path / name, tmp_path / "out" / name
    if name.endswith(".csv"):
        pyarrow.csv.write_csv(table, data)
    else:
        pyarrow.parquet.write_table(table, data)
    file = tmp_path / "compare.yaml"
    file.write_text(yaml.safe_dump({"case": "C"} | config), encoding="utf-8")
    result = compare.run_table(data, file, out)
    # The file's own digest may differ, also where it stands for what made the predictions.
    assert len(result["made_of"].pop("predictions_sha256")) == 64
    result["candidate"]["digest"] = result["incumbent"]["digest"] = None
    return json.dumps(result, indent=1).splitlines()


@pytest.mark.parametrize("rows", first_and_repetitions(N, 150))
def test_row_order_file_format_and_shape_change_no_digit(tmp_path: Path, rows: int) -> None:
    random = np.random.default_rng(5)
    days = np.datetime64("2025-01-01") + (np.arange(rows) % 9).astype("timedelta64[D]")
    columns = {name: values[:rows] for name, values in wide_scores().items()}
    wide = pa.table(columns | {"group": np.arange(rows) // 3, "time": days})
    expected = _lines(tmp_path, wide, ALL_CHECKS, "wide.parquet")
    shuffled = wide.take(random.permutation(rows))
    common = shuffled.drop_columns(["candidate", "baseline"])
    long = pa.concat_tables(
        common.append_column("score", shuffled[name]).append_column("system", [[name] * rows])
        for name in ("candidate", "baseline")
    ).take(random.permutation(2 * rows))
    assert _lines(tmp_path, wide, ALL_CHECKS, "wide.csv") == expected
    assert _lines(tmp_path, shuffled, ALL_CHECKS, "shuffled.parquet") == expected
    assert _lines(tmp_path, long, ALL_CHECKS, "long.parquet") == expected
    assert _lines(tmp_path, long, ALL_CHECKS, "long.csv") == expected


def test_lists_in_a_csv_are_read_as_those_in_parquet(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    truth = [random.choice(30, size, replace=False) for size in random.integers(0, 4, 400)]
    good = [[*t[:2], *random.choice(30, 5)] for t in truth]
    poor = [random.choice(30, 7) for _ in truth]
    lists = {"y_true": truth, "candidate": good, "baseline": poor}
    plain = {name: [[int(item) for item in row] for row in rows] for name, rows in lists.items()}
    text = {name: [" ".join(map(str, row)) for row in rows] for name, rows in plain.items()}
    config = {"primary": {"metric": "ndcg_at_5"}, "flips": {"budget": 0.4}}
    tables = [pa.table({"id": range(400)} | columns) for columns in (plain, text)]
    one = _lines(tmp_path, tables[0], config, "lists.parquet")
    assert _lines(tmp_path, tables[1], config, "lists.csv") == one
    assert '"decision": "promote"' in "".join(one)


def test_the_number_of_threads_changes_no_digit(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table(wide_scores()), tmp_path / "table.parquet")
    config = yaml.safe_dump({"case": "C"} | ALL_CHECKS)
    (tmp_path / "compare.yaml").write_text(config, encoding="utf-8")
    script = (
        "import sys; from pathlib import Path; from mlops_kit.compare.stage import run_table; "
        "run_table(Path('table.parquet'), Path('compare.yaml'), Path(sys.argv[1]))"
    )
    for threads in ("1", "4"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS", "OMP_THREAD_LIMIT")
        environment = dict.fromkeys(names, threads) | {"PYTHONPATH": str(KIT)}
        command = [sys.executable, "-c", script, threads]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    one, four = (tmp_path / threads / "decision.json" for threads in ("1", "4"))
    assert one.read_bytes() == four.read_bytes()


def _use(tmp_path: Path, noise: float, reuse: str = "spend") -> Any:
    """Compare a candidate with so much noise on the one holdout, as a pipeline does."""
    pyarrow.parquet.write_table(pa.table(wide_scores(noise)), tmp_path / "table.parquet")
    config = {"case": "C", "inference": {"reuse": reuse}} | AUC
    (tmp_path / "compare.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return compare.run_table(tmp_path / "table.parquet", tmp_path / "compare.yaml", tmp_path)


def test_each_further_candidate_on_one_holdout_gets_less_alpha_and_a_rerun_none(
    tmp_path: Path,
) -> None:
    first = _use(tmp_path, 0.15)
    alphas = [_use(tmp_path, noise)["primary"]["alpha"] for noise in (0.1, 0.12, 0.14)]
    assert first["primary"]["alpha"] == pytest.approx(0.05 / 2)
    assert alphas == pytest.approx([0.05 / 6, 0.05 / 12, 0.05 / 20])
    before = (tmp_path / "holdouts.json").read_bytes()
    assert _use(tmp_path, 0.15) == first
    assert (tmp_path / "holdouts.json").read_bytes() == before
    assert sum(1 / (use * (use + 1)) for use in range(1, 10_000)) < 1


def test_a_run_killed_after_it_wrote_the_ledger_does_not_spend_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    expected = _use(tmp_path / _made(tmp_path, "whole"), 0.15)
    with monkeypatch.context() as patch:
        patch.setattr(compare, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            _use(tmp_path / _made(tmp_path, "killed"), 0.15)
    assert not (tmp_path / "killed/decision.json").exists()
    again = _use(tmp_path / "killed", 0.15)
    assert again["inference"] == expected["inference"]
    assert again["primary"] == expected["primary"]


def _made(folder: Path, name: str) -> str:
    (folder / name).mkdir()
    return name


def test_neither_bad_input_nor_no_change_spends_anything(tmp_path: Path) -> None:
    same = wide_scores() | {"candidate": wide_scores()["baseline"]}
    pyarrow.parquet.write_table(pa.table(same), tmp_path / "same.parquet")
    config = yaml.safe_dump({"case": "C"} | AUC)
    (tmp_path / "compare.yaml").write_text(config, encoding="utf-8")
    result = compare.run_table(tmp_path / "same.parquet", tmp_path / "compare.yaml", tmp_path)
    assert "No change" in " ".join(result["reasons"])
    assert not (tmp_path / "holdouts.json").exists()
    assert _use(tmp_path, 0.15)["inference"]["look"] == 1


def test_a_holdout_may_be_used_only_once_and_a_damaged_ledger_stops(tmp_path: Path) -> None:
    assert _use(tmp_path, 0.15, "once")["decision"] == "promote"
    again = _use(tmp_path, 0.1, "once")
    assert again["decision"] == "inconclusive"
    assert "judge this one on new rows" in " ".join(again["reasons"])
    assert compare.check(tmp_path / "decision.json")[0] == 2
    assert _use(tmp_path, 0.1, "free")["primary"]["alpha"] == 0.05
    (tmp_path / "holdouts.json").write_text("<<<<<<< HEAD")
    with pytest.raises(MlopsError, match="damaged"):
        _use(tmp_path, 0.15)
    assert not (tmp_path / "decision.json").exists()
