"""Layouts of widely used data sets and tools: what `--auto` makes of each row, written by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

ROWS = 40
LABELS = ("refund", "delivery", "praise")
NOUNS = ("parcel", "invoice", "garden hose", "window", "kettle")
TOOL = {
    "name": "get_order",
    "description": "Look up",
    "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}},
}
SYSTEM = "You are a polite clerk."


def asked(n: int) -> str:
    return f"where is the {NOUNS[n % 5]} of order {n * 37} that never came"


def answered(n: int) -> str:
    return f"It will arrive on day {n} of the month, we promise."


def user(n: int) -> dict[str, Any]:
    return {"role": "user", "content": asked(n)}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def chat(system: str | None = None) -> list[Any]:
    opening = [{"role": "system", "content": system}] if system else []
    return [[{"messages": [*opening, user(n)]}, answered(n)] for n in range(ROWS)]


def with_calls(system: str | None = None) -> list[Any]:
    opening = [{"role": "system", "content": system}] if system else []
    rows = []
    for n in range(ROWS):
        call = [{"name": "get_order", "arguments": {"id": n}}]
        messages = [*opening, user(n)]
        rows.append([{"tools": [TOOL], "messages": messages}, {"tool_calls": call}])
        later = [*messages, said(json.dumps(call)), {"role": "tool", "content": json.dumps({"id": n})}]
        rows.append([{"tools": [TOOL], "messages": later}, {"tool_calls": [], "content": answered(n)}])
    return rows


def glaive(n: int) -> str:
    call = '{"name": "get_order", "arguments": \'{"id": %d}\'}' % n  # noqa: UP031 - braces
    return (
        f"USER: {asked(n)}\n\n\nASSISTANT: <functioncall> {call} <|endoftext|>\n\n\n"
        f'FUNCTION RESPONSE: {{"id": {n}}}\n\n\nASSISTANT: {answered(n)} <|endoftext|>\n\n\n'
    )


def text(template: str) -> Any:
    return lambda n: {"text": template.replace("ASKED", asked(n)).replace("SAID", answered(n))}


WITH_TOOLS = f"{SYSTEM} These are your functions -\n{json.dumps(TOOL, indent=2)}\n"
GLAIVE_SYSTEM = f"{SYSTEM} These are your functions -"
LIKED = [n for n in range(ROWS) if n % 3]

LAYOUTS: dict[str, tuple[Any, list[Any]]] = {
    "Bedrock": (
        lambda n: {
            "system": [{"text": SYSTEM}],
            "messages": [
                {"role": "user", "content": [{"text": asked(n)}]},
                {"role": "assistant", "content": [{"text": answered(n)}]},
            ],
        },
        chat(SYSTEM),
    ),
    "Bedrock with tools": (
        lambda n: {
            "toolConfig": {
                "tools": [
                    {
                        "toolSpec": {
                            "name": "get_order",
                            "description": "Look up",
                            "inputSchema": {"json": TOOL["parameters"]},
                        }
                    }
                ]
            },
            "messages": [
                {"role": "user", "content": [{"text": asked(n)}]},
                {"role": "assistant", "content": [{"toolUse": {"name": "get_order", "input": {"id": n}}}]},
                {"role": "user", "content": [{"toolResult": {"content": [{"json": {"id": n}}]}}]},
                {"role": "assistant", "content": [{"text": answered(n)}]},
            ],
        },
        with_calls(),
    ),
    "Gemini": (
        lambda n: {
            "systemInstruction": {"role": "system", "parts": [{"text": SYSTEM}]},
            "contents": [
                {"role": "user", "parts": [{"text": asked(n)}]},
                {"role": "model", "parts": [{"text": answered(n)}]},
            ],
        },
        chat(SYSTEM),
    ),
    "Gemini with tools": (
        lambda n: {
            "tools": [{"functionDeclarations": [TOOL]}],
            "contents": [
                {"role": "user", "parts": [{"text": asked(n)}]},
                {"role": "model", "parts": [{"functionCall": {"name": "get_order", "args": {"id": n}}}]},
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"name": "get_order", "response": {"id": n}}}],
                },
                {"role": "model", "parts": [{"text": answered(n)}]},
            ],
        },
        with_calls(),
    ),
    "Cohere": (
        lambda n: {
            "messages": [
                {"role": "System", "content": SYSTEM},
                {"role": "User", "content": asked(n)},
                {"role": "Chatbot", "content": answered(n)},
            ]
        },
        chat(SYSTEM),
    ),
    "OpenAI's evaluations": (lambda n: {"input": [user(n)], "ideal": answered(n)}, chat()),
    "OpenAI's preferences": (
        lambda n: {
            "input": {"messages": [user(n)], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [said(answered(n))],
            "non_preferred_output": [said("No idea.")],
        },
        [[{"messages": [user(n)]}, {"chosen": answered(n), "rejected": "No idea."}] for n in range(ROWS)],
    ),
    "LangSmith": (
        lambda n: {"inputs": {"messages": [user(n)]}, "outputs": {"message": said(answered(n))}},
        chat(),
    ),
    "Langfuse": (
        lambda n: {"input": [user(n)], "expectedOutput": said(answered(n)), "metadata": None},
        chat(),
    ),
    "UltraFeedback": (
        lambda n: {
            "prompt": asked(n),
            "chosen": [user(n), said(answered(n))],
            "rejected": [user(n), said("No idea.")],
            "messages": [user(n), said(answered(n))],
            "score_chosen": 8.0 + n % 2,
            "score_rejected": 3.0,
        },
        [[{"prompt": asked(n)}, {"chosen": answered(n), "rejected": "No idea."}] for n in range(ROWS)],
    ),
    "KTO of texts": (
        lambda n: {"prompt": asked(n), "completion": answered(n), "label": n % 3 != 0},
        [[{"instruction": asked(n)}, answered(n)] for n in LIKED],
    ),
    "KTO of turns": (
        lambda n: {"prompt": [user(n)], "completion": [said(answered(n))], "label": n % 3 != 0},
        [chat()[n] for n in LIKED],
    ),
    "LIMA": (lambda n: {"conversations": [asked(n), answered(n)], "source": "stack"}, chat()),
    "UltraChat": (
        lambda n: {"id": str(n), "data": [asked(n), answered(n), f"And number {n}?", f"It came, {n}."]},
        [
            [
                {"messages": [user(n), said(answered(n)), {"role": "user", "content": f"And number {n}?"}]},
                f"It came, {n}.",
            ]
            for n in range(ROWS)
        ],
    ),
    "UltraChat with its prompt": (
        lambda n: {"prompt": asked(n), "prompt_id": f"p{n}", "data": [asked(n), answered(n)]},
        chat(),
    ),
    "pairs of request and answer": (
        lambda n: {"conversation": [["Are you there?", "Yes, of course."], [asked(n), answered(n)]]},
        [
            [
                {
                    "messages": [
                        {"role": "user", "content": "Are you there?"},
                        said("Yes, of course."),
                        user(n),
                    ]
                },
                answered(n),
            ]
            for n in range(ROWS)
        ],
    ),
    "objects of request and answer": (
        lambda n: {"category": "x", "conversation": [{"human": asked(n), "assistant": answered(n)}]},
        chat(),
    ),
    "pairs of role and text": (
        lambda n: {"dialog": [["system", SYSTEM], ["user", asked(n)], ["assistant", answered(n)]]},
        chat(SYSTEM),
    ),
    "Glaive in one text": (
        lambda n: {"sample": f"SYSTEM: {WITH_TOOLS}\n{glaive(n)}"},
        with_calls(GLAIVE_SYSTEM),
    ),
    "Glaive in two": (
        lambda n: {"system": f"SYSTEM: {WITH_TOOLS}", "chat": glaive(n)},
        with_calls(GLAIVE_SYSTEM),
    ),
    "xLAM": (
        lambda n: {
            "query": asked(n),
            "answers": json.dumps([{"name": "get_order", "arguments": {"id": n}}]),
            "tools": json.dumps([{**TOOL, "parameters": {"id": {"type": "int, optional"}}}]),
        },
        with_calls()[::2],
    ),
    "Llama 2": (text(f"<s>[INST] <<SYS>>\n{SYSTEM}\n<</SYS>>\n\nASKED [/INST] SAID </s>"), chat(SYSTEM)),
    "Llama 3": (
        text(
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nASKED<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nSAID<|eot_id|>"
        ),
        chat(),
    ),
    "ChatML": (
        text(
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\nASKED<|im_end|>\n"
            "<|im_start|>assistant\nSAID<|im_end|>\n"
        ),
        chat(SYSTEM),
    ),
    "Gemma": (
        text("<bos><start_of_turn>user\nASKED<end_of_turn>\n<start_of_turn>model\nSAID<end_of_turn>\n"),
        chat(),
    ),
    "Zephyr": (
        text(f"<|system|>\n{SYSTEM}</s>\n<|user|>\nASKED</s>\n<|assistant|>\nSAID</s>\n"),
        chat(SYSTEM),
    ),
    "Guanaco": (text("### Human: ASKED### Assistant: SAID"), chat()),
    "a transcript": (text("\n\nHuman: ASKED\n\nAssistant: SAID"), chat()),
    "Alpaca's prompt": (text(f"{SYSTEM}\n\n### Instruction:\nASKED\n\n### Response:\nSAID"), chat(SYSTEM)),
    "Alpaca with its prompt beside": (
        lambda n: {
            "instruction": asked(n),
            "input": "",
            "output": answered(n),
            "text": f"Below.\n\n### Instruction:\n{asked(n)}\n\n### Response:\n{answered(n)}",
        },
        [[{"instruction": asked(n)}, answered(n)] for n in range(ROWS)],
    ),
    "Doccano's classes": (
        lambda n: {"id": n, "text": asked(n), "label": [LABELS[n * 7 % 3]]},
        [[{"text": asked(n)}, LABELS[n * 7 % 3]] for n in range(ROWS)],
    ),
    "Prodigy's classes": (
        lambda n: {
            "text": asked(n),
            "label": LABELS[n * 7 % 3],
            "answer": ("accept", "reject", "ignore")[n % 3],
        },
        [[{"text": asked(n)}, LABELS[n * 7 % 3]] for n in range(0, ROWS, 3)],
    ),
    "Prodigy's spans": (
        lambda n: {
            "text": asked(n),
            "spans": [{"start": 0, "end": 5, "label": "W"}],
            "answer": ("accept", "reject")[n % 2],
        },
        [
            [{"text": asked(n)}, {"spans": [{"type": "W", "text": "where", "start": 0, "end": 5}]}]
            for n in range(0, ROWS, 2)
        ],
    ),
    "Label Studio's flat form": (
        lambda n: {
            "annotation_id": n,
            "annotator": 1,
            "id": n,
            "lead_time": 3.2,
            "sentiment": LABELS[n * 7 % 3],
            "text": asked(n),
            "created_at": "2024-01-01",
            "updated_at": "2024-01-01",
        },
        [[{"text": asked(n)}, LABELS[n * 7 % 3]] for n in range(ROWS)],
    ),
    "texts of a script without spaces": (
        lambda n: {
            "text": f"荷物{n}がまだ届きません。確認をお願いします",
            "label": ("配送", "称賛")[n * 7 % 2],
        },
        [
            [{"text": f"荷物{n}がまだ届きません。確認をお願いします"}, ("配送", "称賛")[n * 7 % 2]]
            for n in range(ROWS)
        ],
    ),
    "translations with their languages": (
        lambda n: {
            "source_lang": "en",
            "target_lang": "de",
            "source": asked(n),
            "target": f"wo ist Nummer {n} nun",
        },
        [[{"text": asked(n)}, f"wo ist Nummer {n} nun"] for n in range(ROWS)],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_known_layout(project: Project, tmp_path: Path, layout: str) -> None:
    row, wanted = LAYOUTS[layout]
    path = tmp_path / "x.jsonl"
    lines = (json.dumps(row(n), ensure_ascii=False) + "\n" for n in range(ROWS))
    path.write_text("".join(lines), encoding="utf-8")
    outcome = data.import_rows(project, f"file:{path}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    rows = read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    assert [[each.inputs, each.target] for each in map(Example.from_dict, rows)] == wanted
    assert set(outcome.record.rejected) <= {"rated_bad"}


DOUBTED: dict[str, tuple[Any, str]] = {
    "two conversations": (
        lambda n: {
            "conversation_a": [user(n), said(answered(n))],
            "conversation_b": [user(n), said("No.")],
            "winner": ("a", "b")[n % 2],
        },
        "the conversation could also be conversation_b",
    ),
    "thumbs inside an object": (
        lambda n: {
            "messages": [user(n), said(answered(n))],
            "meta": {"feedback": {"thumbs": ("up", "down")[n % 2]}},
        },
        "'meta.feedback.thumbs' may say which rows are good",
    ),
    "questions of a user alone": (
        lambda n: {"turns": [asked(n), f"Now write it again in {n} words."], "category": "writing"},
        "no mapping can be proposed",
    ),
    "lists of words": (
        lambda n: {"data": ["late", "parcel", f"order {n}", "kettle"], "key": n},
        "no column holds texts of several words",
    ),
    "what a model suggested": (
        lambda n: {"text": asked(n), "label.suggestion": LABELS[n * 7 % 3]},
        "seems to hold what a model predicted",
    ),
    "a second header in words": (
        lambda n: {
            "text": asked(n) if n else "what people wrote",
            "label": LABELS[n * 7 % 3] if n else "Their verdict",
        },
        "the first row alone has the label 'Their verdict'",
    ),
    "a total": (
        lambda n: {
            "text": asked(n) if n < ROWS - 1 else "Total",
            "label": LABELS[n * 7 % 3] if n < ROWS - 1 else "39",
        },
        "the last row alone has the label '39'",
    ),
    "a table without a header and two columns of few values": (
        lambda n: {"column_1": ("gj04", "bc01")[n // 20], "column_2": n % 2, "column_3": asked(n)},
        "the label could also be column_2",
    ),
    "translations of no direction": (
        lambda n: {"translation": {"de": f"wo ist Nummer {n} nun", "en": asked(n)}},
        "--mapper text_pair --map text=translation.en,output=translation.de",
    ),
    "a table without texts": (
        lambda n: {"id": n, "size": n * 7, "city": ("Oslo", "Lund")[n % 2]},
        "no column holds texts of several words, which a model is to read; the answer could be 'city' (2 val",
    ),
    "texts without answers": (
        lambda n: {"text": asked(n), "more": n * 7},
        "'text' can be read, but no column holds an answer",
    ),
}


@pytest.mark.parametrize("kind", DOUBTED)
def test_what_is_not_certain_is_refused_with_its_reason(project: Project, tmp_path: Path, kind: str) -> None:
    row, reason = DOUBTED[kind]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row(n)) + "\n" for n in range(ROWS)), encoding="utf-8")
    with pytest.raises(data.MappingUncertainError) as caught:
        data.import_rows(project, f"file:{path}", auto=True)
    assert reason in str(caught.value)


def test_a_table_without_texts_becomes_one_by_the_next_command(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"size": n * 7, "city": ("Oslo", "Lund")[n % 2]} for n in range(ROWS)]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    with pytest.raises(data.MappingUncertainError) as caught:
        data.import_rows(project, f"file:{path}", auto=True)
    derived = "--derive 'text = \"size: \" + text(size)'"
    wanted = f"{derived} --mapper label_to_classification --map 'text=text,label=city'"
    assert caught.value.next_command.startswith(wanted)
    outcome = data.import_rows(
        project,
        f"file:{path}",
        derive=['text = "size: " + text(size)'],
        mapper="label_to_classification",
        field_map={"text": "text", "label": "city"},
    )
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.accepted == ROWS


def test_the_first_rows_of_a_sorted_file(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"text": asked(n), "label": LABELS[n // 40]} for n in range(120)]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    with pytest.raises(data.MappingUncertainError, match="the first 40 rows have 1 of 3 labels"):
        data.import_rows(project, f"file:{path}", auto=True, limit=40)
    outcome = data.import_rows(project, f"file:{path}", auto=True, limit=60)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.plan is not None
    assert outcome.plan.warnings[0].startswith("the first 60 rows have 2 of 3 labels")


@pytest.mark.parametrize("blank", ["", None, " "])
def test_a_blank_label_does_not_hide_that_a_file_is_sorted(
    project: Project, tmp_path: Path, blank: str | None
) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"text": asked(n), "label": blank if n == 7 else LABELS[n // 40]} for n in range(120)]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    with pytest.raises(data.MappingUncertainError, match=r"one label teaches nothing \(refund\)"):
        data.import_rows(project, f"file:{path}", auto=True, limit=40)
