"""One model from dev through staging to prod: three registries, three remotes, three decisions.

Real: SQLite for dev and staging, MLflow with sign-in on PostgreSQL for prod; a folder as the remote
of dev, and buckets of SeaweedFS for the other two, each open to its own key alone.
"""

import json
import secrets
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from mlops_kit.core.bundle import MANIFEST
from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.promote.bundle import verify
from rendering import git
from running import Project, new_project
from storage_servers import make_buckets, seaweedfs
from tracking_server import TrackingServer, server_of

pytestmark = pytest.mark.repetition  # of several minutes
ENVIRONMENTS = ("dev", "staging", "prod")


@dataclass(frozen=True)
class Remote:
    """Where an environment keeps what its runs made."""

    url: str
    options: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """A clone per environment."""

    clones: dict[str, Project]
    server: TrackingServer
    folder: Path

    def decided(self, name: str) -> dict[str, Any]:
        """Return the decision of an environment."""
        file = self.clones[name].path / "reports/compare/decision.json"
        return json.loads(file.read_text(encoding="utf-8"))

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return what an environment's registry holds, the newest first."""
        return json.loads(self.clones[name].mlops("registry", "list", "--json").stdout)

    def log(self, name: str) -> list[dict[str, Any]]:
        """Return the log of promotions of an environment."""
        return json.loads(self.clones[name].mlops("registry", "log", "--json").stdout)


@pytest.fixture(scope="module")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Remote]]:
    buckets = {name: f"of-{name}" for name in ("staging", "prod")}
    keys = {name: (f"{name}key", f"{name}secret", [bucket]) for name, bucket in buckets.items()}
    admin = ("adminkey", "adminsecret")
    folder = tmp_path_factory.mktemp("weed") / "data"
    with seaweedfs(folder, {**keys, "admin": (*admin, [])}) as weed:
        make_buckets(weed, *admin, *buckets.values())
        at = {"endpointurl": weed.address}
        yield {"dev": Remote(str(tmp_path_factory.mktemp("remote-dev")))} | {
            name: Remote(f"s3://{buckets[name]}/dvc", at, signed_in(key, secret))
            for name, (key, secret, _) in keys.items()
        }


def signed_in(key: str, secret: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, remotes: dict[str, Remote]) -> Project:
    """Render a repository that names each environment's remote, and let git know an author."""
    who: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "Ana Example", f"GIT_{role}_EMAIL": "ana@example.org"}
    folder = tmp_path_factory.mktemp("delivery")
    made = new_project(folder / "dev", {"hosting": "aws"})
    made = replace(made, extra={**who, "UV_PROJECT_ENVIRONMENT": str(folder / "venv")})
    for name, remote in remotes.items():
        made.uv("dvc", "remote", "add", "--force", name, remote.url)
        for option, value in remote.options.items():
            made.uv("dvc", "remote", "modify", name, option, value)
    made.commit("remotes")
    return made


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[TrackingServer]:
    with server_of(project) as running:
        yield running


@pytest.fixture(scope="module")
def delivery(
    project: Project, server: TrackingServer, remotes: dict[str, Remote],
    tmp_path_factory: pytest.TempPathFactory,
) -> Delivery:  # fmt: skip
    """Run in dev, judge in staging, judge and promote in prod."""
    folder = tmp_path_factory.mktemp("bundles")
    for name in ("staging", "prod"):
        git("clone", "--quiet", str(project.path), str(project.path.with_name(name)), cwd=folder)
    clones = {}
    for name in ENVIRONMENTS:
        own = {"MLOPS_ENV": name, **remotes[name].variables}
        if name != "dev":
            own["MLOPS_PRIVACY_KEY"] = secrets.token_hex(32)
        if name == "prod":
            own |= {"MLOPS_TRACKING__URI": server.uri, **server.sign_in()}
        clones[name] = Project(project.path.with_name(name), {**project.extra, **own})
    made = Delivery(clones, server, folder)
    dev, staging, prod = (clones[name] for name in ENVIRONMENTS)
    dev.mlops("run")
    dev.mlops("data", "push")
    dev.mlops("bundle", "export", "--output", str(folder / "dev.bundle"))
    staging.mlops("bundle", "import", str(folder / "dev.bundle"))
    staging.mlops("run")
    staging.mlops("data", "push")
    staging.mlops("promote", "--reason", "good in staging")
    champion = ("--alias", "champion")
    staging.mlops("bundle", "export", *champion, "--output", str(folder / "staging.bundle"))
    prod.mlops("bundle", "import", str(folder / "staging.bundle"))
    prod.mlops("run")
    prod.mlops("data", "push")
    return made


def test_the_model_is_one_and_every_environment_has_decided_for_itself(
    delivery: Delivery,
) -> None:
    prod = delivery.clones["prod"]
    refused = prod.mlops("promote", check=False)
    assert refused.returncode == 3 and "demands an approval" in refused.stderr, refused.stderr
    approved = ("--to", "prod", "--reason", "read with the sales team")
    prod.mlops("approve", str(delivery.folder / "staging.bundle"), *approved)
    git_of(prod, "add", "approvals")
    git_of(prod, "commit", "--quiet", "--message", "approve")
    told = prod.mlops("doctor", check=False).stdout
    assert "admin sees prod.shop" in told, told
    done = prod.mlops("promote", "--reason", "weekly")
    assert "promoted: version 1 of prod.shop is champion" in done.stdout, done.stdout
    digests, bundles = set(), []
    for name in ENVIRONMENTS:
        decided = delivery.decided(name)
        (version, *_) = delivery.versions(name)
        assert decided["decision"] == version["decision"] == "promote"
        assert decided["candidate"]["digest"] == version["model_sha256"]
        digests.add(version["model_sha256"])
        bundles.append(version["bundle_sha256"])
    assert len(digests) == 1
    assert bundles == [None, *(verify(delivery.folder / f"{name}.bundle").sha256
                               for name in ("dev", "staging"))]  # fmt: skip
    (entry,) = delivery.log("prod")
    assert (entry["approved_by"], entry["reason"]) == ("Ana Example", "weekly")
    (entry,) = delivery.log("staging")
    assert (entry["approved_by"], entry["reason"]) == (None, "good in staging")


def test_one_changed_byte_of_any_part_of_the_bundle_is_another_bundle_or_none(
    delivery: Delivery, tmp_path: Path
) -> None:
    sealed = delivery.folder / "staging.bundle"
    whole = verify(sealed)
    assert whole.facts["approval"]["reason"] == "good in staging"
    assert whole.facts["signature"] and whole.facts["tags"]["decision"] == "promote"
    with zipfile.ZipFile(sealed) as stored:
        contents = {name: stored.read(name) for name in stored.namelist()}
    other = tmp_path / "other.bundle"
    for name, content in contents.items():
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        with zipfile.ZipFile(other, "w") as out:
            for each, kept in contents.items():
                out.writestr(each, changed if each == name else kept)
        try:
            found = verify(other).sha256
        except MlopsError:
            continue
        assert name == MANIFEST and found != whole.sha256, name  # and nobody has approved it
    text = sealed.read_bytes()
    for place in range(0, len(text), max(1, len(text) // 200)):
        other.write_bytes(text[:place] + bytes([text[place] ^ 16]) + text[place + 1 :])
        try:
            found = verify(other).sha256
        except MlopsError:
            continue
        assert found == whole.sha256, place  # a time or an attribute in the zip


def test_each_environment_has_pushed_to_its_own_remote_alone(
    delivery: Delivery, remotes: dict[str, Remote], tmp_path: Path
) -> None:
    for name in ENVIRONMENTS:
        clone = delivery.clones[name]
        fresh = tmp_path / name
        git("clone", "--quiet", str(clone.path), str(fresh), cwd=tmp_path)
        for kept in ("dvc.lock", "data/inputs.json", "data/systems.json"):
            (fresh / kept).parent.mkdir(exist_ok=True)
            (fresh / kept).write_bytes((clone.path / kept).read_bytes())
        Project(fresh, clone.extra).mlops("data", "pull")
        for made in ("models/model.skops", "data/open/features.parquet"):
            assert (fresh / made).read_bytes() == (clone.path / made).read_bytes(), (name, made)
    fresh, clone = tmp_path / "prod", delivery.clones["prod"]
    shutil.rmtree(fresh / ".dvc/cache")
    shutil.rmtree(fresh / "models")
    as_staging = Project(fresh, {**clone.extra, **remotes["staging"].variables})
    refused = as_staging.mlops("data", "pull", check=False)
    assert refused.returncode == 3, refused.stdout
    assert "prod" in refused.stderr and "Traceback" not in refused.stderr, refused.stderr
    assert not (fresh / "models/model.skops").exists()


def test_two_importers_and_two_promoters_leave_one_champion_and_a_rollback_is_exact(
    delivery: Delivery, tmp_path: Path
) -> None:
    prod, before = delivery.clones["prod"], delivery.versions("prod")
    # Of its own environment: uv would exchange the project in a shared one under a running command.
    venv = {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv")}
    other = Project(tmp_path / "prod", {**prod.extra, **venv})
    git("clone", "--quiet", str(prod.path), str(other.path), cwd=tmp_path)
    for one in (prod, other):
        one.mlops("doctor", check=False)
    bundle = str(delivery.folder / "dev.bundle")  # another digest of the same model: not approved
    at_once([(one, ("bundle", "import", bundle)) for one in (prod, other, prod, other)])
    ran = at_once([(prod, ("run",)), (other, ("run",))])
    for one in ran:
        assert one.returncode == 0, one.stderr
    promoted = at_once([(prod, ("promote",)), (other, ("promote",))])
    # The champion is that model already, by whichever bundle it came.
    for one in promoted:
        assert "done: version 1" in one.stdout, one.stderr
    after = delivery.versions("prod")
    assert [one["version"] for one in after if "champion" in one["aliases"]] == ["1"]
    # Only the new clone registers: prod has this model and decision registered already.
    assert len(after) == len(before) + 1
    nothing = prod.mlops("promote", "--rollback", "--reason", "complaints", check=False)
    assert nothing.returncode == 3 and "nothing to roll back to" in nothing.stderr


def git_of(project: Project, *words: str) -> None:
    project.run("git", *words)


def at_once(
    commands: list[tuple[Project, tuple[str, ...]]],
) -> list["subprocess.CompletedProcess[str]"]:
    """Run commands at the same time."""
    running = [
        subprocess.Popen(
            ["uv", "run", "mlops", *words],
            cwd=project.path, env=project.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for project, words in commands
    ]  # fmt: skip
    done = []
    for process in running:
        out, err = process.communicate()
        done.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    return done
