"""`narrowcast doctor` and an import agree on what is installed."""

from __future__ import annotations

from importlib.util import find_spec

from narrowcast.plugins.optional import EXTRAS
from tests.support.cli import CliJson


def test_a_package_is_missing_exactly_where_its_module_cannot_be_found(cli_json: CliJson) -> None:
    findings = {each["what"].partition(" (")[0]: each for each in cli_json("doctor", code=None)}
    assert set(EXTRAS) <= set(findings)
    for module in EXTRAS:
        finding = findings[module]
        assert finding["state"] == ("ok" if find_spec(module) else "missing"), finding
        assert bool(finding["fix"]) == (finding["state"] == "missing")
    assert findings["docx"]["found"][:1].isdigit(), "python-docx brings it"
