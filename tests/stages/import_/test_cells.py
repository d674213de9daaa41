"""What the cells of a label column say against it, whether it was proposed or named."""

import csv
import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from tests.support import imports as data
from tests.support.cli import Cli

LABELS = ("card payment", "cash withdrawal", "lost card", "wrong amount")
NAMED = {"mapper": "label_to_classification", "field_map": {"text": "text", "label": "label"}}


def said(n: int) -> str:
    return f"what became of the {n * 37} pounds that I sent"


def label(n: int) -> str:
    return LABELS[n * 7 % 4]


def written(path: Path, header: str, rows: Iterable[Iterable[object]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return f"csv:{path}"


def moved(n: int) -> tuple[str, ...]:
    """Of 300 rows the last sixty are moved by one cell."""
    agent = ("ann", "bob", "cyd")[n % 3]
    return (said(n), label(n), agent) if n < 240 else (label(n), agent, said(n))


def warned(project: Project, locator: str, **options: object) -> str:
    preview = data.import_rows(project, locator, dry_run=True, **options)  # type: ignore[arg-type]
    assert isinstance(preview, data.ImportPreview)
    return "\n".join(preview.plan.warnings)


def test_cells_that_were_moved_are_seen_by_texts_that_are_labels(project: Project, tmp_path: Path) -> None:
    locator = written(tmp_path / "x.csv", "text,label,agent", map(moved, range(300)))
    with pytest.raises(data.MappingUncertainError, match="60 texts are the name of a label"):
        data.import_rows(project, locator, auto=True)
    warnings = warned(project, locator, **NAMED)
    assert "60 texts are the name of a label" in warnings
    assert "have the labels ann, bob, cyd" in warnings


def test_texts_that_say_their_own_label_are_none_of_another(project: Project, tmp_path: Path) -> None:
    rows = ((label(n) if n % 5 == 0 else said(n), label(n)) for n in range(300))
    warnings = warned(project, written(tmp_path / "x.csv", "text,label", rows), **NAMED)
    assert "name of a label" not in warnings


def test_a_file_in_order_of_its_labels_is_not_said_to_have_stretches(
    project: Project, tmp_path: Path
) -> None:
    rows = ((said(n), LABELS[n // 75]) for n in range(300))
    warnings = warned(project, written(tmp_path / "x.csv", "text,label", rows), **NAMED)
    assert "only about rows" not in warnings


def test_labels_that_are_new_to_the_project_are_named(cli: Cli, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    cli(*home, "init", "tickets")
    first = written(tmp_path / "a.csv", "text,label", ((said(n), label(n)) for n in range(200)))
    again = written(tmp_path / "b.csv", "text,label", ((said(n + 900), "abc"[n % 3]) for n in range(90)))
    take = ("data", "import", "-p", "tickets", "--mapper", "label_to_classification", "--map")
    done = cli(*home, *take, "text=text,label=label", "--locator", first)
    assert "new label" not in done.stdout + done.stderr
    tried = cli(*home, *take, "text=text,label=label", "--locator", again, "--dry-run")
    assert "3 new labels: a, b, c" in tried.stdout
    done = cli(*home, *take, "text=text,label=label", "--locator", again)
    assert "3 new labels: a, b, c" in done.stdout + done.stderr


def test_a_total_and_placeholders_are_named_in_a_mapping_of_ones_own(
    project: Project, tmp_path: Path
) -> None:
    spelled = (LABELS[0].title(), LABELS[1].upper(), LABELS[2].title(), LABELS[3].upper())  # once each
    labels = [*spelled, *(("?", "tbd", label(n))[min(n % 20, 2)] for n in range(200)), "700"]
    rows = [(said(n), each) for n, each in enumerate(labels[:-1])] + [("Summe", "700")]
    locator = written(tmp_path / "x.csv", "text,label", rows)
    named = {**NAMED, "field_map": {"text": "text", "label": "label", "alike": "join"}}
    warnings = warned(project, locator, **named)
    assert "the last row alone has the label '700'" in warnings
    hint = "'?' (10 rows), 'tbd' (10 rows); leave them out with --where 'label not in [\"?\", \"tbd\"]'"
    assert hint in warnings
    assert "stand for none" not in warned(project, locator, **named, where='label not in ["?", "tbd"]')


def test_yes_and_no_in_many_ways_are_two_labels_by_the_expression_that_is_printed(
    project: Project, tmp_path: Path
) -> None:
    spellings = ("yes", "No", "Y", "n", "1", "0", "")
    rows = ((said(n), spellings[n % 7]) for n in range(210))
    locator = written(tmp_path / "x.csv", "text,is card", rows)
    with pytest.raises(data.MappingUncertainError) as caught:
        data.import_rows(project, locator, auto=True)
    doubt = caught.value.introspection.report.hypotheses[0].warnings[0]
    assert "writes yes and no in 6 ways (yes, No, Y, n, 1, 0)" in doubt
    derive = doubt.partition("--derive '")[2].partition("' makes them two")[0]
    preview = data.import_rows(project, locator, auto=True, derive=[derive], dry_run=True)
    assert isinstance(preview, data.ImportPreview)
    assert preview.task.labels == ["no", "yes"]
    assert (preview.accepted, preview.rejected) == (180, {"missing_label": 30})


def test_columns_of_y_and_n_are_flags(project: Project, tmp_path: Path) -> None:
    rows = ((said(n), *("yn"[n % 3 != place] for place in range(3))) for n in range(60))
    locator = written(tmp_path / "x.csv", "text,late,rude,broken", rows)
    preview = data.import_rows(project, locator, auto=True, dry_run=True)
    assert isinstance(preview, data.ImportPreview)
    assert preview.plan.mapper == "flags_to_classification"
    assert preview.accepted == 60


def test_letters_of_a_wrong_encoding_are_seen(project: Project, tmp_path: Path) -> None:
    broken = "it’s".encode().decode("cp1252")
    rows = ((f"{broken if n % 9 == 0 else 'it is'} {said(n)} » Ã“", label(n)) for n in range(90))
    warnings = warned(project, written(tmp_path / "x.csv", "text,label", rows), auto=True)
    assert (
        "10 of 90 texts drawn hold letters of a wrong encoding ('â€™'); `narrowcast data clean`" in warnings
    )


def test_a_second_version_of_the_label_makes_the_first_one_doubtful(project: Project, tmp_path: Path) -> None:
    rows = [(said(n), label(n), label(n + (n % 10 == 0))) for n in range(200)]
    locator = written(tmp_path / "x.csv", "Message,Category,Category (final)", rows)
    with pytest.raises(
        data.MappingUncertainError, match=r"'Category .final.' holds the same labels and differs"
    ):
        data.import_rows(project, locator, auto=True)
    copies = written(
        tmp_path / "y.csv", "Message,Category,Category (final)", ((*row[:2], row[1]) for row in rows)
    )
    assert "holds the same labels" not in warned(project, copies, auto=True)


def test_a_column_that_most_rows_leave_empty_is_no_better_label(tmp_path: Path) -> None:
    remarks = ("ok", "dup?", "see Müller", "", "", "")
    kinds = [f"{each} {n}" for each in LABELS for n in range(8)]
    rows = ((said(n), kinds[n * 7 % 32], remarks[n * 5 % 6]) for n in range(300))
    report = data.introspect(written(tmp_path / "x.csv", "Kundentext,Kategorie,Bemerkung", rows)).report
    assert report.hypotheses[0].field_map == {"text": "Kundentext", "label": "Kategorie"}


def test_what_labels_differ_by_is_said_in_words(project: Project, tmp_path: Path) -> None:
    pairs = ("late parcel", "Late parcel", "no  card", "no card", "p\u0430y", "pay", "a-b.", "a b", "x", "y")
    rows = ((said(n), pairs[n % 10]) for n in range(100))
    with pytest.raises(DataError) as caught:
        data.import_rows(project, written(tmp_path / "x.csv", "text,label", rows), **NAMED)  # type: ignore[arg-type]
    assert caught.value.what == "8 labels look alike and would be classes of their own"
    assert sorted(line.partition("' (")[2] for line in caught.value.details) == [
        "U+0061; U+0430)",
        "differ by a hyphen or underscore and a full stop)",
        "differ by case, U+004C and U+006C)",
        "differ by double spaces)",
    ]


def test_labels_are_cut_between_names(cli: Cli, tmp_path: Path) -> None:
    names = [f"a label of some length, number {n}" for n in range(9)]
    locator = written(tmp_path / "x.csv", "text,label", ((said(n), names[n % 9]) for n in range(180)))
    home = ("--home", tmp_path / "home")
    cli(*home, "init", "tickets")
    done = cli(*home, "data", "import", "-p", "tickets", "--locator", locator, "--auto")
    assert f"9 labels: {names[0]}, {names[1]} and 7 more" in " ".join(done.stdout.split())


def test_warnings_of_a_limited_import_count_its_rows(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    spans = [{"type": "asked", "start": 0, "end": 4}]
    rows = ({"text": said(n), "spans": spans if n % 3 else None} for n in range(900))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    warnings = warned(project, f"jsonl:{path}", auto=True, limit=90)
    assert "30 rows have no spans" in warnings
    assert "300 rows" not in warnings


def test_files_that_a_limit_does_not_reach_are_counted(project: Project, tmp_path: Path) -> None:
    for name in "abc":
        written(tmp_path / f"{name}.csv", "text,label", ((said(n), label(n)) for n in range(60)))
    locator = f"csv:{tmp_path}"
    hint = "the limit was reached in a.csv: 2 of 3 files were not read"
    assert hint in warned(project, locator, limit=50, **NAMED)
    assert hint in warned(project, locator, limit=50, auto=True)
    assert "were not read" not in warned(project, locator, limit=150, **NAMED)


def test_the_pipeline_prints_what_an_import_does(cli: Cli, tmp_path: Path) -> None:
    """Rows that no declared label fits were rejected without a word in `narrowcast run`."""
    home = ("--home", tmp_path / "home")
    cli(*home, "init", "tickets")
    rows = ((said(n), label(n) if n % 4 else "?") for n in range(200))
    locator = written(tmp_path / "x.csv", "text,label", rows)
    config = tmp_path / "home" / "projects" / "tickets" / "narrowcast.yaml"
    config.write_text(
        config.read_text()
        + f"task:\n  profile: classification\n  labels: [card payment, lost card]\n  proposed_by: user\n"
        f"sources:\n- locator: {locator}\n  mapper: label_to_classification\n"
        "  map: {text: text, label: label}\n"
    )
    for _ in range(2):  # the second time nothing is imported, and the rows are rejected all the same
        done = cli(*home, "run", "tickets", "--until", "prepare")
        printed = " ".join((done.stdout + done.stderr).split())
        assert "200 rows = 50 accepted + 150 rejected" in printed
        assert "! 150 rejected as label_not_allowed: " in printed
        assert "rejected rows: data/rejected/imp-" in printed


def test_short_texts_among_many_may_say_their_own_label(project: Project, tmp_path: Path) -> None:
    """A few of very many: none of them is among the rows that are tried."""
    rows = [(said(n), label(n)) for n in range(4_000)]
    rows[2_000:2_000] = [(each, each) for each in LABELS]
    locator = written(tmp_path / "x.csv", "text,label", rows)
    warnings = warned(project, locator, auto=True)
    assert "4 texts are the name of a label" in warnings


def test_corrected_labels_make_even_plain_ones_doubtful(project: Project, tmp_path: Path) -> None:
    rows = ((said(n), label(n), label(n + (n % 10 == 0)), label(n + (n % 9 == 0))) for n in range(200))
    locator = written(tmp_path / "x.csv", "text,label,label_corrected,coarse", rows)
    with pytest.raises(data.MappingUncertainError, match="holds the same labels"):
        data.import_rows(project, locator, auto=True)


def test_a_mark_beside_yes_and_no_is_a_class_of_its_own(project: Project, tmp_path: Path) -> None:
    locator = written(tmp_path / "x.csv", "text,label", ((said(n), "ynx"[n * 7 % 3]) for n in range(200)))
    preview = data.import_rows(project, locator, auto=True, dry_run=True)
    assert isinstance(preview, data.ImportPreview)
    assert preview.task.labels == ["n", "x", "y"]


@pytest.mark.parametrize("count", [150, 4_000])
def test_texts_with_several_labels_are_seen_wherever_they_stand(
    project: Project, tmp_path: Path, count: int
) -> None:
    kinds = ("good", "bad", "none")
    rows = [
        (said(n // 3), ("food", "price", "service")[n % 3], kinds[(n + n // 9) % 3]) for n in range(count)
    ]
    random.Random(3).shuffle(rows)
    decided = written(tmp_path / "x.csv", "text,entity,label", rows)
    with pytest.raises(data.MappingUncertainError, match="'entity' decides which; it is not used"):
        data.import_rows(project, decided, auto=True)
    assert "'entity' decides which; it is not used" in warned(project, decided, **NAMED)
    alone = written(tmp_path / "y.csv", "text,label", ((text, kind) for text, _, kind in rows))
    with pytest.raises(data.MappingUncertainError, match="one text may have several labels"):
        data.import_rows(project, alone, auto=True)


def test_a_few_contradictions_are_left_to_prepare(project: Project, tmp_path: Path) -> None:
    rows = [(said(n // 2), label(n // 2 + (n % 30 == 0))) for n in range(1_000)]
    warned(project, written(tmp_path / "x.csv", "text,label", rows), auto=True)
