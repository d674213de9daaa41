"""The pages of the task specification. Every assumption is marked, so that it can be found and settled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from narrowcast.core.markdown import escape, escape_lines
from narrowcast.factory.plan import EDGE_CASES
from narrowcast.tasks import has_labels

if TYPE_CHECKING:
    from narrowcast.core.task import TaskSpec
    from narrowcast.factory.spec import SpecAnswers

MARK = "(assumed)"

PLAN_HEADER = """\
# What `narrowcast data generate` asks for: category x difficulty x edge case, `rows` in total (assumed).
# `quota` sets the rows of a category; the prompts use the `variations` in turn.
"""

GATES_PAGE = """\
# Quality gates

`narrowcast data gate` applies these row gates to every generated row, in this order; a rejected row is kept
with its gate and reason.

| gate | question |
| --- | --- |
| json_validity | is the row valid JSON? |
| row_schema | does it have exactly the expected fields, with known values? |
| output_contract | would the task's handler accept this answer from a model? |
| leaked_instructions | is it free of prompts, rubrics and hints at how it was made? |
| triviality | is the input long, varied and concrete enough? |
| length | do prompt and answer fit into the context of the base model? |
| eval_leakage | does it differ from every held-out row? |
| label_consistency | do equivalent inputs have the same answer? |
| exact_duplicates, semantic_duplicates | does it differ from every other row? |
| diversity | does its cell of the plan still need rows? |

Optional gates, chosen with `--optional NAME,NAME` or `gate: {optional: [...]}` in `narrowcast.yaml`: regex,
pydantic_model, tool_calls, llm_judge, embedding_clusters, expert_flag, human_review.

## The judge

`narrowcast data judge` scores realism, correctness, format, difficulty, diversity, learnability and safety
from 1 to 5. A row is accepted with at least 26 of 35 points, at least 4 for correctness and for safety, and 5
for format.
"""


def task_page(name: str, answers: SpecAnswers, task: TaskSpec | None) -> str:
    """`task.md`."""
    parts = [f"# {escape(name)}", "## Goal", _said(answers, "goal")]
    kind = task.profile if task else _said(answers, "task")
    if task is not None and answers.task is None:
        kind = f"{kind} {MARK}"  # it follows from labels or schema, but nobody said so
    parts += ["## Kind of task", kind]
    if task is None or has_labels(task):
        parts += ["## Labels", _said(answers, "labels")]
    if task is not None and task.output_schema:
        parts += [
            "## Answer",
            f"```json\n{json.dumps(task.output_schema, ensure_ascii=False, indent=2)}\n```",
        ]
    if task is not None and task.instruction:
        parts += ["## Instruction", escape_lines(task.instruction)]
    parts += ["## Inputs", _said(answers, "inputs")]
    parts += ["## Unacceptable mistakes", _said(answers, "failures")]
    parts += ["## Metrics", _said(answers, "metrics")]
    parts += ["## Where it will run", _said(answers, "deployment")]
    parts += ["## Cost and latency", _said(answers, "latency")]
    return "\n\n".join(parts) + "\n"


def data_page(answers: SpecAnswers, task: TaskSpec | None) -> str:
    """`specs/data_spec.md`."""
    kinds = "\n".join(f"| {name} | {about} |" for name, about in EDGE_CASES.items())
    labels = (
        "\n".join(
            f"- {escape(label)}: what belongs here, and what only seems to? {MARK}" for label in task.labels
        )
        if task and task.labels
        else f"{_said(answers, 'labels')}"
    )
    return f"""\
# Data specification

## Inputs

{_said(answers, "inputs")}

## Answers

{labels if task is None or has_labels(task) else "As `output_schema.json` and `task.md` say."}

## Kinds of input

Each kind should occur in training and evaluation; `generation_prompts/plan.yaml` sets how often.

| kind | meaning |
| --- | --- |
{kinds}

## How many rows

50 to 200 rows written by people define the task; 100 to 300 held-out rows show whether it is learned; 500 to
2,000 rows are enough for a first training run {MARK}.

## Where rows come from

Licence and consent are recorded per source: `narrowcast data import --licence`. Personal data: none is
expected {MARK}; `narrowcast data clean` finds it.
"""


def eval_page(answers: SpecAnswers) -> str:
    """`specs/eval_plan.md`."""
    return f"""\
# Evaluation plan

## Sets

- dev, 10 % (15 % below 1,000 rows): for choosing between runs {MARK}
- test, of the same size: accessed only for the final figures {MARK}
- golden: locked; import rows with `--into golden` {MARK}

Rows are divided by group (customer, document, scenario), near-duplicates together.

## What is measured

{_said(answers, "metrics")}

A model is compared with the baselines (majority, TF-IDF, the base model) on the same rows, with intervals.

## Mistakes that are not acceptable

{_said(answers, "failures")}

## What blocks a release

The release gates under `evaluate: {{gates: [...]}}` in `narrowcast.yaml`. Where it has none: the model is
better than every baseline that was measured, and answers that it writes have the right form. A model that
fails a gate or loses to a baseline is exported and served only with `--force`.
"""


def _said(answers: SpecAnswers, name: str) -> str:
    text, assumed = answers.said(name)
    return f"{text} {MARK}" if assumed else escape_lines(text)
