"""Is this file of law rows exactly what we think it is?

Law ships as YAML inside the package. A typing mistake in such a file must never
pass silently for law: a repeated key, an unknown key, a missing key or a value of
the wrong shape is refused by file and row, and nothing of the file is used.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from datetime import date, timedelta
from importlib.resources import files
from typing import Final, TypeAlias

import yaml

from incident.errors import RuleFileMalformed

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What safe YAML gives us once dates are refused."""

_DURATION: Final = re.compile(r"PT([1-9]\d{0,4})([HM])\Z|P([1-9]\d{0,4})D\Z")


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice in one mapping."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002  # PyYAML's own signature
    ) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise RuleFileMalformed(f"key {key.value!r} stands twice near {key.start_mark}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def rule_file_names(package: str) -> tuple[str, ...]:
    """The YAML files of a package folder, sorted by name."""
    found = (item.name for item in files(package).iterdir())
    return tuple(sorted(name for name in found if name.endswith(".yaml")))


def read_rule_file(package: str, name: str) -> Row:
    """The top mapping of a shipped rule file.

    Raises:
        RuleFileMalformed: no YAML, a repeated key, or not a mapping.
    """
    return parse_rule_text(files(package).joinpath(name).read_text("utf-8"), name)


def parse_rule_text(text: str, name: str) -> Row:
    """The top mapping of YAML text; ``name`` stands in every message."""
    try:
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # a SafeLoader, made stricter
    except yaml.YAMLError as error:
        raise RuleFileMalformed(f"{name} is not YAML", where=name) from error
    except RuleFileMalformed as error:
        raise RuleFileMalformed(f"{name}: {error}", where=name) from error
    return Row(value, name)


class Row:
    """One mapping of a rule file, read key by key; ``done`` refuses what was not asked for."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise RuleFileMalformed(f"{where} is not a mapping", where=where)
        self._rest: dict[str, object] = dict(value)
        self.where = where

    def fault(self, what: str) -> RuleFileMalformed:
        """The error that names this row."""
        return RuleFileMalformed(f"{self.where}: {what}", where=self.where)

    def take(self, key: str) -> object:
        """The raw value of a key that must be there."""
        if key not in self._rest:
            raise self.fault(f"{key} is missing")
        return self._rest.pop(key)

    def text(self, key: str) -> str:
        """A non-empty text."""
        value = self.take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{key} is not text")
        return value

    def text_or_none(self, key: str) -> str | None:
        """A text, or an explicit null."""
        value = self.take(key)
        if value is not None and not isinstance(value, str):
            raise self.fault(f"{key} is neither text nor null")
        return value

    def flag(self, key: str) -> bool:
        """A YAML boolean."""
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.fault(f"{key} is not true or false")
        return value

    def whole(self, key: str) -> int:
        """A whole number of zero or more."""
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.fault(f"{key} is not a whole number")
        return value

    def choice(self, key: str, allowed: Mapping[str, object] | tuple[str, ...]) -> str:
        """One of the allowed texts."""
        value = self.text(key)
        if value not in allowed:
            raise self.fault(f"{key} {value!r} is not one of {', '.join(allowed)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts without repetition."""
        value = self.take(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fault(f"{key} is not a list of texts")
        if len(set(value)) != len(value):
            raise self.fault(f"{key} names something twice")
        return tuple(value)

    def day(self, key: str) -> date | None:
        """A quoted ISO date, or null."""
        value = self.text_or_none(key)
        try:
            return None if value is None else date.fromisoformat(value)
        except ValueError as error:
            raise self.fault(f"{key} is not a date") from error

    def duration(self, key: str) -> timedelta | None:
        """``PTnH``, ``PTnM`` or ``PnD``, or null where the source sets no limit."""
        value = self.text_or_none(key)
        if value is None:
            return None
        found = _DURATION.match(value)
        if found is None:
            raise self.fault(f"{key} {value!r} is not PTnH, PTnM or PnD")
        if found[3] is not None:
            return timedelta(days=int(found[3]))
        amount = int(found[1])
        return timedelta(hours=amount) if found[2] == "H" else timedelta(minutes=amount)

    def row(self, key: str) -> Row:
        """A mapping inside this one."""
        return Row(self.take(key), f"{self.where}.{key}")

    def rows(self, key: str, name_key: str) -> tuple[Row, ...]:
        """A list of mappings, each known by the text under ``name_key``, which repeats nowhere."""
        value = self.take(key)
        if not isinstance(value, list):
            raise self.fault(f"{key} is not a list")
        rows: list[Row] = []
        for number, item in enumerate(value, start=1):
            name = item.get(name_key, "?") if isinstance(item, dict) else "?"
            rows.append(Row(item, f"{self.where} row {number} ({name})"))
        return tuple(rows)

    def done(self) -> None:
        """Refuse keys nobody asked for."""
        if self._rest:
            raise self.fault(f"unknown keys {', '.join(sorted(map(str, self._rest)))}")
