"""Say in one sentence why a template cannot be read or rendered, and how git is let in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from copier_mlops.addresses import without_credentials
from copier_mlops.errors import ToolError, last_line, say

SIGN_IN = (
    "for updates give it to git: a credential helper, ~/.netrc, GIT_ASKPASS, or GIT_CONFIG_COUNT "
    "with http.extraHeader"
)
NOT_SIGNED_IN = re.compile(
    r"(?i)authentication failed|could not read (?:username|password)|permission denied"
    r"|terminal prompts disabled|returned error: 40[13]|access denied|not authorized"
)


def tell_not_stored(address: str) -> None:
    """Say that the password in an address that somebody typed serves this run alone."""
    if address != without_credentials(address):
        say(f"The password in the template's address is used once and not stored; {SIGN_IN}.")


CHOICE = re.compile(r"Invalid choice for '(\w+)': '(.*)' is not in \[(.*)\]")
"""What Copier says about a value that a question does not offer."""


def _no_choice(said: re.Match[str]) -> str:
    name, value, choices = said.groups()
    return f"{name}: {value!r} is none of its choices; it has {choices.replace(chr(39), '')}."


@contextmanager
def sentences(source: str) -> Iterator[None]:
    """Turn what Copier and git raise into one sentence each."""
    from copier.errors import UnsafeTemplateError
    from plumbum.commands.processes import ProcessExecutionError

    try:
        yield
    except UnsafeTemplateError as error:
        raise ToolError(f"The template {source} wants to run code; not supported.") from error
    except ProcessExecutionError as error:
        raise ToolError(unread(source, last_line(error.stderr))) from error
    except (ValueError, TypeError) as error:
        # Copier wraps the sentence of the template's validator.
        reason = re.sub(r"^Validation error for question '(\w+)'", r"\1", last_line(error))
        raise ToolError(CHOICE.sub(_no_choice, reason)) from error


def unread(source: str, reason: str) -> str:
    """Return the sentence about a template that git could not read, and how git is let in."""
    if NOT_SIGNED_IN.search(reason):
        cure = f". It wants to know who asks; {SIGN_IN}."
    else:
        cure = "; check its address and the network."
    return f"Cannot read the template {source}: {reason.removeprefix('fatal: ').rstrip('.')}{cure}"
