"""The shop as files of each format gives what the embedded sample gives, to the last digit."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import shop_elsewhere
from running import Project, first_and_repetitions
from stages import pipeline

TASKS = ("classification", "regression", "recommendation")
PARQUET: shop_elsewhere.Write = lambda folder, name, table: table.write_parquet(  # noqa: E731
    folder / f"{name}.parquet"
)
WRITTEN: dict[str, tuple[shop_elsewhere.Write, Callable[[str], str]]] = {
    "csv": (shop_elsewhere.as_csv, lambda name: f"path: {name}.csv"),
    "json": (shop_elsewhere.as_json, lambda name: f"path: {name}.json\nrecords: data/rows"),
    "xml": (shop_elsewhere.as_xml, lambda name: f"path: {name}.xml\nrecords: shop/{name}/row"),
    "parquet": (PARQUET, lambda name: f"path: {name}.parquet"),
}


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Run the pipeline on the sample."""
    project = shop_elsewhere.project_of(tmp_path_factory.mktemp("embedded") / "shop", TASKS[0])
    pipeline(project)
    return project


@pytest.mark.parametrize("kind", first_and_repetitions(*WRITTEN))
def test_the_shop_as_files_gives_the_features_of_the_sample(
    kind: str, embedded: Project, tmp_path: Path
) -> None:
    write, of_table = WRITTEN[kind]
    project = shop_elsewhere.project_of(tmp_path / "shop", TASKS[0])
    raw = project.path / "data/raw"
    raw.mkdir(parents=True)
    for name, table in shop_elsewhere.tables().items():
        write(raw, name, table)
    shop_elsewhere.move(project, "{kind: files, folder: data/raw}", of_table)
    pipeline(project)
    expected, made = shop_elsewhere.features(embedded), shop_elsewhere.features(project)
    assert len(expected) > 1_000
    assert made.equals(expected)
    assert made.schema == expected.schema
    assert (project.path / "reports/compare/decision.json").is_file()
    said = pl.read_parquet(project.path / "data/open/predictions.parquet")
    same = pl.read_parquet(embedded.path / "data/open/predictions.parquet")
    assert said.equals(same.filter(pl.col("system") != "oracle"))
    for name in shop_elsewhere.tables():
        table = pl.read_parquet(project.path / f"data/open/tables/{name}.parquet")
        assert table.equals(pl.read_parquet(embedded.path / f"data/open/tables/{name}.parquet"))
