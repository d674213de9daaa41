"""Whose work an exported file rests on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.bundle import public_name
from narrowcast.core.run import BaseRecord
from narrowcast.models.catalogue import find, find_encoder


class BaseCredit(BaseModel):
    """The base that a run began from, as its files name it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    licence: str = Field(description="As its catalogue entry or its files say; empty where nobody does.")
    note: str = Field(description="What differs from the original; mostly nothing.")
    repository: str = Field(description="Its address; empty where it is not known.")


NO_CREDIT = BaseCredit(name="", licence="", note="", repository="")


def credit_of(base: BaseRecord) -> BaseCredit:
    """What the files of a run say of its base, a language model or an encoder."""
    entry = find(base.name) or find_encoder(base.name)
    repository = f"https://huggingface.co/{entry.hub_id}" if entry and entry.hub_id else ""
    return BaseCredit(
        name=public_name(base.name), licence=base.licence, note=base.note, repository=repository
    )
