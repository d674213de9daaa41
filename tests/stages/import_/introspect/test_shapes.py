"""Which shape is seen in which rows, and how confident that may be."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from narrowcast.core.row import SourceRow
from narrowcast.stages.import_.introspect import IntrospectionReport, introspect

WORDS = ("the", "card", "was", "not", "accepted", "shop", "because", "balance", "seems", "wrong", "please")
RANDOM = random.Random(7)


def sentence(length: int = 9) -> str:
    return " ".join(RANDOM.choices(WORDS, k=length)) + f" {RANDOM.randrange(10_000)}"


def look(make: Callable[[int], dict[str, Any]], rows: int = 200) -> IntrospectionReport:
    return introspect(SourceRow(number, make(number)) for number in range(rows))


@pytest.mark.parametrize(
    "label",
    [
        lambda n: ["refund", "card_lost", "limit"][n % 3],
        lambda n: n % 4,
        lambda n: n % 2 == 0,
        lambda n: str(n % 2),
    ],
    ids=["string", "integer", "boolean", "digits"],
)
def test_text_with_a_label(label: Callable[[int], Any]) -> None:
    report = look(lambda n: {"text": sentence(), "label": label(n)})
    assert report.proposal is not None
    assert report.proposal.mapper_id == "label_to_classification"
    assert report.proposal.field_map == {"text": "text", "label": "label"}
    assert report.proposal.confidence >= 0.8
    assert not report.proposal.needs_force


def test_labels_are_counted_over_the_whole_source_not_the_sample() -> None:
    report = look(lambda n: {"text": sentence(), "label": "a" if n < 100 else f"b{n % 10}"}, rows=400)
    assert report.hypotheses[0].label_counts == {"a": 100, **{f"b{n}": 30 for n in range(10)}}


def test_names_are_not_needed() -> None:
    report = look(lambda n: {"column_1": sentence(), "column_2": ["in", "out"][n % 2]})
    assert report.proposal is not None
    assert report.proposal.field_map == {"text": "column_1", "label": "column_2"}
    assert not report.proposal.needs_force


def test_published_splits_are_kept() -> None:
    report = look(lambda n: {"text": sentence(), "label": "ab"[n % 2], "split": ["train", "oos_val"][n % 2]})
    assert report.proposal is not None
    assert report.proposal.field_map["split"] == "split"
    assert "kept" in " ".join(report.proposal.warnings)


TABLES: dict[str, Callable[[int], dict[str, Any]]] = {
    "weather": lambda n: {
        "Date/Time": f"2012-01-{n % 28 + 1:02} 00:00:00", "Temp": f"{n % 7 - 3}.5",
        "Weather": ["Fog", "Rain"][n % 2],
    },
    "taxi": lambda n: {
        "id": n, "from": f"Upper West Side {n % 30}", "to": f"Zone {n % 7}", "fare": n / 2,
        "by": ["CRE", "CSH"][n % 2],
    },
    "zip map": lambda n: {"zipcode": f"{n:05}", "area_code": 787 + n % 3, "count": float(n)},
    "hotels": lambda n: {
        "address": f"{n} Mill Road North", "area": "east", "name": f"guest house number {n}",
        "parking": ["yes", "no"][n % 2], "stars": str(n % 5), "type": ["hotel", "guesthouse"][n % 2],
        "pricerange": ["cheap", "moderate"][n % 2],
    },
    "numbers": lambda n: {"x": n, "y": n * 0.5},
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_measurements_are_not_a_confident_task(name: str) -> None:
    report = look(TABLES[name])
    assert all(each.confidence < 0.8 for each in report.hypotheses)
    assert report.proposal is None or report.proposal.needs_force


def test_two_equally_good_labels_need_force() -> None:
    report = look(lambda n: {"body": sentence(), "area": "nsew"[n % 4], "price": ["low", "high"][n % 2]})
    assert report.proposal is not None
    assert report.proposal.needs_force
    assert "could also be" in " ".join(report.proposal.warnings)


def test_few_rows_are_never_confident() -> None:
    report = look(lambda n: {"text": sentence(), "label": "ab"[n % 2]}, rows=12)
    assert report.proposal is not None
    assert report.proposal.needs_force


@pytest.mark.parametrize("as_text", [False, True])
def test_bio_tags(as_text: bool) -> None:
    def row(_: int) -> dict[str, Any]:
        tokens, tags = ["Ann", "sings", "in", "New", "York"], ["B-per", "O", "O", "B-loc", "I-loc"]
        return (
            {"tokens": " ".join(tokens), "tags": " ".join(tags)}
            if as_text
            else {"words": tokens, "ner_tags": tags}
        )

    report = look(row)
    assert report.proposal is not None
    assert report.proposal.mapper_id == "bio_to_spans"
    assert not report.proposal.needs_force


def test_numbered_tags_say_that_their_names_are_missing() -> None:
    report = look(lambda _: {"tokens": ["a", "b"], "ner_tags": [0, 3]})
    assert report.proposal is not None
    assert report.proposal.needs_force
    assert "names of the tags" in report.proposal.warnings[0]
    assert "--map 'names=" in report.proposal.warnings[0]


SPANS: dict[str, Callable[[str], Any]] = {
    "slots": lambda text: [
        {"slot": "people", "valueSpan": {"startIndex": text.index(" ") + 1, "endIndex": len(text)}}
    ],
    "protobuf without zeros": lambda text: [{"slot": "people", "valueSpan": {"endIndex": len(text)}}],
    "flat": lambda text: [{"start": 0, "end": text.index(" "), "label": "x"}],
    "triples": lambda text: [[0, text.index(" "), "x"]],
}


@pytest.mark.parametrize("form", SPANS)
def test_spans(form: str) -> None:
    def row(number: int) -> dict[str, Any]:
        text = sentence()
        found = {"userInput": {"text": text}}
        return found | {"labels": SPANS[form](text)} if number % 3 else found

    report = look(row)
    assert report.proposal is not None
    assert report.proposal.mapper_id == "kv_to_structured"
    assert report.proposal.field_map == {"text": "userInput.text", "spans": "labels"}
    assert report.proposal.confidence >= 0.8


@pytest.mark.parametrize("as_text", [False, True])
def test_text_with_an_object(as_text: bool) -> None:
    def row(number: int) -> dict[str, Any]:
        target = {"order": number, "priority": None, "items": [{"sku": "a"}]}
        return {"message": sentence(), "ticket": json.dumps(target) if as_text else target}

    report = look(row)
    assert report.proposal is not None
    assert report.proposal.field_map == {"text": "message", "target": "ticket"}
    assert report.proposal.confidence >= 0.8


def test_flat_columns_to_extract_are_offered_but_not_confidently() -> None:
    report = look(lambda n: {"message": sentence(), "sender": f"name{n}", "amount": n, "city": f"town {n}"})
    flat = next(each for each in report.hypotheses if "fields" in each.field_map)
    assert flat.field_map == {"text": "message", "fields": "sender|amount|city"}
    assert flat.confidence < 0.8


TEXTS: dict[str, tuple[Callable[[int], dict[str, Any]], str]] = {
    "qa": (lambda _: {"question": sentence(), "answer": sentence(3)}, "qa_pair_passthrough"),
    "squad": (
        lambda _: {"context": sentence(50), "question": sentence(), "answers": {"text": ["x"]}},
        "qa_pair_passthrough",
    ),
    "alpaca": (
        lambda _: {"instruction": sentence(), "input": "", "output": sentence()}, "instruction_passthrough"
    ),
    "prompt": (lambda _: {"prompt": sentence(), "completion": sentence()}, "instruction_passthrough"),
    "openai": (
        lambda _: {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        "chat_messages_passthrough",
    ),
    "sharegpt": (
        lambda _: {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
        "chat_messages_passthrough",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_answer_texts(name: str) -> None:
    make, mapper = TEXTS[name]
    report = look(make)
    assert report.proposal is not None
    assert report.proposal.mapper_id == mapper
    assert not report.proposal.needs_force


OFFERED: dict[str, tuple[Callable[[int], dict[str, Any]], str, str]] = {
    "text alone": (lambda _: {"text": sentence()}, "text_only", "no answers to learn"),
    "tools without answers": (
        lambda _: {"question": [[{"role": "user", "content": "hi"}]], "function": [{"name": "f"}]},
        "tool_calls_passthrough",
        "unanswered=no_call",
    ),
}


@pytest.mark.parametrize("name", OFFERED)
def test_what_lacks_its_answers_is_offered_but_not_confidently(name: str) -> None:
    make, mapper, warning = OFFERED[name]
    report = look(make)
    assert report.hypotheses[0].mapper_id == mapper
    assert warning in report.hypotheses[0].warnings[0]
    assert report.proposal is not None
    assert report.proposal.needs_force


def call(name: str = "f") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": "{}"}}


PARTICULAR: dict[str, tuple[Callable[[int], dict[str, Any]], str, dict[str, str]]] = {
    "preference": (
        lambda _: {"prompt": sentence(), "chosen": sentence(), "rejected": sentence()},
        "preference_pair",
        {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    ),
    "conversations that are preferred": (
        lambda _: {
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": sentence()}],
            "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": sentence()}],
        },
        "preference_pair",
        {"prompt": "chosen", "chosen": "chosen", "rejected": "rejected"},
    ),
    "passages": (
        lambda _: {"question": sentence(), "contexts": [sentence(), sentence()], "answer": sentence(3)},
        "rag_passthrough",
        {"question": "question", "contexts": "contexts", "answer": "answer"},
    ),
    "query with answers": (
        lambda _: {
            "query": sentence(),
            "tools": json.dumps([{"name": "f"}]),
            "answers": json.dumps([{"name": "f", "arguments": {}}]),
        },
        "tool_calls_passthrough",
        {"messages": "query", "tools": "tools", "calls": "answers"},
    ),
    "openai with tools": (
        lambda _: {
            "messages": [{"role": "user", "content": "a"},
                         {"role": "assistant", "content": None, "tool_calls": [call()]}],
            "tools": [{"type": "function", "function": {"name": "f"}}],
        },
        "tool_calls_passthrough",
        {"messages": "messages", "tools": "tools"},
    ),
    "chat log": (
        lambda _: {"turns": [{"speaker": "user", "text": "hi"}, {"speaker": "agent", "text": "hello"}]},
        "chat_messages_passthrough",
        {"messages": "turns"},
    ),
    "rewriting by a separator": (
        lambda _: {"column_1": (text := sentence()), "column_2": text.replace(" ", " <::::> ", 1)},
        "text_pair",
        {"text": "column_1", "output": "column_2", "separator": "<::::>"},
    ),
    "rewriting by names": (
        lambda _: {"source": (text := sentence()), "target": f"So {text}"},
        "text_pair",
        {"text": "source", "output": "target"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTICULAR)
def test_particular_shapes(name: str) -> None:
    make, mapper, field_map = PARTICULAR[name]
    report = look(make)
    assert report.proposal is not None
    assert report.proposal.mapper_id == mapper
    assert report.proposal.field_map == field_map
    assert not report.proposal.needs_force


def test_the_direction_of_a_rewriting_is_not_guessed_with_confidence() -> None:
    report = look(lambda _: {"a": (text := sentence()), "b": f"So {text}"})
    rewriting = next(each for each in report.hypotheses if each.mapper_id == "text_pair")
    assert rewriting.confidence < 0.8
    assert "direction is a guess" in rewriting.warnings[0]


def test_unparseable_rows_make_doubtful_and_are_reported() -> None:
    def rows() -> Iterator[SourceRow]:
        for number in range(300):
            broken = number % 3 == 0
            yield (
                SourceRow(number, error="not JSON", raw="{")
                if broken
                else SourceRow(number, {"text": sentence(), "label": "ab"[number % 2]})
            )

    report = introspect(rows())
    assert (report.rows, report.unparseable, report.first_error) == (300, 100, "record 0: not JSON")
    assert report.proposal is not None
    assert report.proposal.needs_force


def test_no_rows() -> None:
    report = introspect(iter(()))
    assert (report.rows, report.hypotheses, report.proposal) == (0, [], None)


def test_memory_is_bounded_on_endless_different_values() -> None:
    import tracemalloc

    def rows() -> Iterator[SourceRow]:
        for number in range(60_000):
            yield SourceRow(
                number, {"text": f"text {number} " + "word " * (number % 80), "label": "ab"[number % 2]}
            )

    tracemalloc.start()
    introspect(rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_tables_of_very_many_columns_are_cut_and_said() -> None:
    report = look(lambda n: {f"c{column}": f"{n} {column}" for column in range(600)}, rows=30)
    assert len(report.columns) == 500
    assert report.notes == ["only the first 500 columns were inspected"]


def test_of_a_number_and_its_name_the_name_is_the_label() -> None:
    kinds = ["refund", "limit", "card"]
    report = look(lambda n: {"text": sentence(), "label": n % 3, "label_text": kinds[n % 3]})
    assert report.proposal is not None
    assert report.proposal.field_map["label"] == "label_text"
    assert report.proposal.confidence >= 0.9


def test_a_column_called_label_is_trusted_beside_others_of_few_values() -> None:
    report = look(
        lambda n: {"text": sentence(), "label": "abc"[n % 3], "region": "nsew"[n % 4], "channel": "xy"[n % 2]}
    )
    assert report.proposal is not None
    assert report.proposal.field_map["label"] == "label"
    assert not report.proposal.needs_force
    assert "could also be region, channel" in report.proposal.warnings[0]
