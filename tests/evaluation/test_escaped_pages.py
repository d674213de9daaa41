"""Text from data in the pages of a project: shown as it is, never run."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import Cli

HOSTILE = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1)) | b")


def test_hostile_labels_texts_and_names_are_text_in_every_page(cli: Cli, tmp_path: Path) -> None:
    import csv

    with (tmp_path / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(90):
            rows.writerow(
                [f"<img src=x onerror=alert({number})> text number {number * 7919}", HOSTILE[number % 3]]
            )
    name = "<script>alert(2)</script> shop"
    cli("init", name, "--goal", "Sort <script>alert(3)</script> mails\n![](http://evil.example/x.png)")
    mapping = ("--mapper", "label_to_classification", "--map", "text=text,label=label")
    cli("data", "import", "--locator", f"csv:{tmp_path}/rows.csv", *mapping)
    cli("prepare")
    cli("baseline", "--models", "majority,tfidf")
    pages = list((tmp_path / "home" / "projects").rglob("*.md"))
    assert {page.name for page in pages} >= {"report.md", "README.md", "task.md"}
    reported = next(page for page in pages if page.name == "report.md").read_text()
    assert "alert(1)" in reported
    for page in pages:
        for markup in ("<script", "<img", "](javascript", "](http"):
            assert markup not in page.read_text(), page
