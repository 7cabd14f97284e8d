"""The renderer itself: fast equals plain, twice equals once, and seeded files are left alone."""

import hashlib
import json
import shutil
from pathlib import Path
from unittest import mock

import pytest
import rendering
import yaml
from copier import _main as copier_main
from pathspec import GitIgnoreSpec
from rendering import PROFILES, ROOT, SHOP, files_of, profile, render

FILESETS = ROOT / "tests" / "rendered" / "filesets"


@pytest.mark.parametrize("name", PROFILES)
def test_the_fast_renderer_writes_what_plain_copier_writes(name: str, tmp_path: Path) -> None:
    answers = {**SHOP, **profile(name)}
    fast = render(tmp_path / "fast", answers)
    with (
        mock.patch.object(copier_main.SandboxedEnvironment, "compile", rendering.compile_anew),
        mock.patch.object(
            copier_main.Worker, "_sync_git_index_executable_bit", rendering.sync_executable_bit
        ),
        mock.patch.object(copier_main.Worker, "_render_string", rendering.render_string),
        mock.patch.object(copier_main.Worker, "answers_relpath", rendering.answers_relpath),
    ):
        plain = render(tmp_path / "plain", answers)
    assert files_of(fast) == files_of(plain)
    assert modes(fast) == modes(plain)


def modes(project: Path) -> dict[str, int]:
    return {str(path.relative_to(project)): path.stat().st_mode for path in project.rglob("*")}


@pytest.mark.parametrize("name", PROFILES)
def test_a_second_render_is_identical(name: str, tmp_path: Path) -> None:
    answers = {**SHOP, **profile(name)}
    first = files_of(render(tmp_path / "first", answers))
    assert files_of(render(tmp_path / "second", answers)) == first
    # Over itself, too: nothing depends on what is already there.
    assert files_of(render(tmp_path / "first", answers)) == first


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_renders_exactly_the_listed_files(name: str, tmp_path: Path) -> None:
    """After adding or removing a file on purpose, run ``make filesets`` and read the difference."""
    rendered = sorted(files_of(render(tmp_path / "p", {**SHOP, **profile(name)})))
    listed = (FILESETS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert rendered == listed


def test_seeded_files_survive_a_second_render_and_managed_ones_are_renewed(tmp_path: Path) -> None:
    project = render(tmp_path / "p", SHOP)
    seeded = ["src/shop/features.py", "conf/base.yaml", "params.yaml", "README.md", "uv.lock"]
    managed = ["tools/kit/mlops_kit/cli.py", "dvc.yaml", ".gitignore", "ruff.toml"]
    for name in seeded + managed:
        (project / name).write_text("mine\n", encoding="utf-8")
    with mock.patch.object(rendering.copier, "run_copy", overwriting(rendering.copier.run_copy)):
        render(project, SHOP)
    kept = [name for name in seeded + managed if (project / name).read_text() == "mine\n"]
    assert kept == seeded


def overwriting(run_copy):
    return lambda *arguments, **options: run_copy(*arguments, overwrite=True, **options)


def test_every_seeded_path_exists_in_some_profile_or_belongs_to_the_team(tmp_path: Path) -> None:
    """A misspelt entry of _skip_if_exists would protect nothing."""
    text = (ROOT / "copier.yml").read_text(encoding="utf-8").split("\n---\n")[0]
    patterns = yaml.safe_load(text)["_skip_if_exists"]
    answers = {"infrastructure": ["image", "devcontainer"], "ci": "both", "ai_governance": True}
    rendered = files_of(render(tmp_path / "p", {**SHOP, **answers}))
    teams_own = {"/pipelines/", "/notebooks/", "/.env*", "/.secrets/"}
    for pattern in set(patterns) - teams_own:
        spec = GitIgnoreSpec.from_lines(
            [pattern.replace('{{ package_name | default("*") }}', "shop")]
        )
        assert any(spec.match_files(rendered)), pattern


def test_a_failed_render_leaves_nothing(tmp_path: Path) -> None:
    template = rendering.copy_working_tree(tmp_path / "template")
    (template / "template" / "broken.txt.jinja").write_text("{{ no_such_answer }}")
    with pytest.raises(Exception, match="no_such_answer"):
        render(tmp_path / "p", template=template)
    assert not (tmp_path / "p").exists()
    shutil.rmtree(template)


@pytest.mark.parametrize(
    "answers",
    [
        SHOP,
        {**SHOP, "task": "regression", "personal_data": "none", "functionality": "existing_rules"},
        {
            **SHOP,
            "task": "recommendation",
            "personal_data": "phi",
            "business_metric": 'Ñ "x" <&> 🙂',
        },
    ],
)
def test_the_digests_of_seeded_files_are_those_of_the_files(
    answers: dict[str, str], tmp_path: Path
) -> None:
    project = render(tmp_path / "p", answers)
    digests = json.loads((project / "tools/kit/seeds.json").read_text(encoding="utf-8"))
    assert {"params.yaml", "conf/sources.yaml", "src/shop/features.py"} <= digests.keys()
    assert ("conf/privacy.yaml" in digests) == (project / "conf/privacy.yaml").is_file()
    assert {
        name: hashlib.sha256((project / name).read_bytes()).hexdigest() for name in digests
    } == digests
