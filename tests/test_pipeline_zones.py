"""One pipeline, whole, under five time zones and two languages of the machine: the same bytes."""

import datetime as dt
import hashlib
import json
import locale
from typing import Any

import polars as pl
import pytest
from packaged import packaged
from running import Project, new_project, replace

pytestmark = pytest.mark.xdist_group("zones")
STAGES = """
import sys
from shop.mlops import cli

for stage in (
    "data ingest --tables data/restricted/tables --quarantine data/restricted/quarantine",
    "privacy protect", "data features", "train", "compare run",
):
    sys.argv = ["mlops", *stage.split()]
    try:
        cli.main()
    except SystemExit as done:
        assert not done.code, (stage, done.code)
"""
SAMPLE = "{kind: sample, customers: 5000, products: 300, order_lines: 60000, seed: 7}"


def spanish() -> str:
    """Name a language with other numbers and another order of letters, or the nearest there is."""
    for name in ("es_AR.UTF-8", "de_DE.UTF-8", "C.UTF-8"):
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        finally:
            locale.setlocale(locale.LC_ALL, "C")
        return name
    return "POSIX"


MACHINES = {
    "UTC": "C",
    "America/Argentina/Buenos_Aires": spanish(),
    "Asia/Tokyo": "C",
    "Asia/Kathmandu": spanish(),
    "America/St_Johns": "C",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project on files: parquet in UTC and in Tokyo's time, csv with offsets."""
    made = new_project(tmp_path_factory.mktemp("zones") / "project")
    shop = packaged("mlops.data.shop").generate(200, 40, 4000, 7)
    raw = made.path / "data" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    late = pl.lit(dt.timedelta(hours=23, minutes=30))  # near midnight, where a day is soon another
    orders = shop["orders"].with_columns(
        (pl.col("ordered_at").dt.truncate("1d") + late).dt.replace_time_zone("UTC")
    )
    orders.with_columns(pl.col("ordered_at").dt.convert_time_zone("Asia/Tokyo")).write_parquet(
        raw / "orders.parquet"
    )
    shop["products"].write_csv(raw / "products.csv")
    text = pl.col("signup_date").cast(pl.String)
    shop["customers"].with_columns(
        pl.when(pl.col("customer_id") % 2 == 0)
        .then(text + "T23:30:00-0500")
        .otherwise(text + " 01:00:00+05:45")
    ).write_csv(raw / "customers.csv")
    sources = made.path / "conf" / "sources.yaml"
    replace(sources, f"shop: {SAMPLE}", "shop: {kind: files, folder: data/raw}")
    lines = sources.read_text(encoding="utf-8").splitlines()
    kept, table = [], ""
    for line in lines:
        if line.startswith("  ") and line.strip().partition(":")[0] in shop and line[2] != " ":
            table = line.strip().partition(":")[0]
        if table == "oracle":
            continue
        kept.append(line)
        if line == "    source: shop":
            kept.append(f"    path: {table}.{'parquet' if table == 'orders' else 'csv'}")
    sources.write_text("\n".join(kept) + "\n", encoding="utf-8")
    privacy = made.path / "conf" / "privacy.yaml"
    text_of = privacy.read_text(encoding="utf-8").splitlines()
    without = [line for line in text_of if not line.startswith("  oracle.")]
    privacy.write_text("\n".join(without) + "\n", encoding="utf-8")
    compare = made.path / "conf" / "compare.yaml"
    rest = [
        line
        for line in compare.read_text(encoding="utf-8").splitlines()
        if not line.startswith("oracle:")
    ]
    compare.write_text("\n".join(rest) + "\n", encoding="utf-8")
    return made


def digests(project: Project, zone: str, language: str) -> dict[str, str]:
    """Run every stage in one process on a machine of that zone and language."""
    machine = {"TZ": zone, "LC_ALL": language, "LANG": language, "MLOPS_PRIVACY_KEY": "5a" * 32}
    for file in [*project.path.glob("data/open/**/*.parquet"), *project.path.glob("models/*")]:
        file.unlink()
    (project.path / "data" / "holdouts.json").unlink(missing_ok=True)
    Project(project.path, machine).uv("python", "-c", STAGES)
    files = [*project.path.glob("data/open/**/*.parquet"), *project.path.glob("models/model.*")]
    files += project.path.glob("data/restricted/tables/*.parquet")
    made = {
        file.relative_to(project.path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }
    decision = project.path / "reports" / "compare" / "decision.json"
    decided: dict[str, Any] = json.loads(decision.read_text(encoding="utf-8"))
    return made | {"decision": json.dumps(decided, sort_keys=True)}


def test_the_whole_pipeline_gives_the_same_bytes_in_every_zone_and_language(
    project: Project, figure
) -> None:
    found = {zone: digests(project, zone, language) for zone, language in MACHINES.items()}
    first = found["UTC"]
    assert {"data/open/features.parquet", "data/open/predictions.parquet"} <= set(first)
    assert {"models/model.skops", "models/model.json", "decision"} <= set(first)
    for zone, there in found.items():
        assert {name for name in first | there if first.get(name) != there.get(name)} == set(), zone
    customers = pl.read_parquet(project.path / "data/restricted/tables/customers.parquet")
    shop = packaged("mlops.data.shop").generate(200, 40, 4000, 7)["customers"]
    moved = (customers["signup_date"] - shop["signup_date"]).dt.total_days()
    assert moved.to_list() == [1 if one % 2 == 0 else -1 for one in shop["customer_id"]]
    machines = ", ".join(f"{zone} ({language})" for zone, language in MACHINES.items())
    figure(f"zones: {len(first)} digests equal under {machines}")
