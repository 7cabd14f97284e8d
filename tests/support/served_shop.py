"""A project with two registered versions, and what each of them says about some ids."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import yaml
from running import Project, new_project, replace
from running_server import Callers, ready_to_serve, served
from stages import command, pipeline, registered

LOG = "data/open/served"


class Shop(NamedTuple):
    """The project, and by version what is said about each id."""

    project: Project
    said: dict[str, dict[str, float]]

    @property
    def ids(self) -> list[str]:
        """Name whom is asked about."""
        return list(self.said["1"])

    @property
    def registry(self) -> Path:
        """Give the registry's file."""
        return self.project.path / "mlflow.db"

    def champion(self, version: str) -> None:
        """Move the alias, as a promotion does at its end, in the file that is there now."""
        self.alias("champion", version)

    def alias(self, alias: str, version: str | None) -> None:
        """Let an alias name a version, or take it away."""
        with contextlib.closing(sqlite3.connect(self.registry)) as database, database:
            of = "FROM registered_model_aliases WHERE alias = ?"
            (name,) = database.execute("SELECT name FROM registered_models").fetchone()
            database.execute(f"DELETE {of}", [alias])
            if version is not None:
                database.execute(
                    "INSERT INTO registered_model_aliases (name, alias, version) VALUES (?, ?, ?)",
                    [name, alias, version],
                )

    @contextlib.contextmanager
    def configured(self, **more: Any) -> Iterator[None]:
        """Say more in conf/serve.yaml until the end of the block."""
        file = self.project.path / "conf/serve.yaml"
        before = file.read_text(encoding="utf-8")
        file.write_text(yaml.safe_dump(yaml.safe_load(before) | more), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")

    def check(self, callers: Callers) -> None:
        """Every answer is the one of the version that it names, and none was refused."""
        assert {status for status, _, _ in callers.answers} == {200}
        wrong = [
            said
            for _, id_, said in callers.answers
            if said["score"] != self.said[said["version"]][id_]
        ]
        assert wrong == []

    def logged(self) -> pl.DataFrame:
        """Read every part of the log to its end."""
        parts = (self.project.path / LOG).rglob("[!.]*.parquet")
        return pl.concat([pl.read_parquet(part) for part in parts], how="diagonal_relaxed")


def two_versions(folder: Path, **serve: Any) -> Shop:
    """Render a project, register two versions, and ask each once about thirty ids."""
    project = new_project(folder, {"serving": "both"})
    ready_to_serve(project, **serve)
    replace(project.path / "params.yaml", "trees: 60", "trees: 30")
    pipeline(project)
    registered(project)
    command(project, "snapshot").check_returncode()
    table = pl.read_parquet(project.path / "data/open/predictions.parquet")
    found = Shop(project, {"1": {}, "2": {}})
    ids = table["id"].unique().sort().to_list()[:30]
    for version in found.said:
        found.champion(version)
        with served(project) as server:
            for id_ in ids:
                status, said = server.ask("/predict", {"id": id_})
                assert (status, said["version"]) == (200, version), said
                found.said[version][id_] = said["score"]
    assert found.said["1"] != found.said["2"]
    return found
