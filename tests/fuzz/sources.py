"""Sources: files of every form, damaged; folders, joins, databases, web servers, buckets, hubs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.fuzz import seeds
from tests.fuzz.damage import (
    Draw,
    damaged,
    damaged_value,
    damaged_zip,
    json_text,
    odd_text,
    text_bytes,
)
from tests.fuzz.record import Input

_DELIMITERS = {"csv": [",", ";", "|"], "tsv": ["\t"]}
_ODD_OPTIONS = [
    "delimiter=;", "delimiter=", "delimiter=ab", "delimiter=%00", "encoding=utf-16", "encoding=rot13",
        "encoding=nope",
    "encoding=", "errors=replace", "errors=ignore", "header=yes", "header=no", "header=2", "sheet=Other",
    "sheet=",
    "sheet=Nope", "short=fill", "short=x", "a=b", "=", "&&", "delimiter=%22",
    "encoding=utf-8&encoding=cp1252", "#a=b",
]  # fmt: skip
_DERIVED = [
    'label = id + "x"', "label = text", 'text = join(" ", text)', "label = id[0]", "x = nope", "label = ",
        "= 1",
    "label = (((((id)))))", "text = text + text + text", 'label = "' + "a" * 999 + '"',
    "label = id[-1][0][nope]", "\0",
    "label = " + "(" * 400 + "id" + ")" * 400, "label = messages[0].content", "id = 1 + text",
    "label = not id",
]  # fmt: skip
_CONDITIONS = ["id > 3", "label = billing", 'label != "billing"', "id", "nope = 1", "true", "id >",
    "text < 3 and",
               "not not id", "(" * 300 + "id" + ")" * 300, "id = null or label = true",
               "text = " + "1" * 500]  # fmt: skip
_MAPPERS = {
    "label_to_classification": ["text=text", "label=label"], "labels_to_multi_label": ["text=text",
        "labels=labels"],
    "qa_pair_passthrough": ["question=question", "answer=answer"],
    "chat_messages_passthrough": ["messages=messages"],
    "kv_to_structured": ["text=text", "output=output"], "bio_to_spans": ["tokens=tokens", "tags=tags"],
    "nope": [],
}  # fmt: skip


def import_of(draw: Draw, locator: str) -> list[list[str]]:
    """The commands that read a source: mostly an import, with options of which some are wrong."""
    roll = draw.random()
    if roll < 0.07:
        return [["data", "introspect", "--locator", locator, "--json"]]
    words = ["data", "import", "--locator", locator, "--json", *(["--force"] if draw.random() < 0.85 else [])]
    if roll < 0.75:
        words.append("--auto")
    else:
        mapper = draw.choice(list(_MAPPERS))
        words += ["--mapper", mapper] if draw.random() < 0.8 else ["--auto"]
        fields = _MAPPERS[mapper] if draw.random() < 0.7 else []
        if draw.random() < 0.3:
            fields = [*fields, f"{draw.choice(seeds.COLUMNS)}={draw.choice(seeds.COLUMNS)}"]
        words += [word for each in fields for word in ("--map", each)]
    for option, values in (
        ("--derive", _DERIVED), ("--where", _CONDITIONS), ("--explode", seeds.COLUMNS), ("--group",
            seeds.COLUMNS),
        ("--into", ["test", "golden", "nope"]), ("--limit", ["1", "3", "0", "-1", "99999999999999999999"]),
        ("--licence", ["MIT", "\x1b[31m"]),
    ):  # fmt: skip
        if draw.random() < 0.04:
            words += [option, draw.choice(values)]
    if draw.random() < 0.05:
        words.append("--dry-run")
    return [words]


def _options(draw: Draw) -> str:
    return f"?{draw.choice(_ODD_OPTIONS)}" if draw.random() < 0.1 else ""


def _in_file(draw: Draw, scheme: str, name: str, content: bytes) -> Input:
    if draw.random() < 0.05:
        name += ".gz"
    if draw.random() < 0.2:
        scheme = draw.choice(["file", "file", "file", "csv", "jsonl", "parquet", "logs"])
    return Input("source", {name: content}, import_of(draw, f"{scheme}:{{folder}}/{name}{_options(draw)}"))


def delimited(draw: Draw) -> Input:
    """csv and tsv."""
    suffix = draw.choice(["csv", "csv", "tsv", "txt"])
    text = seeds.csv_text(draw.choice(_DELIMITERS.get(suffix, [",", "\t"])))
    return _in_file(
        draw,
        "csv",
        f"rows.{suffix}",
        damaged(draw, text_bytes(text), seeds.jsonl(seeds.ROWS["labels"]).encode()),
    )


def lines(draw: Draw) -> Input:
    """jsonl: rows that are damaged as values, as text, or both."""
    rows = seeds.ROWS[draw.choice(list(seeds.ROWS))]
    if draw.random() < 0.75:
        share = draw.choice([0.0, 0.004, 0.03, 0.15])
        texts = [json_text(draw, damaged_value(draw, row, share)).replace("\n", " ") for row in rows]
    else:
        texts = [json.dumps(row) for row in rows]
    content = text_bytes("\n".join(texts) + "\n")
    return _in_file(draw, "jsonl", "rows.jsonl", content if draw.random() < 0.5 else damaged(draw, content))


def document(draw: Draw) -> Input:
    """json: one value in one of many forms."""
    forms = seeds.documents()
    value: Any = forms[draw.choice(list(forms))]
    if draw.random() < 0.7:
        value = damaged_value(draw, value, draw.choice([0.004, 0.02, 0.1]))
    content = text_bytes(json_text(draw, value))
    return _in_file(draw, "file", "rows.json", content if draw.random() < 0.5 else damaged(draw, content))


def workbook(draw: Draw) -> Input:
    """xlsx and ods."""
    if draw.random() < 0.5:
        return _in_file(draw, "file", "rows.xlsx", seeds.odd_xlsx(draw))
    name, content = draw.choice(
        [("rows.xlsx", seeds.xlsx()), ("rows.xlsx", seeds.xlsx()), ("rows.ods", seeds.ods())]
    )
    return _in_file(draw, "file", name, damaged_zip(draw, content))


def parquet(draw: Draw) -> Input:
    """Parquet: columns of any type; damage to the footer and the pages."""
    if draw.random() < 0.5:
        return _in_file(draw, "parquet", "rows.parquet", seeds.odd_parquet(draw))
    content = draw.choice(seeds.parquets())
    return _in_file(draw, "parquet", "rows.parquet", damaged(draw, content))


def tagged(draw: Draw) -> Input:
    """CoNLL and fastText."""
    name, text = draw.choice([("rows.conll", seeds.CONLL), ("rows.txt", seeds.FASTTEXT)])
    return _in_file(draw, "file", name, damaged(draw, text.encode()))


def logs(draw: Draw) -> Input:
    """Traffic of an endpoint."""
    share = draw.choice([0.01, 0.05, 0.2])
    rows = [damaged_value(draw, seeds._log(n), share) for n in range(24)]
    content = text_bytes("\n".join(json.dumps(row) for row in rows) + "\n")
    return Input("source", {"rows.jsonl": content}, import_of(draw, "logs:{folder}/rows.jsonl"))


def documents(draw: Draw) -> Input:
    """A folder of documents, imported or cleaned."""
    made = {
        "a.html": lambda: damaged(draw, seeds.HTML.encode()),
        "b.md": lambda: damaged(draw, seeds.MARKDOWN.encode()),
        "c.txt": lambda: damaged(draw, seeds.MARKDOWN.encode() * 3),
        "d.docx": lambda: damaged_zip(draw, seeds.docx()),
        "e.pdf": lambda: damaged(draw, seeds.pdf()),
    }
    files = {f"docs/{name}": made[name]() for name in draw.sample(list(made), draw.choice([1, 2, 5]))}
    return Input("source", files, _read_or_clean(draw, "docs:{folder}/docs"))


def _read_or_clean(draw: Draw, locator: str) -> list[list[str]]:
    if draw.random() < 0.4:
        return import_of(draw, locator)
    options = [["--pii", draw.choice(["off", "redact", "block", "nope"])], ["--secrets", draw.choice(["off",
        "redact", "block"])],
               ["--set", draw.choice(["chunk_tokens=40", "chunk_tokens=-1", "x=1", "dedupe=exact",
               "languages=[de]"])]]  # fmt: skip
    chosen = [word for each in options if draw.random() < 0.3 for word in each]
    return [["data", "clean", "--locator", locator, "--json", *chosen]]


def cleaning(draw: Draw) -> Input:
    """Rows that are cleaned: secrets, addresses, markup."""
    rows = [dict(row) for row in seeds.ROWS[draw.choice(["texts", "labels", "messages"])]]
    for row in rows:
        if draw.random() < 0.3:
            row["text"] = draw.choice(
                [seeds.HTML, "bob@example.org " * 9, "https://bob:secret@x.org/?sig=abc", odd_text(draw)]
            )
    content = text_bytes("\n".join(json.dumps(damaged_value(draw, row, 0.02)) for row in rows))
    if draw.random() < 0.4:
        content = damaged(draw, content)
    return Input("source", {"rows.jsonl": content}, _read_or_clean(draw, "jsonl:{folder}/rows.jsonl"))


def database(draw: Draw) -> Input:
    """SQLite, whole or damaged, with statements of which some are wrong."""
    content = seeds.database() if draw.random() < 0.6 else damaged(draw, seeds.database())
    statements = [
        "table=rows", "table=seen", "table=nope", "table=",
            "query=SELECT text, label FROM rows ORDER BY id", "query=SELECT",
        "query=DELETE FROM rows", "query=SELECT 1; DROP TABLE rows", "query=SELECT * FROM nope", "query=", "",
        "query=WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 999)"
        " SELECT x AS text, x%3 AS label FROM c",
        "query=SELECT text, text, text FROM rows", "query=SELECT 1/0 AS text, NULL AS label",
        "query=SELECT " + "(" * 1200 + "1",
        "query=SELECT text AS '' FROM rows", "query=VALUES (1, 2)", "query=PRAGMA table_info(rows)",
        "table=rows&query=SELECT 1",
        "query=SELECT CAST(raw AS TEXT) AS text, label FROM rows",
        "query=" + quote(odd_text(draw).encode("utf-8", "replace")),
    ]  # fmt: skip
    statement = draw.choice(statements)
    mark = "?" if draw.random() < 0.97 else "#"
    return Input(
        "source", {"rows.db": content}, import_of(draw, f"sql:sqlite:///{{folder}}/rows.db{mark}{statement}")
    )


def several(draw: Draw) -> Input:
    """Folders, patterns, lists and joins of files."""
    rows = seeds.ROWS["labels"]
    texts = "\n".join(json.dumps({"id": row["id"], "text": row["text"]}) for row in rows)
    answers = "id,label\n" + "".join(f"{row['id']},{row['label']}\n" for row in rows)
    files = {
        "in/a.jsonl": text_bytes(texts),
        "in/b.csv": text_bytes(answers),
        "in/c.csv": seeds.csv_text().encode(),
    }
    name = draw.choice(list(files))
    files[name] = damaged(draw, files[name])
    column = draw.choice(["id", "id", "text", "nope", ""])
    locator = draw.choice(
        [
            f"join:jsonl:{{folder}}/in/a.jsonl+csv:{{folder}}/in/b.csv?on={column}",
            f"join:csv:{{folder}}/in/b.csv+jsonl:{{folder}}/in/a.jsonl?on={column}",
            "join:csv:{folder}/in/b.csv", "join:+?on=id",
            f"join:join:a+b?on=c+csv:{{folder}}/in/b.csv?on={column}",
            "file:{folder}/in", "csv:{folder}/in/*.csv", "csv:{folder}/in/b.csv,{folder}/in/c.csv",
            "jsonl:{folder}/in",
            "csv:{folder}/in/[", "file:{folder}/in/**", "csv:{folder}/in/*.csv?header=no",
            "csv:{folder}/in/b.csv,nope.csv",
        ]
    )  # fmt: skip
    return Input("source", files, import_of(draw, locator))


def _content(draw: Draw) -> tuple[str, bytes]:
    return draw.choice(
        [
            ("rows.csv", seeds.csv_text().encode()),
            ("rows.jsonl", seeds.jsonl(seeds.ROWS["labels"]).encode()),
            ("rows.json", json.dumps(seeds.ROWS["labels"]).encode()),
            ("rows.parquet", seeds.parquets()[1]),
        ]
    )


def _answer(draw: Draw, content: bytes) -> bytes:
    """A raw answer of a web server."""
    kind, length = (
        draw.choice(["text/csv", "application/json", "text/html; charset=nope", "x", ""]),
        str(len(content)),
    )
    heads = [
        f"Content-Length: {length}",
        f"Content-Type: {kind}",
        'ETag: "a"',
        "Last-Modified: Fri, 20 Nov 2026 10:00:00 GMT",
    ]
    odd = [
        "Content-Length: " + draw.choice(["-1", "x", "9" * 5000, "0", str(len(content) + 50), "1, 2", ""]),
        "Location: " + draw.choice(["http://[::1", "/rows.csv", "é", "", "file:///etc/passwd",
        "http://127.0.0.1:1/", "//"]),
        "Content-Encoding: " + draw.choice(["gzip", "br", "nope", "deflate"]), "Transfer-Encoding: chunked",
        "Content-Disposition: attachment; filename=" + draw.choice(["../../x.csv", '"a', "=?utf-8?b?",
        "rows.xlsx"]),
        "ETag: " + draw.choice(["W/", "\xff", "a" * 9000]), "X: " + "y" * 70_000, "no colon", ": empty",
        "Content-Range: bytes 0-1/x",
        "Last-Modified: " + draw.choice(["yesterday", "Fri, 99 Nov 2026 10:00:00 GMT", "\xe9"]),
    ]  # fmt: skip
    for _ in range(draw.choice([0, 0, 1, 1, 2])):
        heads[draw.randrange(len(heads))] = draw.choice(odd)
    status = draw.choice(["200 OK"] * 8 + ["206 Partial", "204 No", "301 Moved", "302 Found", "304 Not",
        "404 Not", "416 R",
                                           "429 Later", "500 No", "999 Odd", "abc", ""])  # fmt: skip
    head = "\r\n".join([f"HTTP/1.1 {status}", *heads, "Connection: close", "", ""]).encode("latin-1")
    whole = head + content
    return damaged(draw, whole) if draw.random() < 0.15 else whole


def web(draw: Draw) -> Input:
    """`http:` with a server that answers anything."""
    name, content = _content(draw)
    if draw.random() < 0.4:
        content = damaged(draw, content)
    tail = draw.choice(
        [
            "",
            "",
            "",
            "?day=1",
            "#delimiter=;",
            "?q=ü",
            "#sheet=x",
            "?code=SECRET",
            "#encoding=rot13",
            "/../x",
            "%00",
        ]
    )
    address = f"{{site}}/{name}{tail}"
    if draw.random() < 0.08:
        address = draw.choice(
            ["http:///", "http://[", "http://127.0.0.1:0/x", "http://127.0.0.1:99999/x",
                "https://127.0.0.1:1/x", "http://a b/",
             "http://u:p@127.0.0.1:1/", "http://" + "a" * 300 + "/", "http://\u2100/",
             "http://127.0.0.1:x/", "https:", "http:x",
             "http://localhost.:1/é", "http://0x7f.1:1/"]
        )  # fmt: skip
    return Input("source", {"answer": _answer(draw, content)}, import_of(draw, address))


def bucket(draw: Draw) -> Input:
    """`s3:` and `gs:` with objects that are damaged, missing or oddly named."""
    name, content = _content(draw)
    key = draw.choice(
        [name, name, name, "nope.csv", "", "private/x", "a b/é.csv", "//", "x" * 1100, "../x", "a?b#c"]
    )
    scheme = draw.choice(["s3", "gs"])
    tail = draw.choice(["", "", "", "#anonymous=1", "#anonymous=x", "#delimiter=;", "#nope=1"])
    place = draw.choice(["data", "data", "data", "", "-", "A_B", "a.b.c"])
    content = damaged(draw, content) if draw.random() < 0.5 else content
    return Input(
        "source", {f"objects/data/{name}": content}, import_of(draw, f"{scheme}://{place}/{key}{tail}")
    )


def hub(draw: Draw) -> Input:
    """`hf:` with a data set whose card, list or files are damaged, and names that are no data set."""
    from tests.connectors.test_hf import CARD, parquet

    files = {
        "README.md": CARD.encode(),
        "data/train.parquet": parquet([0, 1, -1] * 9),
        "data/test.parquet": parquet([0]),
    }
    name = draw.choice(list(files))
    files[name] = damaged(draw, files[name])
    if draw.random() < 0.1:
        del files[name]
    rest = draw.choice(
        ["acme/tickets:train"] * 6
        + ["acme/tickets", "acme/tickets:nope", "acme/tickets:default:train", "acme/tickets:x:y:z",
            "acme/tickets:train@nope", "a",
           "acme/tickets:train@", "/", ":", "a/b/c:train", "acme/" + "x" * 200, "é/ü:train",
           "acme/tickets:train[:10]", "..:train"]
    )  # fmt: skip
    return Input(
        "hub", {f"hub/{path}": content for path, content in files.items()}, import_of(draw, f"hf:{rest}")
    )


def kaggle(draw: Draw) -> Input:
    """`kaggle:` with archives and tables that are damaged, and names that are none."""
    name, content = _content(draw)
    rest = draw.choice(
        [f"dataset:me/tickets?file={name}"] * 5
        + [f"competition:tickets?file={name}", "dataset:me/tickets", "dataset:me", "nope:x", "",
            "dataset:me/tickets?file=../x",
           "dataset:me/tickets?file=", "competition:", "dataset:é/x?file=a",
           f"dataset:me/tickets?file={name}&a=b"]
    )  # fmt: skip
    content = damaged(draw, content) if draw.random() < 0.6 else content
    return Input("kaggle", {f"files/{name}": content}, import_of(draw, f"kaggle:{rest}"))


def locator(draw: Draw) -> Input:
    """Any scheme with any path and option."""
    schemes = ["csv", "jsonl", "file", "parquet", "join", "docs", "logs", "sql", "https", "http", "s3",
        "gs", "hf", "kaggle",
               "excel", "", "CSV", "c s v", "\0", "ftp", "csv:csv", "é"]  # fmt: skip
    paths = ["{folder}/rows.csv", "{folder}", "{folder}/nope.csv", "{folder}/rows.csv/x", "/dev/null",
        "/proc/self/mem", "/", ".", "..",
             "~", "~nobody/x", "", " ", "a" * 300, "a/" * 2500, "{folder}/../../../etc/hostname",
             "{folder}/row?.csv", "{folder}/link",
             "{folder}/rows.csv ", "-", "--json", "{folder}//rows.csv",
             "{folder}/rows.csv,{folder}/rows.csv", "file://{folder}/rows.csv",
             "${HOME}/x", "${NOPE}", "{folder}/ro\nws.csv", "\\\\host\\x", "C:\\rows.csv", "/dev/fd/0",
             "/proc/self/environ", "*", "**/*", "[",
             "sqlite:///{folder}/rows.csv?table=x", "postgresql://h:1/x?query=SELECT 1", "mysql://x",
             "sqlite://", "://", "+", "?", "#"]  # fmt: skip
    rest = draw.choice(paths)
    if draw.random() < 0.1:
        rest = odd_text(draw)
    tail = (
        ("?" + "&".join(draw.choice(_ODD_OPTIONS) for _ in range(draw.choice([1, 1, 2]))))
        if draw.random() < 0.5
        else ""
    )
    text = f"{draw.choice(schemes)}{':' if draw.random() < 0.97 else ''}{rest}{tail}"
    return Input("source", {"rows.csv": seeds.csv_text().encode()}, import_of(draw, text))
