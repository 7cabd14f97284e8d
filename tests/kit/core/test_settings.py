"""Configuration: what is unknown, missing or damaged is said in one sentence."""

import pytest
from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.settings import load_settings


def append(club, file, text):
    path = club / file
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_the_environment_file_wins_over_base_and_a_variable_over_both(club, monkeypatch):
    append(club, "conf/dev.yaml", "model_name: other\n")
    assert load_settings().model_name == "other"
    monkeypatch.setenv("MLOPS_TRACKING__URI", "https://example.org")
    assert load_settings().tracking.uri == "https://example.org"


def test_an_unknown_key_is_refused_with_its_file_and_the_nearest_known_key(club):
    append(club, "conf/dev.yaml", "dvc_remot: x\n")
    with pytest.raises(MlopsError, match=r'conf/dev.yaml: .*"dvc_remot"; did you mean "dvc_'):
        load_settings()


def test_an_unknown_key_inside_a_section_is_refused(club):
    append(club, "conf/base.yaml", "tracking: {url: x}\n")
    with pytest.raises(MlopsError, match=r'conf/base.yaml: .*"tracking.url"; did you mean "uri"'):
        load_settings()


def test_an_unknown_environment_is_refused(club, monkeypatch):
    monkeypatch.setenv("MLOPS_ENV", "production")
    with pytest.raises(MlopsError, match="use one of dev"):
        load_settings()


def test_a_missing_file_and_a_damaged_file_are_named(club):
    (club / "conf/dev.yaml").write_text("a: [1", encoding="utf-8")
    with pytest.raises(MlopsError, match=r"conf/dev.yaml, line \d+ is not valid YAML"):
        load_settings()
    (club / "conf/dev.yaml").unlink()
    with pytest.raises(MlopsError, match=r"conf/dev.yaml does not exist"):
        load_settings()


def test_a_secret_has_no_place_in_yaml(club):
    append(club, "conf/base.yaml", "password: hunter2\n")
    with pytest.raises(MlopsError, match='unknown key "password"'):
        load_settings()


def test_a_wrong_variable_is_named_and_not_a_file(club, monkeypatch):
    monkeypatch.setenv("MLOPS_TASK", "clustering")
    with pytest.raises(MlopsError, match=r"^MLOPS_TASK: "):
        load_settings()


def test_a_variable_that_is_no_section_is_one_sentence(club, monkeypatch):
    monkeypatch.setenv("MLOPS_TRACKING", "x")
    with pytest.raises(MlopsError, match="MLOPS_ variable cannot be read"):
        load_settings()


def test_a_message_shows_no_password_of_a_url():
    text = "MLflow at https://user:secret@h:1/x refuses s3://key:secret@b"
    assert without_credentials(text) == "MLflow at https://h:1/x refuses s3://b"


def test_settings_lie_apart_where_the_repository_had_files_of_those_names(club):
    (club / "conf/mlops").mkdir()
    (club / "conf/base.yaml").rename(club / "conf/mlops/base.yaml")
    (club / "conf/base.yaml").write_text("device: cuda\n", encoding="utf-8")
    assert load_settings().project
