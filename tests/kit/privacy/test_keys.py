"""The key: where it may come from, which are refused, and that each refusal is one sentence."""

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources
from mlops_kit.privacy.policy.schema import Privacy
from mlops_kit.privacy.protect import keys

KEY = "a key of this project, long enough"
SAMPLE = {"kind": "sample"}
FILES = {"kind": "files", "folder": "raw"}
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions or links")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project with three environments and no key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    for name in ("dev", "staging", "prod"):
        (tmp_path / f"conf/{name}.yaml").touch()
    for variable in ("MLOPS_ENV", keys.KEY_VARIABLE, keys.NEXT_KEY_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def key(data: dict[str, Any] = FILES, **config: Any) -> bytes:
    """Ask for the key of a project with one table from `data`, the policy saying `key: config`."""
    table = {"source": "one", "path": "t.csv", "columns": {"id": {"type": "integer"}}}
    sources = Sources.model_validate(
        {
            "entity": {"table": "t", "column": "id"},
            "sources": {"one": data, "unused": SAMPLE},
            "tables": {"t": table},
        }
    )
    policy = Privacy.model_validate({"columns": {}, "key": config})
    return keys.privacy_key(sources, policy)


def refusal(data: dict[str, Any] = FILES, **config: Any) -> str:
    """Return the one sentence of a refusal; it never repeats a key."""
    with pytest.raises(MlopsError) as caught:
        key(data, **config)
    said = str(caught.value)
    assert caught.value.exit_code == 3
    assert said.endswith(".")
    assert ". " not in said
    assert KEY not in said
    return said


def put(text: str | bytes = KEY, file: str = ".secrets/privacy.key", mode: int = 0o600) -> Path:
    path = Path(file)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_real_data_without_a_key_is_refused() -> None:
    assert "run `uv run mlops privacy key` once" in refusal()


@pytest.mark.parametrize("environment", ["staging", "prod"])
@pytest.mark.parametrize("source", [SAMPLE, FILES])
def test_staging_and_prod_refuse_to_run_without_a_provided_key(
    monkeypatch: pytest.MonkeyPatch, environment: str, source: dict[str, Any]
) -> None:
    monkeypatch.setenv("MLOPS_ENV", environment)
    assert refusal(source).startswith(f"{environment} needs a key to protect")
    keys.create_key()  # what one command makes is for development
    assert f"a key for development, which {environment} refuses" in refusal(source)
    assert "`openssl rand -hex 32` makes one" in refusal(source)
    monkeypatch.setenv(keys.KEY_VARIABLE, KEY)
    assert key(source) == KEY.encode()


def test_the_sample_alone_needs_no_key_and_takes_a_given_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert key(SAMPLE) == keys.SAMPLE_KEY
    monkeypatch.setenv(keys.KEY_VARIABLE, KEY)
    assert key(SAMPLE) == KEY.encode()


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("where", ["environment", "file", "command"])
def test_every_other_source_refuses_the_public_key_of_the_sample(
    monkeypatch: pytest.MonkeyPatch, environment: str, where: str
) -> None:
    monkeypatch.setenv("MLOPS_ENV", environment)
    public = keys.SAMPLE_KEY.decode()
    monkeypatch.setenv(keys.KEY_VARIABLE, f" {public}\n")
    command = [sys.executable, "-c", f"print({public!r})"]
    said = refusal(source=where, path=put(public, "conf/key"), command=command)
    assert "is the sample's public key, which protects nobody" in said


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_staging_and_prod_refuse_the_public_key_even_of_the_sample(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    monkeypatch.setenv("MLOPS_ENV", environment)
    monkeypatch.setenv(keys.KEY_VARIABLE, keys.SAMPLE_KEY.decode())
    assert "protects nobody" in refusal(SAMPLE)


@pytest.mark.parametrize("short", ["", "   \n", "k" * 31])
def test_a_key_that_is_too_short_is_refused_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch, short: str
) -> None:
    put(short)
    assert ".secrets/privacy.key is shorter than 32 characters" in refusal()
    assert "is shorter than" in refusal(SAMPLE)
    command = [sys.executable, "-c", f"print({short!r})"]
    assert "is shorter than" in refusal(source="command", command=command)
    if short:
        monkeypatch.setenv(keys.KEY_VARIABLE, short)
        assert f"in {keys.KEY_VARIABLE} is shorter than" in refusal()


def test_a_variable_with_nothing_in_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that nobody has set reaches a workflow's steps so."""
    monkeypatch.setenv(keys.KEY_VARIABLE, "")
    assert key(SAMPLE) == keys.SAMPLE_KEY
    monkeypatch.setenv("MLOPS_ENV", "prod")
    assert "prod needs a key" in refusal(SAMPLE)


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_that_others_can_read_is_refused(mode: int) -> None:
    put(mode=mode)
    assert (
        refusal() == "Others can read .secrets/privacy.key; run `chmod 600 .secrets/privacy.key`"
        " first."
    )
    put(file="conf/key", mode=mode)
    assert "Others can read conf/key" in refusal(source="file", path="conf/key")


@posix
def test_a_link_in_the_place_of_the_key_or_its_folder_is_refused(project: Path) -> None:
    put(file="elsewhere/privacy.key")
    (project / ".secrets").symlink_to("elsewhere")
    assert ".secrets is a link" in refusal()
    (project / ".secrets").unlink()
    (project / ".secrets").mkdir()
    (project / ".secrets/privacy.key").symlink_to("../elsewhere/privacy.key")
    assert ".secrets/privacy.key is a link" in refusal()
    # A mounted secret is a link by nature: whoever names the file means it.
    (project / "mounted").symlink_to("elsewhere/privacy.key")
    assert key(source="file", path="mounted") == KEY.encode()


def test_a_secret_manager_is_asked_without_a_shell() -> None:
    program = f"import sys; assert sys.argv[1] == '$HOME; *'; print({KEY!r})"
    command = [sys.executable, "-c", program, "$HOME; *"]
    assert key(source="command", command=command) == KEY.encode()


def test_a_secret_manager_that_fails_is_named_and_what_it_says_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing = f"import sys; print({KEY!r}); print({KEY!r}, file=sys.stderr); sys.exit(7)"
    said = refusal(source="command", command=[sys.executable, "-c", failing])
    assert "key.command exits with 7; run" in said
    said = refusal(source="command", command=["no-such-secret-manager", KEY])
    assert "names no-such-secret-manager, which is no program on the PATH" in said
    assert "key.command names no program" in refusal(source="command")
    monkeypatch.setattr(keys, "COMMAND_SECONDS", 0.2)
    waiting = [sys.executable, "-c", "import time; time.sleep(60)", KEY]
    assert "gives no answer in 0.2 s" in refusal(source="command", command=waiting)


@posix
def test_a_secret_manager_that_cannot_be_run_is_a_sentence(project: Path) -> None:
    put(file="conf/manager", mode=0o600)
    assert "conf/manager" in refusal(source="command", command=[str(project / "conf/manager")])


def test_a_named_source_is_the_only_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    put()
    assert f"{keys.KEY_VARIABLE} is not set" in refusal(SAMPLE, source="environment")
    assert "conf/key does not exist" in refusal(SAMPLE, source="file", path="conf/key")
    monkeypatch.setenv(keys.KEY_VARIABLE, "e" * 32)
    assert key() == b"e" * 32  # the environment wins over the file
    assert key(source="file") == KEY.encode()


def test_a_key_that_is_not_the_one_the_policy_names_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(keys.KEY_VARIABLE, KEY)
    known = keys.key_id(KEY.encode())
    said = refusal(ids={"dev": "00000000"})
    assert f"has the id {known}, but key.ids" in said
    assert "wants 00000000 in dev" in said
    assert key(ids={"dev": known, "prod": "00000000"}) == KEY.encode()
    monkeypatch.setenv("MLOPS_ENV", "prod")
    assert "wants 00000000 in prod" in refusal(ids={"dev": known, "prod": "00000000"})


def test_the_sample_s_own_key_is_held_to_the_ids_too() -> None:
    assert "wants 00000000 in dev" in refusal(SAMPLE, ids={"dev": "00000000"})


def test_a_made_key_is_random_its_owner_s_alone_and_never_replaced(project: Path) -> None:
    made = keys.create_key()
    first = made.read_bytes()
    assert key() == first.strip()
    assert len(bytes.fromhex(first.decode().strip())) == 32
    if os.name == "posix":
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
        assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    with pytest.raises(MlopsError, match="exists already") as caught:
        keys.create_key()
    assert caught.value.exit_code == 3
    assert made.read_bytes() == first
    assert keys.create_key(Path(".secrets/other.key")).read_bytes() != first


@posix
def test_a_key_is_never_made_through_a_link(project: Path) -> None:
    (project / "elsewhere").mkdir()
    (project / ".secrets").symlink_to("elsewhere")
    with pytest.raises(MlopsError, match="is a link"):
        keys.create_key()
    (project / ".secrets").unlink()
    (project / ".secrets").mkdir()
    (project / ".secrets/privacy.key").symlink_to("../elsewhere/key")
    with pytest.raises(MlopsError, match="exists already"):
        keys.create_key()
    assert not list((project / "elsewhere").iterdir())


@pytest.mark.parametrize("variable", ["NEXT_KEY", "SECOND_KEY"])
def test_the_next_and_the_second_key_are_held_to_the_same_strength(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    name, file = getattr(keys, f"{variable}_VARIABLE"), getattr(keys, f"{variable}_FILE")
    with pytest.raises(MlopsError, match="Rotating needs a key in"):
        keys.other_key(name, file, "Rotating")
    put("short", file.as_posix())
    with pytest.raises(MlopsError, match="shorter"):
        keys.other_key(name, file, "Rotating")
    monkeypatch.setenv(name, keys.SAMPLE_KEY.decode())
    with pytest.raises(MlopsError, match="protects nobody"):
        keys.other_key(name, file, "Rotating")


def test_what_is_derived_for_one_purpose_is_not_the_key_of_another() -> None:
    made = [keys.derived(KEY.encode(), purpose) for purpose in ("encrypt", "reidentify")]
    assert {len(one) for one in made} == {64}
    assert len({one[:32] for one in made} | {one[32:] for one in made}) == 4
    assert keys.key_id(KEY.encode()) == "18be934e"
