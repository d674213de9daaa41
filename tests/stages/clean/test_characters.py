import pytest

from narrowcast.stages.clean.characters import clean_characters


@pytest.mark.parametrize(
    ("given", "wanted", "rule"),
    [
        ("The cafÃ© is closed", "The café is closed", "mojibake"),
        ("itâ€™s late", "it’s late", "mojibake"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree", "line_ending"),
        ("last word\x0cfirst word", "last word\nfirst word", "page_break"),
        ("a\x00b\x07c", "abc", "control"),
        ("zero\u200bwidth\ufeff", "zerowidth", "invisible"),
        ("cafe\u0301", "café", "nfc"),
        ("half \ud83d pair", "half \ufffd pair", "surrogate"),
    ],
)
def test_each_rule_changes_its_characters_and_is_counted(given: str, wanted: str, rule: str) -> None:
    text, changes = clean_characters(given)
    assert text == wanted
    assert changes[rule] >= 1
    assert set(changes) == {rule}


@pytest.mark.parametrize(
    "text",
    [
        "  two  spaces,\ta tab and\n\n\nempty lines  ",
        "non\u00a0breaking and \u2003 em space",
        "family 👨\u200d👩\u200d👧 and नी\u200dल and می\u200cخواهم",
        "¿Qué? – “quoted” naïve façade € 5",
        "",
    ],
)
def test_white_space_joiners_and_right_text_stay(text: str) -> None:
    assert clean_characters(text) == (text, {})


def test_one_wrong_line_does_not_stand_for_the_others() -> None:
    text, changes = clean_characters("schön\nschÃ¶n")
    assert text == "schön\nschön"
    assert changes["mojibake"] == 1
