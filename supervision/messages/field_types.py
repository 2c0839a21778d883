"""Does this value have the type that its field was given, and which rule does it break if not?

The type grammar of the dataset files: ``str(n) text text(n) int dec(p,s) date
datetime bool code object bytes attachment`` and ``list[…]``. Decimals travel as
text (``"12.50"``), instants as China time ``yyyy-MM-dd HH:mm:ss``: that is what
platforms read, and no float can creep into signed bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from shared_kernel.canonical_json import Json
from supervision.errors import DatasetMalformed

_SHAPE: Final = re.compile(
    r"(?P<name>str|text|dec|int|date|datetime|bool|code|object|bytes|attachment|list)"
    r"(?:\((?P<a>\d+)(?:,(?P<b>\d+))?\))?(?:\[(?P<item>\w+)\])?\Z"
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_DATETIME: Final = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\Z")
_SAFE_INTEGER: Final = 2**53 - 1
LONGEST_LIST: Final = 10_000
"""Rows in one list field; far above any prescription or evaluation."""
LONGEST_TEXT: Final = 200_000
"""Characters of a text without a stated length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """A parsed type."""

    name: str
    longest: int | None = None
    """Characters, for ``str`` and ``text``; total digits for ``dec``."""

    decimals: int = 0
    item: str | None = None
    """What a list holds: a type name, ``code``, or a block or child of the resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeProblem:
    """A broken rule, without the value."""

    rule: str
    zh: str
    en: str


def parse_type(text: str) -> FieldType:
    """Read a type of the dataset grammar.

    Raises:
        DatasetMalformed: unknown type.
    """
    found = _SHAPE.match(text)
    if found is None:
        raise DatasetMalformed(f"unknown field type {text!r}")
    return FieldType(
        name=found["name"],
        longest=int(found["a"]) if found["a"] else None,
        decimals=int(found["b"] or 0),
        item=found["item"],
    )


def check_type(value: Json, kind: FieldType) -> TypeProblem | None:
    """The first rule that ``value`` breaks, or nothing. Items of a list are checked elsewhere."""
    return _CHECKS[kind.name](value, kind)


def business_day(value: Json) -> date | None:
    """The calendar day of a ``date`` or ``datetime`` value; nothing if it is neither."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def _check_text(value: Json, kind: FieldType) -> TypeProblem | None:
    if not isinstance(value, str):
        return TypeProblem(rule="text", zh="须为文本", en="must be text")
    limit = kind.longest if kind.longest is not None else LONGEST_TEXT
    if len(value) > limit:
        return TypeProblem(
            rule="length", zh=f"超过 {limit} 个字符", en=f"longer than {limit} characters"
        )
    if any(ord(sign) < ord(" ") and sign not in "\t\n\r" for sign in value):
        return TypeProblem(
            rule="control_character", zh="含控制字符", en="contains a control character"
        )
    return None


def _check_decimal(value: Json, kind: FieldType) -> TypeProblem | None:
    whole = (kind.longest or 1) - kind.decimals
    shape = rf"-?\d{{1,{whole}}}(\.\d{{1,{kind.decimals}}})?"
    if not isinstance(value, str) or re.fullmatch(shape, value, re.ASCII) is None:
        return TypeProblem(
            rule="decimal",
            zh=f"须为文本形式的小数，整数至多 {whole} 位，小数至多 {kind.decimals} 位",
            en=f"must be decimal text with up to {whole}+{kind.decimals} digits",
        )
    return None


def _check_moment(value: Json, kind: FieldType) -> TypeProblem | None:
    name = kind.name
    shape, wanted = (_DATE, "yyyy-MM-dd") if name == "date" else (_DATETIME, "yyyy-MM-dd HH:mm:ss")
    problem = TypeProblem(rule=name, zh=f"须为 {wanted}", en=f"must be {wanted} and exist")
    if not isinstance(value, str) or shape.match(value) is None:
        return problem
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return problem
    return None


def _check_base64(value: Json, _kind: FieldType) -> TypeProblem | None:
    problem = TypeProblem(rule="base64", zh="须为 Base64 文本", en="must be Base64 text")
    if not isinstance(value, str):
        return problem
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return problem
    return None


def _check_integer(value: Json, _kind: FieldType) -> TypeProblem | None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _SAFE_INTEGER:
        return TypeProblem(rule="int", zh="须为整数", en="must be a whole number")
    return None


def _check_truth(value: Json, _kind: FieldType) -> TypeProblem | None:
    if not isinstance(value, bool):
        return TypeProblem(rule="bool", zh="须为布尔值", en="must be true or false")
    return None


def _check_object(value: Json, _kind: FieldType) -> TypeProblem | None:
    if not isinstance(value, Mapping) or not value:
        return TypeProblem(rule="object", zh="须为非空对象", en="must be a non-empty object")
    return None


def _check_list(value: Json, _kind: FieldType) -> TypeProblem | None:
    if not isinstance(value, list | tuple) or len(value) > LONGEST_LIST:
        return TypeProblem(rule="list", zh="须为列表", en="must be a list")
    return None


_CHECKS: Final[Mapping[str, Callable[[Json, FieldType], TypeProblem | None]]] = {
    "str": _check_text,
    "text": _check_text,
    "code": _check_text,
    "attachment": _check_text,
    "int": _check_integer,
    "bool": _check_truth,
    "dec": _check_decimal,
    "date": _check_moment,
    "datetime": _check_moment,
    "bytes": _check_base64,
    "object": _check_object,
    "list": _check_list,
}
