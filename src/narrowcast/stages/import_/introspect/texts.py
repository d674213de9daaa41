"""Texts that answer texts: questions, instructions, preferences; and text alone."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.stages.import_.introspect.dialogues import rate, system_role
from narrowcast.stages.import_.introspect.other_readings import other_readings
from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import (
    aside,
    base_name,
    lists_of,
    named,
    text_columns,
    with_split,
)
from narrowcast.stages.import_.mapping.spoken import spoken_turns

_MOST_COLUMNS_OF_A_PAIR = 5
_PROMPTS = ("prompt", "instruction", "question", "messages", "conversation", "conversations", "query")
_PASSAGES = ("contexts", "passages", "documents", "retrieved_contexts", "retrieved", "chunks", "context")

_CHOSEN = ("chosen", "preferred_output", "preferred", "chosen_response")
_REJECTED = ("rejected", "non_preferred_output", "dispreferred", "rejected_response")
_HISTORIES = ("history", "chat_history", "conversation_history", "dialogue_history")
# Names of what is asked and of its answer, in languages that data often come in.
_ANSWERS = (
    ({"input_text"}, {"output_text"}),
    ({"input", "user", "human", "query", "question", "request"},
     {"output", "assistant", "bot", "response", "reply", "answer"}),
    ({"frage", "anfrage", "eingabe"}, {"antwort", "ausgabe"}),
    ({"question", "demande", "entrée"}, {"réponse", "reponse", "sortie"}),
    ({"pregunta", "entrada", "pergunta"}, {"respuesta", "salida", "resposta", "saída"}),
    ({"domanda"}, {"risposta"}),
    ({"вопрос", "запрос"}, {"ответ"}),
    ({"问题", "提问", "問題", "質問"}, {"回答", "答案", "答え"}),
)  # fmt: skip


def question_answer(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Columns called question and answer, with or without a context."""
    question = named(profile, "question", "query")
    answer = named(profile, "answer", "answers", "long_answer", "final_answer")
    if question is None or answer is None or question.share("string") < 0.9:
        return
    context = named(profile, "context", "passage", "paragraph")
    field_map = {"question": question.name, "answer": answer.name}
    if context is not None and context.share("string") > 0.9:
        field_map["context"] = context.name
    choices = answer.distinct
    closed = choices is not None and choices <= 20 and answer.filled >= 16 * choices
    doubts = [f"{answer.name!r} has only {choices} values: this may be a classification"] * closed
    pointed = other_readings(profile, answer) if choices is not None else []
    yield ShapeHypothesis(
        shape="questions with answers" + (" and contexts" if "context" in field_map else ""),
        mapper_id="qa_pair_passthrough",
        task_profile="qa",
        field_map=with_split(profile, field_map),
        confidence=0.6 if closed or pointed else 0.95 if question.mean_words > 2 else 0.75,
        rationale=f"{question.name!r} and {answer.name!r} are named as a question and its answer",
        warnings=pointed + doubts + aside(profile, *field_map.values()),
    )


def retrieval(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A question, an answer, and passages: a list of them, or one, which may also be plain QA."""
    question = named(profile, "question", "query")
    answer = named(profile, "answer", "answers", "response", "long_answer", "final_answer")
    passages = named(profile, *_PASSAGES)
    single = named(profile, "context", "passage", "paragraph")
    contexts = passages if passages is not None and passages.share("list") > 0.9 else single
    if question is None or answer is None or contexts is None or question.share("string") < 0.9:
        return
    several = contexts.share("list") > 0.9
    field_map = {"question": question.name, "contexts": contexts.name, "answer": answer.name}
    yield ShapeHypothesis(
        shape="questions with retrieved passages" if several else "questions with a passage",
        mapper_id="rag_passthrough",
        task_profile="rag",
        field_map=with_split(profile, field_map),
        confidence=0.96 if several else 0.8,
        rationale=f"{contexts.name!r} holds what {question.name!r} is to be answered from",
        warnings=[] if several else ["one passage per question: qa_pair_passthrough reads it as well"],
    )


def instruction(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Alpaca's columns, prompt and completion, or two columns of text."""
    output = named(profile, "output", "response", "completion", "target")
    task = named(profile, "instruction", "prompt")
    if task is None and named(profile, "input", "source") is None and output is not None:
        task = named(profile, "question", "query")
    if task is not None and output is not None and output.share("string") > 0.9:
        field_map = {"instruction": task.name, "output": output.name}
        extra = named(profile, "input", "context")
        if extra is not None and extra.share("string") > 0.9:
            field_map["input"] = extra.name
        field_map |= system_role(profile)
        history = named(profile, *_HISTORIES)
        if history is not None and lists_of(history):
            field_map["history"] = history.name
        unrated = rate(profile, field_map)
        confidence = 0.95 if base_name(task) == "instruction" else 0.85
        yield ShapeHypothesis(
            shape="instructions with outputs",
            mapper_id="instruction_passthrough",
            task_profile="instruction",
            field_map=with_split(profile, field_map),
            confidence=min(confidence, 0.75) if unrated else confidence,
            rationale=f"{task.name!r} and {output.name!r} are named as an instruction and its output",
            warnings=[*unrated, *aside(profile, *field_map.values())],
        )
        return
    source = named(profile, "input", "source", "text")
    pair = [source, output] if source and output else text_columns(profile)
    texts = [column for column in pair if column.share("string") > 0.9 and column.mean_words > 2]
    if len(texts) == 2 and len(profile.leaves()) <= _MOST_COLUMNS_OF_A_PAIR:
        yield _pair(profile, texts[0], texts[1])


def _pair(profile: Profile, first: Column, second: Column) -> ShapeHypothesis:
    order = list(profile.columns)
    first, second = sorted((first, second), key=lambda column: order.index(column.name))
    for asked, answered in ((first, second), (second, first)):
        if any(base_name(asked) in names and base_name(answered) in others for names, others in _ANSWERS):
            first, second, known = asked, answered, True
            break
    else:
        known = False
    return ShapeHypothesis(
        shape="pairs of texts",
        mapper_id="instruction_passthrough",
        task_profile="instruction",
        field_map={"instruction": first.name, "output": second.name},
        confidence=0.85 if known else 0.55,
        rationale=(
            f"{first.name!r} and {second.name!r} are named as what is asked and its answer"
            if known
            else f"{first.name!r} and {second.name!r} both hold text; the second may answer the first"
        ),
        warnings=["the direction is a guess"] * (not known) + aside(profile, first.name, second.name),
    )


def preference(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A chosen and a rejected answer."""
    chosen, rejected = named(profile, *_CHOSEN), named(profile, *_REJECTED)
    if chosen is not None and rejected is not None:
        prompt = named(profile, *_PROMPTS)
        field_map = {
            "prompt": prompt.name if prompt else chosen.name,
            "chosen": chosen.name,
            "rejected": rejected.name,
        }
        extra = named(profile, "input")
        if extra is not None and extra.share("string") > 0.9:
            field_map["input"] = extra.name
        field_map |= system_role(profile)
        known = prompt is not None or chosen.share("list") > 0.9 or _spoken(chosen)
        doubt = "no column is called prompt; the chosen answer cannot be separated from its prompt"
        yield ShapeHypothesis(
            shape="preference pairs",
            mapper_id="preference_pair",
            task_profile="alignment",
            field_map=with_split(profile, field_map),
            confidence=0.96 if known else 0.5,
            rationale=f"columns {chosen.name!r} and {rejected.name!r} answer {field_map['prompt']!r}",
            warnings=[doubt] * (not known) + aside(profile, *field_map.values()),
        )


def _spoken(column: Column) -> bool:
    """Whether its texts are conversations of `Human:` and `Assistant:`."""
    examples = [example for example in column.examples if isinstance(example, str)]
    return bool(examples) and all((spoken_turns(each) or ())[1:] for each in examples)


def text_only(profile: Profile) -> Iterator[ShapeHypothesis]:
    """One column of text and nothing to learn from it."""
    leaves = profile.leaves()
    documents = profile.columns.keys() >= {"text", "path", "format"}
    leaves = [profile.columns["text"]] if documents else leaves
    if len(leaves) == 1 and leaves[0].share("string") > 0.9:
        yield ShapeHypothesis(
            shape="text alone",
            mapper_id="text_only",
            task_profile="unlabelled",
            field_map={"text": leaves[0].name},
            confidence=0.7,
            rationale=("these are documents" if documents else f"{leaves[0].name!r} is the only column"),
            warnings=[
                "there are no answers to learn: rows are imported to be labelled, not to be trained on"
            ],
        )
