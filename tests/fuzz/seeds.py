"""Small files of every form that the connectors read."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
import sqlite3
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

_WORDS = [
    "the",
    "parcel",
    "card",
    "refund",
    "order",
    "arrived",
    "late",
    "never",
    "twice",
    "again",
    "please",
    "help",
    "with",
    "my",
    "account",
    "today",
]
LABELS = ["billing", "shipping", "returns"]


def _text(number: int) -> str:
    return " ".join(_WORDS[(number * step + step) % len(_WORDS)] for step in (1, 3, 5, 7, 11)) + f" {number}"


def _turns(number: int) -> list[dict[str, Any]]:
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": _text(number)},
        {"role": "assistant", "content": f"Answer {number}: {_text(number + 7)}"},
    ]


def _call(number: int) -> dict[str, Any]:
    function = {"name": "find_order", "arguments": json.dumps({"id": number})}
    call = {"id": f"c{number}", "type": "function", "function": function}
    turns = [
        {"role": "user", "content": _text(number)},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{number}", "content": "{}"},
        {"role": "assistant", "content": _text(number + 1)},
    ]
    parameters = {"type": "object", "properties": {"id": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "find_order", "parameters": parameters}}
    return {"messages": turns, "tools": [tool]}


def _spans(number: int) -> dict[str, Any]:
    text = f"Alex {_text(number)} Bern"
    ends = {"start": len(text) - 4, "end": len(text), "label": "place"}
    return {"text": text, "spans": [{"start": 0, "end": 4, "label": "name"}, ends]}


def _log(number: int) -> dict[str, Any]:
    reply = {"message": {"role": "assistant", "content": _text(number)}, "finish_reason": "stop"}
    asked = {"model": "m", "messages": _turns(number)[:2]}
    return {"request": asked, "response": {"choices": [reply]}, "status": 200}


ROWS: dict[str, list[Any]] = {
    "labels": [{"text": _text(n), "label": LABELS[n % 3], "id": n} for n in range(24)],
    "labels nested": [
        {"data": {"text": _text(n)}, "meta": {"label": LABELS[n % 3], "n": [n]}} for n in range(24)
    ],
    "several": [{"text": _text(n), "labels": LABELS[: n % 4]} for n in range(24)],
    "questions": [
        {"question": _text(n) + "?", "answer": _text(n + 3), "context": _text(n) + _text(n + 3)}
        for n in range(24)
    ],
    "instructions": [
        {"instruction": "Shorten.", "input": _text(n), "output": _text(n)[:20]} for n in range(24)
    ],
    "messages": [{"messages": _turns(n)} for n in range(24)],
    "sharegpt": [
        {"conversations": [{"from": "human", "value": _text(n)}, {"from": "gpt", "value": _text(n + 5)}]}
        for n in range(24)
    ],
    "calls": [_call(n) for n in range(24)],
    "preferences": [
        {"prompt": _text(n), "chosen": _text(n + 1), "rejected": _text(n + 2)} for n in range(24)
    ],
    "kto": [{"prompt": _text(n), "completion": _text(n + 1), "label": bool(n % 2)} for n in range(24)],
    "spans": [_spans(n) for n in range(24)],
    "extraction": [{"text": _text(n), "output": {"order": n, "kind": LABELS[n % 3]}} for n in range(24)],
    "chunks": [
        {"question": _text(n), "answer": _text(n), "contexts": [_text(n), _text(n + 1)]} for n in range(24)
    ],
    "label studio": [
        {
            "data": {"text": f"Alex {_text(n)}"},
            "annotations": [
                {
                    "result": [
                        {
                            "type": "labels",
                            "value": {"start": 0, "end": 4, "text": "Alex", "labels": ["name"]},
                        }
                    ]
                }
            ],
        }
        for n in range(24)
    ],
    "texts": [{"text": " ".join(_text(n + each) for each in range(12))} for n in range(24)],
}
COLUMNS = [
    "text",
    "label",
    "id",
    "messages",
    "spans",
    "question",
    "answer",
    "context",
    "prompt",
    "data.text",
    "nope",
]


def _squad(rows: list[Any]) -> Any:
    paragraphs = [
        {
            "context": row["context"],
            "qas": [
                {
                    "id": str(n),
                    "question": row["question"],
                    "answers": [{"text": row["answer"], "answer_start": 0}],
                }
            ],
        }
        for n, row in enumerate(rows)
    ]
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}


def documents() -> dict[str, Any]:
    """JSON documents: lists, objects around lists, columns, and forms with names."""
    rows = ROWS["labels"]
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    return {
        **ROWS,
        "rows": {"rows": rows, "total": 24},
        "by id": {str(row["id"]): row for row in rows},
        "columns": columns,
        "pandas": {key: {str(n): value for n, value in enumerate(each)} for key, each in columns.items()},
        "split": {"columns": list(columns), "index": list(range(24)),
        "data": [list(row.values()) for row in rows]},
        "squad": _squad(ROWS["questions"]),
        "snips": {"Book": [{"data": [{"text": "book "}, {"text": "Bern",
        "entity": "city"}]} for _ in range(9)]},
        "rasa": {"rasa_nlu_data": {"common_examples": [
            {"text": "to Bern", "intent": "go", "entities": [{"start": 3, "end": 7, "value": "Bern",
                "entity": "c"}]}
        ] * 9}},
    }  # fmt: skip


def csv_text(delimiter: str = ",") -> str:
    """With a quoted field over two lines."""
    lines = [f"text{delimiter}label{delimiter}id"]
    lines += [f"{_text(n)}{delimiter}{LABELS[n % 3]}{delimiter}{n}" for n in range(24)]
    lines.insert(5, f'"a quoted ""text""{delimiter}\nover two lines"{delimiter}billing{delimiter}99')
    return "\n".join(lines) + "\n"


CONLL = (
    "-DOCSTART- O\n\n" + "\n\n".join("Alex B-PER\nis O\nin O\nNew B-LOC\nYork I-LOC" for _ in range(9)) + "\n"
)
FASTTEXT = "".join(f"__label__{LABELS[n % 3]} {_text(n)}\n" for n in range(24))
HTML = (
    "<!DOCTYPE html><html><head><title>Returns</title></head><body><nav>Home</nav><h1>Returns</h1>"
    f"<p>{_text(1)} {_text(2)}</p><table><tr><td>a</td><td>b</td></tr></table>"
    f"<ul><li>{_text(3)}</li></ul></body></html>"
)
MARKDOWN = (
    f"# Returns\n\n{_text(1)} {_text(2)}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    f"```\ncode\n```\n\n- {_text(4)}\n"
)
YAML = """api_version: narrowcast/v1
kind: Project
name: task
task:
  profile: classification
  labels: [billing, shipping, returns]
sources:
- locator: jsonl:rows.jsonl
  mapper: label_to_classification
  map: {text: text, label: label}
prepare: {seed: 3}
train: {epochs: 1, base: embedded}
evaluate: {gates: ['macro_f1>=0.9'], split: dev}
export: {formats: [f16]}
"""


def jsonl(rows: list[Any]) -> str:
    """One row a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@lru_cache(maxsize=1)
def xlsx() -> bytes:
    """Two sheets."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in [["text", "label", "id"], *[list(row.values()) for row in ROWS["labels"]]]:
        book.active.append(row)
    book.create_sheet("Other").append(["a", 1])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def odd_xlsx(draw: random.Random) -> bytes:
    """Cells of every kind, in odd places: titles above, merged cells, formulas, errors, a cell far away."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet: Any = book.active
    for _ in range(draw.choice([0, 0, 1, 3])):
        sheet.append([draw.choice(["A title", None, "# note", "sep=;"])])
    sheet.append(
        draw.choice(
            [
                ["text", "label", "id"],
                ["text", "label", None],
                ["text", "text", "label"],
                [1, 2, 3],
                [" Text ", "LABEL"],
            ]
        )
    )
    day = dt.datetime(1899, 12, 31, 23, 59)  # noqa: DTZ001 - cells have no time zone
    odd = [
        "=1/0",
        "=A1",
        "#N/A",
        True,
        day,
        day.date(),
        day.time(),
        dt.timedelta(days=9),
        1e308,
        -1,
        10**20,
        "",
        " ",
        None,
        "x" * 9000,
    ]
    for row in ROWS["labels"]:
        cells = list(row.values())
        if draw.random() < 0.2:
            cells[draw.randrange(3)] = draw.choice(odd)
        sheet.append(cells)
    if draw.random() < 0.3:
        sheet.merge_cells(draw.choice(["A1:B1", "A3:A9", "A1:C24"]))
    if draw.random() < 0.2:
        sheet[draw.choice(["XFD2", "A90000", "Z300", "AB2"])] = "far"
    if draw.random() < 0.2:
        book.create_sheet(draw.choice(["Other", "é" * 9, "0"])).append(["text", "label"])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def odd_parquet(draw: random.Random) -> bytes:
    """Columns of any type, and of any name."""
    import decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    day, count = dt.datetime(2026, 1, 1), 24  # noqa: DTZ001 - columns without a time zone
    kinds: list[Any] = [
        [_text(n) for n in range(count)], [LABELS[n % 3] for n in range(count)], [None] * count,
            [float("nan"), None] * 12, [day] * count,
        [day.date()] * count, [day.time()] * count, [dt.timedelta(1)] * count,
        [decimal.Decimal("1.50")] * count, [b"\xff"] * count,
        [[_text(n), None] for n in range(count)], [{"a": n, "b": [n]} for n in range(count)], [[]] * count,
        [_turns(n) for n in range(count)],
        [2**63 - 1] * count, [True, None] * 12, pa.array([[("a", 1)]] * count, pa.map_(pa.string(),
        pa.int32())), pa.array([2**64 - 1] * count, pa.uint64()),
        pa.array([_text(n) for n in range(count)]).dictionary_encode(), pa.array([day] * count,
        pa.timestamp("ns", tz="Asia/Tokyo")),
        pa.array([1.5] * count, pa.float16()), pa.array([b"ab"] * count, pa.binary(2)), pa.array([[1,
        2]] * count, pa.list_(pa.int8(), 2)),
    ]  # fmt: skip
    names = draw.sample(
        [
            "text",
            "label",
            "messages",
            "id",
            "question",
            "answer",
            "",
            " text",
            "TEXT",
            "spans",
            "tokens",
            "é",
        ],
        3,
    )
    columns = {
        name: pa.array(kinds[0] if name == "text" and draw.random() < 0.6 else draw.choice(kinds))
        for name in names
    }
    packed = io.BytesIO()
    pq.write_table(
        pa.table(columns),
        packed,
        compression=draw.choice(["snappy", "gzip", "zstd", "none", "brotli", "lz4"]),
    )
    return packed.getvalue()


@lru_cache(maxsize=1)
def docx() -> bytes:
    """Paragraphs, a heading and a table."""
    import docx as library

    document = library.Document()
    document.add_heading("Returns", 1)
    document.add_paragraph(_text(1) + " " + _text(2))
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "merged"
    packed = io.BytesIO()
    document.save(packed)
    return packed.getvalue()


@lru_cache(maxsize=1)
def ods() -> bytes:
    """One table, as an office suite writes it."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
            for value in (row["text"], row["label"])
        )
        + "</table:table-row>"
        for row in [{"text": "text", "label": "label"}, *ROWS["labels"]]
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="utf-8"?><office:document-content {spaces}><office:body>'
        f'<office:spreadsheet><table:table table:name="Sheet1">{cells}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    return packed.getvalue()


@lru_cache(maxsize=1)
def parquets() -> tuple[bytes, ...]:
    """Plain columns, nested ones, and every type that may surprise."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    odd = {
        "text": [_text(n) for n in range(9)],
        "when": [dt.datetime(2026, 1, 1)] * 9,  # noqa: DTZ001
        "raw": [b"\xff\0"] * 9,
        "map": pa.array([[("a", 1)]] * 9, pa.map_(pa.string(), pa.int32())),
        "number": pa.array([float("nan")] * 9),
        "label": pa.array(["a", "b", None] * 3).dictionary_encode(),
    }
    found = []
    for columns in (
        odd,
        *({key: [row[key] for row in ROWS[name]] for key in ROWS[name][0]} for name in _TABLES),
    ):
        packed = io.BytesIO()
        pq.write_table(pa.table(columns), packed)
        found.append(packed.getvalue())
    return tuple(found)


_TABLES = ("labels", "messages", "preferences", "spans")


@lru_cache(maxsize=1)
def database() -> bytes:
    """SQLite with a table, a view and an odd column."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.db")
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE rows (text TEXT, label TEXT, id INTEGER, raw BLOB)")
        values = [(row["text"], row["label"], row["id"], b"\xff") for row in ROWS["labels"]]
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", values)
        connection.execute("CREATE VIEW seen AS SELECT text, label FROM rows")
        connection.commit()
        connection.close()
        return path.read_bytes()


def pdf(text: str = "") -> bytes:
    """One page of text."""
    stream = f"BT /F1 12 Tf 40 700 Td ({text or _text(1)}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(written)
    return (
        written
        + b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            table,
            start,
        )
    )
