"""Writes the reference of `docs/api.md` from the code; a test compares the two."""

from __future__ import annotations

import inspect
import json
import re
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import narrowcast
from narrowcast.core.stage import StageResult

_PAGE = Path(__file__).parents[1] / "docs" / "api.md"
_BEGIN = "<!-- Written by tools/api_page.py from here on. -->\n"

SECTIONS: dict[str, str] = {
    "Projects and work": "Project Settings SpecAnswers Work Progress CancelToken ModelRef",
    "The whole loop": "run RunRequest RunResult",
    "Data": """
        introspect IntrospectRequest IntrospectedSource
        import_rows ImportRequest ImportOutcome ImportPreview imports remove_import ImportRecord
        clean CleanRequest CleanReport dedupe DedupeRequest DedupeReport leakage LeakageRequest LeakageAudit
        prepare PrepareRequest PrepareResult ledger Ledger
    """,
    "Generated rows": """
        generate GenerateRequest GenerateResult GeneratePreview gate GateRequest GateResult AuditResult
        judge JudgeRequest JudgeResult balance BalanceRequest BalanceResult
    """,
    "Models": """
        baseline BaselineRequest preflight PreflightRequest PreflightResult train TrainRequest TrainResult
        train_seeds SeedsRequest SeedsResult search SearchRequest SearchResult
        evaluate EvaluateRequest MeasureResult ModelResult compare CompareRequest CompareResult
    """,
    "Shipping": "export ExportRequest ExportResult parity ParityRequest ParityReport",
    "Errors": """
        NarrowcastError UsageError MissingExtraError DataError ModelError WorkspaceError ProjectBusyError
        PluginError StageError CancelledError GateError
    """,
}
# What is public of classes whose other members are for operations.
MEMBERS = {
    "Project": "create open config save_config close",
    "Settings": "from_environment",
    "Progress": "start advance note finish",
    "CancelToken": "cancel requested check",
    "NarrowcastError": "stage to_dict",
}
# Classes, beside models and errors, that are called.
CALLED = ("Work", "CancelToken", "ModelRef")


def render() -> str:
    """The page: what people wrote, and the reference behind it."""
    written, _, _ = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    parts = [written + _BEGIN]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [_entry(name, getattr(narrowcast, name)) for name in names.split()]
    return "\n".join(parts)


def _entry(name: str, thing: Any) -> str:
    lines = [f"### {name}\n"]
    if inspect.isfunction(thing) or name in CALLED:
        lines.append(_signature(name, thing))
    model = inspect.isclass(thing) and issubclass(thing, BaseModel)
    text, attributes = _docstring(thing, tabled=model)
    lines.append(text)
    if model:
        for base in thing.__mro__[1:]:
            attributes = _docstring(base, tabled=True)[1] | attributes
        lines.append(_fields(thing, attributes))
    lines += [
        _member(name, member, inspect.getattr_static(thing, member))
        for member in MEMBERS.get(name, "").split()
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _member(owner: str, name: str, thing: Any) -> str:
    function = thing.fget if isinstance(thing, property) else getattr(thing, "__func__", thing)
    shown = f"`{owner}.{name}`\n" if isinstance(thing, property) else _signature(f"{owner}.{name}", function)
    return f"{shown}\n{_docstring(function)[0]}"


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(signature.replace(parameters=parameters)))
    return f"```\n{name}{text}\n```\n"


def _docstring(thing: Any, *, tabled: bool = False) -> tuple[str, dict[str, str]]:
    """The text as Markdown, its sections as lists; attributes that come into a table apart from it."""
    own = thing.__doc__ if not inspect.isclass(thing) or "__doc__" in vars(thing) else ""
    shown: list[str] = []
    attributes: dict[str, str] = {}
    section = ""
    for line in inspect.cleandoc(own or "").splitlines():
        heading = re.fullmatch(r"(Args|Raises|Returns|Attributes):", line)
        entry = re.fullmatch(r"    (\w[\w, ]*): (.*)", line)
        section = heading.group(1) if heading else section
        if section == "Attributes" and tabled:
            if entry:
                attributes |= dict.fromkeys(entry.group(1).split(", "), entry.group(2))
            elif not heading and line.strip():
                attributes[list(attributes)[-1]] += f" {line.strip()}"
        elif heading:
            shown.append(f"{section}:\n")
        elif entry and section:
            shown.append(f"- `{entry.group(1)}`: {entry.group(2)}")
        else:
            shown.append(f"  {line.strip()}" if section and line.strip() else line)
    return "\n".join(shown).strip() + "\n", attributes


def _fields(model: type[BaseModel], attributes: dict[str, str]) -> str:
    """A table of the fields; those that every stage's result has are described once."""
    common = StageResult.model_fields if issubclass(model, StageResult) and model is not StageResult else {}
    rows = [
        (name, _type(field.annotation), _default(field), field.description or attributes.get(name, ""))
        for name, field in model.model_fields.items()
        if not field.exclude and name not in common
    ]
    for name, computed in model.model_computed_fields.items():
        rows.append((name, _type(computed.return_type), "", inspect.getdoc(computed.wrapped_property) or ""))
    for name, value in vars(model).items():
        if isinstance(value, property) and name not in model.model_computed_fields:
            kind = str(value.fget.__annotations__["return"]) if value.fget else ""
            rows.append((name, kind, "", inspect.getdoc(value) or ""))
    head = "| field | type | default | meaning |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{name}` | {_code(kind)} | {_code(default)} | {' '.join(text.split())} |\n"
        for name, kind, default, text in rows
    )


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return f"{type(value).__name__}()"
    return repr(value.value if isinstance(value, Enum) else value)


def _type(kind: Any) -> str:
    """A type as it is written in code, without modules."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (None, NoneType):
        return "None"
    if origin in (Union, UnionType):
        return " | ".join(map(_type, arguments))
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " | ".join(map(repr, arguments))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_type, arguments))}]"
    return "..." if kind is ... else getattr(kind, "__name__", str(kind))


def main() -> None:
    """Write the page."""
    from outcome import parser

    as_json = parser(__doc__).parse_args().json
    _PAGE.write_text(render(), encoding="utf-8")
    if as_json:
        print(json.dumps({"written": str(_PAGE), "bytes": _PAGE.stat().st_size}))


if __name__ == "__main__":
    main()
