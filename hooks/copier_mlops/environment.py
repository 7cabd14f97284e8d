"""Which inherited variables reach git: what signs a person in stays, what misleads goes."""

import base64
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from copier_mlops.addresses import sign_in_of, without_credentials

# What reaches a remote, a person's configuration, who commits; every other GIT_ variable goes.
KEPT = (
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
    *("GIT_ASKPASS", "GIT_ALLOW_PROTOCOL", "GIT_PROTOCOL_FROM_USER"),
)
KEPT_PREFIXES = ("GIT_SSH", "GIT_SSL", "GIT_PROXY", "GIT_HTTP", "GIT_AUTHOR_", "GIT_COMMITTER_")
# Settings that come by variables, as CI gives them: who asks, how a remote is reached, who commits,
# whose folders are trusted. What would change the meaning of a command (hooks, aliases, filters,
# another working tree) goes.
KEPT_SETTINGS = re.compile(
    r"(?:credential|http|ssh|safe|user|author|committer)\..+"
    r"|url\..+\.insteadof|core\.(?:askpass|sshcommand|gitproxy)",
    re.IGNORECASE | re.DOTALL,
)


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables without those of git that would send a command somewhere else.

    What authentication needs stays: among settings that come by ``GIT_CONFIG_COUNT`` and
    ``GIT_CONFIG_PARAMETERS`` too.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    return kept | as_variables(settings_of(environ))


def settings_of(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return git's settings in variables that may stay, the weaker first."""
    count = environ.get("GIT_CONFIG_COUNT", "")
    names = range(int(count) if re.fullmatch(r"[0-9]{1,4}", count) else 0)
    pairs = [(f"GIT_CONFIG_KEY_{number}", f"GIT_CONFIG_VALUE_{number}") for number in names]
    found = [(environ.get(key), environ.get(value)) for key, value in pairs]
    try:  # What `git -c` hands to the programs that it starts.
        passed = shlex.split(environ.get("GIT_CONFIG_PARAMETERS", ""))
    except ValueError:
        passed = []
    # The value of a setting is what follows the last part of its name.
    parts = (re.fullmatch(r"(.+?\.[A-Za-z][\w-]*)=(.*)", text, re.DOTALL) for text in passed)
    found += [(match[1], match[2]) for match in parts if match]
    return [(k, v) for k, v in found if k and v is not None and KEPT_SETTINGS.fullmatch(k)]


def as_variables(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return settings as the variables that git reads them from."""
    if not settings:
        return {}
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def scrub_environment() -> None:
    """Drop inherited ``GIT_`` variables that would send git, or Copier's git, somewhere else."""
    kept = scrubbed(os.environ)
    for name in [name for name in os.environ if name not in kept]:
        del os.environ[name]
    os.environ.update(kept)


@contextmanager
def signed_in(address: str) -> Iterator[str]:
    """Give the address without its user and password, which git is told another way meanwhile.

    So they stand in no command, no clone, and nowhere on disk: for this process and its children
    alone git sends them to that host.
    """
    clean, who = without_credentials(address), sign_in_of(address)
    if who is None:
        yield clean
        return
    from plumbum import local  # Copier's git; it copied the variables when it was imported

    coded = base64.b64encode(f"{who.user}:{who.password}".encode()).decode()
    host = re.match(r"(?i)(?:git\+)?(https?://[^/?#]+)", clean)
    name = f"http.{host[1] if host else clean}/.extraHeader"
    # The empty one first: a server refuses a request with two of them.
    headers = [(name, ""), (name, f"Authorization: Basic {coded}")]
    more = as_variables([*settings_of(os.environ), *headers])
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        with local.env(**more):
            yield clean
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
