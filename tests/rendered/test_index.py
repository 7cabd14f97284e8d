"""Behind another package index uv rewrites the lock by itself: that is never silent here.

The index is a small one on 127.0.0.1, made from the rendered lock: names, files, hashes and
dependencies, so that uv resolves the whole project against it. It serves no package; the packages
are installed already.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from package_index import pages_of
from rendering import git
from running import Project, first_and_repetitions, new_project, shared_environment

pytestmark = pytest.mark.xdist_group("index")

PUBLIC = "https://pypi.org/simple"
SECRET = "a-secret-password"  # noqa: S105 - of nobody, to see that it is never shown


@dataclass(frozen=True)
class Index:
    """A package index of one's own: its address, and the same with a password in it."""

    url: str
    with_password: str


@pytest.fixture(scope="module")
def index(project: Project) -> Iterator[Index]:
    pages = pages_of(project.path / "uv.lock")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content_type, content = pages.get(self.path, ("", b""))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", content_type or "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_port}/simple"
        yield Index(f"http://{place}", f"http://person:{SECRET}@{place}")
        server.shutdown()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render and install a project while the public index is the only one."""
    made = new_project(tmp_path_factory.mktemp("index") / "project")
    made.uv("python", "-c", "")
    return made


@pytest.fixture
def behind(project: Project, index: Index, tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Return a function: the project with uv's own variables, and none of this machine's."""

    def with_variables(frozen: bool = False, **variables: str) -> Project:
        clean = {"UV_FROZEN": str(int(frozen)), "NO_PROXY": "127.0.0.1"}
        clean["XDG_CONFIG_HOME"] = str(tmp_path / "configuration")
        return Project(project.path, {**clean, **variables})

    yield with_variables
    git("checkout", "--quiet", "--force", "main", cwd=project.path)
    git("clean", "--quiet", "--force", cwd=project.path)


WAYS = ("UV_DEFAULT_INDEX", "pyproject.toml", "UV_INDEX_URL", "uv.toml of the user", "uv.toml")


def choose(way: str, project: Project, url: str) -> dict[str, str]:
    """Configure an index in one of uv's ways; return the variables that belong to it."""
    table = f'url = "{url}"\ndefault = true\n'
    match way:
        case "uv.toml of the user":
            folder = Path(project.environment()["XDG_CONFIG_HOME"]) / "uv"
            folder.mkdir(parents=True)
            (folder / "uv.toml").write_text(f"[[index]]\n{table}", encoding="utf-8")
        case "uv.toml":
            # Beside a uv.toml uv ignores [tool.uv]; the groups are needed to run at all.
            text = f'index-url = "{url}"\n'
            (project.path / "uv.toml").write_text(text, encoding="utf-8")
        case "pyproject.toml":
            with (project.path / "pyproject.toml").open("a", encoding="utf-8") as stream:
                stream.write(f"\n[[tool.uv.index]]\nname = 'ours'\n{table}")
        case _:
            return {way: url}
    return {}


def lock_of(project: Project) -> str:
    return (project.path / "uv.lock").read_text(encoding="utf-8")


def about_the_index(doctor: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return what `mlops doctor --json` found out about the index."""
    assert doctor.stdout, f"doctor failed: {doctor.stderr}"
    (finding,) = [one for one in json.loads(doctor.stdout) if one["name"] == "index"]
    return finding


@pytest.mark.parametrize("way", first_and_repetitions(*WAYS))
def test_another_index_fails_the_lock_check_and_doctor_names_both_with_the_command(
    way: str, behind: Callable[..., Project], index: Index
) -> None:
    variables = choose(way, behind(), index.with_password)
    before = lock_of(behind())
    # What uv does: the check fails, and an installation that may not change the lock, too.
    for refused in (["uv", "lock", "--check"], ["uv", "sync", "--locked"]):
        done = behind(**variables).run(*refused, check=False)
        assert done.returncode != 0
        assert "needs to be updated" in done.stderr
    # What doctor says, started in each way that leaves the lock alone.
    mlops = str(shared_environment() / ("Scripts" if os.name == "nt" else "bin") / "mlops")
    for frozen, command in [
        (True, ["uv", "run", "mlops", "doctor", "--json"]),
        (False, ["uv", "run", "--frozen", "mlops", "doctor", "--json"]),
        (False, [mlops, "doctor", "--json"]),
    ]:
        done = behind(frozen, **variables).run(*command, check=False)
        assert done.returncode == 1
        finding = about_the_index(done)
        assert finding["status"] == "problem"
        assert PUBLIC in finding["message"]
        assert index.url in finding["message"]
        assert "export UV_FROZEN=1" in finding["mend"]
        assert SECRET not in done.stdout + done.stderr
        assert "warning: uv has rewritten" not in done.stderr
    assert lock_of(behind()) == before


@pytest.mark.parametrize(
    "way", first_and_repetitions("UV_DEFAULT_INDEX", "UV_INDEX_URL", "uv.toml of the user")
)
def test_when_uv_has_rewritten_the_lock_every_command_says_so(
    way: str, behind: Callable[..., Project], index: Index
) -> None:
    variables = choose(way, behind(), index.with_password)
    before = lock_of(behind())
    # uv rewrites before any code of the project runs: it can be told, not prevented.
    done = behind(**variables).mlops("doctor", check=False)
    assert lock_of(behind()) != before
    assert done.returncode == 1
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("problem  index")]
    assert f"made with {PUBLIC} and now names {index.url}" in told
    for command in (["sources", "test"], ["compare", "check"]):
        done = behind(**variables).mlops(*command, check=False)
        warned = [line for line in done.stderr.splitlines() if line.startswith("warning: uv has")]
        assert len(warned) == 1
        assert all(PUBLIC in line and index.url in line for line in warned)
        assert all("git checkout uv.lock" in line for line in warned)
        assert SECRET not in done.stdout + done.stderr


def test_both_commands_that_doctor_names_end_the_matter(
    behind: Callable[..., Project], index: Index
) -> None:
    variables = {"UV_DEFAULT_INDEX": index.url}
    before = lock_of(behind())
    behind(**variables).uv("true")
    assert lock_of(behind()) != before
    # To stay with the lock:
    git("checkout", "uv.lock", cwd=behind().path)
    done = behind(frozen=True, **variables).mlops("sources", "test")
    assert "warning" not in done.stderr
    assert lock_of(behind()) == before
    # To move the team:
    git("checkout", "--quiet", "-b", "moved", cwd=behind().path)
    behind(**variables).run("uv", "lock")
    git(
        "commit",
        "--quiet",
        "--message",
        "Move",
        "uv.lock",
        cwd=behind().path,
    )
    done = behind(**variables).mlops("doctor", "--json", check=False)
    finding = about_the_index(done)
    assert finding["status"] == "ok"
    assert index.url in finding["message"]
    # And somebody whose uv has no index configured is told that the lock has another one.
    done = behind(frozen=True).mlops("doctor", "--json", check=False)
    finding = about_the_index(done)
    assert finding["status"] == "problem"
    assert PUBLIC in finding["message"]


@pytest.mark.parametrize("variable", first_and_repetitions("UV_INDEX", "UV_EXTRA_INDEX_URL"))
def test_an_additional_index_is_no_problem_to_uv_nor_to_doctor(
    variable: str, behind: Callable[..., Project], index: Index
) -> None:
    before = lock_of(behind())
    behind(**{variable: index.url}).run("uv", "lock", "--check")
    done = behind(**{variable: index.url}).mlops("doctor", "--json", check=False)
    finding = about_the_index(done)
    assert finding["status"] == "ok"
    assert lock_of(behind()) == before


def test_a_project_that_names_its_index_is_not_moved_by_a_weaker_variable(
    behind: Callable[..., Project], index: Index
) -> None:
    choose("pyproject.toml", behind(), PUBLIC)
    before = lock_of(behind())
    done = behind(UV_INDEX_URL=index.url).mlops("doctor", "--json", check=False)
    finding = about_the_index(done)
    assert finding["status"] == "ok"
    assert lock_of(behind()) == before


@pytest.mark.repetition
def test_without_a_commit_the_lock_is_compared_with_the_one_that_was_rendered(
    project: Project, behind: Callable[..., Project], index: Index, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    shutil.copytree(project.path, fresh, ignore=shutil.ignore_patterns(".git"))
    done = Project(fresh, {**behind(UV_DEFAULT_INDEX=index.url).extra}).mlops(
        "sources", "test", check=False
    )
    assert done.stderr.count("warning: uv has rewritten uv.lock") == 1
