"""May this body be sent as this resource, and if not, which field breaks which rule?

The report names paths and rules, never values: it ends up in logs and on
screens, and the values are names, document numbers and diagnoses. Rules that a
machine cannot decide are listed as not enforced instead of being passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared_kernel.canonical_json import Json
from supervision.errors import BodyInvalid, FieldProblem
from supervision.messages.catalogue import Catalogue, Condition, Field, Resource
from supervision.messages.code_systems import IDENTITY_CHECK, breaks_code, normalised_code
from supervision.messages.field_types import check_type

_IDENTITY_CARD: Final = "01"
"""CV02.01.101: only an identity card has a MOD 11-2 check character."""

_CODE_WORDS: Final = {
    "check_digit": ("校验位或日期不符", "check digit or date does not hold"),
    "code": ("不在值域内", "is outside its value set"),
    "length": ("长度不符", "has the wrong length"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnforced:
    """A rule that this version leaves to people."""

    path: str
    rule: str
    """The ``when`` text, or ``code:SYSTEM`` for a value set that is not shipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyReport:
    """What validation found."""

    resource: str
    problems: tuple[FieldProblem, ...]
    not_enforced: tuple[NotEnforced, ...]
    body: Mapping[str, Json]
    """The body with codes in their normal form; to be frozen only if there is no problem."""

    def require_valid(self) -> Mapping[str, Json]:
        """The normalised body.

        Raises:
            BodyInvalid: with every problem found.
        """
        if self.problems:
            raise BodyInvalid(self.resource, self.problems)
        return self.body


def validate_body(resource: Resource, body: Mapping[str, Json], datasets: Catalogue) -> BodyReport:
    """Check every field of ``body`` against its resource."""
    check = _Check(resource, datasets)
    normal = check.row(resource.fields, body, "")
    return BodyReport(
        resource=resource.name,
        problems=tuple(check.problems),
        not_enforced=tuple(check.not_enforced),
        body=normal,
    )


class _Check:
    """One pass over one body; collects, decides nothing."""

    def __init__(self, resource: Resource, datasets: Catalogue) -> None:
        self._resource = resource
        self._datasets = datasets
        self.problems: list[FieldProblem] = []
        self.not_enforced: list[NotEnforced] = []

    def row(self, fields: tuple[Field, ...], row: Mapping[str, Json], at: str) -> dict[str, Json]:
        known = {field.name for field in fields}
        for name in row:
            if name not in known:
                self._problem(f"{at}{name}", "unknown_field", "未知字段", "is not a known field")
        normal: dict[str, Json] = {}
        for field in fields:
            path = f"{at}{field.name}"
            value = row.get(field.name)
            if _empty(value):
                self._absent(field, row, path)
            else:
                normal[field.name] = self._value(field, value, row, path)
        return normal

    def _absent(self, field: Field, row: Mapping[str, Json], path: str) -> None:
        if field.required == "no":
            return
        if field.required == "cond":
            condition = self._datasets.conditions.get(field.when or "")
            if condition is None:
                self.not_enforced.append(NotEnforced(path=path, rule=field.when or "?"))
                return
            if not _met(condition, row):
                return
        self._problem(path, "required", "必填", "is required")

    def _value(self, field: Field, value: Json, row: Mapping[str, Json], path: str) -> Json:
        problem = check_type(value, field.type)
        if problem is not None:
            self._problem(path, problem.rule, problem.zh, problem.en)
            return value
        if field.type.name == "list":
            assert isinstance(value, list | tuple)  # noqa: S101  # check_type has just said so
            return [
                self._item(field, item, row, f"{path}[{index}]") for index, item in enumerate(value)
            ]
        if field.code is not None and isinstance(value, str):
            return self._code(field, value, row, path)
        return value

    def _item(self, field: Field, item: Json, row: Mapping[str, Json], path: str) -> Json:
        kind = field.type.item
        shape = self._resource.children.get(kind or "")
        if shape is not None or kind == "object":
            if not isinstance(item, Mapping) or not item:
                self._problem(path, "object", "须为非空对象", "must be a non-empty object")
                return item
            return item if shape is None else self.row(shape, item, f"{path}.")
        if not isinstance(item, str) or not item.strip():
            self._problem(path, "text", "须为非空文本", "must be non-empty text")
            return item
        return self._code(field, item, row, path) if field.code is not None else item

    def _code(self, field: Field, value: str, row: Mapping[str, Json], path: str) -> str:
        system = self._datasets.code_systems[field.code or ""]
        if not system.enforceable:
            self.not_enforced.append(NotEnforced(path=path, rule=f"code:{system.name}"))
            return value
        if system.check == IDENTITY_CHECK and _other_document(field.name, row):
            return value
        normal = normalised_code(system, value)
        broken = breaks_code(system, normal)
        if broken is not None:
            self._problem(path, broken, *_CODE_WORDS[broken])
        return normal

    def _problem(self, path: str, rule: str, zh: str, en: str) -> None:
        self.problems.append(FieldProblem(path=path, rule=rule, zh=zh, en=en))


def _empty(value: Json) -> bool:
    if isinstance(value, list | tuple):
        return not value
    return value is None or (isinstance(value, str) and not value.strip())


def _other_document(name: str, row: Mapping[str, Json]) -> bool:
    """Whether a sibling says that the document is no identity card (``x_id_no``, ``x_id_type``)."""
    kind = row.get(name.removesuffix("_no") + "_type")
    return isinstance(kind, str) and kind != _IDENTITY_CARD


def _met(condition: Condition, row: Mapping[str, Json]) -> bool:
    value = row.get(condition.field)
    if condition.relation == "one_of":
        return not isinstance(value, str) or value in condition.values
    if isinstance(value, bool) or not isinstance(value, int):
        return True
    return value < condition.than if condition.relation == "below" else value >= condition.than
