"""Does this reply mean success, a retry, bad data or bad credentials?

A closed language over three names, ``http``, ``code`` and ``body.msgCode``:
whole numbers and quoted text, ``== != < <= > >=``, ``in [..]``, ``and or not``
and parentheses. It is parsed by hand with limits and never handed to an
interpreter: a profile comes from outside. A name that the reply lacks makes a
comparison undecided (Kleene's third value), and only a decided truth counts, so
an unreadable reply can never be a success.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from supervision.errors import ExpressionMalformed

Value: TypeAlias = "int | str"
Names: TypeAlias = "Mapping[str, Value | None]"
NAMES: Final = frozenset({"http", "code", "body.msgCode"})
LONGEST: Final = 400
"""Characters of one expression."""
DEEPEST: Final = 12
"""Nested parentheses and negations."""

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>-?\d{1,9})(?![\w.])|'(?P<text>[^'\\]{0,40})'|(?P<sign>==|!=|<=|>=|<|>|[()\[\],])"
    r"|(?P<word>[A-Za-z][\w.]*))"
)
_SIGNS: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED: Final = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class _Compare:
    name: str
    sign: str
    value: Value

    def judge(self, names: Names) -> bool | None:
        found = names.get(self.name)
        if found is None:
            return None
        if type(found) is not type(self.value):
            return None if self.sign in _ORDERED else self.sign == "!="
        return _SIGNS[self.sign](found, self.value)


@dataclass(frozen=True, slots=True)
class _Among:
    name: str
    values: tuple[Value, ...]

    def judge(self, names: Names) -> bool | None:
        found = names.get(self.name)
        return None if found is None else found in self.values


@dataclass(frozen=True, slots=True)
class _Not:
    part: _Node

    def judge(self, names: Names) -> bool | None:
        inner = self.part.judge(names)
        return None if inner is None else not inner


@dataclass(frozen=True, slots=True)
class _Join:
    word: str
    parts: tuple[_Node, ...]

    def judge(self, names: Names) -> bool | None:
        decisive = self.word == "or"
        verdicts = [part.judge(names) for part in self.parts]
        if decisive in verdicts:
            return decisive
        return None if None in verdicts else not decisive


_Node: TypeAlias = "_Compare | _Among | _Not | _Join"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A parsed expression."""

    text: str
    root: _Node

    def holds(self, names: Names) -> bool:
        """Whether the expression is decided and true for these values."""
        return self.root.judge(names) is True


def parse_expression(text: str) -> Expression:
    """Read one expression.

    Raises:
        ExpressionMalformed: outside the language or its limits.
    """
    if len(text) > LONGEST:
        raise ExpressionMalformed(f"the expression is longer than {LONGEST} characters")
    reader = _Reader(_tokens(text))
    root = reader.disjunction(0)
    reader.end()
    return Expression(text=text, root=root)


def _tokens(text: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    position = 0
    rest = text.rstrip()
    while position < len(rest):
        match = _TOKEN.match(rest, position)
        if match is None or match.lastgroup is None:
            raise ExpressionMalformed(f"unexpected sign at character {position + 1}")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tuple(found)


class _Reader:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, tokens: tuple[tuple[str, str], ...]) -> None:
        self._tokens = tokens
        self._at = 0

    def disjunction(self, depth: int) -> _Node:
        return self._joined("or", lambda: self._joined("and", lambda: self._negation(depth)))

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise ExpressionMalformed("something stands after the end of the expression")

    def _joined(self, word: str, part: Callable[[], _Node]) -> _Node:
        parts = [part()]
        while self._take("word", word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else _Join(word, tuple(parts))

    def _negation(self, depth: int) -> _Node:
        if depth > DEEPEST:
            raise ExpressionMalformed(f"the expression is nested deeper than {DEEPEST}")
        if self._take("word", "not"):
            return _Not(self._negation(depth + 1))
        if self._take("sign", "("):
            inner = self.disjunction(depth + 1)
            self._need("sign", ")")
            return inner
        return self._comparison()

    def _comparison(self) -> _Node:
        kind, name = self._next()
        if kind != "word" or name not in NAMES:
            raise ExpressionMalformed(f"only {', '.join(sorted(NAMES))} may be compared")
        if self._take("word", "in"):
            self._need("sign", "[")
            values = [self._value()]
            while self._take("sign", ","):
                values.append(self._value())
            self._need("sign", "]")
            return _Among(name, tuple(values))
        kind, sign = self._next()
        if kind != "sign" or sign not in _SIGNS:
            raise ExpressionMalformed(f"a comparison is expected after {name}")
        return _Compare(name, sign, self._value())

    def _value(self) -> Value:
        kind, text = self._next()
        if kind == "number":
            return int(text)
        if kind == "text":
            return text
        raise ExpressionMalformed("a whole number or quoted text is expected")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise ExpressionMalformed("the expression ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False

    def _need(self, kind: str, text: str) -> None:
        if not self._take(kind, text):
            raise ExpressionMalformed(f"{text!r} is expected")
