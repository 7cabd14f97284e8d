"""The gate is fed its bad cases: each closes it with one sentence, and clean data passes."""

import base64
import contextlib
import datetime
import json
import os
import sqlite3
import sys
import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mlops_kit.core import utc
from mlops_kit.privacy.gate import check, report
from rendering import git

MAIL = "ana.perez@example.com"
ROWS = 1_000_000


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty git repository."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", cwd=tmp_path)
    return tmp_path


def closing(*paths: str) -> list[str]:
    """Return the sentences with which the gate closes; none when it stays open."""
    return [report.sentence(one) for one in check.check([Path(path) for path in paths]).findings]


def write(name: str, content: str | bytes) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def table(columns: dict[str, object], name: str = "data/open/tables/t.parquet", **options) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_parquet(name, **options)


def assert_closed_by_one(what: str, where: str) -> str:
    """Check that exactly one sentence closes the gate, and that it repeats no value."""
    sentences = closing()
    assert len(sentences) == 1, sentences
    assert what in sentences[0]
    assert where in sentences[0]
    assert sentences[0].count(". ") == 0
    assert sentences[0].endswith(".")
    assert "perez" not in sentences[0].lower()
    return sentences[0]


def test_a_new_column_with_e_mails_in_3_rows_of_a_million_closes_it(
    figure: Callable[[str], None],
) -> None:
    notes = pl.select(pl.repeat("entregado en el día", ROWS).alias("nota"))["nota"].to_list()
    for row in (17, 400_000, ROWS - 1):
        notes[row] = f"escribir a {MAIL}"
    table({"nota": notes, "quantity": range(ROWS)})
    said = assert_closed_by_one(
        "e-mail address \u00d7 3, first at row 18", "t.parquet: column nota"
    )
    figure(f"gate, 3 e-mails in 1,000,000 rows: {said}")


def test_identity_numbers_in_a_column_called_codigo_close_it() -> None:
    random = np.random.default_rng(1)
    table({"codigo": [str(n) for n in random.permutation(np.arange(20_000_000, 45_000_000))[:500]]})
    assert_closed_by_one("Argentine DNI", "column codigo")


def test_what_begins_in_the_last_row_group_closes_it() -> None:
    values = ["sin novedad"] * 99_000 + [MAIL] * 1_000
    table({"detalle": values}, row_group_size=1_000)
    assert_closed_by_one("\u00d7 1000, first at row 99001", "column detalle")


@pytest.mark.parametrize(
    "hidden",
    [
        base64.b64encode(MAIL.encode()).decode(),
        MAIL.replace("@", "%40"),
        "ana.perez&#64;example.com",
    ],
)
@pytest.mark.parametrize("name", ["data/open/tables/t.parquet", "docs/notes.md", "reports/x.json"])
def test_an_encoded_e_mail_closes_it(hidden: str, name: str) -> None:
    if name.endswith("parquet"):
        table({"payload": ["none", hidden] * 50}, name)
    else:
        write(name, json.dumps({"payload": hidden}) if name.endswith("json") else f"see {hidden}\n")
    assert_closed_by_one("e-mail address", name)


def test_a_phone_in_a_json_string_closes_it() -> None:
    table({"payload": [json.dumps({"contact": {"phone": "+54 9 11 4321-8765"}})] * 30})
    assert "phone" in closing()[0]
    Path("data/open/tables/t.parquet").unlink()
    write("data/open/events.json", json.dumps([{"contact": {"phone": "+54 9 11 4321-8765"}}]))
    assert_closed_by_one("phone or fax number", "events.json: contact.phone")


@pytest.mark.parametrize(
    "name",
    ["docs/María Pérez.md", "docs/juan_perez_cv.txt", "reports/PerezJuan.html", f"docs/{MAIL}.md"],
)
def test_a_name_in_a_file_name_closes_it_and_is_not_repeated(name: str) -> None:
    write(name, "nothing\n")
    assert_closed_by_one("rename the file", "(file name)")


def notebook(**cell: object) -> str:
    content = {"cell_type": "code", "source": ["1"], "metadata": {}, "outputs": [], **cell}
    return json.dumps({"cells": [content], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize(
    "cell",
    [
        {"outputs": [{"output_type": "stream", "name": "stdout", "text": [f"{MAIL}\n"]}]},
        {
            "outputs": [
                {"output_type": "error", "traceback": [f"\x1b[31mana.perez\x1b[0m{MAIL[9:]}"]}
            ]
        },
        {
            "outputs": [
                {"data": {"text/html": ["<table><tr><th>dni</th></tr><tr><td>30123456</td>"]}}
            ]
        },
        {"outputs": [{"data": {"application/json": {"mail": MAIL}}}]},
        {"outputs": [{"data": {"text/plain": "x"}, "metadata": {"by": MAIL}}]},
        {"source": [f"mail = '{MAIL}'"]},
        {"attachments": {"a.txt": {"text/plain": MAIL}}},
        {"metadata": {"papermill": {"input": MAIL}}},
    ],
)
def test_a_notebook_closes_it_wherever_it_holds_something_personal(cell: dict) -> None:
    write("notebooks/n.ipynb", notebook(**cell))
    assert_closed_by_one("", "notebooks/n.ipynb: cell 1")


def test_a_notebook_without_anything_personal_is_open() -> None:
    write("notebooks/n.ipynb", notebook(outputs=[{"data": {"text/plain": "0.79"}}]))
    assert closing() == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("data/open/t.parquet", b"PAR1" + b"\0" * 50, "damaged parquet"),
        ("data/open/t.parquet", b"not parquet", "no parquet file"),
        ("models/model.pkl", b"\x80\x04\x95abc", "pickle"),
        ("models/model.bin", bytes(range(256)), "not known here"),
        ("data/open/t.json", b'{"a": 1', "damaged json"),
        ("docs/photo.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 40, "cut off, or holds something"),
        ("docs/a.csv", b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    ],
)
def test_what_cannot_be_read_closes_it(name: str, content: bytes, why: str) -> None:
    write(name, content)
    assert_closed_by_one(why, name)


@pytest.mark.parametrize(
    ("module", "group", "content"),
    [
        ("PIL", "images", b"\xff\xd8\xff\xe0" + b"\0" * 40),
        ("pypdfium2", "pdf", b"%PDF-1.7"),
        ("av", "media", b"OggS" + b"\0" * 40),
    ],
)
def test_without_its_group_a_picture_a_pdf_or_a_recording_closes_it(
    module: str, group: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    write("docs/it", content)
    assert_closed_by_one(f"run `uv sync --group {group}` first", "docs/it")


def test_a_truncated_parquet_closes_it() -> None:
    table({"n": list(range(10_000))})
    content = Path("data/open/tables/t.parquet").read_bytes()
    write("data/open/tables/t.parquet", content[: len(content) // 2])
    assert_closed_by_one("damaged parquet file", "t.parquet")


def test_a_column_of_an_unknown_type_closes_it() -> None:
    table({"blob": [b"\x00\x01\xff\xfe", b"\x07"]})
    assert_closed_by_one("type that is not known here", "column blob")


def test_links_that_leave_the_repository_close_it(tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.txt"
    outside.write_text("x")
    write("data/restricted/tables/t.csv", "mail\n")
    Path("docs").mkdir()
    Path("docs/out").symlink_to(outside)
    Path("docs/secret").symlink_to("../data/restricted/tables/t.csv")
    Path("docs/nowhere").symlink_to("gone")
    Path("docs/fine").symlink_to("..")
    assert [sentence.split(";")[0] for sentence in closing()] == [
        "docs/nowhere is a link that leads nowhere",
        "docs/out is a link that leaves the repository",
        "docs/secret is a link into what is restricted",
    ]


def test_restricted_data_in_git_closes_it_but_the_zone_itself_is_not_read() -> None:
    write("data/restricted/tables/t.csv", f"mail\n{MAIL}\n")
    assert closing() == []
    git("add", "--all", "--force", cwd=Path.cwd())
    assert_closed_by_one("git rm --cached", "data/restricted/tables/t.csv")


@pytest.mark.parametrize("environment", ["", "-staging", "-prod"])
def test_the_registry_of_each_environment_is_read_though_git_ignores_it(environment: str) -> None:
    write(".gitignore", "*.db\n")
    with contextlib.closing(sqlite3.connect(f"mlflow{environment}.db")) as registry, registry:
        registry.execute("CREATE TABLE tags (value TEXT)")
        registry.execute("INSERT INTO tags VALUES (?)", [MAIL])
    assert_closed_by_one("e-mail address", f"mlflow{environment}.db")


def baseline(until: str, count: int = 1, place: str = "docs/a.md") -> None:
    entry = {"place": place, "entity": "email", "count": count, "reason": "ours", "until": until}
    write("conf/privacy-baseline.json", json.dumps({"accepted": [entry]}))


def test_an_accepted_finding_stays_open_until_its_day_is_over() -> None:
    write("docs/a.md", MAIL)
    baseline(utc.today().isoformat())
    outcome = check.check()
    assert (outcome.findings, outcome.accepted) == ([], 1)
    baseline("2020-01-31")
    assert_closed_by_one("allowance in conf/privacy-baseline.json ended on 2020-01-31", "docs/a.md")


def test_an_allowance_that_has_ended_closes_it_though_nothing_is_found() -> None:
    baseline("2020-01-31")
    assert_closed_by_one("ended on 2020-01-31; remove or renew it", "conf/privacy-baseline.json")


def test_more_than_was_accepted_closes_it() -> None:
    write("docs/a.md", f"{MAIL}, x@corp.example.com")
    baseline("2999-01-01")
    assert_closed_by_one("\u00d7 2", "privacy-baseline.json accepts 1")


def test_clean_columns_of_codes_prices_hashes_and_times_stay_open() -> None:
    random, rows = np.random.default_rng(2), 20_000
    start = datetime.datetime(2025, 1, 1)
    table(
        {
            "sku": [f"HA-{n:05d}-{n % 97:02d}" for n in range(rows)],
            "product_id": random.integers(1, 300, rows),
            "ean": random.integers(10**12, 10**13 - 1, rows),
            "line_id": range(rows),
            "price": random.uniform(1, 9999, rows).round(2),
            "sha256": [random.bytes(32).hex() for _ in range(rows)],
            "md5": [random.bytes(16).hex() for _ in range(rows)],
            "uuid": [str(uuid.UUID(bytes=random.bytes(16))) for _ in range(rows)],
            "token": [f"1f00aa22-{random.bytes(16).hex()}" for _ in range(rows)],
            "ordered_at": [start + datetime.timedelta(seconds=37 * n) for n in range(rows)],
            "day": [f"2025-{n % 12 + 1:02d}-{n % 28 + 1:02d}" for n in range(rows)],
            "epoch": [1_735_689_600 + 61 * n for n in range(rows)],
            "epoch_ms": [1_735_689_600_000 + 61_003 * n for n in range(rows)],
            "name": ["Horno eléctrico", "Dishwasher Pro 60"] * (rows // 2),
            "version": ["1.10.3"] * rows,
            "items": [[1, 2, 3]] * rows,
            "is_open": [True, None] * (rows // 2),
        }
    )
    assert closing() == []


def test_only_named_paths_are_read_and_wrong_ones_are_told() -> None:
    write("docs/a.md", MAIL)
    write("docs/b.md", "nothing")
    assert closing("docs/b.md") == []
    assert len(closing("docs")) == 1
    with pytest.raises(
        import_module("mlops_kit.core.errors").MlopsError, match=r"docs/c\.md does not exist"
    ):
        check.check([Path("docs/c.md")])


def test_what_is_staged_counts_and_not_what_the_folder_holds() -> None:
    write("docs/a.md", MAIL)
    git("add", "docs/a.md", cwd=Path.cwd())
    write("docs/a.md", "cleaned, but not staged")
    assert closing() == []
    assert len(check.check(staged=True).findings) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_pipe_closes_it_instead_of_hanging() -> None:
    Path("models").mkdir()
    os.mkfifo("models/pipe")
    assert_closed_by_one("no ordinary file", "models/pipe")


def test_a_folder_that_is_a_remote_of_any_environment_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_kit.privacy.gate.files import _below

    monkeypatch.chdir(tmp_path)
    for name in ("read/a.txt", ".dvc-remote/b", ".dvc-remote-prod/c", "node_modules/d"):
        Path(name).parent.mkdir()
        Path(name).touch()
    assert [file.as_posix() for file in _below(Path())] == ["read/a.txt"]
