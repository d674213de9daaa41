"""Files of a token a line in the forms of public corpora: what `--auto` reads of each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

ROWS = 40
NAMES = ("Anna Berg", "Lars Lund", "Mia Kern", "Ove Dahl", "Ida Holm")
CITIES = ("Oslo", "Lund", "Bern")


def sentence(n: int) -> list[tuple[str, str]]:
    """Tokens with their types."""
    first, last = NAMES[n % 5].split()
    names = [(first, "PER"), (last, "PER"), ("left", ""), (CITIES[n % 3], "LOC"), ("#", ""), (f"{n}", "")]
    return names[n % 2 :]


def wanted(n: int) -> tuple[str, list[tuple[str, str]]]:
    words = [token for token, _ in sentence(n)]
    name = " ".join(token for token, kind in sentence(n) if kind == "PER")
    return " ".join(words), [("PER", name), ("LOC", CITIES[n % 3])]


def i_only(kind: str) -> str:
    return f"I-{kind}" if kind else "O"


def plain(kind: str) -> str:
    return kind or "O"


Line = Callable[[int, str, str], str]

FORMS: dict[str, tuple[str, Line, str]] = {
    "IOB1": ("x.iob", lambda _, token, kind: f"{token} {i_only(kind)}", ""),
    "IOB1 with tabs": ("x.bio", lambda _, token, kind: f"{token}\t{i_only(kind)}", ""),
    "no prefix": ("x.bio", lambda _, token, kind: f"{token} {plain(kind)}", ""),
    "no prefix, tabs": ("x.conllu", lambda _, token, kind: f"{token}\t{plain(kind)}", ""),
    "the tag first": ("x.bio", lambda _, token, kind: f"{i_only(kind)}\t{token}", ""),
    "the type first": ("x.bio", lambda _, token, kind: f"{plain(kind)}\t{token}", ""),
    "numbered, with comments": (
        "x.conllu",
        lambda n, token, kind: f"{n + 1}\t{token}\t{i_only(kind)}",
        "# sent_id = 7\n# text = some words\n",
    ),
    "CoNLL-U": (
        "x.conllu",
        lambda n, token, kind: f"{n + 1}\t{token}\t{token}\tX\t_\t_\t0\tdep\t{i_only(kind)}\t_",
        "# newdoc\n1-2\tcontracted\t_\t_\t_\t_\t_\t_\t_\t_\n",
    ),
    "CoNLL 2003": ("x.txt", lambda _, token, kind: f"{token} NNP B-NP {i_only(kind)}", ""),
    "GermEval": (
        "x.tsv",
        lambda n, token, kind: f"{n + 1}\t{token}\t{i_only(kind)}\tO",
        "#\thttp://example.org/x [2009-10-17]\n",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_token_and_tag(project: Project, tmp_path: Path, form: str) -> None:
    name, line, above = FORMS[form]
    blocks = (
        above + "".join(line(place, *pair) + "\n" for place, pair in enumerate(sentence(n)))
        for n in range(ROWS)
    )
    (tmp_path / name).write_text("\n".join(blocks), encoding="utf-8")
    outcome = data.import_rows(project, f"file:{tmp_path / name}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.rejected == {}
    rows = map(Example.from_dict, read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl"))
    found = [
        (each.inputs["text"], [(span["type"], span["text"]) for span in each.target["spans"]])
        for each in rows
        if isinstance(each.target, dict)
    ]
    assert found == [wanted(n) for n in range(ROWS)]


def test_two_spans_of_one_type_side_by_side_are_divided_by_b(project: Project, tmp_path: Path) -> None:
    block = "Anna I-PER\nBerg I-PER\nLars B-PER\nleft O\n{} O\n"
    (tmp_path / "x.iob").write_text("\n".join(block.format(n) for n in range(ROWS)), encoding="utf-8")
    outcome = data.import_rows(project, f"file:{tmp_path / 'x.iob'}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    first = read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    spans = next(iter(first))["target"]["spans"]
    assert [span["text"] for span in spans] == ["Anna Berg", "Lars"]


def test_lines_of_words_are_no_tokens_with_types(project: Project, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("two words\nof O\nand some more O\n\n" * 30, encoding="utf-8")
    with pytest.raises(data.MappingUncertainError):
        data.import_rows(project, f"file:{tmp_path / 'x.txt'}", auto=True)
