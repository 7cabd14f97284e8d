"""A pyproject.toml whose lines conflict is merged by its values; nothing of the team's is lost."""

import tomllib

from copier_mlops.updating.toml_merge import lost_values, merge_toml
from hypothesis import given, settings
from hypothesis import strategies as st

OLD = """\
[project]
name = "shop"
# Yours.
dependencies = []

[project.scripts]
mlops = "shop.mlops.cli:main"

[dependency-groups]
# The template's; an update changes these.
mlops = [
  "duckdb>=2,<3",
  "polars>=2,<3",
]
dev = [
  "pytest>=9,<10",
  "ruff>=0.17,<1",
]

[tool.pytest.ini_options]
testpaths = ["tests", "src/shop/mlops/tests"]
"""
NEW = """\
[project]
name = "shop"
# Yours.
dependencies = []

[dependency-groups]
# Bounds stand in tools/kit.
mlops = ["mlops-kit"]
ner = ["mlops-kit[ner]"]
dev = [
  "pytest>=9,<10",
  "ruff>=0.18,<1",
]

[tool.mlops]
# Your package.
package = "shop"

[tool.pytest.ini_options]
testpaths = ["tests", "tools/kit/tests"]
"""


def merged(own: str, old: str = OLD, new: str = NEW) -> str | None:
    """Merge texts; None is a conflict."""
    found = merge_toml(old.encode(), own.encode(), new.encode())
    return found[0].decode() if found else None


def edited(*pairs: tuple[str, str]) -> str:
    """Return the old text with edits."""
    text = OLD
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def test_what_nobody_changed_becomes_what_the_template_says() -> None:
    text = merged(OLD)
    assert text
    assert tomllib.loads(text) == tomllib.loads(NEW)
    assert "# The template's; an update changes these." not in text
    assert "# Bounds stand in tools/kit." in text
    assert "# Your package." in text


def test_the_templates_lines_of_a_group_go_and_the_teams_stay() -> None:
    own = edited(
        ('  "polars>=2,<3",\n', '  "polars>=2,<3",\n  "httpx",  # for the service\n'),
        ('  "duckdb>=2,<3",\n', '  "duckdb>=2.1,<3",\n'),
        ('  "pytest>=9,<10",\n', '  "mypy",\n  "pytest>=9,<10",\n'),
        ('cli:main"\n', 'cli:main"\nserve = "shop.service:main"\n'),
        ('"src/shop/mlops/tests"]', '"src/shop/mlops/tests", "more"]'),
    )
    text = merged(own)
    assert text
    values = tomllib.loads(text)
    assert values["dependency-groups"] == {
        "mlops": ["duckdb>=2.1,<3", "httpx", "mlops-kit"],
        "dev": ["mypy", "pytest>=9,<10", "ruff>=0.18,<1"],
        "ner": ["mlops-kit[ner]"],
    }
    assert values["project"]["scripts"] == {"serve": "shop.service:main"}
    assert values["tool"]["pytest"]["ini_options"]["testpaths"] == [
        "tests",
        "more",
        "tools/kit/tests",
    ]
    assert '"httpx",  # for the service\n' in text
    assert [*lost_values(OLD.encode(), own.encode(), text.encode())] == []


def test_a_group_that_both_added_holds_what_both_want() -> None:
    text = merged(edited(("[dependency-groups]\n", '[dependency-groups]\nner = ["spacy"]\n')))
    assert text
    assert tomllib.loads(text)["dependency-groups"]["ner"] == ["spacy", "mlops-kit[ner]"]


def test_a_comment_on_a_line_that_goes_stays_or_stays_a_conflict() -> None:
    why = "# not 2.4, see the incident of May\n"
    for own in (
        edited(('  "duckdb>=2,<3",\n', f'  {why}  "duckdb>=2,<3",\n')),
        edited(('  "duckdb>=2,<3",\n', f'  "duckdb>=2,<3",  {why}')),
    ):
        text = merged(own)
        assert text is None or why in text


def test_both_changed_one_requirement() -> None:
    assert merged(edited(('"ruff>=0.17,<1"', '"ruff==0.17.3"'))) is None
    assert merged(edited(('mlops = "shop.mlops.cli:main"', 'mlops = "shop.cli:main"'))) is None


def test_what_the_team_deleted_stays_deleted_and_is_named() -> None:
    own = edited(('dev = [\n  "pytest>=9,<10",\n  "ruff>=0.17,<1",\n]\n', ""))
    found = merge_toml(OLD.encode(), own.encode(), NEW.encode())
    assert found
    assert "dev" not in tomllib.loads(found[0].decode())["dependency-groups"]
    assert found[1] == ["dependency-groups.dev"]


def test_a_table_that_the_team_deleted_is_not_brought_back() -> None:
    table = '[tool.pytest.ini_options]\ntestpaths = ["tests", "src/shop/mlops/tests"]\n'
    own = edited((table, ""), ('  "polars>=2,<3",\n', '  "polars>=2,<3",\n  "httpx",\n'))
    found = merge_toml(OLD.encode(), own.encode(), NEW.encode())
    assert found
    assert tomllib.loads(found[0].decode())["tool"] == {"mlops": {"package": "shop"}}
    assert found[1] == ["tool.pytest.ini_options"]


def test_nothing_takes_the_place_of_what_the_team_took_out_of_a_list() -> None:
    own = edited(('["tests", "src/shop/mlops/tests"]', '["tests", "more"]'))
    found = merge_toml(OLD.encode(), own.encode(), NEW.encode())
    assert found
    values = tomllib.loads(found[0].decode())
    assert values["tool"]["pytest"]["ini_options"]["testpaths"] == ["tests", "more"]
    assert found[1] == ["tool.pytest.ini_options.testpaths"]


def test_the_proof_bites() -> None:
    own = edited(("dependencies = []", 'dependencies = ["httpx"]  # ours'))
    assert [*lost_values(OLD.encode(), own.encode(), NEW.encode())]
    kept = own.replace("  # ours", "")
    assert [*lost_values(OLD.encode(), own.encode(), kept.encode())] == [
        'dependencies = ["httpx"]  # ours'
    ]


LISTS = st.lists(st.sampled_from(["a", "b>=1", "b>=2", "c", "d"]), unique=True, max_size=4)
FILES = st.fixed_dictionaries({}, optional={"x": LISTS, "y": LISTS, "z": st.integers(0, 2)})


@settings(max_examples=200, deadline=None)
@given(FILES, FILES, FILES)
def test_whatever_both_sides_did_nothing_of_the_teams_is_lost(
    old: dict, own: dict, new: dict
) -> None:
    def text(values: dict) -> bytes:
        lines = ["[dependency-groups]"]
        for name, value in values.items():
            inner = "".join(f'  "{item}",\n' for item in value) if name != "z" else ""
            lines.append(f"{name} = {value if name == 'z' else f'[{chr(10)}{inner}]'}")
        return ("\n".join(lines) + "\n").encode()

    found = merge_toml(text(old), text(own), text(new))
    if found is None:
        return
    result = tomllib.loads(found[0].decode())["dependency-groups"]
    assert [*lost_values(text(old), text(own), found[0])] == []
    for name, value in new.items():
        if value != old.get(name) and own.get(name) == old.get(name):
            assert result[name] == value, "a change of the template's is lost"


def test_a_list_of_uv_takes_the_groups_changes_where_poetry_would_lock_groups() -> None:
    """What adoption writes there is one list of what a plain `uv run` installs."""
    chosen = '\n[tool.uv]\ndefault-groups = ["dev", "mlops"]\n'
    new = NEW.replace('mlops = ["mlops-kit"]', 'mlops = ["mlops-kit"]\nlater = ["mlops-kit[l]"]')
    new += chosen.replace('"mlops"', '"mlops", "later"')
    own = (
        '[tool.poetry]\nname = "shop"\n\n[tool.poetry.group.dev.dependencies]\nruff = "*"\n\n'
        "[tool.uv]\n# Poetry and PDM would lock groups too.\ndev-dependencies = [\n"
        '  "shop",  # ours\n  "duckdb>=2,<3",\n  "polars>=2,<3",\n  "pytest>=9,<10",\n'
        '  "ruff>=0.17,<1",\n  "click>=8",\n]\n\n[tool.pytest.ini_options]\n'
        'testpaths = ["tests", "src/shop/mlops/tests"]\n'
    )
    text = merged(own, OLD + chosen, new)
    assert text is not None
    found = tomllib.loads(text)
    assert {*found["tool"]["uv"]["dev-dependencies"]} == {
        "shop",
        "click>=8",
        "pytest>=9,<10",
        "ruff>=0.18,<1",
        "mlops-kit",
        "mlops-kit[l]",
    }
    assert '"shop",  # ours' in text
    assert "dependency-groups" not in found
    assert "default-groups" not in found["tool"]["uv"]
    assert found["tool"]["poetry"] == tomllib.loads(own)["tool"]["poetry"]
    values = [one.encode() for one in (OLD + chosen, own, text)]
    assert list(lost_values(*values)) == []
    assert list(lost_values(values[0], values[1], values[2].replace(b"click>=8", b"x"))) != []
    theirs = own.replace("ruff>=0.17,<1", "ruff>=0.16,<1")
    assert merged(theirs, OLD + chosen, new) is None, "both changed one bound"


def test_a_team_that_installs_all_groups_keeps_it() -> None:
    """The value may be the word "all" in the place of a list."""
    chosen = '\n[tool.uv]\ndefault-groups = ["dev", "mlops"]\n'
    own = OLD.replace("dependencies = []", 'dependencies = ["click"]')
    own += '\n[tool.uv]\ndefault-groups = "all"\n'
    text = merged(own, OLD + chosen, NEW + chosen)
    assert text is not None
    assert tomllib.loads(text)["tool"]["uv"] == {"default-groups": "all"}
    more = chosen.replace('"mlops"', '"mlops", "ner"')
    assert merged(own, OLD + chosen, NEW + more) is None, "both changed it: a person decides"
    poetry = own.replace("[project]", '[tool.poetry]\nname = "shop"\n\n[project]')
    text = merged(poetry, OLD + chosen, NEW + chosen)
    assert text is not None
    assert tomllib.loads(text)["tool"]["uv"] == {"default-groups": "all"}
