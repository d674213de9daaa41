"""A model reference: `majority`, `run:exp-0123456789`, `gguf:q8_0`, a plug-in's `mine:argument`.

Options and results hold `ModelRef`s, so a reference is parsed where it enters and nowhere else. Its text is
its identity: it is stored, hashed and printed as it was written, but for the id of a run alone.
"""

from __future__ import annotations

import re
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from narrowcast.core.formats import KINDS, kind_of

_RUN_ID = re.compile(r"exp-[0-9a-f]{10}")


class ModelRef(str):
    """The text of a reference, with its two parts; the id of a run stands for `run:ID`.

    Attributes:
        name: of a registered predictor.
        argument: the text after the first colon, or an empty text.

    Raises:
        ValueError: for a text without a name.
    """

    __slots__ = ("argument", "name")

    name: str
    argument: str

    def __new__(cls, text: str) -> Self:
        """Parse a text."""
        text = f"run:{text}" if _RUN_ID.fullmatch(text) else text
        reference = super().__new__(cls, text)
        reference.name, _, reference.argument = text.partition(":")
        if not reference.name.strip():
            raise ValueError(f"{text!r} names no model; write NAME or NAME:ARGUMENT")
        return reference

    @classmethod
    def of_run(cls, run_id: str) -> Self:
        """The reference to a trained run of the project."""
        return cls(f"run:{run_id}")

    @classmethod
    def of_file(cls, name: str) -> Self:
        """The reference to an exported file, by its format in the current bundle or by its path."""
        return cls(f"{kind_of(name)}:{name}")

    @property
    def is_file(self) -> bool:
        """It names an exported file."""
        return self.name in KINDS

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read from and written as a plain string."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
