"""Each next command of the source, in the state in which it is printed, as it is printed there.

A line that is new in the source has to be added here: `test_next_lines.py` fails until it is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """How a line is tried."""

    state: str
    """The project in which it is run; see `test_next_lines.py`. Empty: the line is parsed alone."""
    line: str = ""
    """The line with what is filled in when it is printed, or by the user; by default as it is written."""
    short: str = ""
    """Options that keep a long command short."""
    why: str = ""
    """Why a line is not run."""


def _parsed(why: str, line: str = "") -> Case:
    return Case("", line, why=why)


_SERVES = "serves until it is stopped; tests/server runs it"
_NETWORK = "needs a network"
_CLASSIFIER = "the model of this test is a language model; tests/stages/export writes classifiers"
_ENCODER = "the encoder has to be downloaded first"
_JOBS = "needs a job; tests/jobs runs them"
_FOLDER = "needs what only a user has"
_DRY = "--dry-run --probe-steps 0"
_IMPORT = "narrowcast data import --locator"
_MAPPER = f"{_IMPORT} ROWS --mapper label_to_classification"

CASES: dict[str, Case] = {
    # The command line itself, repeated.
    "narrowcast --debug VALUE": Case("prepared", "narrowcast --debug prepare"),
    "narrowcast --debug train --resume": Case("interrupted"),
    "narrowcast --help": Case("empty"),
    "narrowcast SAME": Case("prepared", "narrowcast prepare --seed 3"),
    "narrowcast SAME --auto": Case("empty", f"{_IMPORT} ROWS --auto"),
    "narrowcast SAME --clusters 0.8": Case("prepared", "narrowcast prepare --embedder tfidf --clusters 0.8"),
    "narrowcast SAME --column NAME": Case("empty", "narrowcast data dedupe --locator ROWS --column text"),
    "narrowcast SAME --embedder model2vec:FOLDER": _parsed(
        _FOLDER, "narrowcast data dedupe --embedder model2vec:FOLDER"
    ),
    "narrowcast SAME --embedder none": Case("prepared", "narrowcast data dedupe --embedder none"),
    "narrowcast SAME --meaning 0.8": Case(
        "prepared", "narrowcast data dedupe --embedder tfidf --meaning 0.8"
    ),
    "narrowcast SAME --force": Case("empty", f"{_IMPORT} FEW --auto --force"),
    "narrowcast SAME --locator SCHEME:PATH": Case("empty", "narrowcast data dedupe --locator ROWS"),
    "narrowcast SAME --map VALUE": Case("empty", f"{_MAPPER} --map text=text"),
    "narrowcast SAME --map VALUE=VALUE": Case("empty", f"{_MAPPER} --map label=label"),
    "narrowcast SAME --mapper VALUE --map 'VALUE'": Case("empty", f"{_MAPPER} --map 'text=text,label=label'"),
    "narrowcast SAME --map alike=join": Case("empty", f"{_MAPPER} --map alike=join"),
    "narrowcast SAME --pattern 'REGEX'": Case(
        "generated", "narrowcast data gate --optional regex --dry-run --pattern '.*'"
    ),
    "narrowcast SAME --pydantic-model MODULE:CLASS": _parsed(
        _FOLDER, "narrowcast data gate --optional pydantic_model --pydantic-model MODULE:CLASS"
    ),
    "narrowcast SAME --tools specs/tools.json": _parsed(
        _FOLDER, "narrowcast data gate --optional tool_calls --tools specs/tools.json"
    ),
    "narrowcast SAME --name NAME": Case("backed up", "narrowcast project restore task.tar --name NAME"),
    "narrowcast SAME --path FOLDER": Case(
        "backed up", "narrowcast project restore task.tar --name other --path FOLDER"
    ),
    "narrowcast project move FOLDER --project VALUE": _parsed(
        _FOLDER, "narrowcast project move FOLDER --project task"
    ),
    "narrowcast SAME --project VALUE": Case("prepared", "narrowcast project rename other --project task"),
    "narrowcast SAME --yes": Case("prepared", "narrowcast data forget --text 'case 7919' --yes"),
    "narrowcast VALUE": Case("empty", "narrowcast doctor"),
    "narrowcast VALUE --dry-run": Case("prepared", "narrowcast prepare --dry-run"),
    "narrowcast VALUE --help": Case("empty", "narrowcast data balance --help"),
    # Projects.
    "narrowcast audit verify": Case("prepared"),
    "narrowcast demo --project another-name": _parsed("takes minutes; tests/demo runs it"),
    "narrowcast doctor": Case("empty"),
    "narrowcast gc --dry-run": Case("prepared"),
    "narrowcast events --severity error": Case("prepared"),
    "narrowcast init --help": Case("empty"),
    "narrowcast init NAME": Case("empty", "narrowcast init another"),
    "narrowcast migrate": Case("prepared"),
    "narrowcast migrate --project VALUE": Case("prepared", "narrowcast migrate --project task"),
    "narrowcast plugins": Case("empty"),
    "narrowcast project backup FILE": Case("prepared"),
    "narrowcast project delete VALUE": Case("prepared", "narrowcast project delete task", "--yes"),
    "narrowcast project restore FILE": Case(
        "backed up", "narrowcast project restore task.tar", "--name other"
    ),
    "narrowcast projects": Case("empty"),
    "narrowcast run": Case("prepared", short="--dry-run"),
    "narrowcast status": Case("prepared"),
    "narrowcast status --project VALUE": Case("prepared", "narrowcast status --project task"),
    "narrowcast use FOLDER": Case("prepared", "narrowcast use task"),
    "narrowcast use PROJECT": Case("prepared", "narrowcast use task"),
    # Rows.
    "narrowcast data clean --help": Case("empty"),
    "narrowcast data clean --locator SCHEME:PATH": Case("empty", short="--pii off --secrets off"),
    "narrowcast data clean --locator SCHEME:PATH --dry-run": Case("empty", short="--pii off --secrets off"),
    "narrowcast data cleanings": Case("empty"),
    "narrowcast data cleanings --remove VALUE": Case(
        "cleaned", "narrowcast data cleanings --remove CLEANING"
    ),
    "narrowcast data dedupe --help": Case("empty"),
    "narrowcast data import --help": Case("empty"),
    "narrowcast data import --locator 'VALUE' --auto": Case("empty", f"{_IMPORT} ROWS --auto"),
    "narrowcast data import --locator 'VALUE' --mapper VALUE --map 'VALUE'": Case(
        "empty", f"{_MAPPER} --map text=text,label=label"
    ),
    "narrowcast data import --locator SCHEME:PATH": Case("empty", short="--auto"),
    "narrowcast data import --locator SCHEME:PATH --auto": Case("empty"),
    "narrowcast data import --locator SCHEME:PATH --dry-run": Case("empty", short="--auto"),
    "narrowcast data import --locator SCHEME:PATH --force": Case("empty", short="--auto"),
    "narrowcast data import --locator VALUE --auto": Case("empty", f"{_IMPORT} ROWS --auto"),
    "narrowcast data import --locator VALUE --force": Case("empty", f"{_IMPORT} ROWS --force", "--auto"),
    "narrowcast data import --locator VALUE --mapper VALUE --dry-run": Case("empty", f"{_MAPPER} --dry-run"),
    "narrowcast data import --locator csv:PATH --auto": Case("empty"),
    "narrowcast data import --locator jsonl:VALUE --auto": Case("empty", f"{_IMPORT} LINES --auto"),
    "narrowcast data imports": Case("prepared"),
    "narrowcast data introspect --locator SCHEME:PATH": Case("empty"),
    "narrowcast data introspect --locator 'VALUE'": Case(
        "empty", "narrowcast data introspect --locator 'ROWS'"
    ),
    "narrowcast data import --auto --locator 'VALUE'": Case(
        "empty", "narrowcast data import --auto --locator 'ROWS'"
    ),
    "narrowcast data introspect --locator VALUE": Case("empty", "narrowcast data introspect --locator ROWS"),
    "narrowcast data leakage train test": Case("prepared"),
    "narrowcast data ledger": Case("prepared"),
    "narrowcast data lineage VALUE": Case("prepared", "narrowcast data lineage IMPORT:1"),
    "narrowcast data mappers": Case("empty"),
    "narrowcast data sources": Case("empty"),
    "narrowcast data remove VALUE": Case("prepared", "narrowcast data remove IMPORT"),
    "narrowcast data versions": Case("prepared"),
    "narrowcast data review": Case("prepared"),
    'narrowcast data review --decide \'VALUE=edit:{"inputs": {"text": "…"}, "target": "…"}\'': Case(
        "prepared",
        'narrowcast data review --decide \'IMPORT:1=edit:{"inputs": {"text": "new"}, "target": "refund"}\'',
    ),
    "narrowcast data review --decide VALUE=accept": Case(
        "prepared", "narrowcast data review --decide IMPORT:1=accept"
    ),
    "narrowcast data review --from conflicts": Case("prepared"),
    "narrowcast data review --from sample": Case("prepared"),
    "narrowcast data review --from sample --count 50": Case("prepared"),
    "narrowcast data review --reviewer NAME --decide VALUE=reject": Case(
        "prepared", "narrowcast data review --reviewer NAME --decide IMPORT:1=reject"
    ),
    "narrowcast prepare": Case("imported"),
    "narrowcast prepare --force": Case("prepared"),
    "narrowcast prepare --groups free": Case("imported"),
    "narrowcast prepare --golden 0.1": Case("prepared"),
    "narrowcast prepare --seed 1": Case("imported"),
    # Generated rows.
    "narrowcast data balance": Case("prepared", short="--cap 5"),
    "narrowcast data balance --cap N": Case("prepared", "narrowcast data balance --cap 5"),
    "narrowcast data balance --undo": Case("balanced"),
    "narrowcast data gate --dry-run": Case("generated"),
    "narrowcast data gate --help": Case("empty"),
    "narrowcast data gate --rows FILE.jsonl": Case(
        "generated", "narrowcast data gate --rows lines.jsonl", "--dry-run"
    ),
    "narrowcast data gate VALUE": Case("generated", "narrowcast data gate GENERATION"),
    "narrowcast data gate VALUE --dry-run": Case("generated", "narrowcast data gate GENERATION --dry-run"),
    "narrowcast data generate": Case("planned"),
    "narrowcast data generate --cap-tokens N": Case(
        "planned", "narrowcast data generate --cap-tokens 2000000"
    ),
    "narrowcast data generate --dry-run": Case("planned"),
    "narrowcast data generate --model NAME": Case("planned"),
    "narrowcast data generate --source label --texts csv:messages.csv": Case("planned"),
    "narrowcast data generate --source teacher": Case("planned"),
    "narrowcast data judge": Case("generated"),
    # Training and measuring.
    "narrowcast baseline": Case("prepared", short="--models majority"),
    "narrowcast baseline --models majority,base,base-few-shot": Case("measured"),
    "narrowcast baseline VALUE--models VALUEVALUE": Case(
        "prepared", "narrowcast baseline --split dev --rows 5 --models majority"
    ),
    "narrowcast baseline --models base": _parsed("loads the base; tests/evaluation measures it"),
    "narrowcast baseline --cap-tokens N": Case(
        "prepared", "narrowcast baseline --cap-tokens 2000000", "--models majority"
    ),
    "narrowcast baseline --force": Case("prepared", short="--models majority"),
    "narrowcast eval": Case("trained"),
    "narrowcast eval --force": Case("trained"),
    "narrowcast events": Case("prepared"),
    "narrowcast eval --json": Case("trained"),
    "narrowcast eval VALUE": Case("measured", "narrowcast eval tfidf"),
    "narrowcast eval base": Case("measured"),
    "narrowcast eval run:VALUE": Case("trained", "narrowcast eval run:RUN"),
    "narrowcast eval run:VALUE --force": Case("trained", "narrowcast eval run:RUN --force"),
    "narrowcast models pull VALUE": _parsed(_NETWORK, "narrowcast models pull minilm"),
    "narrowcast baseline --models svm": Case("prepared"),
    "narrowcast baseline --models encoder:VALUE": _parsed(
        _NETWORK, "narrowcast baseline --models encoder:minilm"
    ),
    "narrowcast models list": Case("empty"),
    "narrowcast models pull ID": _parsed(_NETWORK),
    "narrowcast models import FILE": _parsed(_FOLDER),
    "narrowcast models pull VALUE --force": _parsed(_NETWORK, "narrowcast models pull minilm --force"),
    "narrowcast models pull ID --force": _parsed(_NETWORK),
    "narrowcast models import FILE --name VALUE --force": _parsed(
        _FOLDER, "narrowcast models import FILE --name mine --force"
    ),
    "narrowcast models show ID": Case("empty", "narrowcast models show embedded"),
    "narrowcast preflight": Case("measured", short="--probe-steps 0"),
    "narrowcast recipes list": Case("empty"),
    "narrowcast rerun VALUE": Case("trained", "narrowcast rerun RUN"),
    "narrowcast runs": Case("trained"),
    "narrowcast runs discard VALUE": Case("interrupted", "narrowcast runs discard RUN"),
    "narrowcast runs show VALUE": Case("trained", "narrowcast runs show RUN"),
    "narrowcast search --vary learning_rate=1e-4..1e-2:log": Case("measured", short="--dry-run"),
    "narrowcast train": Case("measured"),
    "narrowcast train --base VALUE": Case("measured", "narrowcast train --base embedded", _DRY),
    "narrowcast train --base ID": Case("measured", "narrowcast train --base embedded", _DRY),
    "narrowcast train --dry-run": Case("measured"),
    "narrowcast train --early-stopping 3": Case("measured", short=_DRY),
    "narrowcast train --epochs 1": Case("measured", short=_DRY),
    "narrowcast train VALUE": Case(
        "measured", "narrowcast train --method linear --features words --classifier svm", "--dry-run"
    ),
    "narrowcast train VALUE --epochs VALUE": Case(
        "measured", "narrowcast train --base embedded --epochs 2", _DRY
    ),
    "narrowcast train VALUE --force": Case("measured", "narrowcast train --base embedded --force", _DRY),
    "narrowcast train --force": Case("trained", short=_DRY),
    "narrowcast train --help": Case("empty"),
    "narrowcast train --layout padded": Case("measured", short=_DRY),
    "narrowcast train --learning-rate 1e-4": Case("measured", short=_DRY),
    "narrowcast train --learning-rate NUMBER": Case(
        "measured", "narrowcast train --learning-rate 1e-4", _DRY
    ),
    "narrowcast train --method auto": Case("measured", short=_DRY),
    "narrowcast train --method VALUE": Case("measured", "narrowcast train --method lora", _DRY),
    "narrowcast train --method linear --features VALUE --classifier VALUEVALUE": Case(
        "measured", "narrowcast train --method linear --features words --classifier logistic", "--dry-run"
    ),
    "narrowcast train --micro-batch-size 4": Case("measured", short=_DRY),
    "narrowcast train --objective sft": Case("measured", short=_DRY),
    "narrowcast train --recipe VALUE --dry-run": Case(
        "measured", "narrowcast train --recipe sft-lora --dry-run", "--probe-steps 0"
    ),
    "narrowcast train --recipe sft-lora": Case("measured", short=_DRY),
    "narrowcast train --resume": Case("interrupted"),
    "narrowcast train --resume --oom-retries 3": Case("interrupted"),
    "narrowcast train --select-by last": Case("measured", short=_DRY),
    # Shipping.
    "narrowcast export": Case("trained"),
    "narrowcast export --force": Case("exported"),
    "narrowcast export VALUE": Case("trained", "narrowcast export RUN"),
    "narrowcast export VALUE --formats VALUE": Case("trained", "narrowcast export RUN --formats q8_0"),
    "narrowcast export VALUE --force": Case("exported", "narrowcast export RUN --force"),
    "narrowcast parity": Case("exported"),
    "narrowcast train --method linear --base minilm": _parsed(_ENCODER),
    "narrowcast train --method linear --features words,characters": _parsed(_CLASSIFIER),
    "narrowcast train --method linear": _parsed(_CLASSIFIER),
    "narrowcast export --formats onnx": _parsed(_CLASSIFIER),
    "narrowcast export --help": Case("trained"),
    "narrowcast export --formats VALUE": Case("trained", "narrowcast export --formats q8_0"),
    "narrowcast export --formats adapter,merged": _parsed(
        "the base of this test trains all its weights; tests/stages/export writes adapters"
    ),
    "narrowcast export --formats f16": Case("trained"),
    "narrowcast export --formats f16,q8_0": Case("trained"),
    "narrowcast export --formats merged": Case("trained"),
    "narrowcast export --formats merged,f16,q8_0": Case("trained"),
    "narrowcast export --formats q8_0": Case("trained"),
    "narrowcast export --reference bf16": Case("trained", short="--formats q8_0"),
    "narrowcast export --reference f32 --formats f32": Case("trained"),
    "narrowcast parity --json": Case("exported"),
    "narrowcast parity --parity-rows 500": Case("exported"),
    "narrowcast serve": _parsed(_SERVES),
    "narrowcast serve --host VALUE --token SECRET": _parsed(
        _SERVES, "narrowcast serve --host 0.0.0.0 --token SECRET"
    ),
    "narrowcast serve --port 8090": _parsed(_SERVES),
    "narrowcast call": Case("empty"),
    "narrowcast serve --project NAME": _parsed(_SERVES),
    "narrowcast serve --model VALUE": _parsed(_SERVES, "narrowcast serve --model q8_0"),
    # Jobs.
    "narrowcast jobs cancel VALUE": _parsed(_JOBS, "narrowcast jobs cancel JOB"),
    "narrowcast jobs list": Case("empty"),
    "narrowcast jobs logs VALUE": _parsed(_JOBS, "narrowcast jobs logs JOB"),
    "narrowcast jobs logs VALUE --follow": _parsed(_JOBS, "narrowcast jobs logs JOB --follow"),
    "narrowcast jobs resume JOB": _parsed(_JOBS),
    "narrowcast jobs resume VALUE": _parsed(_JOBS, "narrowcast jobs resume JOB"),
    "narrowcast jobs schedules": Case("empty"),
    "narrowcast jobs show VALUE": _parsed(_JOBS, "narrowcast jobs show JOB"),
    "narrowcast jobs schedule --help": Case("empty"),
    "narrowcast jobs submit -- train": _parsed(_JOBS),
    "narrowcast jobs submit --help": Case("empty"),
    "narrowcast jobs unschedule VALUE": _parsed(_JOBS, "narrowcast jobs unschedule NAME"),
}
