"""The language of `--derive` and `--where`: what it computes, and what it refuses."""

from typing import Any

import pytest

from narrowcast.errors import UsageError
from narrowcast.stages.import_.reshape.expression import Expression
from narrowcast.stages.import_.reshape.values import ExpressionError

ROW: dict[str, Any] = {
    "scenario": "alarm", "intent": "set", "n": 3, "price": "4.5", "ok": True, "said": "False", "none": None,
    "source": ["one", "two", 3], "user": {"name": "Alma"}, "Größe": "XL", "my col": "spaced",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('scenario + "_" + intent', "alarm_set"),
        ('join(" ", source)', "one two 3"),
        ("source[0]", "one"),
        ("source[-1]", 3),
        ("source[9]", None),
        ("source[1:]", ["two", 3]),
        ("scenario[0:2]", "al"),
        ("user.name", "Alma"),
        ("user.nobody", None),
        ("`my col`", "spaced"),
        ("Größe", "XL"),
        ("n + 1", 4),
        ("n + -1", 2),
        ('"n=" + n', "n=3"),
        ('none + "x"', None),
        ("first(none, intent)", "set"),
        ("upper(strip(' a '))", "A"),
        ('if(n > 2, "many", "few")', "many"),
        ("len(source)", 3),
        (r'"a\"b\n"', 'a"b\n'),
        ("[n, 1] + [2]", [3, 1, 2]),
        ("replace(intent, 's', 'S')", "Set"),
        ("split('a-b', '-')", ["a", "b"]),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert Expression.parse(text).value(ROW) == value


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("ok = true", True),
        ("ok", True),
        ("not ok", False),
        ("said = false", True),
        ("said = true", False),
        ("price > 4", True),
        ("price = 4.5", True),
        ("n = 3 and intent = 'set'", True),
        ("n = 4 or intent = 'set' and ok", True),
        ("(n = 4 or intent = 'set') and not ok", False),
        ("intent in ['get', 'set']", True),
        ("intent not in ['get', 'set']", False),
        ("'ala' in scenario", True),
        ("none = null", True),
        ("none < 3", False),
        ("n != 3", False),
        ("n = true", False),
        ("missing = 'x'", False),
        ("starts(scenario, 'al')", True),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    assert Expression.parse(text).holds(ROW) is holds


@pytest.mark.parametrize(
    "text",
    [
        "", "n +", "n n", "(n", "n = = 3", "source[", "source[n]", "open('x')", "__import__('os')", "n; m",
        "n ** 9", "().__class__", "join(n)", "lambda: 1", "'open", "n @ m", "(" * 60 + "n" + ")" * 60,
        "n" * 3_000, "and",
    ],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the expression cannot be read"):
        Expression.parse(text)


def test_names_of_python_are_names_of_columns() -> None:
    assert Expression.parse("scenario.__class__").value(ROW) is None
    assert Expression.parse("__builtins__").value(ROW) is None


@pytest.mark.parametrize("text", ["n < 'x'", "user + 'x'", "lower(n)", "n[0]", "join(' ', n)", "len(n)"])
def test_values_that_do_not_fit(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression.parse(text).value(ROW)


def test_a_result_is_bounded() -> None:
    long = "a" * 1_000_000
    with pytest.raises(ExpressionError, match="characters"):
        Expression.parse("replace(t, 'a', t)").value({"t": long})
