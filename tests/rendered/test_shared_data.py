"""The page about data for others: each text of it runs on a rendered project."""

import json
import re
import subprocess
import sys

import duckdb
import pytest
from running import new_project
from stages import command, pipeline

BLOCK = re.compile(r'```(python|sql) title="(\w+)"\n(.*?)```', re.DOTALL)


@pytest.fixture(scope="module", params=["pii", "none"])
def project(tmp_path_factory, request):
    made = new_project(tmp_path_factory.mktemp("lake") / "shop", {"personal_data": request.param})
    pipeline(made)
    return made


def texts(project):
    page = (project.path / "docs/shared-data.md").read_text(encoding="utf-8")
    return {name: (language, text) for language, name, text in BLOCK.findall(page)}


def test_every_text_of_the_page_runs_from_the_catalogue_that_it_speaks_of(project):
    done = command(project, "data catalog --duckdb ../lake.duckdb")
    assert done.returncode == 0, done.stderr
    inside = command(project, "data catalog --duckdb data/open/lake.duckdb")
    assert inside.returncode == 3 and "name a place outside" in inside.stderr
    asked = texts(project)
    assert set(asked) == {"duckdb", "catalogue", "metabase", "odbc"}
    for name, (language, text) in asked.items():
        if language == "python":
            ran = subprocess.run(
                [sys.executable, "-c", text], cwd=project.path, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.strip(), name
            continue
        # Readers of this file stand elsewhere.
        with duckdb.connect(project.path.parent / "lake.duckdb", read_only=True) as lake:
            assert len(lake.sql(text).fetchall()) > 1, name


def test_the_catalogue_is_what_lies_there(project):
    listed = json.loads(command(project, "data catalog --json").stdout)
    assert listed == json.loads((project.path / "data/open/catalog.json").read_text())
    names = {one["name"] for one in listed["tables"]}
    assert {"orders", "products", "features", "predictions"} <= names
    command(project, "data catalog --duckdb ../lake.duckdb").check_returncode()
    lake = duckdb.connect(project.path.parent / "lake.duckdb", read_only=True)
    for one in listed["tables"]:
        assert (project.path / one["file"]).stat().st_size == one["bytes"]
        described = lake.sql(f'DESCRIBE "{one["name"]}"').fetchall()
        assert [row[0] for row in described] == [column["name"] for column in one["columns"]]
        assert len(lake.table(one["name"])) == one["rows"]
    assert str(project.path) not in json.dumps(listed)
