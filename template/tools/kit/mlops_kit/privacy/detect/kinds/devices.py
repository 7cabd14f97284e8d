"""Addresses and serial numbers of a person's machines."""

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape

IP = Kind(
    entity="ip",
    role="identifier",
    label="IP address",
    action="token",
    safe_harbor="O",
    headers=(Header("ip|ip_?addr(?:ess)?|direccion_ip|ipv[46]|client_ip|remote_addr", 0.8),),
    rules=(
        Rule(
            0.85,
            "#1,2,3:.",
            r"(?<![\w.-])(?<!\w/)(?<![=<>~^]=)(?<![=<>] )(?!(?:\d\.){3}\d(?!\d))(?<![Vv]ersion )"
            r"(?<![Vv]ersión )(?<![Rr]elease )(?<![Bb]uild )<OCTET>(?:\.<OCTET>){3}(?:/\d{1,2}"
            r"(?!\d))?(?![\w-]|\.\d)",
            check=check_digits.ip,
        ),
        Rule(0.4, "#1,2,3:.", r"(?<![\w.-])<OCTET>(?:\.<OCTET>){3}(?![\w-]|\.\d)"),
        Rule(
            0.9,
            "=:",
            r"(?<![\w:.])(?:\[<IP_SIX>\](?::\d{1,5}(?!\d))?|<IP_SIX>(?![\w:]|\.\d))",
            check=check_digits.ip,
        ),
    ),
    shapes=(
        Shape(
            r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:[:/]\d{1,5})?$",
            0.0,
            0.8,
        ),
        Shape(
            "^(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$|^(?:[0-9A-Fa-f]{1,4}:){2,6}"
            "(?::[0-9A-Fa-f]{1,4}){1,5}$",
            0.0,
            0.9,
        ),
    ),
    under_header=r"^[\dA-Fa-f.:/]{3,45}$",
    like_amounts=True,
)

MAC = Kind(
    entity="mac",
    role="identifier",
    label="MAC address",
    action="token",
    safe_harbor="M",
    headers=(Header("mac|mac_?addr(?:ess)?", 0.8),),
    rules=(
        Rule(
            0.9,
            "=: =-",
            r"(?<![\w:-])[\dA-Fa-f]{2}(?:(?::[\dA-Fa-f]{2}){5}|(?:-[\dA-Fa-f]{2}){5})(?![\w:-])",
        ),
    ),
    shapes=(
        Shape(
            r"^(?:(?:[\dA-Fa-f]{2}:){5}|(?:[\dA-Fa-f]{2}-){5})[\dA-Fa-f]{2}$"
            r"|^(?:[\dA-Fa-f]{4}\.){2}[\dA-Fa-f]{4}$",
            0.0,
            0.95,
        ),
    ),
    under_header=r"^[\dA-Fa-f]{2}(?:[:-]?[\dA-Fa-f]{2}){5}$",
)

IMEI = Kind(
    entity="imei",
    role="identifier",
    label="IMEI of a phone",
    action="token",
    safe_harbor="M",
    headers=(Header("imei", 0.9),),
    caption="IMEI",
    rules=(
        Rule(0.9, "ime", labels="imei", pattern=r"\d(?:[ -]?\d){13,15}(?!\w)"),
        Rule(
            0.45,
            "#2,8:- #15",
            r"(?<![\w.,+-])\d{2}-?\d{6}-?\d{6}-?\d(?![\w-]|[.,]\d)",
            check=check_digits.imei,
        ),
    ),
    shapes=(Shape(r"^\d{2}-?\d{6}-?\d{6}-?\d$", 0.1, 0.8, numeric=True, check=check_digits.imei),),
    under_header=r"^\d(?:[ -]?\d){13,15}$",
)

DEVICE_ID = Kind(
    entity="device_id",
    role="identifier",
    label="device identifier",
    action="token",
    safe_harbor="M",
    headers=(
        Header(
            "device_?id|udid|android_id|idfa|gaid|advertising_id|serial(?:_number)?|imsi|iccid"
            "|id_dispositivo",
            0.7,
        ),
    ),
    caption="device id",
    rules=(
        Rule(
            0.75,
            "s ser n nú núm nº dev udi dis and adv idf gai ims icc",
            labels=r"s/n(?= ?[:#])|(?-i:S/N)(?= (?:[A-Z\d]{8,}))|serial(?: (?:number|no\.?|#))?"
            r"|serie(?= (?-i:[A-Z]){2,4}\d{5})|n[º°uú.]?m?(?:ero)?\.? (?:de )?serie"
            "|(?:device|android|advertising)[ _]?id|udid|dispositivo|idfa|gaid|imsi|iccid",
            pattern=r"(?=[A-Za-z\-]{0,8}\d)[A-Za-z\d][A-Za-z\d-]{5,39}(?!\w)",
        ),
    ),
    under_header=r"^[A-Za-z\d][A-Za-z\d:_-]{5,63}$",
)

KINDS = (IP, MAC, IMEI, DEVICE_ID)
