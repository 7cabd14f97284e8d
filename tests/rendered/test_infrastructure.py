"""What is rendered under infra/: linted, checked by schema, rendered by kustomize, rules kept."""

import copy
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from image import context, stages
from mlops_kit.data.landing.seeding import seed
from mlops_kit.data.sources.kinds.mysql import Mysql
from mlops_kit.data.sources.kinds.postgresql import Postgresql
from processes import run
from rendering import SHOP, files_of, render

pytestmark = pytest.mark.xdist_group("infrastructure")
EVERYTHING = ["image", "compose", "kubernetes", "devcontainer"]
HOSTINGS = ["on_premises", "aws", "gcp", "azure"]
ENVIRONMENTS = ["dev", "staging", "prod"]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a render with all of it for each hosting; every second one without people."""
    root = tmp_path_factory.mktemp("infrastructure")
    people = dict(zip(HOSTINGS, ["pii", "none", "phi", "none"], strict=True))
    return {
        hosting: render(
            root / hosting,
            {
                **SHOP,
                "hosting": hosting,
                "infrastructure": EVERYTHING,
                "personal_data": people[hosting],
            },
        )
        for hosting in HOSTINGS
    }


def test_only_what_the_answers_ask_for_is_rendered(tmp_path: Path) -> None:
    def rendered(name: str, **answers: Any) -> set[str]:
        files = files_of(render(tmp_path / name, {**SHOP, **answers}))
        wanted = ("infra/Dockerfile", "infra/compose.yaml", "infra/README.md")
        wanted += (".github/workflows/release.yml", ".devcontainer/devcontainer.json")
        wanted += ("infra/kubernetes/base/kustomization.yaml",)
        return {Path(path).name for path in wanted if path in files}

    image = {"Dockerfile", "README.md", "release.yml"}
    assert rendered("default") == image | {"compose.yaml"}
    assert rendered("cloud", hosting="aws") == image | {"kustomization.yaml"}
    assert rendered("poc", stage="poc") == set()
    assert rendered("nothing", infrastructure=[]) == set()
    assert rendered("editor", infrastructure=["devcontainer"]) == {"README.md", "devcontainer.json"}
    assert rendered("member", kit="../other/tools/kit") == set()


def test_the_image_passes_its_linters(projects: dict[str, Path]) -> None:
    for project in projects.values():
        for command in (
            ["hadolint", "--failure-threshold", "style", "infra/Dockerfile"],
            ["shellcheck", "infra/start.sh"],
        ):
            done = run(command, project)
            assert done.returncode == 0, done.stdout + done.stderr


def test_every_stage_is_from_an_argument_or_another_stage_and_never_runs_as_root(
    projects: dict[str, Path],
) -> None:
    arguments, found = stages(projects["aws"] / "infra" / "Dockerfile")
    known = {*arguments.values(), *(stage.name for stage in found)}
    assert all(":" in value and not value.endswith(":latest") for value in arguments.values())
    assert {stage.base for stage in found} <= known
    by_name = {stage.name: dict(stage.steps) for stage in found}
    assert by_name["base"]["USER"] == "10001:0"
    assert not any("USER" in by_name[name] for name in ("job", "tracking"))
    assert not any(word == "ADD" for stage in found for word, _ in stage.steps)


def test_what_is_not_named_never_enters_the_image(tmp_path: Path) -> None:
    project = render(tmp_path / "p", SHOP)
    secret = (
        ".env",
        ".secrets/privacy.key",
        ".git/config",
        "mlflow.db",
        "data/restricted/raw/people.csv",
        "data/open/tables/orders.parquet",
        "models/model.skops",
        "reports/compare/report.md",
        ".dvc/config.local",
        ".dvc/cache/files/md5/aa/bb",
        "notebooks/own.ipynb",
        "src/shop/__pycache__/model.pyc",
        "conf/__pycache__/x.pyc",
        ".venv/pyvenv.cfg",
    )
    for name in (*secret, "data/holdouts.json", "dvc.lock", "pipelines/own/dvc.yaml"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x", encoding="utf-8")
    entering = set(context(project))
    assert entering.isdisjoint(secret)
    needed = {"pyproject.toml", "uv.lock", "dvc.yaml", "params.yaml", "conf/prod.yaml"}
    needed |= {"src/shop/model.py", "tools/kit/mlops_kit/cli.py", "tools/kit/pyproject.toml"}
    needed |= {"data/holdouts.json", "dvc.lock", "pipelines/own/dvc.yaml", "infra/start.sh"}
    assert needed <= entering


def test_the_release_workflow_leaves_no_finding_whatever_the_cloud(
    projects: dict[str, Path],
) -> None:
    workflow = ".github/workflows/release.yml"
    for project in projects.values():
        for command in (
            # Its findings include those of the other personas.
            ["zizmor", "--offline", "--no-progress", "--persona", "auditor", workflow],
            ["actionlint", workflow],
            ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow],
        ):
            done = run(command, project)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "suppressed" not in done.stdout


# Compose


def compose_of(project: Path) -> dict[str, Any]:
    return yaml.safe_load((project / "infra" / "compose.yaml").read_text(encoding="utf-8"))


def weak_points_of_compose(compose: dict[str, Any]) -> list[str]:
    """Return what an owner of a shared machine would not let pass."""
    found = []
    for name, service in compose["services"].items():
        rules = {
            "its root can be written": service.get("read_only") is True,
            "it keeps capabilities": service.get("cap_drop") == ["ALL"]
            and "cap_add" not in service,
            "it may gain privileges": "no-new-privileges:true" in service.get("security_opt", []),
            "it has no limits": {"cpus", "memory", "pids"}
            <= set(service.get("deploy", {}).get("resources", {}).get("limits", {})),
            "nobody knows whether it works": "healthcheck" in service or "profiles" in service,
            "it listens outside": all(
                str(port).startswith("127.0.0.1:") for port in service.get("ports", [])
            ),
            "its image has no version": "build" in service
            or (
                not str(service["image"]).endswith(":latest")
                and ":" in service["image"].rsplit("/", 1)[-1]
            ),
            "its log grows without end": "max-size"
            in service.get("logging", {}).get("options", {}),
            "a secret stands in its variables": not any(
                any(word in key for word in ("PASSWORD", "SECRET", "TOKEN", "PRIVACY_KEY"))
                and not key.endswith("_FILE")
                for key in service.get("environment", {})
            ),
        }
        found += [f"{name}: {what}" for what, kept in rules.items() if not kept]
    return found


def test_compose_keeps_its_schema_and_has_no_weak_point(projects: dict[str, Path]) -> None:
    for project in projects.values():
        schema = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
        done = run([*schema, "infra/compose.yaml"], project)
        assert done.returncode == 0, done.stdout + done.stderr
        assert weak_points_of_compose(compose_of(project)) == []


def test_databases_to_try_keep_the_same_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"infrastructure": ["compose"], "data_sources": ["postgresql", "mysql"]}
    project = render(tmp_path / "p", answers)
    done = run(["check-jsonschema", "--builtin-schema", "vendor.compose-spec",
                "infra/compose.sources.yaml"], project)  # fmt: skip
    assert done.returncode == 0, done.stdout
    file = project / "infra/compose.sources.yaml"
    compose = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert weak_points_of_compose(compose) == []
    assert set(compose["services"]) == set(compose["volumes"]) == {"postgresql", "mysql"}
    other = render(tmp_path / "q", {"infrastructure": ["compose"]})
    assert not (other / "infra/compose.sources.yaml").exists()
    # The command beside each service names its port, user and database, and finds its password.
    seeds = re.findall(r"# uv run mlops data sample --into (\S+)", file.read_text(encoding="utf-8"))
    monkeypatch.chdir(project)
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    (project / ".secrets").mkdir(exist_ok=True)
    (project / ".secrets/SHOP_PASSWORD").write_text("x", encoding="utf-8")
    asked = []
    for kind in (Postgresql, Mysql):
        note = lambda self, name, _: asked.append(self.secret(name))  # noqa: E731
        monkeypatch.setattr(kind, "seed", note)
    for address in seeds:
        place = urlsplit(address)
        ports = compose["services"][place.scheme]["ports"]
        assert ports == [f"127.0.0.1:{place.port}:{place.port}"]
        assert (place.username, place.path) == ("shop", "/shop")
        assert "password: {file: SHOP_PASSWORD}" in list(seed(address))[-1]
    assert asked == ["x", "x"]


@pytest.mark.parametrize(
    ("service", "key", "value", "said"),
    [
        ("store", "read_only", False, "its root can be written"),
        ("database", "cap_add", ["CHOWN"], "it keeps capabilities"),
        ("job", "security_opt", [], "it may gain privileges"),
        ("tracking", "ports", ["5000:5000"], "it listens outside"),
        ("store", "image", "docker.io/chrislusf/seaweedfs:latest", "its image has no version"),
        ("tracking", "environment", {"PGPASSWORD": "x"}, "a secret stands in its variables"),
        ("job", "deploy", {}, "it has no limits"),
    ],
)
def test_a_weak_point_of_compose_would_be_found(
    projects: dict[str, Path], service: str, key: str, value: Any, said: str
) -> None:
    compose = copy.deepcopy(compose_of(projects["on_premises"]))
    compose["services"][service][key] = value
    assert f"{service}: {said}" in weak_points_of_compose(compose)


def test_what_compose_names_is_there_and_used(projects: dict[str, Path]) -> None:
    for project in projects.values():
        compose = compose_of(project)
        services = compose["services"].values()
        for kind in ("secrets", "networks", "configs"):
            used = {
                item if isinstance(item, str) else item["source"]
                for service in services
                for item in service.get(kind, [])
            }
            assert used == set(compose[kind]), kind
        volumes = {v.split(":")[0] for service in services for v in service.get("volumes", [])}
        assert volumes == set(compose["volumes"])
        assert all(
            (project / "infra" / one["file"]).is_file() for one in compose["configs"].values()
        )
        _, found = stages(project / "infra" / "Dockerfile")
        built = {service["build"]["target"] for service in services if "build" in service}
        assert built <= {stage.name for stage in found}
        waited = {name for service in services for name in service.get("depends_on", {})}
        assert all("healthcheck" in compose["services"][name] for name in waited)
        # Secrets are files that git ignores, and the README says how each is made.
        readme = (project / "infra" / "README.md").read_text(encoding="utf-8")
        for name, secret in compose["secrets"].items():
            assert secret["file"] == f"../.secrets/{name}" and name in readme
        assert "/.secrets/" in (project / ".gitignore").read_text(encoding="utf-8")


# Kubernetes


@pytest.fixture(scope="module")
def clusters(projects: dict[str, Path]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the objects of each hosting and environment, as kustomize renders them."""
    rendered = {}
    for hosting, project in projects.items():
        for environment in ENVIRONMENTS:
            overlay = f"infra/kubernetes/overlays/{environment}"
            done = run(["kubectl", "kustomize", overlay], project)
            assert done.returncode == 0, done.stderr
            assert "Warning" not in done.stderr, done.stderr
            rendered[hosting, environment] = list(yaml.safe_load_all(done.stdout))
    return rendered


def pods_in(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in objects:
        spec = one.get("spec", {})
        if one["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield one["metadata"]["name"], spec["template"]


def weak_points_of_pods(objects: list[dict[str, Any]]) -> list[str]:
    """Return what the level `restricted` of pod security forbids, and what else an owner minds."""
    found = []
    for name, pod in pods_in(objects):
        spec = pod["spec"]
        whole = spec.get("securityContext", {})
        rules = {
            "it may run as root": whole.get("runAsNonRoot") is True and whole.get("runAsUser") != 0,
            "its system calls are not filtered": whole.get("seccompProfile", {}).get("type")
            == "RuntimeDefault",
            "it can talk to the cluster": spec.get("automountServiceAccountToken") is False,
            "it shares the node": not {"hostNetwork", "hostPID", "hostIPC"} & set(spec),
            "it mounts the node": not any("hostPath" in one for one in spec["volumes"]),
        }
        for container in spec["containers"]:
            own = container.get("securityContext", {})
            rules |= {
                "it may gain privileges": own.get("allowPrivilegeEscalation") is False,
                "it keeps capabilities": own.get("capabilities") == {"drop": ["ALL"]},
                "its root can be written": own.get("readOnlyRootFilesystem") is True,
                "it has no limits": {"cpu", "memory"} <= set(container["resources"]["limits"]),
                "a secret stands in its variables": not any(
                    "PASSWORD" in variable["name"] for variable in container.get("env", [])
                ),
                "its image has no version": "/" in container["image"]
                and container["image"].rsplit(":", 1)[-1] not in {"latest", container["image"]},
            }
            if "ports" in container:
                probes = {"startupProbe", "readinessProbe", "livenessProbe"}
                rules["nobody knows whether it works"] = probes <= set(container)
        found += [f"{name}: {what}" for what, kept in rules.items() if not kept]
    return found


def test_every_object_keeps_its_strict_schema_and_no_pod_has_a_weak_point(
    clusters: dict[tuple[str, str], list[dict[str, Any]]], figure: Callable[[str], None]
) -> None:
    count = 0
    for objects in clusters.values():
        for one in objects:
            kubernetes_validate.validate(one, "1.31", strict=True)
            count += 1
        assert weak_points_of_pods(objects) == []
    figure(f"kubernetes: {count} objects of {len(clusters)} overlays valid against 1.31, strict")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("securityContext runAsNonRoot", False, "it may run as root"),
        ("securityContext seccompProfile type", "Unconfined", "its system calls are not filtered"),
        ("hostNetwork", True, "it shares the node"),
        ("containers 0 securityContext readOnlyRootFilesystem", False, "its root can be written"),
        (
            "containers 0 securityContext capabilities",
            {"add": ["NET_RAW"]},
            "it keeps capabilities",
        ),
        ("containers 0 image", "shop", "its image has no version"),
    ],
)
def test_a_weak_pod_would_be_found(
    clusters: dict[tuple[str, str], list[dict[str, Any]]], path: str, value: Any, said: str
) -> None:
    objects = copy.deepcopy(clusters["on_premises", "prod"])
    for name, pod in pods_in(objects):
        place: Any = pod["spec"]
        *steps, last = path.split()
        for step in steps:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
        assert f"{name}: {said}" in weak_points_of_pods(objects)


def test_a_misspelt_key_of_a_manifest_would_be_found(
    clusters: dict[tuple[str, str], list[dict[str, Any]]],
) -> None:
    (job, *_) = [o for o in clusters["aws", "prod"] if o["kind"] == "CronJob"]
    wrong = copy.deepcopy(job)
    wrong["spec"]["concurencyPolicy"] = "Forbid"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.31", strict=True)


def test_each_environment_has_its_own_and_names_only_what_is_there(
    clusters: dict[tuple[str, str], list[dict[str, Any]]], projects: dict[str, Path]
) -> None:
    for (hosting, environment), objects in clusters.items():
        assert {one["metadata"]["namespace"] for one in objects} == {f"shop-{environment}"}
        named = {(one["kind"], one["metadata"]["name"]) for one in objects}
        settings = {
            one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"
        }
        (job,) = [data for data in settings.values() if "MLOPS_ENV" in data]
        assert job["MLOPS_ENV"] == environment
        for _, pod in pods_in(objects):
            spec = pod["spec"]
            assert ("ServiceAccount", spec["serviceAccountName"]) in named
            for volume in spec["volumes"]:
                if claim := volume.get("persistentVolumeClaim"):
                    assert ("PersistentVolumeClaim", claim["claimName"]) in named
                if secret := volume.get("secret"):
                    readme = (projects[hosting] / "infra" / "README.md").read_text("utf-8")
                    assert f"create secret generic {secret['secretName']}" in readme
            for container in spec["containers"]:
                for source in container["envFrom"]:
                    assert ("ConfigMap", source["configMapRef"]["name"]) in named
        # A patch whose target is misspelt would do nothing, in silence.
        (weekly,) = [one for one in objects if (one["kind"], one["metadata"]["name"]) ==
                     ("CronJob", "run")]  # fmt: skip
        assert weekly["spec"].get("suspend", False) == (environment == "dev")
        assert (weekly["spec"]["schedule"] == "43 4 * * 0") == (environment == "staging")
        # Every policy and the service choose pods that exist.
        labels = [pod["metadata"]["labels"] for _, pod in pods_in(objects)]
        for one in objects:
            chosen = one["spec"].get("podSelector", {}).get("matchLabels", {}) \
                if one["kind"] == "NetworkPolicy" else {}  # fmt: skip
            chosen = one["spec"]["selector"] if one["kind"] == "Service" else chosen
            assert any(chosen.items() <= label.items() for label in labels), one["metadata"]["name"]


def test_versions_stay_texts_in_every_yaml_file(projects: dict[str, Path]) -> None:
    """An unquoted 3.10 would be 3.1, an unquoted on a truth."""

    def leaves(value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value), value
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from leaves(item)
        else:
            yield value

    for project in projects.values():
        for path in (project / "infra").rglob("*.yaml"):
            for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                assert not any(isinstance(leaf, float) for leaf in leaves(document)), path
        done = run(["yamllint", "-d", "{rules: {key-duplicates: enable}}", "infra"], project)
        assert done.returncode == 0, done.stdout


def test_the_dev_container_is_plain_json_and_uses_the_lock(projects: dict[str, Path]) -> None:
    text = (projects["aws"] / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    container = json.loads(text)
    assert container["image"].startswith("mcr.microsoft.com/devcontainers/python:3.13")
    assert "uv sync --frozen" in container["postCreateCommand"]
    assert "mounts" not in container and "runArgs" not in container


def test_kustomize_refuses_what_is_misspelt(projects: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(projects["gcp"] / "infra", tmp_path / "infra")
    overlay = tmp_path / "infra/kubernetes/overlays/dev/kustomization.yaml"
    text = overlay.read_text(encoding="utf-8").replace("name: run}", "name: runs}")
    overlay.write_text(text.replace("images:", "imagess:"), encoding="utf-8")
    done: subprocess.CompletedProcess[str] = run(
        ["kubectl", "kustomize", "infra/kubernetes/overlays/dev"], tmp_path
    )
    assert done.returncode != 0 and "imagess" in done.stderr


def test_a_package_with_the_name_of_a_truth_stays_a_text(tmp_path: Path) -> None:
    """A bare no is false in YAML."""
    answers = {**SHOP, "package_name": "no", "infrastructure": EVERYTHING}
    project = render(tmp_path / "p", answers)
    compose = compose_of(project)
    assert compose["name"] == "no" and compose["services"]["job"]["image"] == "no"
    done = run(["kubectl", "kustomize", "infra/kubernetes/overlays/prod"], project)
    images = [
        container["image"]
        for _, pod in pods_in(list(yaml.safe_load_all(done.stdout)))
        for container in pod["spec"]["containers"]
    ]
    assert sorted(set(images)) == ["REGISTRY/no-tracking:0.1.0", "REGISTRY/no:0.1.0"]
