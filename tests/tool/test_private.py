"""Private templates and private indexes: who asks is told to git and uv, and stored nowhere."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from copier_mlops.environment import scrubbed
from lifecycle import commit, repository
from package_index import pages_of
from private_servers import CODED, PERSON, SECRET, Server, git_server, index_server
from processes import run
from rendering import git, render
from running import first_and_repetitions
from tiny_template import PYPROJECT, second_version, tiny_template

ANSWERS = ".copier-answers.yml"
NEWER = PYPROJECT.replace("idna>=2", "idna>=3")
LOCK = """\
version = 1
[[package]]
name = "idna"
version = "3.10"
source = { registry = "https://example.org/simple" }
wheels = [{ url = "https://example.org/idna-3.10-py3-none-any.whl", hash = "sha256:%s" }]
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_template(tmp_path / "served" / "template.git")


@pytest.fixture
def server(tiny: Path) -> Iterator[Server]:
    with git_server(tiny.parent) as server:
        yield server


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "lock").write_text(LOCK % ("0" * 64), encoding="utf-8")
    with index_server(pages_of(tmp_path / "lock")) as server:
        yield server


@dataclass
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    said: str


Tool = Callable[..., Outcome]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Return a function that runs the command line as people do: in a process of its own."""
    home = tmp_path / "home"
    home.mkdir()

    def start(*arguments: object, **variables: str) -> Outcome:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_"))}
        kept |= {
            "HOME": str(home),
            "UV_CACHE_DIR": str(tmp_path / "cache"),
            "NO_PROXY": "127.0.0.1",
        }
        kept |= {"COPIER_CACHE_DIR": str(home / "copier"), "UV_PYTHON_DOWNLOADS": "never"}
        command = [sys.executable, "-m", "copier_mlops", *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**kept, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr)

    return start


def settings(*pairs: tuple[str, str]) -> dict[str, str]:
    """Return git's settings as CI gives them."""
    numbered = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered


def program(folder: Path) -> str:
    """Write a program that answers git's questions."""
    path = folder / "askpass"
    path.write_text(f'#!/bin/sh\ncase "$1" in User*) echo {PERSON};; *) echo {SECRET};; esac\n')
    path.chmod(0o700)
    return str(path)


def netrc(at: Server, folder: Path) -> dict[str, str]:
    """Write the file that curl and uv read."""
    host = at.place.split(":")[0]
    (folder / "home" / ".netrc").write_text(f"machine {host} login {PERSON} password {SECRET}\n")
    return {}


HELPER = f"!f() {{ echo username={PERSON}; echo password={SECRET}; }}; f"
WAYS: dict[str, Callable[[Server, Path], Mapping[str, str]]] = {
    "a header": lambda at, _: settings(
        (f"http.{at.url}/.extraHeader", f"Authorization: Basic {CODED}")
    ),
    "a helper": lambda _, __: settings(("core.hooksPath", "/x"), ("credential.helper", HELPER)),
    "another address": lambda at, _: settings((f"url.{at.with_password}/.insteadOf", f"{at.url}/")),
    "git -c": lambda at, _: {
        "GIT_CONFIG_PARAMETERS": f"'http.{at.url}/.extraHeader'='Authorization: Basic {CODED}'"
    },
    "a program": lambda _, folder: {"GIT_ASKPASS": program(folder)},
    "netrc": netrc,
}


def answers_of(project: Path) -> dict[str, object]:
    return yaml.safe_load((project / ANSWERS).read_text(encoding="utf-8"))


def written_secrets(folder: Path) -> list[str]:
    """Return the files below a folder that hold the password in any form."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(s.encode() in path.read_bytes() for s in (SECRET, CODED))
    ]


@pytest.mark.parametrize("way", first_and_repetitions(*WAYS, kept=2))
def test_a_private_template_is_reached_by_whatever_lets_git_in(
    way: str, tool: Tool, server: Server, tiny: Path, tmp_path: Path
) -> None:
    address, project = f"{server.url}/template.git", tmp_path / "project"
    variables = WAYS[way](server, tmp_path)
    options = ("--template", address, "--defaults", "-d", "package_name=shop")
    done = tool("new", project, *options, **variables)
    assert done.code == 0, done.said
    assert any("git-upload-pack" in path for path in server.let_in)
    assert answers_of(project)["_src_path"] == address
    git("init", "--quiet", cwd=project)
    commit(project)
    second_version(tiny)
    for command in ("drift", "update"):
        server.log.clear()
        done = tool(command, project, **variables)
        assert done.code == 0, done.said
        assert any("git-upload-pack" in path for path in server.let_in)
    assert "line 15, better" in (project / "src/shop/mlops/cli.py").read_text(encoding="utf-8")
    commit(project)
    assert not written_secrets(project)


def test_without_a_password_one_sentence_says_how_git_is_let_in(
    tool: Tool, server: Server, tmp_path: Path
) -> None:
    options = ("--template", f"{server.url}/template.git", "--defaults")
    done = tool("new", tmp_path / "p", *options)
    assert done.code == 3
    assert "a credential helper, ~/.netrc, GIT_ASKPASS, or GIT_CONFIG_COUNT" in done.said
    wrong = settings((f"http.{server.url}/.extraHeader", "Authorization: Basic d3Jvbmc6"))
    assert "a credential helper" in tool("new", tmp_path / "p", *options, **wrong).said
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("who", [f"{PERSON}:{SECRET}", f"{PERSON}:a-secret%2Dpassword"])
def test_a_password_in_the_address_is_used_once_and_stands_nowhere(
    who: str, tool: Tool, server: Server, tmp_path: Path
) -> None:
    address, project = f"{server.url}/template.git", tmp_path / "project"
    given = address.replace("//", f"//{who}@")
    options = ("--template", given, "--defaults", "-d", "package_name=shop", "--json")
    done = tool("new", project, *options)
    assert done.code == 0, done.said
    assert "used once and not stored" in done.said
    assert answers_of(project)["_src_path"] == address
    assert not [s for s in (SECRET, CODED, who) if s in done.said]
    assert not [*written_secrets(project), *written_secrets(tmp_path / "home")]


@pytest.mark.parametrize(
    ("address", "debug"),
    first_and_repetitions(
        (f"http://{PERSON}:{SECRET}@127.0.0.1:9/t.git", ()),
        (f"http://{PERSON}:{SECRET}@127.0.0.1:9/t.git", ("--debug",)),
        (f"git+http://{SECRET}@127.0.0.1:9/t.git", ("--debug",)),
        (f"http://127.0.0.1:9/t.git?private_token={SECRET}", ("--debug",)),
        (f"http://{PERSON}:a/{SECRET}@127.0.0.1:9/t.git", ()),
        (f"ssh://git:{SECRET}@127.0.0.1:9/t.git", ("--debug",)),
        kept=2,
    ),
)
def test_no_error_shows_the_password_of_an_address(
    address: str, debug: tuple[str, ...], tool: Tool, tmp_path: Path
) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git("init", "--quiet", cwd=repo)
    (repo / "README.md").write_text("mine\n", encoding="utf-8")
    commit(repo)
    for command in (("new", tmp_path / "p"), ("adopt", repo)):
        done = tool(*debug, *command, "--template", address, "--defaults")
        assert done.code == 3, done.said
        assert ("Traceback" in done.said) == bool(debug)
        assert SECRET not in done.said
    text = f"_src_path: {address}\n_commit: v1\npackage_name: a\ntask: b\nfunctionality: c\n"
    (repo / ANSWERS).write_text(text, encoding="utf-8")
    commit(repo)
    for command in ("update", "drift", "eject"):
        done = tool(*debug, command, repo)
        assert done.code == 3, done.said
        assert "revoke it" in done.said
        assert SECRET not in done.said


@pytest.mark.parametrize("newer", [True, False])
def test_an_update_takes_a_stored_password_out_and_says_to_revoke_it(
    newer: bool, tool: Tool, server: Server, tiny: Path, tmp_path: Path
) -> None:
    project = repository(tiny, tmp_path / "project", "1.0.0", {"package_name": "shop"})
    address = f"{server.url}/template.git"
    with_password = address.replace("//", f"//{PERSON}:{SECRET}@")
    text = (project / ANSWERS).read_text(encoding="utf-8")
    text = text.replace(f"_src_path: {tiny}", f"_src_path: {with_password}")
    (project / ANSWERS).write_text(text, encoding="utf-8")
    commit(project)
    if newer:
        second_version(tiny)
    done = tool("update", project, "--check")
    assert done.code == 0, done.said
    assert SECRET not in done.said
    done = tool("update", project)
    assert done.code == 0, done.said
    assert "revoke it where it was made" in done.said
    assert answers_of(project)["_src_path"] == address
    assert answers_of(project)["_commit"] == ("v2.0.0" if newer else "v1.0.0")
    report = (project / "TEMPLATE_UPDATE.md").read_text(encoding="utf-8")
    assert "not out of git's history: revoke it" in report
    assert SECRET not in done.said + report + git("show", f":{ANSWERS}", cwd=project)
    commit(project)
    assert "revoke" not in tool("update", project, **settings(("credential.helper", HELPER))).said


INDEX_WAYS: dict[str, Callable[[Server, Path], Mapping[str, str]]] = {
    "UV_INDEX_URL": lambda at, _: {"UV_INDEX_URL": f"{at.with_password}/simple"},
    "UV_DEFAULT_INDEX": lambda at, _: {"UV_DEFAULT_INDEX": f"{at.with_password}/simple/"},
    "by name": lambda at, _: {
        "UV_DEFAULT_INDEX": f"ours={at.url}/simple",
        "UV_INDEX_OURS_USERNAME": PERSON,
        "UV_INDEX_OURS_PASSWORD": SECRET,
    },
    "netrc": netrc,
}


@pytest.mark.parametrize("way", first_and_repetitions(*INDEX_WAYS))
def test_an_update_locks_against_a_private_index(
    way: str, tool: Tool, index: Server, tiny: Path, tmp_path: Path
) -> None:
    project = repository(tiny, tmp_path / "project", "1.0.0", {"package_name": "shop"})
    variables = INDEX_WAYS[way](index, tmp_path)
    locked = ["uv", "lock", "--default-index", f"{index.with_password}/simple"]
    assert run(locked, project, {"UV_CACHE_DIR": str(tmp_path / "other")}).returncode == 0
    commit(project)
    index.log.clear()
    second_version(tiny, **{"template/pyproject.toml.jinja": NEWER})
    done = tool("update", project, **variables)
    assert done.code == 0, done.said
    assert "The lock:" not in done.said
    assert "/simple/idna/" in index.let_in
    written = (project / "uv.lock").read_text(encoding="utf-8")
    assert f'registry = "{index.url}/simple' in written
    assert 'specifier = ">=3"' in written
    assert not written_secrets(project)
    assert SECRET not in done.said


def test_an_adoption_reads_a_private_template_and_locks_against_a_private_index(
    tool: Tool, template: Path, tmp_path: Path
) -> None:
    (tmp_path / "adopt").mkdir()
    git("clone", "--quiet", "--bare", str(template), "template.git", cwd=tmp_path / "adopt")
    rendered = render(tmp_path / "rendered", {"package_name": "shop"})
    repo = tmp_path / "repo"
    repo.mkdir()
    git("init", "--quiet", cwd=repo)
    (repo / "README.md").write_text("mine\n", encoding="utf-8")
    commit(repo)
    with (
        git_server(tmp_path / "adopt") as server,
        index_server(pages_of(rendered / "uv.lock")) as index,
    ):
        given = ("--template", f"{server.with_password}/template.git", "--defaults")
        variables = {"UV_INDEX_URL": f"{index.with_password}/simple"}
        done = tool("adopt", repo, *given, **variables)
    assert done.code == 0, done.said
    assert any("git-upload-pack" in path for path in server.let_in)
    assert "/simple/scikit-learn/" in index.let_in
    assert answers_of(repo)["_src_path"] == f"{server.url}/template.git"
    assert f"{index.url}/simple" in (repo / "uv.lock").read_text(encoding="utf-8")
    assert not written_secrets(repo)
    assert SECRET not in done.said


def test_only_settings_that_sign_in_are_inherited() -> None:
    wanted = [
        ("http.https://host.example/.extraHeader", "Authorization: Basic x"),
        ("credential.https://host.example.helper", "store"),
        ("url.https://a:b@host.example/.insteadOf", "https://host.example/"),
        ("core.sshCommand", "ssh -i key"),
        ("safe.directory", "*"),
        ("user.name", "A = B"),
    ]
    misleading = [
        ("core.hooksPath", "/x"),
        ("core.worktree", "/x"),
        ("alias.status", "!touch x"),
        ("filter.x.clean", "touch x"),
        ("diff.external", "touch x"),
        ("init.templateDir", "/x"),
    ]
    mixed = [pair for both in zip(wanted, misleading, strict=True) for pair in both]
    kept = {"GIT_SSH_COMMAND": "ssh", "SSH_AUTH_SOCK": "/s", "NETRC": "/n", "UV_INDEX_URL": "u"}
    gone = {"GIT_DIR": "/x", "GIT_INDEX_FILE": "/x", "GIT_WORK_TREE": "/x", "GIT_TRACE_CURL": "1"}
    assert scrubbed({**kept, **gone, **settings(*mixed)}) == {**kept, **settings(*wanted)}
    passed = " ".join(f"'{key}'='{value}'" for key, value in mixed)
    assert scrubbed({"GIT_CONFIG_PARAMETERS": passed}) == settings(*wanted)
    for wrong in ("x", "-1", "99999999", ""):
        assert scrubbed({"GIT_CONFIG_COUNT": wrong, "GIT_CONFIG_KEY_0": "user.name"}) == {}
