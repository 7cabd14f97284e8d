"""Approvals: a committed file, by somebody who may, of exactly this model for this environment."""

import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Promotion
from mlops_kit.operate.promote.approval import approve, demanded, place, refuse_other_rules

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


def keys(folder: Path, *people: str) -> None:
    """Give each of them a key that git trusts here."""
    trusted = []
    for name in people:
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        try:
            subprocess.run(made, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("ssh-keygen is not here")
        public = (folder / f"{name}.pub").read_text()
        trusted.append(f"{name}@example.org {public}")
    (folder / "allowed").write_text("".join(trusted))
    git("config", "gpg.format", "ssh")
    git("config", "gpg.ssh.allowedSignersFile", str(folder / "allowed"))


def test_a_name_that_somebody_else_signed_is_a_forged_one(tmp_path: Path) -> None:
    keys(tmp_path, "Ana", "Carl")
    file = approve("prod", THIS, "bundle of shop", "mine")
    git("add", str(file))
    # Carl's key is trusted, and anybody may write Ana's name into a commit.
    with_carls = ("-c", f"user.signingkey={tmp_path / 'Carl'}")
    git(*with_carls, "commit", "-S", "-qm", "approve", who="Ana Example")
    signed = Promotion(approval=True, signed=True, approvers=["Ana Example"])
    refused("is by Ana@example.org, and the key of carl@example.org signed it", signed)
    git("-c", f"user.signingkey={tmp_path / 'Ana'}", "commit", "-q", "-S", "--amend", "--no-edit")
    assert demanded(signed, "prod", THIS, None)


def test_a_commit_that_approves_changes_nothing_else() -> None:
    Path("conf").mkdir()
    Path("conf/prod.yaml").write_text("promotion: {approvers: [Carl Curious]}\n")
    git("add", "conf")
    approved(who="Carl Curious")
    refused(r"that approves also changes conf/prod.yaml: approve in a commit of approvals alone")


def test_in_a_folder_of_a_larger_repository_approvals_are_those_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "models" / "shop"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    approved()
    assert demanded(ASKED, "prod", THIS, None)


@pytest.mark.parametrize("look", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_was_told_to_look_away_from_is_compared_all_the_same(look: str) -> None:
    file = approved()
    git("update-index", look, str(file))
    file.write_text(file.read_text().replace("better for everybody", "better for me"))
    refused("was changed since it was committed")


def test_history_that_is_cut_off_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(who="Carl Curious")
    git("commit", "-q", "--allow-empty", "-m", "something else", who="Ana Example")
    git("clone", "-q", "--depth=1", f"file://{tmp_path}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    # git takes Ana, who wrote the last commit, for the author of everything.
    refused("history is cut off .* git fetch --unshallow",
            Promotion(approval=True, approvers=["Ana Example"]))  # fmt: skip


def test_an_approval_of_a_branch_that_nobody_merged_does_not_count() -> None:
    git("commit", "-q", "--allow-empty", "-m", "start")
    git("branch", "-M", "main")
    git("checkout", "-qb", "mine")
    approved(who="Carl Curious")
    asked = Promotion(approval=True, branch="main")
    refused(r"is not in main \(promotion.branch\)", asked)
    git("checkout", "-q", "main")
    refused("there is no approvals/prod", asked)
    git("merge", "-q", "--no-ff", "-m", "merge", "mine")
    found = demanded(asked, "prod", THIS, None)
    assert found is not None and found.by == "Carl Curious"  # the author, not who merged


def test_an_approval_counts_once_also_when_its_commit_was_made_anew() -> None:
    approved()
    found = demanded(ASKED, "prod", THIS, None)
    assert found is not None
    git("commit", "-q", "--amend", "-m", "rebased: another hash of the same approval")
    again = demanded(ASKED, "prod", THIS, None)
    assert again is not None
    assert again.commit != found.commit and again.sha256 == found.sha256
    with pytest.raises(MlopsError, match="has let this model in before, and it was taken back"):
        demanded(ASKED, "prod", THIS, None, {found.sha256})
    approved()  # a new one, of a new moment
    assert demanded(ASKED, "prod", THIS, None, {found.sha256})


def test_an_approval_of_the_future_is_a_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{int(time.time()) + 86_400} +0000")
    approved()
    refused("that approves is of the future: set the clock")


@pytest.mark.parametrize("loosened", ["four_eyes", "approval"])
def test_rules_that_are_not_those_of_the_commit_are_refused(
    loosened: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_ENV", "prod")
    Path("conf").mkdir()
    Path("conf/base.yaml").write_text("promotion: {four_eyes: true}\n")
    Path("conf/prod.yaml").write_text("promotion: {approval: true}\n")
    refuse_other_rules(Promotion())  # in no commit yet: nothing that could be got round
    git("add", "conf")
    git("commit", "-qm", "rules")
    refuse_other_rules(Promotion(approval=True, four_eyes=True))
    given = {"four_eyes": True, loosened: False}
    with pytest.raises(MlopsError, match=r"promotion\.\w+ is False here, and True in the commit"):
        refuse_other_rules(Promotion.model_validate({"approval": True, **given}))


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
