"""Rows without a teacher: templates whose slots are filled from lists or by a seeded Faker."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from narrowcast.core.generation import CellProgress, GeneratedRow, Origin
from narrowcast.core.hashing import sha256_hex
from narrowcast.errors import DataError
from narrowcast.plugins.optional import require
from narrowcast.store.config_file import describe_mistakes

_SLOT = re.compile(r"\{([A-Za-z_]\w*)\}")
# Draws that repeat a row before a template is taken to be exhausted.
_TRIES = 20

Draw = Callable[[random.Random], Any]


class Slot(BaseModel):
    """How a slot is filled: from values, or by a method of Faker (`name`, `date`, `pricetag`, ...)."""

    model_config = ConfigDict(extra="forbid")

    values: list[Any] = Field(default_factory=list)
    faker: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_both(self) -> Slot:
        if bool(self.values) == (self.faker is not None):
            raise ValueError("give either values or faker")
        return self


class RowTemplate(BaseModel):
    """A row with slots in its texts."""

    model_config = ConfigDict(extra="forbid")

    category: str
    row: dict[str, Any]
    difficulty: str = "easy"
    edge_case: str = "canonical"


class TemplateFile(BaseModel):
    """`specs/generation_prompts/templates.yaml`."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(default=100, ge=1)
    locale: str = "en_US"
    slots: dict[str, Slot] = Field(default_factory=dict)
    templates: list[RowTemplate] = Field(min_length=1)

    @model_validator(mode="after")
    def _slots_exist(self) -> TemplateFile:
        used = {name for each in self.templates for name in _SLOT.findall(json.dumps(each.row))}
        unknown = sorted(used - self.slots.keys())
        if unknown:
            raise ValueError(f"no slot is called {', '.join(unknown)}")
        return self


def load_templates(path: Path) -> TemplateFile:
    """Read the file.

    Raises:
        DataError: if it is missing or wrong.
    """
    fix = "see docs/factory.md for the form of templates.yaml"
    try:
        return TemplateFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        what = "there are no templates"
        cause: Exception = error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what, cause = f"the templates are not YAML: {error}", error
    except ValidationError as error:
        what, cause = f"the templates are wrong: {describe_mistakes(error)}", error
    raise DataError(what, where=str(path), next_command=fix, reason_code="factory_plan_invalid") from cause


def fill_templates(
    file: TemplateFile, rows: int | None, seed: int
) -> tuple[list[GeneratedRow], list[CellProgress]]:
    """Rows of every template in turn, each row once; equal seeds give equal rows.

    Raises:
        DataError: if Faker has no such method, or refuses its arguments.
    """
    draws = _draws(file, seed)
    total = rows or file.rows
    found: list[GeneratedRow] = []
    cells = []
    for number, template in enumerate(file.templates):
        quota = total // len(file.templates) + (number < total % len(file.templates))
        draw = f"{seed}:{number}:{json.dumps(template.row, sort_keys=True)}"
        chance = random.Random(draw)  # noqa: S311 - a reproducible draw, not a secret
        origin = _origin(template)
        count = 0
        for row in _distinct(template.row, draws, chance, quota):
            found.append(GeneratedRow(len(found), row, origin=origin))
            count += 1
        cells.append(CellProgress(name=f"{origin.cell} #{number + 1}", quota=quota, rows=count))
    return found, cells


def _distinct(
    row: Mapping[str, Any], draws: Mapping[str, Draw], chance: random.Random, quota: int
) -> list[Any]:
    seen: dict[str, Any] = {}
    misses = 0
    while len(seen) < quota and misses < _TRIES:
        filled = _fill(row, draws, chance, {})
        key = json.dumps(filled, sort_keys=True, ensure_ascii=False)
        misses = misses + 1 if key in seen else 0
        seen.setdefault(key, filled)
    return list(seen.values())


def _fill(value: Any, draws: Mapping[str, Draw], chance: random.Random, drawn: dict[str, Any]) -> Any:
    """A slot has one value in a whole row, so that the answer can name what the input says."""
    if isinstance(value, dict):
        return {name: _fill(each, draws, chance, drawn) for name, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, draws, chance, drawn) for each in value]
    if not isinstance(value, str):
        return value
    for name in _SLOT.findall(value):
        if name not in drawn:
            drawn[name] = draws[name](chance)
    alone = _SLOT.fullmatch(value)
    if alone:
        return drawn[alone.group(1)]
    return _SLOT.sub(lambda found: str(drawn[found.group(1)]), value)


def _draws(file: TemplateFile, seed: int) -> dict[str, Draw]:
    fakers = {name: slot for name, slot in file.slots.items() if slot.faker}
    draws: dict[str, Draw] = {
        name: partial(_choose, slot.values) for name, slot in file.slots.items() if not slot.faker
    }
    if not fakers:
        return draws
    require("faker", purpose="filling templates")
    from faker import Faker

    fake = Faker(file.locale)
    fake.seed_instance(seed)
    for name, slot in fakers.items():
        draws[name] = _faker_draw(fake, name, slot)
    return draws


def _choose(values: list[Any], chance: random.Random) -> Any:
    return chance.choice(values)


def _faker_draw(fake: Any, name: str, slot: Slot) -> Draw:
    method: Any = getattr(fake, slot.faker or "", None)
    if not callable(method):
        raise _no_method(name, slot, "there is no such method")
    try:
        method(**slot.arguments)
    except (TypeError, ValueError) as error:
        raise _no_method(name, slot, str(error)) from error

    def draw(chance: random.Random) -> Any:
        fake.seed_instance(chance.getrandbits(32))
        value = method(**slot.arguments)
        return value if isinstance(value, str | int | float | bool) else str(value)

    return draw


def _no_method(name: str, slot: Slot, why: str) -> DataError:
    return DataError(
        f"Faker cannot fill the slot {name!r} with {slot.faker!r}: {why}",
        where="templates.yaml",
        next_command="see https://faker.readthedocs.io for its providers",
        reason_code="factory_plan_invalid",
    )


def _origin(template: RowTemplate) -> Origin:
    text = json.dumps(template.row, sort_keys=True, ensure_ascii=False)
    return Origin(
        category=template.category,
        difficulty=template.difficulty,
        edge_case=template.edge_case,
        writer="templates",
        prompt=sha256_hex(text.encode()),
        group=f"template-{sha256_hex(text.encode())[:8]}",
    )
