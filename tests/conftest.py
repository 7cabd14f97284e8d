"""What every test needs: no user settings, no tracebacks from a dirty machine, fast renders."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from debian import brought
from hypothesis import settings
from rendering import fast_rendering, tagged_template

if TYPE_CHECKING:
    import polars as pl

# As the command line sets it: workers of pytest share two cores, and waiting threads would spin.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A change is judged by its own doing: the same cases each time. `make verify` draws new ones.
settings.register_profile("drawn anew", derandomize=False, print_blob=True)
settings.register_profile("the same", derandomize=True)
settings.load_profile("the same")


@pytest.fixture(scope="session", autouse=True)
def no_user_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the person's own Copier defaults out; a truly empty settings file would crash Copier."""
    settings = tmp_path_factory.mktemp("settings") / "settings.yml"
    settings.write_text("{}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPIER_SETTINGS_PATH", str(settings))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
        yield


@pytest.fixture(scope="session", autouse=True)
def memoised_renderer(no_user_settings: None) -> Iterator[None]:
    """Render fast everywhere; the test that proves it equal leaves this patch."""
    with fast_rendering():
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, no_user_settings: None) -> Path:
    """Return a clean, tagged git repository with the template as it stands in the working tree."""
    return tagged_template(tmp_path_factory.mktemp("template") / "copier-mlops")


@pytest.fixture(scope="session")
def shop() -> ModuleType:
    """Return the generator of the sample, from the template's folder."""
    return import_module("mlops_kit.data.sources.sample_shop.shop")


@pytest.fixture(scope="session")
def sample(shop: ModuleType) -> dict[str, "pl.DataFrame"]:
    """Return the sample at its default size."""
    return shop.generate()


@pytest.fixture
def figure(request: pytest.FixtureRequest):
    """Return a function that adds a line of figures to the summary at the end of the run."""
    return lambda text: request.node.user_properties.append(("figure", text))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bring the program that a test marked `debian` needs, or say why it is not run."""
    for mark in item.iter_markers("debian"):
        if why := brought(*mark.args):
            pytest.skip(why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests measured."""
    lines = [
        str(value)
        for report in terminalreporter.stats.get("passed", [])
        if report.when == "call"
        for key, value in report.user_properties
        if key == "figure"
    ]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.line(line)
