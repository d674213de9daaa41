"""Which code page of one byte a letter makes words of a text: one in which a language has all its letters.

Statistics of bytes hardly tell Polish in cp1250 from French in cp1252: both have few letters beyond ASCII,
and every code page has a character for each byte. Words do: none holds a superscript, few languages have all
the letters that a wrong code page makes of those of another, and no capital stands behind a small letter.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

_WESTERN = {
    "German": "äöüß", "French": "àâæçéèêëîïôœùûüÿ", "Spanish": "áéíóúüñ", "Portuguese": "áâãàçéêíóôõúü",
    "Italian": "àèéìíîòóùú", "Dutch": "áàéèëïíóöüú", "Swedish": "åäöéü", "Danish": "æøåéóäöü",
    "Icelandic": "áéíóúýþæöð", "Catalan": "àçéèíïóòúü", "Albanian": "çë", "English": "éèêëïôöçñâà",
}  # fmt: skip
# Names of several languages in one text; a page in which all letters are of one language is better.
_SEVERAL = "several languages"
_WESTERN[_SEVERAL] = "àáâãäåæçèéêëìíîïñòóôõöøùúûüß"
_CENTRAL = {
    "Polish": "ąćęłńóśźż", "Czech": "áčďéěíňóřšťúůýž", "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Hungarian": "áéíóöőúüű", "Romanian": "ăâîşţ", "Croatian": "čćđšž", "German": "äöüß",
}  # fmt: skip
_BALTIC = {"Lithuanian": "ąčęėįšųūž", "Latvian": "āčēģīķļņšūž", "Estonian": "äöõüšž"}
_TURKISH = {"Turkish": "çğıi̇öşüâîû"}
# Alphabets of whole scripts begin with their commonest letters, which a wrong code page exchanges for others.
_CYRILLIC = {
    "Russian": "оеаинтсрлвбгдёжзйкмпуфхцчшщъыьэюя", "Ukrainian": "оаинтісервбгґдєжзїйклмпуфхцчшщьюя",
    "Belarusian": "аниестклрубгдёжзійвмопўфхцчшыьэюя", "Serbian": "аоиенрсјтвбгдђжзклљмњпћуфхцчџш",
}  # fmt: skip
_GREEK = {"Greek": "αοιετσνηυρβγδζθκλμξπςφχψωάέήίόύώϊϋΐΰ"}
_HEBREW = {"Hebrew": "יוהלאתרבמנ" + "".join(map(chr, range(0x5D0, 0x5EB)))}
_ARABIC = {"Arabic": "اليمنوربتع" + "".join(map(chr, range(0x621, 0x653))) + "پچژگکی"}

# The first of two that fit equally well is taken: the commoner one.
_PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("cp1252", _WESTERN),
    ("cp1250", _CENTRAL),
    ("iso8859_2", _CENTRAL),
    ("cp1254", _TURKISH),
    ("cp1257", _BALTIC),
    ("cp1255", _HEBREW),  # whose letters are those of Cyrillic words in small letters, a few apart
    ("cp1251", _CYRILLIC),
    ("koi8_r", _CYRILLIC),
    ("cp866", _CYRILLIC),
    ("cp1253", _GREEK),
    ("cp1256", _ARABIC),
    ("mac_roman", _WESTERN),
    ("cp850", _WESTERN),
    ("cp852", _CENTRAL),
)
_KANA, _HANGUL = ("\u3040", "\u30ff"), ("\uac00", "\ud7a3")
_EAST_ASIAN = (("shift_jis", _KANA, 0.25), ("euc_jp", _KANA, 0.25), ("euc_kr", _HANGUL, 0.95))
_JOINED = frozenset("’‘'´`·-\xad")  # inside words
_ALONE = frozenset("“”„‘’‚«»‹›–—…•€£¥§°©®™¿¡ªº·×²³½¼¾µ†‰№\xa0\xad\u200e\u200f،؟؛")
_LAST = frozenset("ךםןףץ")  # forms of Hebrew letters at the end of a word
_WORD = re.compile(r"[^\W\d_]+(?:[^\x00-\x7f\s][^\W\d_]+)*")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_ENOUGH = 0.93  # of what is not ASCII has to be a letter of the language, or a sign that stands alone
_EQUAL = 0.01
_MIXED = 0.96  # of letters of several languages
_SCRIPT = 25  # letters of an alphabet that shares none with ASCII
_COMMON, _CAPITALS = 0.12, 0.03  # how much its commonest letters count, and how much capitals do
_FEW = 8  # fewer different letters make no long words of a script
_LOOKED_AT = 1 << 16


def code_page(head: bytes) -> tuple[str, str] | None:
    """The code page and the language that fit best, or None where none fits well.

    Args:
        head: the start of a file that is not UTF-8.
    """
    words = [word for word in head.split() if not word.isascii()]
    sample = b" ".join(dict.fromkeys(words))[:_LOOKED_AT]  # a word that comes often counts once
    best, page = _ENOUGH - _EQUAL, None
    for name, languages in _PAGES:
        fit, language = _fit(sample.decode(name, "replace"), languages)
        if fit > best + _EQUAL:
            best, page = fit, (name, language)
    return page


def east_asian(head: bytes) -> str | None:
    """The encoding in which a text is plainly Japanese or Korean, by the letters that only these have."""
    body = head[:_LOOKED_AT].rpartition(b"\n")[0] or head
    for name, own, least in _EAST_ASIAN:
        try:
            foreign = _FOREIGN.findall(body.decode(name))
        except UnicodeDecodeError:
            continue
        if foreign and sum(own[0] <= each <= own[1] for each in foreign) >= least * len(foreign):
            return name
    return None


def _fit(text: str, languages: dict[str, str]) -> tuple[float, str]:
    """The share of what is not ASCII that is right in the best of the languages."""
    everything = len(_FOREIGN.findall(text))
    letters, wrong, inside = _letters(text)
    signs = sum(each in _ALONE for each in _FOREIGN.findall(_WORD.sub("", text)))
    right = {
        language: sum(count for letter, count in letters.items() if letter in _alphabet(alphabet))
        * (_MIXED if language == _SEVERAL else 1.0)
        for language, alphabet in languages.items()
    }
    language = max(right, key=lambda each: right[each])
    fit = max(0.0, right[language] + signs + inside - wrong) / max(1, everything)
    alphabet = languages[language]
    if len(alphabet) > _SCRIPT and language != _SEVERAL:
        total = max(1, letters.total())
        if len(letters) < _FEW <= total:
            return 0.0, language
        common = sum(letters[each] for each in alphabet[:10]) / total
        capitals = sum(each.isupper() for each in text if not each.isascii()) / total
        fit -= _COMMON * max(0, 0.5 - common) + _CAPITALS * capitals
    return fit, language


def _letters(text: str) -> tuple[Counter[str], int, int]:
    """Foreign letters in lower case; those where none can stand; signs that join the parts of a word."""
    letters: Counter[str] = Counter()
    wrong = inside = 0
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        mixed = any(each.isascii() for each in word) and any("\u0370" <= each < "\u2000" for each in word)
        for before, each in zip("A" + word, word, strict=False):
            if each.isascii():
                continue
            if not each.isalpha():
                inside += each in _JOINED
                wrong += each not in _JOINED
            elif mixed or (each.isupper() and before.islower()) or before in _LAST:
                wrong += 1
            else:
                letters[each.lower()] += 1
    return letters, wrong, inside


@cache
def _alphabet(letters: str) -> frozenset[str]:
    return frozenset(letters)
