"""docs/delivery.md, followed to the letter: one model, built in one clone, champion in another."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rendering import git
from running import Project, new_project
from stages import command

pytestmark = pytest.mark.xdist_group("delivery")
FENCE = re.compile(r'^```sh title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Clones:
    """The clone where the model is built, and the one where it is judged again."""

    dev: Project
    prod: Project
    blocks: dict[str, str]
    bundle: Path

    def follow(self, title: str) -> str:
        """Run one block of the document; each command must exit 0."""
        project = self.prod if title.startswith("prod") else self.dev
        return project.run("bash", "-e", "-c", self.blocks[title]).stdout


def said(project: Project, name: str) -> dict[str, Any]:
    return json.loads((project.path / name).read_text(encoding="utf-8"))


def aliases(project: Project) -> dict[str, str]:
    """Return the aliases of prod's registry."""
    done = project.run(
        "uv", "run", "python", "-c",
        "import json; from mlflow import MlflowClient; c = MlflowClient('sqlite:///mlflow-prod.db');"
        "print(json.dumps(c.get_registered_model('prod.shop').aliases))",
    )  # fmt: skip
    return {name: str(number) for name, number in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> Clones:
    """Build a model in dev, and clone it for prod, which has a key and a registry of its own."""
    home = tmp_path_factory.mktemp("delivery")
    who: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "Ana Example", f"GIT_{role}_EMAIL": "ana@example.org"}
    dev = new_project(home / "dev")
    dev = replace(dev, extra={**dev.extra, **who})
    text = (dev.path / "docs" / "delivery.md").read_text(encoding="utf-8")
    blocks = dict(FENCE.findall(text))
    command(dev, "run").check_returncode()
    dev.commit("first run")
    # What the first lines export lasts as long as the shell in which they are typed.
    typed = f"{blocks['prod, the first time']}env"
    lines = dev.run("bash", "-e", "-c", typed).stdout.splitlines()
    key = dict(line.split("=", 1) for line in lines if line.startswith("MLOPS_PRIVACY_KEY="))
    prod = replace(dev, path=home / "prod", extra={**dev.extra, **key})
    return Clones(dev, prod, blocks, home / "shop.bundle")


@pytest.fixture(scope="module")
def delivered(clones: Clones) -> Clones:
    """Follow the document from the bundle to the champion."""
    assert clones.prod.extra["MLOPS_PRIVACY_KEY"]
    clones.follow("dev")
    clones.follow("prod, later")
    printed = clones.follow("prod")
    assert "promoted: version 1 of prod.shop is champion" in printed, printed
    assert "next       the next model has to beat this one: write `incumbent: {kind:" in printed
    return clones


def test_from_dev_to_prod_and_back_takes_ten_commands(clones: Clones) -> None:
    count = {title: len(text.splitlines()) for title, text in clones.blocks.items()}
    each = count["dev"] + count["prod"] + count["prod, back"]
    assert each + count["prod, the first time"] == each + count["prod, later"] == 10


def test_the_first_champion_has_none_to_return_to_and_is_told_how_it_leaves(
    delivered: Clones,
) -> None:
    refused = delivered.prod.mlops("promote", "--rollback", "--to", "prod", check=False)
    assert refused.returncode == 3
    assert "uv run mlops retire 1 --to prod --without-successor" in refused.stderr
    log = delivered.prod.mlops("registry", "log", "--to", "prod")
    assert "none -> 1" in log.stdout


@pytest.mark.repetition
def test_the_model_is_the_same_and_judged_by_its_own_decision(delivered: Clones) -> None:
    built, judged = (said(one, "models/model.json") for one in (delivered.dev, delivered.prod))
    assert built["sha256"] == judged["sha256"]
    decided = said(delivered.prod, "reports/compare/decision.json")
    assert decided["decision"] == "promote" and decided["candidate"]["digest"] == built["sha256"]
    assert aliases(delivered.prod)["champion"] == "1"
    # Nothing of prod's own is left in what dev has.
    assert not (delivered.dev.path / "mlflow-prod.db").exists()


@pytest.mark.repetition
def test_a_second_model_follows_and_is_taken_back_exactly(delivered: Clones) -> None:
    compare = delivered.dev.path / "conf/compare.yaml"
    dev = delivered.dev
    params = (dev.path / "params.yaml").read_text(encoding="utf-8")
    (dev.path / "params.yaml").write_text(params.replace("trees: 60", "trees: 61"), "utf-8")
    text = compare.read_text(encoding="utf-8")
    champion = text.replace("incumbent: baseline", "incumbent: {kind: mlflow}")
    assert text != champion
    command(dev, "run").check_returncode()
    dev.commit("another model")
    delivered.follow("dev")
    delivered.follow("prod, later")
    for line in delivered.blocks["prod"].splitlines()[:-1]:
        delivered.prod.run("bash", "-e", "-c", line)
    refused = delivered.prod.mlops("promote", "--to", "prod", check=False)
    assert refused.returncode == 3 and "incumbent: {kind: mlflow}" in refused.stderr
    # As good as the champion is not better than it: a loss of nothing is all that is asked here.
    asked = "test: non_inferiority\n  margin: 0.01\n  benefit: simplicity"
    lenient = champion.replace("min_effect: 0.15", asked)
    (delivered.prod.path / "conf/compare.yaml").write_text(lenient, encoding="utf-8")
    delivered.prod.run("bash", "-c", "MLOPS_ENV=prod uv run mlops run")
    done = delivered.prod.mlops("promote", "--to", "prod", check=False)
    decided = said(delivered.prod, "reports/compare/decision.json")
    assert done.returncode == 0, (done.stderr, decided["reasons"])
    assert aliases(delivered.prod)["previous"] == "1"
    printed = delivered.follow("prod, back")
    assert "rolled back: version 1 of prod.shop is champion" in printed
    assert aliases(delivered.prod)["champion"] == "1"


def test_without_approval_a_decision_of_its_own_or_a_whole_seal_nothing_goes_on(
    clones: Clones, tmp_path: Path
) -> None:
    other = clones.prod.path.with_name("staged")
    git("clone", "--quiet", str(clones.dev.path), str(other), cwd=tmp_path)
    project = replace(clones.prod, path=other)
    command(clones.dev, f"bundle export --output {tmp_path}/a.bundle").check_returncode()
    taken = command(project, f"bundle import {tmp_path}/a.bundle --to prod")
    assert taken.returncode == 0, taken.stderr
    early = command(project, "promote --to prod")
    assert early.returncode == 3 and "There is no reports/compare/decision.json" in early.stderr
    broken = (tmp_path / "a.bundle").read_bytes()
    middle = len(broken) // 2
    (tmp_path / "b.bundle").write_bytes(
        broken[:middle] + bytes([broken[middle] ^ 1]) + broken[middle + 1 :]
    )
    torn = command(project, f"bundle import {tmp_path}/b.bundle --to prod")
    assert torn.returncode == 3 and "seal is broken" in torn.stderr
    code = other / "src/shop/features.py"
    code.write_text(code.read_text(encoding="utf-8") + "\n# other code\n", encoding="utf-8")
    foreign = command(project, f"bundle import {tmp_path}/a.bundle --to prod")
    assert foreign.returncode == 3 and "git checkout" in foreign.stderr
    assert command(project, "bundle drop").stdout == "dropped\n"
