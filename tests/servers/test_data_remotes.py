"""Data goes to a remote and comes back to the byte, and what a remote refuses is one sentence.

SeaweedFS is the real thing, Azurite and fake-gcs-server are emulators, the SSH server is asyncssh's
(compatible). Each is installed and started here, on 127.0.0.1.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace as changed
from hashlib import sha256
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import storage_servers as servers
from listening import free_ports
from rendering import git
from running import Project, new_project, replace
from small_disk import small_disk

DEV = {"AWS_ACCESS_KEY_ID": "devkey", "AWS_SECRET_ACCESS_KEY": "devsecret"}
ADMIN = ("adminkey", "adminsecret")
KEYS = {
    "dev": ("devkey", "devsecret", ["of-dev"]),
    "prod": ("prodkey", "prodsecret", ["of-prod", "raw-of-prod"]),
    "admin": (*ADMIN, []),
}
SMALL = "customers: 600, products: 60, order_lines: 9000"
FOLDERS = ("data/open", "models", "reports")


def contents(project: Project) -> dict[str, str]:
    """SHA-256 of everything that the pipeline made and DVC keeps, and what its catalogue lists."""
    own = {"registration.json", "catalog.json"}  # they name the commit at which each was written
    catalogue = json.loads((project.path / "data/open/catalog.json").read_text(encoding="utf-8"))
    return {"tables": catalogue["version"]} | {
        file.relative_to(project.path).as_posix(): sha256(file.read_bytes()).hexdigest()
        for folder in FOLDERS
        for file in sorted((project.path / folder).rglob("*"))
        if file.is_file() and file.name not in own
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Run the pipeline of a repository on AWS, with the groups of all places, and commit."""
    folder = tmp_path_factory.mktemp("made")
    own = {"UV_PROJECT_ENVIRONMENT": str(folder / "venv")}
    project = changed(new_project(folder / "shop", {"hosting": "aws"}), extra=own)
    groups = [part for name in ("gs", "azure", "ssh") for part in ("--group", name)]
    project.run("uv", "sync", "--quiet", *groups)
    size = "customers: 5000, products: 300, order_lines: 60000"
    replace(project.path / "conf/sources.yaml", size, SMALL)
    project.run(str(folder / "venv/bin/mlops"), "run", check=False)
    assert (project.path / "reports/compare/decision.json").is_file()
    project.commit("a run")
    return project


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.seaweedfs(tmp_path_factory.mktemp("weed") / "data", KEYS) as server:
        servers.make_buckets(server, *ADMIN, "of-dev", "of-prod", "raw-of-prod")
        yield server


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.azurite(tmp_path_factory.mktemp("azurite") / "data") as server:
        yield server


class Clone:
    """A clone of the repository whose remote for dev is somewhere else."""

    def __init__(self, made: Project, folder: Path, **remote: str) -> None:
        git("clone", "--quiet", str(made.path), str(folder), cwd=made.path)
        self.project = changed(made, path=folder)
        self.remote(**remote)

    def remote(self, **options: str) -> None:
        """Say where the remote of dev is, as `dvc remote modify --local` would."""
        self.options = {**getattr(self, "options", {}), **options}
        lines = [f"    {option} = {value}\n" for option, value in self.options.items()]
        text = "['remote \"dev\"']\n" + "".join(lines)
        (self.project.path / ".dvc/config.local").write_text(text, encoding="utf-8")

    def run(self, program: str, *words: str, env: Mapping[str, str] = {}) -> str:
        """Run a program of the environment, which must succeed; return what it prints."""
        done = self.ask(program, *words, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(
        self, program: str, *words: str, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment with these variables."""
        bin_folder = Path(self.project.extra["UV_PROJECT_ENVIRONMENT"]) / "bin"
        project = changed(self.project, extra={**self.project.extra, **env})
        return project.run(str(bin_folder / program), *words, check=False)

    def refused(self, *words: str, env: Mapping[str, str] = {}) -> str:
        """Run `mlops data ...`, which must refuse with one sentence; return it."""
        done = self.ask("mlops", "data", *words, env=env)
        said = done.stderr.strip()
        assert done.returncode == 3 and done.stdout == "", (done.returncode, said)
        assert said.startswith("error: ") and "\n" not in said and "Traceback" not in said, said
        print(said)
        return said


def there_and_back(
    made: Project, folder: Path, env: Mapping[str, str], remote: Mapping[str, str]
) -> tuple[Clone, Clone]:
    """Push from one clone and pull into another one; return both."""
    sender = Clone(made, folder / "sender", **remote)
    for name in FOLDERS:  # what the run made: in the clone as if it had run there
        shutil.copytree(made.path / name, sender.project.path / name)
    shutil.copytree(made.path / ".dvc/cache", sender.project.path / ".dvc/cache")
    assert "pushed" in sender.run("mlops", "data", "push", env=env)
    taker = Clone(made, folder / "taker", **remote)
    taker.run("mlops", "data", "pull", env=env)
    assert contents(taker.project) == contents(made) != {}
    assert "up to date" in sender.run("mlops", "data", "push", env=env)
    return sender, taker


def test_seaweedfs_gives_back_what_it_was_given_and_refuses_in_one_sentence(
    made: Project, weed: servers.Server, tmp_path: Path
) -> None:
    place = {"url": "s3://of-dev/dvc", "endpointurl": weed.address}
    sender, taker = there_and_back(made, tmp_path, DEV, place)
    doctor = sender.ask("mlops", "doctor", "--env", "dev", env=DEV)
    assert '"dev" can be written' in doctor.stdout, doctor.stdout
    shutil.rmtree(taker.project.path / ".dvc/cache")
    shutil.rmtree(taker.project.path / "models")
    wrong = {**DEV, "AWS_SECRET_ACCESS_KEY": "of nobody"}
    for env in (wrong, {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "x"}):
        assert "does not let this user in" in taker.refused("pull", env=env)
    said = taker.refused("pull", env={"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)})
    assert "gets no credentials: set AWS_ACCESS_KEY_ID" in said
    doctor = taker.ask("mlops", "doctor", "--env", "dev", env=wrong)
    assert doctor.returncode == 1 and "does not let this user in" in doctor.stdout
    taker.remote(url="s3://nowhere/dvc")
    admin = dict(zip(DEV, ADMIN, strict=True))
    assert "has no such bucket" in taker.refused("pull", env=admin)
    sender.remote(url="s3://nowhere/dvc")
    assert "has no such bucket" in sender.refused("push", env=admin)
    # Prod's bucket is not for dev, whatever dev's configuration says.
    sender.remote(url="s3://of-prod/other")
    assert "does not let this user in or write" in sender.refused("push", env=DEV)
    (port,) = free_ports(1)
    taker.remote(endpointurl=f"http://127.0.0.1:{port}")
    assert "cannot be reached" in taker.refused("pull", env=DEV)
    taker.remote(endpointurl="http://storage.invalid")
    assert "cannot be reached" in taker.refused("pull", env=DEV)


def test_azurite_gives_back_what_it_was_given_and_refuses_in_one_sentence(
    made: Project, azurite: servers.Server, tmp_path: Path
) -> None:
    def signed(**options: str | int) -> dict[str, str]:
        said = servers.connection_string(azurite.port, **options)  # type: ignore[arg-type]
        return {"AZURE_STORAGE_CONNECTION_STRING": said}

    new = Clone(made, tmp_path / "new")
    create = "import os; from azure.storage.blob import BlobServiceClient as C; "
    create += (
        f"C.from_connection_string(os.environ['{next(iter(signed()))}']).create_container('of-dev')"
    )
    new.run("python", "-c", create, env=signed())
    place = {"url": "azure://of-dev/dvc"}
    sender, taker = there_and_back(made, tmp_path, signed(), place)
    shutil.rmtree(taker.project.path / ".dvc/cache")
    shutil.rmtree(taker.project.path / "models")
    assert "does not let this user in" in taker.refused("pull", env=signed(key="QUJD"))
    assert "gets no credentials" in taker.refused("pull", env={"HOME": str(tmp_path)})
    sender.remote(url="azure://nowhere/dvc")
    assert "has no such bucket or container" in sender.refused("push", env=signed())
    (port,) = free_ports(1)
    env = {"AZURE_STORAGE_CONNECTION_STRING": servers.connection_string(port)}
    assert "cannot be reached" in taker.refused("pull", env=env)


def test_google_s_emulator_gives_back_what_it_was_given(made: Project, tmp_path: Path) -> None:
    with servers.fake_gcs(tmp_path / "gcs") as server:
        request = Request(  # noqa: S310
            f"{server.address}/storage/v1/b?project=shop",
            json.dumps({"name": "of-dev"}).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request) as answered:  # noqa: S310
            assert answered.status == 200
        open_to_all = {"endpointurl": server.address, "allow_anonymous_login": "true"}
        place = {"url": "gs://of-dev/dvc", **open_to_all}
        sender, taker = there_and_back(made, tmp_path, {}, place)
        sender.remote(url="gs://nowhere/dvc")
        assert "has no such bucket" in sender.refused("push")
    assert "cannot be reached" in taker.refused("pull")


def test_ssh_gives_back_what_it_was_given(made: Project, tmp_path: Path) -> None:
    with servers.sftp(tmp_path / "kept", "open sesame") as server:
        where = {"url": f"ssh://keeper@127.0.0.1:{server.port}/dvc", "allow_agent": "false"}
        sender, taker = there_and_back(made, tmp_path, {}, {**where, "password": "open sesame"})
        sender.remote(password="guessed")  # noqa: S106
        assert "does not let this user in" in sender.refused("push")
    assert "cannot be reached" in taker.refused("pull")


@pytest.mark.repetition
def test_a_full_disk_here_and_one_of_the_store_are_told_apart(
    made: Project, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    with small_disk(there, 90) as disk, servers.seaweedfs(there / "data", KEYS) as server:
        servers.make_buckets(server, *ADMIN, "of-dev")
        place = {"url": "s3://of-dev/dvc", "endpointurl": server.address}
        sender, _ = there_and_back(made, tmp_path, DEV, place)
        disk.fill(keep=0)
        sender.remote(url="s3://of-dev/another")
        said = sender.refused("push", env=DEV)
        assert "has no room left" in said or "which a full disk there may cause" in said
        disk.clear()
        with small_disk(tmp_path / "here", 40) as mine:
            taker = Clone(made, mine.path / "taker", **place)
            mine.fill(keep=100_000)
            assert "The disk is full" in taker.refused("pull", env=DEV)
            mine.clear()
            taker.run("mlops", "data", "pull", env=DEV)
            assert contents(taker.project) == contents(made)


def test_a_place_whose_library_is_not_installed_names_the_group(tmp_path: Path) -> None:
    project = new_project(tmp_path / "shop", {"personal_data": "none"})
    config = "['remote \"dev\"']\n    url = {}://of-dev/dvc\n"
    for scheme in ("s3", "gs", "azure"):
        (project.path / ".dvc/config.local").write_text(config.format(scheme), encoding="utf-8")
        done = project.mlops("doctor", "--env", "dev", check=False)
        assert f'needs the group "{scheme}": add it to default-groups' in done.stdout, done.stdout


def test_raw_files_are_fetched_by_hash_with_credentials_of_their_own(
    made: Project, weed: servers.Server, tmp_path: Path
) -> None:
    clone = Clone(made, tmp_path / "first", url=str(tmp_path / "remote"))
    folder = clone.project.path
    (folder / "raw").mkdir()
    (folder / "raw/orders.csv").write_text("id,day,amount\n1,2026-01-01,5\n", encoding="utf-8")
    (folder / "conf/sources.yaml").write_text(
        "entity: {table: orders, column: id}\n"
        "sources: {shop: {kind: files, folder: raw}}\n"
        "tables:\n  orders:\n    source: shop\n    path: orders.csv\n"
        "    columns: {id: {type: integer}, day: {type: date}, amount: {type: number}}\n",
        encoding="utf-8",
    )
    with (folder / "conf/prod.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "restricted:\n  url: s3://raw-of-prod/files\n"
            f"  options: {{endpointurl: '{weed.address}'}}\n"
        )
    (folder / ".gitignore").open("a").write("/raw/\n")
    prod = {"MLOPS_ENV": "prod", "MLOPS_RESTRICTED_ID": "prodkey",
            "MLOPS_RESTRICTED_SECRET": "prodsecret", **DEV}  # fmt: skip
    of_dev = {**prod, "MLOPS_RESTRICTED_ID": "devkey", "MLOPS_RESTRICTED_SECRET": "devsecret"}
    assert "does not let this user in" in clone.refused("ingest", "--accept", env=of_dev)
    assert "kept       1 file" in clone.run("mlops", "data", "ingest", "--accept", env=prod)
    clone.project.commit("raw files of prod")
    listed = json.loads((folder / "data/raw-prod.json").read_text(encoding="utf-8"))
    (file,) = listed["sources"]["shop"]
    assert file["path"] == "raw/orders.csv" and file["size"] == 29
    second = tmp_path / "second"
    git("clone", "--quiet", str(folder), str(second), cwd=folder)
    elsewhere = changed(clone.project, path=second)
    assert not (second / "raw").exists()
    program = str(Path(made.extra["UV_PROJECT_ENVIRONMENT"]) / "bin/python")
    fetch = "from mlops_kit.run import write_records; write_records()"
    key = {"MLOPS_PRIVACY_KEY": "ab" * 32}
    done = changed(elsewhere, extra={**made.extra, **prod, **key}).run(
        program, "-c", fetch, check=False
    )
    assert (second / "raw/orders.csv").read_bytes() == (folder / "raw/orders.csv").read_bytes(), (
        done.stderr
    )
