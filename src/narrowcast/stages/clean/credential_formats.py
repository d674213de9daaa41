"""Secrets that detect-secrets does not know: tokens by format, passwords in addresses and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from narrowcast.stages.clean.findings import Finding

_FORMAT, _NAMED = 0.9, 0.6

_TOKENS = {
    "GITHUB_TOKEN": r"github_pat_\w{22,}|gh[pousr]_[A-Za-z0-9]{36,}",
    "GOOGLE_API_KEY": r"AIza[\w-]{35}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,}",
    "SLACK_TOKEN": r"xox[a-z]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}",
    "SLACK_WEBHOOK": r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{20,}",
    "STRIPE_ACCESS_KEY": r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,}",
    "NPM_TOKEN": r"npm_[A-Za-z0-9]{36,}",
    "PYPI_TOKEN": r"pypi-[\w-]{50,}",
    "HUGGING_FACE_TOKEN": r"(?:hf|api_org)_[A-Za-z0-9]{30,}",
    "ANTHROPIC_TOKEN": r"sk-ant-[\w-]{20,}",
    "OPENAI_TOKEN": r"sk-(?:proj|svcacct|admin|None)-[\w-]{20,}|sk-[A-Za-z0-9]{32,}",
    "API_TOKEN": r"gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}|sk-or-v1-[a-f0-9]{40,}|r8_[A-Za-z0-9]{30,}|"
    r"pplx-[A-Za-z0-9]{40,}|nvapi-[\w-]{40,}|dapi[a-f0-9]{32}|dop_v1_[a-f0-9]{60,}|dckr_pat_[\w-]{20,}|"
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|glsa_\w{32,}|lin_api_[A-Za-z0-9]{32,}|ntn_[A-Za-z0-9]{40,}|"
    r"sntrys_[\w=+/-]{40,}|PMAK-[a-f0-9-]{40,}|NRAK-[A-Z0-9]{27}|ATATT3[\w=-]{60,}|hv[sb]\.[\w-]{24,}|"
    r"rubygems_[a-f0-9]{48}|sbp_[a-f0-9]{40}|pscale_\w{2,8}_[\w-]{32,}|AGE-SECRET-KEY-1[A-Z0-9]{50,}|"
    r"gl(?:rt|dt|cbt|ptt|ft|soat|imt|agent)-[\w-]{20,}",
    "JSON_WEB_TOKEN": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}",
}
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(f"(?P<{kind}>{form})" for kind, form in _TOKENS.items()) + ")"
)

# user:password@host. The last @ before a slash ends the password, which need not be escaped.
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.\-]{1,30}://"
    r"(?P<user>[^\s:/?#@\[\]<>\"'`]{0,200})(?::(?P<password>[^\s/?#<>\"'`]{0,200}))?@(?=[\w\[])"
)
# In the address of a database it may hold anything; a port is none.
_DATABASE = re.compile(
    r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|amqps?|mssql|oracle|clickhouse)(?:\+\w+)?://"
    r"[^\s:/?#@<>\"'`]{0,200}:(?!\d{1,5}/)(?P<password>[^\s<>\"`]{1,200})@(?=[\w\[])"
)
# The token is the user then.
_NO_PASSWORD = ("", "x-oauth-basic")
_LONG_USER = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.~-]{16,}")

# Values of query parameters and of connection strings: what a password is called, and what may also name
# something else, so that its value has to look like a key.
_CERTAIN = (
    r"(?:[\w.-]{0,40}(?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?token)|"
    r"pwd|pass|AccountKey|SharedAccessKey)"
)
_MAYBE = r"(?:[\w.-]{0,40}(?:token|signature)|sig|sas|auth|code|key|access_?key|X-Goog-Credential)"
_PARAMETER = re.compile(rf"(?i)[?&;](?:(?P<name>{_CERTAIN})|{_MAYBE})=(?P<value>[^\s&;#<>\"'`]{{1,2000}})")
_KEY_LIKE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.~%+/=-]{16,}")

_SENTENCE = re.compile(
    r"(?i)\b(?:password|passwd|passphrase|passcode|passwort|kennwort|contraseña|mot de passe|wachtwoord)\s+"
    r"(?:is|was|ist|lautet|war|es|est|to)\s*:?\s+[\"'`“„«]?(?P<value>[^\s\"'`”“«»]{6,100})"
)
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*\d).*")
_HEADER = re.compile(
    r"(?i)\b(?:authorization|x-api-key|x-auth-token)[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)?\s*"
    r"(?P<value>[\w.~+/-]{16,}=*)"
)

_AWS_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_BESIDE = 300  # characters between an id and its secret

# Filled in later, or blanked out. A password that reads "password" is one all the same.
_PLACEHOLDER = re.compile(r"(?i)[x*•.…#_-]+|[$%]?\{.*|\$\w+|%\w+%|<.*|\[.*")
_FEW = 6  # different characters; a real key of twenty has more
_DIGIT = re.compile(r"\d")
_SHORTEST = 6  # value of any of the formats that need a digit


def known_formats(text: str) -> Iterator[Finding]:
    """Every finding; they may overlap."""
    key = has_key(text, _SHORTEST)
    if key:
        for match in _TOKEN.finditer(text):
            if _random(match[0]):
                yield Finding("secret", str(match.lastgroup), *match.span(), _FORMAT)
    if "://" in text:
        yield from _addresses(text)
    if "=" in text:
        yield from _parameters(text)
    if key:
        yield from _assigned(text)
        yield from _aws_secrets(text)


def has_key(text: str, least: int) -> bool:
    """Whether a word of at least `least` characters has a digit: keys and tokens do, most texts do not."""
    if not _DIGIT.search(text):
        return False
    return any(len(word) >= least and _DIGIT.search(word) for word in text.split())


def _assigned(text: str) -> Iterator[Finding]:
    for pattern in (_SENTENCE, _HEADER):
        for match in pattern.finditer(text):
            value = match["value"].rstrip(".,;:!?)")
            if _MIXED.fullmatch(value) and not _PLACEHOLDER.fullmatch(value):
                start = match.start("value")
                yield Finding("secret", "SECRET_KEYWORD", start, start + len(value), _NAMED)


def _addresses(text: str) -> Iterator[Finding]:
    for match in _ADDRESS.finditer(text):
        password, user = match["password"], match["user"]
        token = password in (None, *_NO_PASSWORD)
        if not token and not _PLACEHOLDER.fullmatch(password):
            yield Finding("secret", "BASIC_AUTH_CREDENTIALS", *match.span("password"), _FORMAT)
        elif token and _LONG_USER.fullmatch(user):
            yield Finding("secret", "BASIC_AUTH_CREDENTIALS", *match.span("user"), _FORMAT)
    for match in _DATABASE.finditer(text):
        if "://" not in match["password"] and not _PLACEHOLDER.fullmatch(match["password"]):
            yield Finding("secret", "BASIC_AUTH_CREDENTIALS", *match.span("password"), _FORMAT)


def _parameters(text: str) -> Iterator[Finding]:
    for match in _PARAMETER.finditer(text):
        value = match["value"]
        certain = match["name"] is not None and not _PLACEHOLDER.fullmatch(value)
        if certain or (_KEY_LIKE.fullmatch(value) and _random(value)):
            yield Finding("secret", "SECRET_KEYWORD", *match.span("value"), _NAMED)


def _aws_secrets(text: str) -> Iterator[Finding]:
    for known in _AWS_ID.finditer(text):
        start = max(0, known.start() - _BESIDE)
        for match in _AWS_SECRET.finditer(text, start, known.end() + _BESIDE):
            if _MIXED.fullmatch(match[0]) and _random(match[0]):
                yield Finding("secret", "AWS_SECRET_KEY", *match.span(), _FORMAT)


def _random(value: str) -> bool:
    """Not a name in capitals, nor a value that was blanked out."""
    body = value.rpartition("_")[2] if value.count("_") == 1 else value
    return len(set(body)) >= _FEW and any(map(str.isdigit, value))
