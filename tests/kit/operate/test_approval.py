"""Approvals: a committed file, by somebody who may, of exactly this model for this environment."""

import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Promotion
from mlops_kit.operate.promote.approval import approve, demanded, place

THIS, OTHER = "ab" * 32, "cd" * 32
ASKED = Promotion(approval=True)


def git(*command: str, who: str = "Ana Example") -> None:
    ours = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    address = f"{who.split(maxsplit=1)[0]}@example.org"
    for role in ("AUTHOR", "COMMITTER"):
        ours |= {f"GIT_{role}_NAME": who, f"GIT_{role}_EMAIL": address}
    subprocess.run(["git", *command], check=True, env={**os.environ, **ours}, capture_output=True)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")


def approved(who: str = "Ana Example", sha256: str = THIS, environment: str = "prod") -> Path:
    file = approve(environment, sha256, "bundle of shop", "better for everybody")
    git("add", str(file))
    git("commit", "-qm", "approve", who=who)
    return file


def refused(match: str, asked: Promotion = ASKED, built_by: str | None = "Ben Builder") -> None:
    with pytest.raises(MlopsError, match=match):
        demanded(asked, "prod", THIS, built_by)


def test_where_none_is_demanded_none_is_looked_for() -> None:
    assert demanded(Promotion(), "dev", THIS, None) is None


def test_a_committed_approval_holds_and_tells_who_and_why() -> None:
    approved()
    found = demanded(ASKED, "prod", THIS, "Ben Builder")
    assert found is not None
    assert (found.by, found.reason, found.signed) == ("Ana Example", "better for everybody", False)
    assert len(found.commit) == 40
    assert "@" not in place("prod", THIS).read_text(encoding="utf-8")


def test_without_one_it_says_how_to_get_one() -> None:
    refused(r"prod demands an approval of abababababab.*mlops approve --to prod")


def test_what_is_not_committed_approves_nothing() -> None:
    approve("prod", THIS, "bundle of shop", "better")
    refused("is not committed, so nobody stands for it")
    approved()
    place("prod", THIS).write_text(place("prod", THIS).read_text() + "# and more\n")
    refused("was changed since it was committed")


@pytest.mark.parametrize(("key", "value"), [("sha256", OTHER), ("environment", "staging")])
def test_an_approval_of_something_else_is_refused(key: str, value: str) -> None:
    file = approved()
    told = yaml.safe_load(file.read_text()) | {key: value}
    file.write_text(yaml.safe_dump(told))
    git("commit", "-qam", "another")
    refused("approves .* and this is abababababab for prod")


def test_only_those_who_may_approve() -> None:
    approved(who="Carl Curious")
    refused("Carl Curious may not approve for prod.*Ana Example",
            Promotion(approval=True, approvers=["Ana Example"]))  # fmt: skip
    assert demanded(Promotion(approval=True, approvers=["carl@example.org"]), "prod", THIS, None)


def test_four_eyes_are_not_two() -> None:
    approved(who="Ben Builder")
    assert demanded(ASKED, "prod", THIS, "Ben Builder")  # a team of one is possible
    refused("built the model and approves it", Promotion(approval=True, four_eyes=True))


def test_an_unsigned_commit_is_no_signature() -> None:
    approved()
    refused("has no good signature", Promotion(approval=True, signed=True))


def test_a_signed_commit_counts_and_a_forged_one_does_not(tmp_path: Path) -> None:
    key = tmp_path / "key"
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("ssh-keygen is not here")
    public = key.with_suffix(".pub").read_text()
    (tmp_path / "allowed").write_text(f"Ana@example.org {public}")
    for name, value in {
        "gpg.format": "ssh", "user.signingkey": str(key), "commit.gpgsign": "true",
        "gpg.ssh.allowedSignersFile": str(tmp_path / "allowed"),
    }.items():  # fmt: skip
        git("config", name, value)
    approved()
    signed = Promotion(approval=True, signed=True)
    found = demanded(signed, "prod", THIS, None)
    assert found is not None and found.signed
    (tmp_path / "allowed").write_text("somebody@example.org ssh-ed25519 AAAA\n")
    refused("has no good signature", signed, None)


def test_an_approval_needs_a_reason() -> None:
    with pytest.raises(MlopsError, match="Say in --reason why"):
        approve("prod", THIS, "bundle of shop", "  ")
    assert not place("prod", THIS).exists()


@pytest.mark.parametrize(("days", "refused_as_old"), [(29, False), (31, True)])
def test_a_decision_is_followed_for_as_long_as_the_environment_says(
    days: int, refused_as_old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace
    from typing import Any

    from mlops_kit.operate.promote import promote

    monkeypatch.setattr(promote, "environment", lambda: "prod")
    settings: Any = SimpleNamespace(promotion=Promotion(decision_days=30))
    version: Any = SimpleNamespace(creation_timestamp=(time.time() - days * 86_400) * 1000)
    if not refused_as_old:
        promote._refuse_the_stale(settings, version)
        return
    with pytest.raises(MlopsError, match=r"the decision is 31 days old.*prod.*bring newer data in"):
        promote._refuse_the_stale(settings, version)
