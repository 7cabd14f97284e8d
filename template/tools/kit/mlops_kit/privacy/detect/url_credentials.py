"""Passwords and tokens in web addresses, and those in examples, which open nothing."""

import re

from mlops_kit.privacy.detect.kinds.rule_table import read_table

# Every part is bounded and begins at a sign, so that a text is read once. What stands before a
# colon and an @ is a user; a long word of letters and digits before an @ is a token, other than
# the public key of Sentry. `github://owner:repo@ref` and digests of images are no passwords.
_URL_CREDENTIALS = r"""
url_credential 0.99 =://
    (?<=://)(?<!github://)(?P<v>[\w.~%+!$&*,;=-]{0,64}:(?:[^\s/?#\"'<>`\[\]{}\\^|@]{1,100}
    (?:@(?!sha\d)\[?[\w:.-]{1,80})|[\w.~%+=-]{100})|(?=[a-z_-]{0,20}\d?[A-Z\d_-])(?=\D{0,30}\d)
    [\w.~%+-]{20,100}@(?![\w.-]{0,60}sentry)[\w.-]{1,80})
url_credential 0.99 =token= =key= =secret= =sig= =passwd= =password= =pwd=
    (?i)[?&](?P<v>(?:(?:private|access|auth)_token|api_?key|client_secret|sig|passw(?:or)?d|pwd)=
    [^\s&#\"'<>`\[\]{}()\\]{3,150})
"""
URL_CREDENTIALS = read_table("URL_CREDENTIALS", _URL_CREDENTIALS, {})

# `postgresql://user:password@localhost/db`, `your_token_here`, `secret123`.
WORD = re.compile(
    r"(?i)(?:(?:my|your|the|some|a|an|super|db|user|database|app|new|old|access|api|deploy|personal)"
    r"[._-]?){0,3}(?:passw(?:or)?d|passphrase|pass|pwd?|secret|token|key|pat|credentials?|change[._-]?me"
    r"|example|test|dummy|fake|foo|bar|baz|none|null|hidden|redacted|masked|removed|placeholder"
    r"|contrase[n\u00f1]a|clave|tiger|guest|admin|root|postgres|mysql)"
    r"[._-]?(?:here|value)?[._-]?\d{0,4}[!]?"
)
# `$PASSWORD`, `%s`, `%(password)s`, `***`, `xxxx`, `...`; braces and angles are in no match at all.
SIGNS = re.compile(r"\$\w+|%\(?\w*\)?s?|[*\u2022x.X\u2026_-]+|.{1,2}|\d{1,5}")
RESERVED = re.compile(r"(?i)(?:.{0,80}\.)?(?:example(?:\.(?:com|org|net))?|test|invalid)(?::\d+)?")


def opens_nothing(value: str) -> bool:
    """Tell whether what an address holds is a placeholder, or the address itself one (RFC 2606).

    Parameters
    ----------
    value : str
        ``user:password@host``, ``token@host`` or ``name=value``, as the rules find them.
    """
    said, at, host = value.rpartition("@")
    if at and RESERVED.fullmatch(host):
        return True
    if not at:
        said = value.partition("=")[2] or value
    user, colon, password = said.partition(":")
    password = password if at and colon else said
    same = colon and password.casefold() == user.casefold()
    return bool(same or WORD.fullmatch(password) or SIGNS.fullmatch(password))
