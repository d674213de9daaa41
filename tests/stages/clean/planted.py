"""Secrets and personal data to plant: made up, valid in form, each unlike the others."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

_FIRST = ("anna", "ben", "carla", "deniz", "emil", "fatma", "george", "hana")
_LAST = ("meyer", "okafor", "silva", "novak", "haddad", "kim")
_HOSTS = ("example-mail.com", "posteo.de", "contoso.co.uk", "acme.org")


def personal(number: int) -> tuple[str, str]:
    """(kind, value) of the number-th item; seven kinds in turn."""
    chance = random.Random(number)
    makers: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
        (
            "EMAIL_ADDRESS",
            lambda r: f"{r.choice(_FIRST)}.{r.choice(_LAST)}{r.randint(1, 999)}@{r.choice(_HOSTS)}",
        ),
        ("PHONE_NUMBER", lambda r: f"+49 30 {r.randint(200, 899)}{r.randint(10_000, 99_999)}"),
        ("PHONE_NUMBER", lambda r: f"(212) 55{r.randint(1, 9)}-{r.randint(1000, 9999)}"),
        ("CREDIT_CARD", _card),
        ("IBAN_CODE", _iban),
        ("IP_ADDRESS", lambda r: ".".join(str(r.randint(11, 250)) for _ in range(4))),
        ("US_SSN", lambda r: f"{r.randint(101, 665)}-{r.randint(10, 99)}-{r.randint(1000, 9998)}"),
    )
    kind, make = makers[number % len(makers)]
    return kind, make(chance)


def secret(number: int) -> tuple[str, str, str]:
    """(kind, value, how it is in a sentence); ten kinds in turn."""
    chance = random.Random(1_000 + number)

    def run(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(chance.choice(alphabet) for _ in range(length - 1)) + "7"

    part = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
        for each in ({"alg": "HS256", "typ": "JWT"}, {"sub": str(number), "name": "x"})
    ]
    upper = string.ascii_uppercase + string.digits
    values = (
        ("AWS_ACCESS_KEY", f"AKIA{run(16, upper)}", "{}"),
        ("GITHUB_TOKEN", f"ghp_{run(36)}", "use {} to push"),
        ("SLACK_TOKEN", f"xoxb-{run(11, string.digits)}-{run(11, string.digits)}-{run(24)}", "bot {}"),
        ("STRIPE_ACCESS_KEY", f"sk_live_{run(24)}", "{}"),
        ("JSON_WEB_TOKEN", f"{part[0]}.{part[1]}.{run(43)}", "Authorization: Bearer {}"),
        (
            "PRIVATE_KEY",
            f"-----BEGIN RSA PRIVATE KEY-----\n{run(64)}\n-----END RSA PRIVATE KEY-----",
            "\n{}\n",
        ),
        ("SECRET_KEYWORD", f"{run(12)}!", 'password = "{}"'),
        ("SECRET_KEYWORD", run(14), "db_password: {}"),
        ("BASIC_AUTH_CREDENTIALS", run(12), "postgres://admin:{}@db.internal:5432/app"),
        ("SENDGRID_API_KEY", f"SG.{run(22)}.{run(43)}", "{}"),
    )
    return values[number % len(values)]


def _card(chance: random.Random) -> str:
    digits = [4, *(chance.randint(0, 9) for _ in range(14))]
    total = sum(digit if place % 2 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits))
    text = "".join(map(str, [*digits, -total % 10]))
    return " ".join(text[start : start + 4] for start in range(0, 16, 4))


def _iban(chance: random.Random) -> str:
    account = "".join(str(chance.randint(0, 9)) for _ in range(18))
    check = 98 - int(f"{account}131400") % 97  # D is 13, E is 14
    return f"DE{check:02}{account}"
