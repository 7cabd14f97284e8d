"""What opens a door: user names, passwords and keys, also those in web addresses."""

from mlops_kit.privacy.detect.kinds import patterns
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule

CREDENTIAL = Kind(
    entity="credential",
    role="identifier",
    label="password or key",
    action="drop",
    safe_harbor="R",
    headers=(Header("passw(?:or)?d|password|contrasena|clave|api_?key|secret|pwd", 0.9),),
    rules=(
        Rule(
            0.8,
            "pas pwd con cla api sec tok",
            labels="(?:passw(?:or)?d|contrase[nñ]a|clave)(?: (?:del?|for|of)(?: la| el"
            r"| the)?)?(?: (?!es\b|is\b)[a-zñ-]{3,12})?|pwd|api[_ ]?key|secret(?:[_ ]key)?"
            "|token",
            gap=patterns.SAID,
            pattern=r"(?=[^\s,;\"'<>()\[\]{}]{0,60}[\d!#$%&*@^])[^\s,;\"'<>()\[\]{}]{6,128}",
        ),
    ),
    under_header=r"^\S{4,200}$",
)

USERNAME = Kind(
    entity="username",
    role="identifier",
    label="user name",
    action="token",
    safe_harbor="R",
    headers=(
        Header(
            "user_?names?|usuario|nombre_de_usuario|login|nick(?:name)?|handle|screen_name", 0.8
        ),
    ),
    rules=(
        Rule(
            0.7,
            "age use usu nom log nic han",
            labels="user ?_?names?|users?(?= ?[:=])|usuario(?= ?[:=])|agente?(?==)"
            "|nombre de usuario|login|nick(?:name)?|handle",
            gap=patterns.SAID,
            pattern=r"@?(?=[A-Za-z_.-]{1,30}\d)[A-Za-z][\w.-]{2,31}(?![\w@(])",
        ),
        Rule(
            0.45,
            "age use usu nom log nic han",
            labels="user ?_?names?|users?(?= ?[:=])|usuario(?= ?[:=])|agente?(?==)"
            "|nombre de usuario|login|nick(?:name)?|handle",
            gap=patterns.SAID,
            pattern=r"@?[A-Za-z][\w.-]{2,31}(?![\w@(])",
        ),
        Rule(0.4, "=@", r"(?<![\w@./])@[A-Za-z_]\w{2,30}(?![\w.@])"),
    ),
    under_header=r"^@?[\w.+-]{2,40}$",
)

# Every part is bounded and begins at a sign, so that a text is read once. What stands before a
# colon and an @ is a user; a long word of letters and digits before an @ is a token, other than
# the public key of Sentry. `owner:repo@ref` after `github://` and digests of images are no
# passwords, and what only stands for a password is told by `url_credentials`.
URL_CREDENTIAL = Kind(
    entity="url_credential",
    role="identifier",
    label="password or token in a web address",
    action="drop",
    safe_harbor="R",
    rules=(
        Rule(
            0.99,
            "=://",
            r"(?<=://)(?<!github://)(?P<v>[\w.~%+!$&*,;=-]{0,64}:(?:[^\s/?#\"'<>`\[\]{}\\^"
            r"|@]{1,100}(?:@(?!sha\d)\[?[\w:.-]{1,80})|[\w.~%+=-]{100})"
            r"|(?=[a-z_-]{0,20}\d?[A-Z\d_-])(?=\D{0,30}\d)[\w.~%+-]{20,100}@"
            r"(?![\w.-]{0,60}sentry)[\w.-]{1,80})",
        ),
        Rule(
            0.99,
            "=token= =key= =secret= =sig= =passwd= =password= =pwd=",
            "(?i)[?&](?P<v>(?:(?:private|access|auth)_token|api_?key|client_secret|sig"
            r"|passw(?:or)?d|pwd)=[^\s&#\"'<>`\[\]{}()\\]{3,150})",
        ),
    ),
)

KINDS = (CREDENTIAL, USERNAME, URL_CREDENTIAL)
