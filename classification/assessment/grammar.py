"""Is this condition true, false or unknown for these facts?

A closed grammar small enough to be read aloud, without regular expressions, code
or arithmetic:

* ``{all: […]}``, ``{any: […]}``, ``{not: …}`` combine;
* ``{fact: NAME, OP: VALUE}`` asks one fact. Operators: ``eq``, ``in``, ``ge``,
  ``le``, ``contains``, ``contains_any``, ``contains_all``, ``contains_none``,
  ``count_le``, ``empty`` (true/false), ``absent`` (true/false), ``mode_within``
  (octal text), ``each`` (a condition every element of a list must meet; elements
  are mappings whose keys are then the facts).

Logic is Kleene's: a fact that is not known makes a condition unknown unless the
rest decides it alone. A value of another type than the operator expects is a
fault of the rule and becomes an ``error``, never a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from classification.errors import DataFileRefused
from shared_kernel.canonical_json import Json

Facts = Mapping[str, Json]
_OPERATORS: Final = frozenset(
    {
        "eq",
        "in",
        "ge",
        "le",
        "contains",
        "contains_any",
        "contains_all",
        "contains_none",
        "count_le",
        "empty",
        "absent",
        "mode_within",
        "each",
    }
)
_LIST_ARGUMENTS: Final = frozenset({"in", "contains_any", "contains_all", "contains_none"})
_WORDS_OF_SHELL: Final = frozenset({"all", "any", "not"})


class FactOfWrongType(Exception):
    """A fact has a type that the operator cannot compare."""


def require_condition(condition: Json, place: str) -> None:
    """Refuse a condition that the grammar does not know; run once when rules load.

    Raises:
        DataFileRefused: unknown operator or shape.
    """
    if not isinstance(condition, Mapping) or not condition:
        raise DataFileRefused(f"{place}: a condition must be a mapping", where=place)
    if len(condition) == 1 and set(condition) <= _WORDS_OF_SHELL:
        word, inner = next(iter(condition.items()))
        parts = [inner] if word == "not" else _listed(inner, place)
        if not parts:
            raise DataFileRefused(f"{place}: {word} combines nothing", where=place)
        for part in parts:
            require_condition(part, place)
        return
    operators = set(condition) - {"fact"}
    if not isinstance(condition.get("fact"), str) or len(operators) != 1:
        raise DataFileRefused(f"{place}: a test needs one fact and one operator", where=place)
    operator = operators.pop()
    if operator not in _OPERATORS:
        raise DataFileRefused(f"{place}: unknown operator {operator}", where=place)
    if operator == "each":
        require_condition(condition["each"], place)
    if operator in _LIST_ARGUMENTS:
        _listed(condition[operator], place)


def facts_named(condition: Json) -> tuple[str, ...]:
    """Names of the facts a condition asks for, in order, without those inside ``each``."""
    if not isinstance(condition, Mapping):
        return ()
    name = condition.get("fact")
    if isinstance(name, str):
        return (name,)
    found: list[str] = []
    for inner in condition.values():
        for part in inner if isinstance(inner, list | tuple) else [inner]:
            found.extend(facts_named(part))
    return tuple(dict.fromkeys(found))


def holds(condition: Json, facts: Facts) -> bool | None:
    """True, False, or None when the known facts do not decide it.

    Raises:
        FactOfWrongType: see above.
    """
    if not isinstance(condition, Mapping):
        raise FactOfWrongType("condition")
    if "all" in condition:
        return _all(holds(part, facts) for part in _listed(condition["all"], "all"))
    if "any" in condition:
        answers = (holds(part, facts) for part in _listed(condition["any"], "any"))
        return _not(_all(_not(answer) for answer in answers))
    if "not" in condition:
        return _not(holds(condition["not"], facts))
    name = str(condition["fact"])
    if name not in facts:
        return None
    [(operator, wanted)] = [pair for pair in condition.items() if pair[0] != "fact"]
    return _test(operator, facts[name], wanted, name)


def _all(answers: Iterable[bool | None]) -> bool | None:
    unknown = False
    for answer in answers:
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001 (three-valued logic)
    return None if answer is None else not answer


def _test(operator: str, value: Json, wanted: Json, name: str) -> bool | None:
    if operator == "eq":
        return type(value) is type(wanted) and value == wanted
    if operator == "absent":
        return (value is None) is wanted
    if operator == "empty":
        return (value is None or value in ("", [], ())) is wanted
    return _of_value(operator, value, wanted, name)


def _of_value(operator: str, value: Json, wanted: Json, name: str) -> bool | None:
    if value is None:
        # looked, and there is none: no number to compare, no list that could contain anything
        return operator == "contains_none"
    if operator == "in":
        return value in _listed(wanted, name)
    if operator in {"ge", "le"}:
        number, limit = _number(value, name), _number(wanted, name)
        return number >= limit if operator == "ge" else number <= limit
    if operator == "mode_within":
        return int(_text(value, name), 8) & ~int(_text(wanted, name), 8) == 0
    return _of_list(operator, _listed(value, name), wanted, name)


def _of_list(operator: str, value: Sequence[Json], wanted: Json, name: str) -> bool | None:
    if operator == "count_le":
        return len(value) <= _number(wanted, name)
    if operator == "contains":
        return wanted in value
    if operator == "each":
        return _all(holds(wanted, _element(item, name)) for item in value)
    asked = _listed(wanted, name)
    if operator == "contains_all":
        return all(item in value for item in asked)
    found = any(item in value for item in asked)
    return found if operator == "contains_any" else not found


def _listed(value: Json, place: str) -> Sequence[Json]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise FactOfWrongType(place)
    return value


def _element(value: Json, name: str) -> Facts:
    if not isinstance(value, Mapping):
        raise FactOfWrongType(name)
    return value


def _number(value: Json, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise FactOfWrongType(name)
    return value


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise FactOfWrongType(name)
    return value
