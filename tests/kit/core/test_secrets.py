"""`mlops secrets`: what closes it, what only looks like a secret, and that it repeats none."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from mlops_kit.core import utc
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.gate import secrets
from mlops_kit.core.gate.commands import secrets as command
from rendering import ROOT, SHOP, git, render
from typer import Exit

# Made up; put together here, so that nobody who scans this repository has to wonder.
AWS = "AKIA" + "2E0A8F3B244C9986"
GITHUB = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
GITLAB = "glpat-" + "Zx8kQ2vN4mB7tY1cW5eR"
PASSWORD = "Tr0ub4dor" + "-and-3"
KEY = "0f1e2d3c4b5a6978" * 4
VALUES = (AWS, GITHUB, GITLAB, PASSWORD, KEY)
BAD = {
    "src/a.py": (f'aws = "{AWS}"', "AWS Access Key"),
    "docs/b.md": (f"use {GITHUB} for it", "GitHub Token"),
    "ci.txt": (GITLAB, "GitLab Token"),
    "conf/dev.yaml": (f"tracking:\n  password: {PASSWORD}", "Secret Keyword"),
    "prod.env": (f"MLFLOW_TRACKING_PASSWORD={PASSWORD}", "Secret Keyword"),
    "Dockerfile": (f"FROM x\nENV DB_PASSWORD={PASSWORD}", "Secret Keyword"),
    "src/call.py": (f'client = connect("{AWS}")', "AWS Access Key"),
    # Beside something that is found first: the library would look no further.
    "two.ini": (f'[a]\naws = "{AWS}"\npassword = {PASSWORD}', "Secret Keyword"),
    "src/k.py": (f'MLOPS_PRIVACY_KEY = "{KEY}"', "Hex High Entropy String"),
    "id.pem": ("-----BEGIN RSA " + "PRIVATE KEY-----", "Private Key"),
    "run.sh": (f"#!/bin/sh\nexport DB_PASSWORD={PASSWORD}", "Secret Keyword"),
    "db.py": (f'"postgresql://shop:{PASSWORD}@db.internal/shop"', "Basic Auth Credentials"),
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty git repository."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", cwd=tmp_path)
    return tmp_path


def write(name: str, content: str | bytes) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def kinds(paths: Sequence[Path] = (), staged: bool = False) -> list[tuple[str, str]]:
    return [(one.place, one.entity) for one in secrets.look(paths, staged).findings]


def test_each_kind_is_found_and_none_is_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for name, (text, _) in BAD.items():
        write(name, f"first line\n{text}\n")
    with pytest.raises(Exit) as left:
        command(sarif=Path("out/secrets.sarif"))
    assert left.value.exit_code == 1
    found = kinds()
    assert set(found) >= {(name, kind) for name, (_, kind) in BAD.items()}
    said = capsys.readouterr()
    with pytest.raises(Exit):
        command(as_json=True)
    report = capsys.readouterr().out
    log = Path("out/secrets.sarif").read_text()
    for text in (said.out, said.err, report, log):
        assert not [value for value in VALUES if value in text]
    assert "src/a.py: AWS Access Key, first at line 2; change it where it is used" in said.err
    assert "git's history, which is not read" in said.out
    results = json.loads(log)["runs"][0]["results"]
    lines = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]: one["locations"][0][
            "physicalLocation"
        ]["region"]["startLine"]
        for one in results
    }
    assert lines["src/a.py"] == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dvc.lock", f"md5: '{KEY[:32]}'"),
        ("data/inputs.json", json.dumps({"sha256": KEY}, indent=1)),
        ("data/holdouts.json", json.dumps({"holdouts": {KEY: [KEY[::-1]]}}, indent=2)),
        ("tools/kit/seeds.json", json.dumps({"features.py": [KEY, KEY[::-1]]}, indent=2)),
        ("package-lock.json", f'"integrity": "sha512-{KEY}=="'),
        (".github/workflows/ci.yml", f"    uses: 'actions/checkout@{KEY[:40]}'"),
        ("n.ipynb", f'     "image/png": "{AWS[4:]}iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"'),
        (".github/workflows/x.yml", "TOKEN: ${{ secrets.TEMPLATE_TOKEN }}"),
        ("a.py", 'password = request.headers["password"]'),
        ("conf/prod.yaml", "password: ${MLFLOW_TRACKING_PASSWORD}"),
        (".env.example", "PLACE=there"),
    ],
)
def test_what_only_looks_random_or_names_a_secret_is_none(name: str, text: str) -> None:
    write(name, text + "\n")
    assert kinds() == []


def test_a_key_of_the_length_of_a_digest_is_no_digest() -> None:
    """The line must call it one: a private key is as long as a hash."""
    write("a.py", f'key = "{KEY}"\n')
    write("data/holdouts.json", f'{{"word": "{KEY[:40]}"}}\n')
    found = "Hex High Entropy String"
    assert kinds() == [("a.py", found), ("data/holdouts.json", found)]


def test_files_for_secrets_must_not_be_in_git() -> None:
    write(".secrets/key", "anything\n")
    write(".env.prod", "anything\n")
    assert set(kinds()) == {(".secrets/key", secrets.PLACE), (".env.prod", secrets.PLACE)}
    write(".gitignore", "/.secrets/\n.env.*\n")
    assert kinds() == []
    git("add", "--force", ".env.prod", cwd=Path())
    assert kinds() == [(".env.prod", secrets.PLACE)]


def test_every_text_is_read_and_what_is_none_is_told() -> None:
    line = f'aws = "{AWS}"\n'
    write("utf16.py", ("\ufeff" + line).encode("utf-16-le"))
    write("latin.py", "# añadido\n".encode("latin-1") + line.encode())
    write("long.json", '{"x": "' + "a " * 60_000 + f'", "aws": "{AWS}"}}\n')
    write("cut.txt", "x" * 9_990 + f" {AWS} " + "y" * 20_000)
    write("model.bin", b"\0" + line.encode())
    looked = secrets.look()
    assert {one.place for one in looked.findings} == {
        "utf16.py",
        "latin.py",
        "long.json",
        "cut.txt",
    }
    assert {one.position for one in looked.findings} == {1, 2}
    assert looked.no_text == ["model.bin"]
    assert "1 of them no text and not read" in secrets.summary(looked)


def test_marks_in_a_line_do_not_open_it() -> None:
    write("a.py", f'aws = "{AWS}"  # pragma: allowlist secret\n')
    assert kinds() == [("a.py", "AWS Access Key")]


def test_only_what_is_staged_counts_with_staged() -> None:
    write("a.py", "nothing\n")
    git("add", "a.py", cwd=Path())
    write("a.py", f'aws = "{AWS}"\n')
    assert kinds(staged=True) == []
    git("add", "a.py", cwd=Path())
    write("a.py", "nothing again\n")
    assert kinds(staged=True) == [("a.py", "AWS Access Key")]


def test_an_accepted_secret_counts_until_its_day_and_no_more_of_it() -> None:
    write("tests/a.py", f'aws = "{AWS}"\n')

    def accept(until: str, entity: str = "AWS Access Key") -> None:
        entry = {"place": "tests/a.py", "entity": entity, "count": 1, "reason": "invented"}
        write("conf/secrets-baseline.json", json.dumps({"accepted": [entry | {"until": until}]}))

    accept(utc.today().isoformat())
    looked = secrets.look()
    assert (looked.findings, looked.accepted) == ([], 1)
    write("tests/a.py", f'aws = "{AWS}"\nother = "{AWS[:-4]}ABCD"\n')
    (more,) = secrets.look().findings
    assert "secrets-baseline.json accepts 1" in secrets.sentence(more)
    accept("2020-01-31")
    assert "ended on 2020-01-31" in secrets.sentence(secrets.look().findings[0])
    write("tests/a.py", "nothing\n")
    (old,) = secrets.look().findings
    assert secrets.sentence(old) == (
        "conf/secrets-baseline.json accepts tests/a.py, which ended on 2020-01-31; "
        "remove or renew it."
    )
    accept("2020-01-31", "a slip")
    with pytest.raises(MlopsError, match="none that the check knows"):
        secrets.look()


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    def no(*arguments: object, **options: object) -> None:
        raise AssertionError("a service was asked whether the key is its own")

    monkeypatch.setattr(requests.Session, "request", no)
    write("a.py", f'aws = "{AWS}"\ngithub = "{GITHUB}"\n')
    assert len(kinds()) >= 2


def test_outside_of_git_and_with_a_wrong_path_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MlopsError, match=r"^nowhere\.py does not exist"):
        secrets.look([Path("nowhere.py")])
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "bare").mkdir()
    monkeypatch.chdir(tmp_path / "bare")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))
    with pytest.raises(MlopsError, match="git cannot list this folder's files"):
        secrets.look()


def test_a_fresh_repository_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = render(tmp_path / "shop", SHOP)
    git("init", "--quiet", cwd=project)
    monkeypatch.chdir(project)
    looked = secrets.look()
    assert [secrets.sentence(one) for one in looked.findings] == []
    assert looked.files > 200


def test_the_template_itself_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rendered: its own tests hold invented secrets."""
    monkeypatch.chdir(ROOT / "seeds")
    assert kinds([Path()]) == []
