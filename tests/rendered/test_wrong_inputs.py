"""Wrong inputs, as people make them: one sentence, the documented exit code, no half result."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rendering import git
from running import Project, new_project, replace, shared_environment

pytestmark = pytest.mark.xdist_group("wrong_inputs")

SOURCES = """
entity: {table: members, column: member_id}
sources:
  club: {kind: files, folder: raw}
tables:
  members:
    source: club
    path: members.FORMAT
    columns:
      member_id: {type: integer, unique: true}
      age: {type: integer}
"""
PRIVACY = "columns:\n  members.member_id: {action: token, domain: member}\n"
SMALL = "customers: 400, products: 40, order_lines: 5000"


def snapshot(project: Project) -> dict[str, bytes]:
    """Return everything a person may take for a result, and what git sees; not DVC's own notes."""
    names = ("data/open", "data/restricted", "models", "reports", "conf", "dvc.lock", "mlflow.db")
    files = [
        path
        for name in names
        for path in [project.path / name, *(project.path / name).rglob("*")]
        if path.is_file()
    ]
    return {path.relative_to(project.path).as_posix(): path.read_bytes() for path in files}


def sentence_of(done: subprocess.CompletedProcess[str], code: int = 3) -> str:
    """Return the one error sentence of a command that must have failed with it."""
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == code, said
    assert "Traceback" not in said
    errors = [line for line in done.stderr.splitlines() if "rror" in line]
    assert len(errors) == 1, said
    assert errors[0].startswith("error: "), said
    return errors[0].removeprefix("error: ")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("wrong") / "project")
    replace(
        made.path / "conf" / "sources.yaml",
        "customers: 5000, products: 300, order_lines: 60000",
        SMALL,
    )
    made.commit("A small shop")
    made.uv("python", "-c", "")
    return made


@pytest.fixture
def clean(project: Project) -> Iterator[Project]:
    """Give the project back as it was committed, whatever a test wrote into it."""
    yield project
    git("checkout", "--quiet", "--force", ".", cwd=project.path)
    git("clean", "--quiet", "--force", "-d", cwd=project.path)
    made = ["data", "models", "reports"]
    git("clean", "--quiet", "--force", "-d", "-x", "--", *made, cwd=project.path)


def with_table(project: Project, text: bytes | None, suffix: str = "csv") -> Project:
    """Let the project read a table of its own, holding `text` (None: there is no file)."""
    conf = project.path / "conf"
    (conf / "sources.yaml").write_text(SOURCES.replace("FORMAT", suffix), encoding="utf-8")
    (conf / "privacy.yaml").write_text(PRIVACY, encoding="utf-8")
    folder = project.path / "raw"
    folder.mkdir(exist_ok=True)
    if text is not None:
        (folder / f"members.{suffix}").write_bytes(text)
    return Project(project.path, {"MLOPS_PRIVACY_KEY": "0" * 32})


TABLES = {
    "a missing file": (None, "csv", ["raw/members.csv", "does not exist", "put the file there"]),
    "a wrong column type": (
        b"member_id,age\n1,young\n2,old\n",
        "csv",
        ['table "members"', "age is not of type integer", "conf/sources.yaml", "mend"],
    ),
    "a missing column": (
        b"member_id\n1\n",
        "csv",
        ["raw/members.csv", 'no column "age"', "conf/sources.yaml"],
    ),
    "an empty table": (b"member_id,age\n", "csv", ['"members"', "no rows", "check its source"]),
    "damaged parquet": (
        b"PAR1 this was cut off",
        "parquet",
        ["raw/members.parquet", "cannot be read as parquet", "replace the file"],
    ),
}


@pytest.mark.parametrize("wrong", TABLES)
def test_a_wrong_table_is_one_sentence_and_leaves_no_table(wrong: str, clean: Project) -> None:
    text, suffix, words = TABLES[wrong]
    project = with_table(clean, text, suffix)
    before = snapshot(project)
    said = sentence_of(project.mlops("run", check=False))
    for word in words:
        assert word in said
    after = snapshot(project)
    # Rows that broke the contract may have been set aside; nothing is there to build on.
    assert {name for name in after if "/quarantine/" not in name} == set(before)


CONFIGURATIONS: dict[str, tuple[str, str, str, list[str]]] = {
    "an unknown key": ("conf/base.yaml", "threads: 1", "treads: 1", ["data.treads", '"threads"']),
    "a value of the wrong type": ("conf/base.yaml", "threads: 1", "threads: no", ["data.threads"]),
    "an unknown metric": ("conf/compare.yaml", "metric: auc", "metric: luck", ["metric"]),
    "no YAML": ("conf/sources.yaml", "entity: {", "entity: [", ["not valid YAML", "line"]),
    "a kind of source that is not here": (
        *("conf/sources.yaml", "shop: {kind: sample,", "shop: {kind: mysql, password: secret,"),
        ['"sources.shop": "mysql" is none of the kinds here', "copier-mlops update -d"],
    ),
    "an unknown split": ("params.yaml", "method: time", "method: moon", ["split.method"]),
}


@pytest.mark.parametrize("wrong", CONFIGURATIONS)
def test_a_wrong_configuration_is_one_sentence_that_names_file_and_key(
    wrong: str, clean: Project
) -> None:
    file, old, new, words = CONFIGURATIONS[wrong]
    replace(clean.path / file, old, new)
    before = snapshot(clean)
    command = ["compare", "run"] if "compare" in file else ["run"]
    said = sentence_of(clean.mlops(*command, check=False))
    assert file in said and "secret" not in said
    for word in words:
        assert word in said
    assert snapshot(clean) == before


USAGE = {
    "an unknown command": (["nonsense"], "nonsense"),
    "an unknown command of a group": (["data", "nonsense"], "nonsense"),
    "a mistyped option": (["run", "--jsn"], "--json"),
    "a missing option": (["privacy", "erase"], "--subject"),
    "one of two options": (["data", "ingest", "--tables", "x"], "go together"),
    "an option of a stage": (["train", "--fast"], "`uv run mlops run` gives it its options"),
    "too many words": (["run", "now"], "now"),
    "no decision to check": (["compare", "check"], "reports/compare/decision.json"),
    "no model to show": (["compare", "run"], "uv run mlops run"),
}


@pytest.mark.parametrize("wrong", USAGE)
def test_wrong_usage_is_one_sentence_that_names_the_word(wrong: str, clean: Project) -> None:
    command, word = USAGE[wrong]
    done = clean.mlops(*command, check=False)
    if wrong == "no decision to check":
        assert (done.returncode, done.stderr) == (3, "")
        assert word in done.stdout
        assert len(done.stdout.splitlines()) == 1
    else:
        assert word in sentence_of(done)


def test_an_unknown_environment_is_named_with_those_there_are(clean: Project) -> None:
    project = Project(clean.path, {"MLOPS_ENV": "production"})
    said = sentence_of(project.mlops("run", check=False))
    assert said == 'MLOPS_ENV is "production"; use one of dev, staging, prod.'


def executable(name: str) -> str:
    return str(shared_environment() / ("Scripts" if os.name == "nt" else "bin") / name)


def test_without_git_the_run_says_so_and_writes_nothing(clean: Project, tmp_path: Path) -> None:
    before = snapshot(clean)
    project = Project(clean.path, {"PATH": str(tmp_path)})
    said = sentence_of(project.run(executable("mlops"), "run", check=False))
    assert "git program is not on the PATH" in said
    assert "install git" in said
    assert snapshot(clean) == before


def test_an_older_python_is_refused_before_anything_else(clean: Project) -> None:
    code = (
        "import sys; sys.version_info = (3, 10, 13, 'final', 0); "
        "sys.argv = ['mlops', 'run']; from mlops_kit.cli import main; main()"
    )
    said = sentence_of(clean.uv("python", "-c", code, check=False))
    assert "Python 3.10 is too old" in said
    assert "3.11" in said


def test_a_real_older_python_is_refused_too(clean: Project) -> None:
    root = os.environ.get("PYENV_ROOT", "")
    old = sorted(Path(root).glob("versions/3.10.*/bin/python3.10")) if root else []
    found = [str(path) for path in old] or list(filter(None, [shutil.which("python3.10")]))
    # A version manager's stub may be on PATH without an interpreter behind it.
    if (
        not found
        or subprocess.run([found[0], "-c", ""], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine has no Python 3.10; the test above only says that it were one")
    project = Project(clean.path, {"PYTHONPATH": "tools/kit"})
    done = project.run(found[0], "-c", "import mlops_kit", check=False)
    assert "Python 3.10 is too old" in sentence_of(done)


def unprivileged(*command: str) -> list[str]:
    """Return the command without root's power to write where permissions say no."""
    if os.name == "nt":
        pytest.skip("Windows keeps its permissions elsewhere")
    if os.geteuid() != 0:
        return list(command)
    if shutil.which("setpriv") is None:
        pytest.skip("these tests run as root, and without setpriv root may write anywhere")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Take the right to write away from a folder and everything below it."""
    paths = [root, *root.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_a_project_that_may_not_be_written_is_one_sentence(clean: Project) -> None:
    before = snapshot(clean)
    with read_only(clean.path):
        done = clean.run(*unprivileged(executable("mlops"), "run"), check=False)
    said = sentence_of(done)
    assert "ermission denied" in said
    assert "data" in said
    assert snapshot(clean) == before


# A stage that fails inside `mlops run`: its own sentence, once, and its exit code.


def test_sql_that_fails_and_a_model_that_raises_are_told_once(clean: Project) -> None:
    package = clean.path / "src" / "shop"
    with (package / "model.py").open("a", encoding="utf-8") as stream:
        stream.write('\n\ndef build(params):\n    raise ValueError("no luck today")\n')
    done = clean.mlops("run", check=False)
    said = sentence_of(done)
    assert said.startswith("model.py: building or fitting the model fails: ValueError: no luck")
    assert "train" in said
    assert not list((clean.path / "models").glob("*.skops"))
    assert not list((clean.path / "reports" / "compare").rglob("*.*"))

    # The stages before it are complete; now their own SQL fails, and what they wrote stays.
    before = snapshot(clean)
    with (package / "features.py").open("a", encoding="utf-8") as stream:
        stream.write('\n\ndef features(params):\n    return "SELECT id, moon FROM rows"\n')
    done = clean.mlops("data", "features", check=False)
    said = sentence_of(done)
    assert "features.py: the SQL of features() fails" in said
    assert "moon" in said
    line, caret = done.stderr.splitlines()[-2:]
    assert line == "LINE 1: SELECT id, moon FROM rows"
    assert caret.index("^") == line.index("moon")
    assert snapshot(clean) == before

    # A column that is declared, and that a rule keeps out of the open tables, is no misspelt one.
    with (package / "features.py").open("a", encoding="utf-8") as stream:
        sql = "SELECT customer_id AS id, city FROM customers"
        stream.write(f'\n\ndef features(params):\n    return "{sql}"\n')
    said = clean.mlops("data", "features", check=False).stderr
    assert 'declares "city" of customers, and a rule keeps it out of data/open' in said


def test_a_second_run_in_one_folder_is_told_that_there_is_another(clean: Project) -> None:
    """The bad case is made by hand: DVC's own note that a living process writes the model."""
    lock = clean.path / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    at_work = {"pid": os.getpid(), "cmd": "dvc repro"}
    lock.write_text(json.dumps({"write": {str(clean.path / "models/model.skops"): at_work}}))
    try:
        done = clean.mlops("run", "--force", check=False)
        assert "Another `mlops run` or `dvc` is at work in this folder" in sentence_of(done)
        assert str(os.getpid()) not in done.stderr
    finally:
        lock.unlink()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches a process group only on POSIX")
def test_ctrl_c_stops_everything_with_one_word(clean: Project) -> None:
    process = subprocess.Popen(
        ["uv", "run", "mlops", "run", "--force"],
        cwd=clean.path,
        env=clean.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    while first and not first.startswith("data "):  # uv may say first what it installs
        first = process.stderr.readline()
    assert first
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    out, rest = process.communicate(timeout=60)
    said = [line for line in rest.splitlines() if not line.startswith(("protect", "features"))]
    assert said == ["stopped; the same command continues from what was complete"]
    assert out == ""
    assert process.returncode == 3


def test_a_second_ctrl_c_on_the_way_out_changes_nothing(clean: Project) -> None:
    """The terminal sends it to the whole group, and `uv run` passes its own on."""
    code = (
        "import atexit, os, signal\n"
        "from mlops_kit import cli\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "cli.add_rooms = lambda app: os.kill(os.getpid(), signal.SIGINT)\n"
        "cli.main()\n"
    )
    done = clean.run("uv", "run", "--frozen", "python", "-c", code, check=False)
    assert done.stderr == "stopped; the same command continues from what was complete\n"
    assert done.returncode == 3


# The tool that starts projects.


def tool(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "copier_mlops", "new", *arguments, "--defaults"]
    settings = {"env": environment, **options}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, **settings)  # type: ignore[call-overload]


def tool_sentence(done: subprocess.CompletedProcess[str]) -> str:
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 3, said
    assert "Traceback" not in said
    assert len(done.stderr.splitlines()) == 1, said
    assert done.stdout == ""
    return done.stderr.strip()


WRONG_ANSWERS = {
    "an unknown question": (["-d", "hostng=aws"], "hosting"),
    "a computed answer": (["-d", "project_slug=x"], "project_slug"),
    "an unknown choice": (["-d", "task=clustering"], "task"),
    "no answer at all": (["-d", "task"], "question=answer"),
    "an unknown profile": (["--profile", "huge"], "team"),
    "a missing answers file": (["--answers", "nowhere.yml"], "nowhere.yml"),
    "a missing template": (["--template", "/no/such/folder"], "/no/such/folder"),
    "an unknown option": (["--profil", "poc"], "--profile"),
}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
def test_a_wrong_answer_is_one_sentence_and_no_folder(
    wrong: str, template: Path, tmp_path: Path
) -> None:
    arguments, word = WRONG_ANSWERS[wrong]
    if wrong != "a missing template":
        arguments = ["--template", str(template), *arguments]
    assert word in tool_sentence(tool("shop", *arguments, cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_refused_and_left_alone(
    template: Path, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.txt").write_text("mine", encoding="utf-8")
    said = tool_sentence(tool("shop", "--template", str(template), cwd=tmp_path))
    assert "not an empty folder" in said
    assert [path.name for path in tmp_path.rglob("*")] == ["shop", "mine.txt"]


def test_the_tool_needs_git_too(template: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PATH": str(tmp_path)}
    done = tool("shop", "--template", str(template), cwd=tmp_path, env=environment)
    assert "install git" in tool_sentence(done)
    assert list(tmp_path.iterdir()) == []


def test_the_tool_refuses_an_older_python(tmp_path: Path) -> None:
    code = (
        "import sys; from copier_mlops.cli import main; "
        "sys.version_info = (3, 10, 13, 'final', 0); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "needs Python 3.11" in tool_sentence(done)


def test_a_place_that_may_not_be_written_is_refused(template: Path, tmp_path: Path) -> None:
    arguments = ["shop", "--template", str(template), "--defaults"]
    command = unprivileged(sys.executable, "-m", "copier_mlops", "new", *arguments)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with read_only(tmp_path):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert "Cannot write in" in tool_sentence(done)
    assert list(tmp_path.iterdir()) == []
