"""Built-in connectors and that of the example package pass the suite for authors."""

from pathlib import Path

from narrowcast.testing.contracts.connector import ConnectorContract


class FileContract(ConnectorContract):
    """Sources that are one text file."""

    text: str

    def make(self, folder: Path) -> str:
        path = folder / "source.txt"
        path.write_text(self.text)
        return str(path)

    def change(self, folder: Path) -> None:
        path = folder / "source.txt"
        path.write_text(path.read_text().replace("late", "early"))


class TestBlocks(FileContract):
    scheme = "blocks"
    records = 3
    unreadable = 1
    text = "text: too late\nstars: 1\n\nno colon here\n\n\ntext: fine: really\nstars: 5\n"


class TestJsonl(FileContract):
    scheme = "jsonl"
    records = 3
    unreadable = 1
    text = '{"text": "too late", "stars": 1}\nnot JSON\n\n{"text": "fine", "stars": 5}\n'


class TestCsv(FileContract):
    scheme = "csv"
    records = 2
    text = "text,stars\ntoo late,1\nfine,5\n"


class TestFile(FileContract):
    scheme = "file"
    records = 2
    text = '[{"text": "too late", "stars": 1}, {"text": "fine", "stars": 5}]'
