"""What are kinds and fields called for people, in Chinese and in English?

The words are data in ``labels.yaml``; a field without an entry is a fault of
the package and found by its tests, not something shown to users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import yaml

_FILE: Final = "labels.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing, named twice."""

    zh: str
    en: str


@cache
def _labels(section: str) -> Mapping[str, Label]:
    text = files("secure_records.kinds").joinpath(_FILE).read_text(encoding="utf-8")
    rows = yaml.safe_load(text)[section]
    return MappingProxyType({name: Label(zh=row["zh"], en=row["en"]) for name, row in rows.items()})


def kind_label(name: str) -> Label:
    """The name of a record kind.

    Raises:
        KeyError: not a kind of the catalogue.
    """
    return _labels("kinds")[name]


def field_label(path: str) -> Label:
    """The name of a field: ``patient.name``, ``lines``, ``lines.drug_name``, ``occurred_at``.

    Raises:
        KeyError: no kind has this field.
    """
    fields = _labels("fields")
    return fields[path] if path in fields else fields[path.rpartition(".")[2]]


def labelled_fields() -> tuple[str, ...]:
    """Every field path that has its own label."""
    return tuple(_labels("fields"))
