"""Rows that `prepare` holds together count as one group where sureness is judged."""

import json
import random
from dataclasses import replace

import pytest

from narrowcast.core.names import Split
from narrowcast.testing.edits import EDITS
from tests.support.datasets import save_dataset, split_rows
from tests.support.datasets import sentences as plain_sentences
from tests.support.imports import import_rows

from .conftest import FILLER, TOPICS, intent_rows

FAST = ("--models", "majority", "--samples", "100")


def sentences(count):
    """Texts of 14 words, none near another."""
    draw = random.Random(5)
    words = [a + b + c for a in FILLER for b in ("ar", "ol", "un") for c in ("e", "is", "ok")]
    draw.shuffle(words)
    return [" ".join(words[14 * number : 14 * (number + 1)]) for number in range(count)]


def labelled(texts):
    return [{"text": text, "label": list(TOPICS)[number % 3]} for number, text in enumerate(texts)]


def baseline(cli_json, project, *options):
    return cli_json("baseline", "-p", project.slug, *FAST, *options)


@pytest.mark.parametrize("kind", ["one word replaced", "greeting and thanks", "first half"])
def test_edited_copies_are_one_group(prepared, cli_json, kind):
    originals, chance = sentences(20), random.Random(kind)
    test = [text for each in originals for text in (each, EDITS[kind](each, chance, originals))]
    result = baseline(cli_json, prepared(intent_rows(240), labelled(test)))
    assert result["n"] == 40
    assert 20 <= result["groups"] <= 24


def test_edited_copies_that_prepare_let_go_are_not_one_group(prepared, cli_json):
    originals, chance = sentences(20), random.Random(0)
    test = [text for each in originals for text in (each, EDITS["first half"](each, chance, originals))]
    project = prepared(intent_rows(240), labelled(test), options={"copies": "free"})
    assert baseline(cli_json, project)["groups"] == 40


def test_rows_in_a_chain_are_one_group_whichever_are_drawn(prepared, cli_json):
    """A text, the same with its first word changed, and that with its last word changed as well."""
    chains = []
    for number, text in enumerate(sentences(12)):
        words = text.split()
        middle = [f"zz{number}q", f"yy{number}k", *words[2:]]
        chains += [words, middle, [*middle[:-2], f"xx{number}v", f"ww{number}j"]]
    project = prepared(intent_rows(240), labelled(" ".join(words) for words in chains))
    whole = baseline(cli_json, project)
    assert (whole["n"], whole["groups"]) == (36, 12)
    for seed in range(3):  # 34 of 36 rows: no chain is left out, but some of their middles are
        drawn = baseline(cli_json, project, "--rows", "34", "--seed", str(seed))
        assert (drawn["n"], drawn["groups"]) == (34, 12)


def test_the_groups_are_those_of_prepare(project, cli_json, tmp_path):
    """Two test rows are copies of one train row, which is left out, and not of each other."""
    middles, ends = [], []
    for number, text in enumerate(sentences(12)):
        words = text.split()
        middle = [f"zz{number}q", f"yy{number}k", *words[2:]]
        middles.append(" ".join(middle))
        ends += [text, " ".join([*middle[:-2], f"xx{number}v", f"ww{number}j"])]
    for name, rows in (("train", [*intent_rows(240), *labelled(middles)]), ("test", labelled(ends))):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        import_rows(project, f"jsonl:{path}", auto=True, into="test" if name == "test" else None)
    said = {each["split"]: each["groups"] for each in cli_json("prepare")["splits"]}
    measured = baseline(cli_json, project)
    assert (measured["n"], measured["groups"]) == (24, said["test"]) == (24, 12)
    drawn = baseline(cli_json, project, "--rows", "23")
    assert (drawn["n"], drawn["groups"]) == (23, 12)
    dev = baseline(cli_json, project, "--split", "dev")
    assert dev["groups"] == said["dev"]


def test_a_version_without_stored_groups_is_measured_anew_once_it_has_them(project, cli_json):
    rows = split_rows(plain_sentences(90), dev=16)
    save_dataset(project.paths.root, rows)  # as an older version wrote it
    dev = len(rows[Split.DEV])
    assert baseline(cli_json, project, "--split", "dev")["groups"] == dev
    save_dataset(
        project.paths.root, {**rows, Split.DEV: [replace(row, group_id="a") for row in rows[Split.DEV]]}
    )
    assert baseline(cli_json, project, "--split", "dev")["groups"] == 1


def test_clusters_of_prepare_are_groups(prepared, cli_json):
    test = [f"{words} {tail}" for words in sentences(12) for tail in ("please answer", "who can help", "now")]
    shuffled = [" ".join(random.Random(text).sample(text.split(), len(text.split()))) for text in test]
    apart = baseline(cli_json, prepared(intent_rows(240), labelled(shuffled), options={"copies": "free"}))
    assert apart["groups"] > 20
    options = {"copies": "free", "clusters": 0.6}
    together = baseline(cli_json, prepared(intent_rows(240), labelled(shuffled), options=options))
    assert together["groups"] == 12
