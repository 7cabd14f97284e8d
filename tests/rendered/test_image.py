"""The image, made by its Dockerfile's own steps without an engine, and started as a cluster would.

As another user, on a tree that nobody can write but for /job and /tmp; see `support/image.py`.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from image import Image, follow
from running import new_project, replace

pytestmark = pytest.mark.xdist_group("image")
REVISION = "0123456789abcdef0123456789abcdef01234567"
ORIGIN = """
from mlops_kit.core.provenance import provenance
said = provenance()
print(said["commit"], said["uncommitted"])
"""
INSTALLED = """
import mlops_kit, shop, importlib.util
print(mlops_kit.__file__, shop.__file__, importlib.util.find_spec("pytest"))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the job's image of a small project."""
    project = new_project(tmp_path_factory.mktemp("image") / "project")
    sources = project.path / "conf" / "sources.yaml"
    replace(sources, "customers: 5000", "customers: 400")
    replace(sources, "order_lines: 60000", "order_lines: 6000")
    (project.path / "data").mkdir()
    (project.path / "data" / "holdouts.json").write_text('{"of": ["git"]}\n', encoding="utf-8")
    return follow(project.path, "job", tmp_path_factory.mktemp("stages"), REVISION=REVISION)


@pytest.fixture
def image(made: Image) -> Iterator[Image]:
    """Give the image to a test, with /job and /tmp as a new container has them."""
    yield made
    for folder in (made.root / "job", made.root / "tmp"):
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_the_pipeline_runs_as_another_user_on_a_tree_that_it_cannot_write(
    image: Image, figure: Callable[[str], None]
) -> None:
    (image.root / "app/data/holdouts.json").rename(image.root / "aside")
    assert image.command == ("mlops", "run") and image.user == "10001:0"
    done = image.run()
    assert "decision  " in said(done), done.stderr
    project = image.root / "job" / "project"
    assert (project / "reports/compare/decision.json").stat().st_uid == 10001
    assert said(image.run("python", "-c", ORIGIN)) == f"{REVISION} False"
    (image.root / "aside").rename(image.root / "app/data/holdouts.json")
    figure("image: the whole pipeline as user 10001, everything but /job and /tmp read-only")


@pytest.mark.parametrize("user", ["10001:0", "1000650000:0", "12345:12345", "0:0"])
def test_nothing_but_job_and_tmp_can_be_written(image: Image, user: str) -> None:
    places = "/ /app /app/src /opt/venv /opt/venv/bin /etc /usr/local/bin"
    script = f"for place in {places}; do touch $place/a 2> /dev/null && echo $place; done; "
    assert said(image.run("sh", "-c", f"{script} touch /job/a /tmp/a a", user=user)) == ""


def test_a_builder_that_reads_no_list_of_what_may_enter_is_stopped(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project")
    (project.path / "infra" / "Dockerfile.dockerignore").write_text("", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"Dockerfile\.dockerignore was not read"):
        follow(project.path, "build", tmp_path / "stages")


def test_the_image_holds_the_lock_without_the_tools_of_developers(image: Image) -> None:
    kit, package, pytest_there = said(image.run("python", "-c", INSTALLED)).split()
    assert kit.startswith("/opt/venv/") and package.startswith("/opt/venv/")
    assert pytest_there == "None"
    assert not list((image.root / "app").rglob("test_*.py"))


def test_secrets_come_from_files_named_after_their_variables(image: Image, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "secrets"
    (folder / "eks.amazonaws.com").mkdir(parents=True)
    odd = "a b'\"$x=ñ"
    (folder / "MLOPS_PRIVACY_KEY").write_text(f"{odd}\n", encoding="utf-8")
    (folder / "..data").write_text("x")
    (folder / "tls.crt").write_text("x")
    show = ["sh", "-c", 'printf "%s|" "$MLOPS_PRIVACY_KEY"; env | grep -c crt']
    assert image.run(*show, secrets=folder).stdout == f"{odd}|0\n"
    (folder / "PGPASSWORD").write_text("x")
    (folder / "PGPASSWORD").chmod(0o600)
    refused = image.run(*show, secrets=folder)
    assert refused.returncode == 3
    assert "the secret /run/secrets/PGPASSWORD cannot be read by user 10001" in refused.stderr


def test_a_volume_of_somebody_else_is_said(image: Image) -> None:
    said(image.run("true", user="12345:12345"))
    for mode in (0o777, 0o755):
        (image.root / "job").chmod(mode)
        refused = image.run("true")
        assert refused.returncode == 3
        assert "error: user 10001 cannot write in /job, or it is another" in refused.stderr
    (image.root / "job").chmod(0o777)


def test_code_is_the_images_and_records_are_the_jobs(image: Image) -> None:
    """Or each start would forget how often a holdout was used, or run old code."""
    changes = "echo used > data/holdouts.json; echo old > src/shop/gone.py; mkdir .dvc/cache"
    changes += "; echo changed > params.yaml; echo lock > dvc.lock"
    first = image.run("sh", "-c", f"cat data/holdouts.json; {changes}")
    assert said(first) == '{"of": ["git"]}'
    look = "cat data/holdouts.json dvc.lock; ls -d .dvc/cache; ls src/shop; head -c 1 params.yaml"
    seen = said(image.run("sh", "-c", look)).splitlines()
    assert seen[:3] == ["used", "lock", ".dvc/cache"]
    assert "gone.py" not in seen and seen[-1] != "c"


def test_two_jobs_in_one_folder_wait_for_each_other(image: Image) -> None:
    first = image.container("sh", "-c", "touch started; sleep 2; echo first >> order")
    second = image.container("sh", "-c", "echo second >> order; cat order")
    with subprocess.Popen(first) as one:
        while not (image.root / "job/project/started").exists():
            assert one.poll() is None
        done = subprocess.run(second, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["first", "second"]
    assert "waiting    another job works in /job/project" in done.stderr
