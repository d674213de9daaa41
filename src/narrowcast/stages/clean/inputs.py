"""What a cleaning depends on: the source's content, and the tokenizer where it measures chunks."""

from __future__ import annotations

from itertools import islice

from narrowcast.connectors import connect, content_fingerprint, settle
from narrowcast.connectors.base import SourceAccess
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.stages.clean.chunks import Measure
from narrowcast.stages.clean.options import Inputs, Options
from narrowcast.store.config_file import load_config

_BASE = "embedded"


def read_inputs(options: Options, ctx: StageContext) -> Inputs:
    """Open the source, and find out what names its content.

    Raises:
        UsageError: for a wrong locator.
        DataError: if the source cannot be read.
        ModelError: if the base that measures chunks is missing.
        CancelledError: on request.
    """
    config = load_config(ctx.project.config)
    listed = any(each.locator == options.locator for each in config.sources)
    settled = settle(options.locator, ctx.project.root, listed=listed)
    # What a source fetches is kept beside the project's raw rows, as for imports.
    connector = connect(settled.opened, SourceAccess.of(ctx.settings, ctx.project.raw / "downloads"))
    rows = islice(connector.load(), options.limit)
    return Inputs(
        locator=settled.recorded,
        content=content_fingerprint(settled.opened.scheme, connector, rows, Work(ctx.progress, ctx.cancel)),
        tokenizer=_tokenizer(options, ctx),
        connector=connector,
    )


def chunk_measure(options: Options, ctx: StageContext) -> Measure:
    """What counts the length of a chunk: characters, or tokens of the base."""
    if options.chunk_unit == "characters":
        return len
    from narrowcast.models.loading import load_tokenizer, resolve_base

    tokenizer = load_tokenizer(resolve_base(options.base or _BASE, ctx.settings))

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    return tokens


def _tokenizer(options: Options, ctx: StageContext) -> str | None:
    if options.chunk_unit == "characters":
        return None
    from narrowcast.models.loading import resolve_base

    return resolve_base(options.base or _BASE, ctx.settings).fingerprint
