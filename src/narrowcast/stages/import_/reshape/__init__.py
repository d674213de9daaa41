"""Rows of a source before they are mapped: lists taken apart, columns derived, rows left out."""

from __future__ import annotations

from narrowcast.stages.import_.reshape.connector import Reshape, ReshapedConnector

__all__ = ["Reshape", "ReshapedConnector"]
