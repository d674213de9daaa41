"""What the cells of a label column, and where they stand, say against it: whoever named the column."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.separators import separator_of
from narrowcast.stages.import_.introspect.signs import LABEL_NAMES, base_name, in_expression
from narrowcast.stages.import_.mapping.base import getter
from narrowcast.stages.import_.mapping.flags import flag
from narrowcast.stages.import_.mapping.written import plain

GUESSED = frozenset({"suggestion", "suggestions", "prediction", "predictions", "predicted", "pred"})
_FEW_ROWS = 20
_EDGE = 3  # rows at the start of a table that may say what its columns hold
_RARE = 2
_FEWEST = 5  # rows of a label that can be learned and measured
_SHORT_TEXT = 9  # words
_NUMBER = re.compile(r"[-+]?[\d.,\s]*\d\s*%?")
_LEAST_SHIFTED = 3
_LEAST_DRAWN = 4  # rows of a label, to say where they stand
_BY_CHANCE = 0.01  # most probable stretch of a label that is called one
_MOST_LISTED = 6
_NOTHING = frozenset({
    "?", "??", "???", "-", "--", "---", "–", "—", ".", "...", "…", "tbd", "t.b.d.", "tba", "todo", "n/a",
    "na", "n.a.", "unlabeled", "unlabelled",
    "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!",
})  # fmt: skip
# UTF-8 that was read as Latin-1 or Windows-1252: its first byte, then what the next one became.
_MOJIBAKE = re.compile("Ã[\u0080-\u00bfƒ†‡‰ŠŒŽšœž™¡-º¼-¿]|Â[\u00a0-\u00ba\u00bc-\u00bf]|â€.|ðŸ.")


def label_doubts(profile: Profile, text: Column, label: Column) -> list[str]:
    """Reasons to look at the rows before the label is used."""
    return [
        *_mixed(label),
        *_at_the_edge(profile, text, label),
        *(what for what, seen in _moved(profile, text, label) if seen),
        *_spellings(label),
    ]


def label_warnings(profile: Profile, text: Column, label: Column) -> list[str]:
    """What is worth knowing of rows that can be used as they are."""
    moved = [what for what, seen in _moved(profile, text, label) if not seen]
    return [*moved, *_stretches(profile, label), *_placeholders(label), *_mojibake(profile, text)]


def rare_labels(counts: Mapping[str, int]) -> list[str]:
    """A warning that names the labels of fewer than 5 rows."""
    rare = [label for label, count in counts.items() if count < _FEWEST]
    if not rare:
        return []
    more = f" and {len(rare) - _FEWEST:,} more" if len(rare) > _FEWEST else ""
    what = "label has" if len(rare) == 1 else "labels have"
    return [f"{len(rare):,} {what} fewer than {_FEWEST} rows: {', '.join(rare[:_FEWEST])}{more}"]


def counted_names(column: Column, separator: str = "") -> Counter[str]:
    """The rows of each name in a column of lists, of their text, or of texts with a separator.

    Empty where the values were not all kept.
    """
    if column.lists_cut or column.open_ended or any(isinstance(value, int) for value in column.values):
        return Counter()  # an integer stands for a value that was too long to keep
    counts: Counter[str] = Counter()
    for name, rows in column.listed.items():
        counts[name.strip()] += rows
    del counts[""]
    for value, rows in column.values.items():
        named = plain(value) if isinstance(value, str) else value
        parts = named.split(separator) if separator and isinstance(named, str) else named
        if isinstance(parts, list):
            counts.update(dict.fromkeys({str(each).strip() for each in parts} - {""}, rows))
    return counts


def _mixed(label: Column) -> list[str]:
    """Doubts about values that are no single label."""
    doubts = []
    if separator_of(label):
        doubts.append(f"{label.name!r} may hold several labels with {separator_of(label)!r} between")
    if GUESSED & set(base_name(label).split("_")):
        doubts.append(f"{label.name!r} seems to hold what a model predicted")
    named = [value for value, count in label.values.items() if count < 4 and _is_name(value)]
    if named and label.filled >= _FEW_ROWS:
        doubts.append(f"a label is called {named[0]!r}: a header may be among the rows")
    return doubts


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.strip().lower() in LABEL_NAMES


def _at_the_edge(profile: Profile, text: Column, label: Column) -> list[str]:
    """Doubts about a first or last row that has a label of its own: units or a second header, or totals."""
    rare = {str(value) for value, count in label.values.items() if count < _RARE}
    common = len(label.values) - len(rare)
    if common < 2 or not rare or label.filled < _FEW_ROWS:
        return []
    read, read_text = getter(label.name), getter(text.name)
    first = [row for row in profile.sample[:_EDGE] if str(read(row)) in rare]
    last = [profile.last] if str(read(profile.last)) in rare else []
    if last and _NUMBER.fullmatch(str(read(profile.last))) and not label.looks_numeric:
        first, rare = [], {str(read(profile.last))}  # a sum below names, whatever else is rare
    lengths = {str(read(row)): len(str(read_text(row)).split()) for row in [*first, *last]}
    if len(rare) > _EDGE or lengths.keys() != rare or max(lengths.values()) > _SHORT_TEXT:
        return []
    where, name = "first" if first else "last", next(iter(lengths))[:40]
    return [
        f"the {where} row alone has the label {name!r}: it may belong to the header or be a total; leave it "
        "out with --where"
    ]


def _moved(profile: Profile, text: Column, label: Column) -> list[tuple[str, bool]]:
    """That texts are names of labels, as where cells were moved, and whether they are seen to be of others.

    Short texts may say their own label, such as `yes`.
    """
    names = {value for value in label.values if isinstance(value, str)}
    count = sum(rows for value, rows in text.values.items() if value in names)
    if count < _LEAST_SHIFTED:
        return []
    read, read_text = getter(label.name), getter(text.name)
    drawn = [(str(read_text(row)), str(read(row))) for row in profile.drawn]
    equal = [(words, named) for words, named in drawn if words in names]
    if equal and 2 * sum(words == named for words, named in equal) > len(equal):
        return []
    example = next((words for words in text.values if words in names), "")
    what = (
        f"{count:,} texts are the name of a label ({example[:40]!r}): cells of these rows may have been "
        "moved to the column beside theirs"
    )
    return [(what, bool(equal))]


def _stretches(profile: Profile, label: Column) -> list[str]:
    """A warning about labels that only one part of the file has, where most labels are in all of it."""
    read = getter(label.name)
    places: dict[str, list[int]] = defaultdict(list)
    for at, row in zip(profile.drawn_at, profile.drawn, strict=True):
        value = read(row)
        if value is not None and value != "":
            places[str(value)].append(at)
    total = profile.rows - profile.unparseable
    judged = {value: numbers for value, numbers in places.items() if len(numbers) >= _LEAST_DRAWN}
    narrow = {
        value: (min(numbers), max(numbers))
        for value, numbers in judged.items()
        if len(places) * _by_chance(len(numbers), (max(numbers) - min(numbers) + 1) / total) < _BY_CHANCE
    }
    inside = sum(len(judged[value]) for value in narrow)
    if not narrow or 2 * inside > sum(map(len, judged.values())):
        return []  # a file that is sorted by label
    first, last = min(low for low, _ in narrow.values()), max(high for _, high in narrow.values())
    if last - first > 2 * max(high - low for low, high in narrow.values()):
        return []  # each in a part of its own: sorted as well
    return [
        f"only about rows {first:,} to {last:,} of {total:,} have the label{'s' * (len(narrow) > 1)} "
        f"{_shown(sorted(narrow))}"
    ]


def _by_chance(count: int, part: float) -> float:
    """How probable it is that `count` places at random lie within that part of a file."""
    return min(1.0, count * part ** (count - 1))


def _placeholders(label: Column) -> list[str]:
    """A warning about labels that say that there is none."""
    values = [value for value in label.values if str(value).strip().lower() in _NOTHING]
    if not values or len(values) == len(label.values):
        return []
    counted = _shown([f"{str(value)!r} ({label.values[value]:,} rows)" for value in values])
    listed = ", ".join(f'"{value}"' for value in values[:_MOST_LISTED])
    return [
        f"labels that seem to stand for none: {counted}; leave them out with --where "
        f"'{in_expression(label.name)} not in [{listed}]'"
    ]


def _spellings(label: Column) -> list[str]:
    """A doubt about yes and no in more than two spellings, which would be as many classes."""
    if not 2 < len(label.values) <= 20:
        return []
    meanings = {str(value).strip().lower(): flag(value) for value in label.values}
    if None in meanings.values() or len(set(meanings.values())) < 2:
        return []
    if "x" in meanings and sum(each is True for each in meanings.values()) > 1:
        return []  # a mark for yes, or a third class beside it
    name = in_expression(label.name)
    words = {
        each: ", ".join(f'"{word}"' for word in sorted(meanings) if meanings[word] is each)
        for each in (True, False)
    }
    read = f"lower(strip(text({name})))"
    expression = f'{name} = if({read} in [{words[True]}], "yes", if({read} in [{words[False]}], "no", null))'
    return [
        f"{label.name!r} writes yes and no in {len(label.values)} ways ({_shown(map(str, label.values))}), "
        f"which would be labels of their own; --derive '{expression}' makes them two"
    ]


def _mojibake(profile: Profile, text: Column) -> list[str]:
    """A warning about texts that were decoded by the wrong encoding before."""
    read = getter(text.name)
    matches = [match for row in profile.drawn if (match := _MOJIBAKE.search(str(read(row))))]
    if len(matches) < 2:
        return []
    return [
        f"{len(matches):,} of {len(profile.drawn):,} texts drawn hold letters of a wrong encoding "
        f"({matches[0][0]!r}); `narrowcast data clean` mends them"
    ]


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _MOST_LISTED:,} more" if len(listed) > _MOST_LISTED else ""
    return ", ".join(listed[:_MOST_LISTED]) + more
