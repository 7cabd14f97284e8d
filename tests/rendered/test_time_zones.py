"""No machine's time zone or locale changes data: the same moment is the same row everywhere."""

import datetime
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from mlops_kit.compare.systems import external
from mlops_kit.core import utc
from mlops_kit.data import config as sources
from mlops_kit.data import contract
from rendering import SHOP, render
from running import first_and_repetitions, replace

ZONES = (
    "UTC",
    "America/Argentina/Buenos_Aires",
    "Asia/Tokyo",
    "Asia/Kathmandu",
    "America/St_Johns",
)
MOMENT = datetime.datetime(2026, 1, 31, 23, 30)
# The five stages in one process, as dvc.yaml orders them.
STAGES = """
import sys
from pathlib import Path
from mlops_kit import cli
cli.add_rooms(cli.app)
for command in (
    "data ingest --tables data/open/tables --quarantine data/quarantine",
    "data features", "train", "compare run",
):
    cli.app(command.split(), standalone_mode=False)
"""
WRITE = """
from pathlib import Path
import polars as pl
from mlops_kit.data.sources.sample_shop.shop import generate
tables = generate(400, 60, 8000, 7)
raw = Path("data/raw")
raw.mkdir(parents=True, exist_ok=True)
orders = tables["orders"].with_columns(pl.col("ordered_at").dt.replace_time_zone("UTC"))
orders.with_columns(pl.col("ordered_at").dt.convert_time_zone("Asia/Kolkata")).write_parquet(
    raw / "orders.parquet"
)
# Signed up at 22:15 in Halifax is the next day in UTC: the csv says the offset.
tables["customers"].with_columns(
    (pl.col("signup_date").dt.offset_by("-1d").dt.strftime("%Y-%m-%dT22:15:00-04:00"))
).write_csv(raw / "customers.csv")
tables["products"].write_ndjson(raw / "products.jsonl")
"""


def moments(kind: str, texts: list[str]) -> tuple[list[object], list[str]]:
    columns = {"at": {"type": kind, "nullable": True}}
    table = sources.Table.model_validate({"source": "mine", "columns": columns})
    checked = contract.Contract("t", table)
    column = checked.table.columns["at"]
    typed, failed = checked._column("at", column, pl.Series("at", texts))
    reasons = [said.removeprefix("at ") for one in failed for said in one["reason"]]
    return typed.to_list(), reasons


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 23:30:00",
        "2026-01-31T23:30:00Z",
        "2026-01-31t23:30z",
        "2026-01-31 23:30:00 UTC",
        "2026-02-01T01:30:00+02:00",
        "2026-01-31 18:30:00-0500",
        "2026-02-01 05:00:00 +0530",
        "2026-02-01T05:15:00.000+05:45",
        "2026-01-31T20:00:00-03:30",
        "2026-02-01 08:30+09",
        "2026/1/31 23:30",
        " 2026-01-31 23:30:00 ",
    ],
)
def test_an_offset_in_a_text_is_taken_to_utc_for_moments_and_for_days(text: str) -> None:
    assert moments("datetime", [text]) == ([MOMENT], [])
    assert moments("date", [text]) == ([MOMENT.date()], [])


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 23:30:00 Europe/Paris",
        "2026-01-31 23:30:00 PST",
        "2026-01-31T23:30:00+01:00[Europe/Paris]",
        "2026-01-31 11:30:00 PM",
        "2026-01-31 23:30:00 UTC+2",
    ],
)
@pytest.mark.parametrize("kind", ["datetime", "date"])
def test_a_zone_by_name_is_set_aside_with_what_to_write(text: str, kind: str) -> None:
    values, reasons = moments(kind, [text])
    assert values == [None]
    assert reasons == [
        "has words after its time: write a zone as an offset (+02:00 or Z), an hour as 0 to 23"
    ]


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-02-30", "2026-01-31 junk", "infinity", "2026-01-31T23:30:00+25:00", "1769"],
)
def test_what_is_no_moment_is_still_set_aside(text: str) -> None:
    assert moments("datetime", [text]) == ([None], ["is not of type datetime"])


def test_a_log_of_decisions_with_offsets_meets_the_rows_in_utc() -> None:
    import pandas as pd

    rows = pd.DataFrame({"id": ["a", "b"], "time": [MOMENT, MOMENT]})
    log = pd.DataFrame(
        {"id": ["a", "b"], "at": ["2026-02-01T01:30:00+02:00", "2026-01-31T20:30:00-03:00"]}
    )
    wanted = external._keys(rows, {"id": "id", "time": "time"})
    assert external._keys(log, {"id": "id", "time": "at"}).tolist() == wanted.tolist()


def test_every_connection_of_the_project_is_opened_in_utc() -> None:
    package = Path(str(contract.__file__)).parents[1]
    opened = [
        file.name
        for file in package.rglob("*.py")
        if "duckdb.connect(" in file.read_text(encoding="utf-8")
    ]
    assert opened == ["utc.py"]
    with utc.connect() as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


def test_no_code_of_the_project_asks_the_machine_which_day_it_is() -> None:
    package = Path(str(contract.__file__)).parents[1]
    naive = ("date.today()", ".now()", "utcnow(", "fromtimestamp(", "localtime(", "getlocale(")
    found = [
        f"{file.name}: {word}"
        for file in package.rglob("*.py")
        for word in naive
        if word in file.read_text(encoding="utf-8")
    ]
    assert found == []


@pytest.mark.parametrize("zones", first_and_repetitions([*ZONES[::3]], [*ZONES]))
def test_the_whole_pipeline_is_byte_equal_in_every_zone_and_locale(
    tmp_path: Path, zones: list[str]
) -> None:
    project = render(tmp_path / "shop", SHOP | {"personal_data": "none"})
    file = project / "conf" / "sources.yaml"
    text = file.read_text(encoding="utf-8")
    for table, kind in (("orders", "parquet"), ("customers", "csv"), ("products", "jsonl")):
        head, rest = text.split(f"\n  {table}:", 1)
        rest = rest.replace("source: shop", f"source: mine\n    path: {table}.{kind}", 1)
        text = f"{head}\n  {table}:{rest}"
    mine = "\n  mine: {kind: files, folder: data/raw}\n\ntables:"
    file.write_text(text.replace("\n\ntables:", mine, 1), encoding="utf-8")
    size = "customers: 400, products: 60, order_lines: 8000"
    replace(file, "customers: 5000, products: 300, order_lines: 60000", size)
    _run(project, WRITE, "UTC", "C.UTF-8")
    latin = _locale(tmp_path, "es_AR", "ISO-8859-1")
    # Where the small letter of I is another one.
    turkish = _locale(tmp_path, "tr_TR", "ISO-8859-9")
    locale = dict(zip(ZONES, ("C.UTF-8", latin, "C", turkish, "C.UTF-8"), strict=True))
    told = {zone: _told(project, zone, locale[zone]) for zone in zones}
    first = told["UTC"]
    assert len(first) >= 8
    assert any(name.endswith("predictions.parquet") for name in first)
    assert any(name.endswith("decision.json") for name in first)
    for zone, digests in told.items():
        assert digests == first, zone
    # Right, and not merely equal: the hours are those of UTC.
    read = pl.read_parquet(project / "data/open/tables/orders.parquet")
    raw = pl.read_parquet(project / "data/raw/orders.parquet")
    expected = raw["ordered_at"].dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    assert read["ordered_at"].to_list() == expected.to_list()
    assert read.schema["ordered_at"] == pl.Datetime("us")
    signed = pl.read_parquet(project / "data/open/tables/customers.parquet")["signup_date"]
    texts = pl.read_csv(project / "data/raw/customers.csv")["signup_date"]
    days = texts.str.slice(0, 10).str.to_date().dt.offset_by("1d")
    assert signed.to_list() == days.to_list()


def _told(project: Path, zone: str, locale: str) -> dict[str, str]:
    """Run all stages anew and return the digest of everything that they wrote."""
    import shutil

    made = [project / name for name in ("data/open", "models", "reports")]
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)
    (project / "data" / "holdouts.json").unlink(missing_ok=True)
    _run(project, STAGES, zone, locale)
    return {
        file.relative_to(project).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in made
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _run(project: Path, script: str, zone: str, locale: str) -> None:
    own = {"TZ": zone, "LC_ALL": locale, "PYTHONPATH": str(project / "src")}
    if "/" in locale:
        own |= {"LOCPATH": str(Path(locale).parent), "LC_ALL": Path(locale).name}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "MLOPS_"))}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env=kept | own | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]


def _locale(folder: Path, name: str, characters: str) -> str:
    """Return a locale made for this test, or the bare C locale without tools."""
    import shutil

    if shutil.which("localedef") is None:
        return "C"
    target = folder / name
    subprocess.run(
        ["localedef", "-i", name, "-f", characters, str(target)],
        capture_output=True,
        check=False,
    )
    return str(target) if target.is_dir() else "C"
