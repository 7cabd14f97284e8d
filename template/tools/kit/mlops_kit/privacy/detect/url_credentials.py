"""Passwords and tokens in web addresses, and those in examples, which open nothing."""

import re

# What an address of an example holds: `user:password@localhost`, `your_token_here`, `secret123`.
WORD = re.compile(
    r"(?i)(?:(?:my|your|the|some|a|an|super|db|user|database|app|new|old|access|api|deploy|personal)"
    r"[._-]?){0,3}(?:passw(?:or)?d|passphrase|pass|pwd?|secret|token|key|pat|credentials?|change[._-]?me"
    r"|example|test|dummy|fake|foo|bar|baz|none|null|hidden|redacted|masked|removed|placeholder"
    r"|contrase[n\u00f1]a|clave|tiger|guest|admin|root|postgres|mysql)"
    r"[._-]?(?:here|value)?[._-]?\d{0,4}[!]?"
)
# `$PASSWORD`, `%s`, `%(password)s`, `***`, `xxxx`, `...`; braces and angles are in no match at all.
SIGNS = re.compile(r"\$\w+|%\(?\w*\)?s?|[*\u2022x.X\u2026_-]+|.{1,2}|\d{1,5}")
RESERVED = re.compile(r"(?i)(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid)(?::\d{1,5})?\Z")


def opens_nothing(value: str) -> bool:
    """Tell whether what an address holds is a placeholder, or the address itself one (RFC 2606).

    Parameters
    ----------
    value : str
        ``user:password@host``, ``token@host`` or ``name=value``, as the rules find them.
    """
    said, at, host = value.rpartition("@")
    if at and RESERVED.search(host):
        return True
    if not at:
        said = value.partition("=")[2] or value
    user, colon, password = said.partition(":")
    password = password if at and colon else said
    same = colon and password.casefold() == user.casefold()
    return bool(same or WORD.fullmatch(password) or SIGNS.fullmatch(password))
