"""The same text in two languages: columns, or parts of an object, that are named by their languages."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import LEAST_ROWS, aside, base_name, with_split

_CODES = frozenset({
    "af", "am", "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es",
    "et", "eu", "fa", "fi", "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it",
    "ja", "ka", "kk", "km", "kn", "ko", "lo", "lt", "lv", "mk", "ml", "mn", "mr", "ms", "mt", "my",
    "nb", "ne", "nl", "nn", "no", "pa", "pl", "ps", "pt", "ro", "ru", "si", "sk", "sl", "so", "sq",
    "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "uz", "vi", "xh", "yi", "zh", "zu",
})  # fmt: skip
_NAMES = frozenset({
    "arabic", "chinese", "czech", "danish", "dutch", "english", "finnish", "french", "german", "greek",
    "hebrew", "hindi", "hungarian", "italian", "japanese", "korean", "norwegian", "polish", "portuguese",
    "romanian", "russian", "spanish", "swedish", "turkish", "ukrainian", "vietnamese",
})  # fmt: skip
_DIRECTED = (("source", "target"), ("src", "tgt"), ("source_text", "target_text"), ("src_text", "tgt_text"))
_LANGUAGE_NAMES = ("lang", "language", "locale")
_GUESSED = 0.77
_SENTENCE = 2  # words on average; names of places in a graph have fewer


def translations(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Two columns of text; which one is the original is known by names such as `source` and `target`."""
    texts = [each for each in profile.leaves() if each.share("string") > 0.9 and each.filled]
    for names in _DIRECTED:
        pair = [each for name in names for each in texts if base_name(each) == name]
        if len(pair) == 2 and all(each.mean_words > _SENTENCE for each in pair):
            yield _hypothesis(profile, pair, 0.9 if _states_languages(profile) else 0.83)
            return
    pair = [each for each in texts if is_language(base_name(each)) and each.mean_words > 1]
    if len(pair) == 2:
        yield _hypothesis(profile, pair, _GUESSED)


def is_language(name: str) -> bool:
    """Whether a column is called after a language: `de`, `en_US`, `German`, `text_fr`."""
    words = name.split("_")
    return (
        name in _NAMES
        or words[0] in _CODES
        or (words[-1] in _CODES | _NAMES and words[0] in ("text", "sentence"))
    )


def _states_languages(profile: Profile) -> bool:
    """Whether columns of one value each say from which language into which."""
    languages = [
        each
        for each in profile.leaves()
        if each.distinct == 1 and any(name in base_name(each).split("_") for name in _LANGUAGE_NAMES)
    ]
    return len(languages) > 1


def _hypothesis(profile: Profile, pair: list[Column], confidence: float) -> ShapeHypothesis:
    first, second = pair
    few = profile.rows - profile.unparseable < LEAST_ROWS
    other = f"--mapper text_pair --map text={second.name},output={first.name}"
    return ShapeHypothesis(
        shape="translations",
        mapper_id="text_pair",
        task_profile="seq2seq",
        field_map=with_split(profile, {"text": first.name, "output": second.name}),
        confidence=0.6 if few else confidence,
        rationale=f"{first.name!r} and {second.name!r} are named as a text and its translation",
        warnings=[f"the direction is not known; the other one: {other}"] * (confidence == _GUESSED)
        + [f"only {profile.rows} rows to judge by"] * few
        + aside(profile, first.name, second.name),
    )
