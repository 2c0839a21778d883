"""Which exact bytes does this JSON value have, so that a digest means one thing?

RFC 8785 (JSON Canonicalization Scheme) without floating point numbers: a float
in signed material is refused instead of being formatted, because two languages
may print it differently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from shared_kernel.errors import BadInput

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""What may be canonicalised: no floats, text keys only."""

SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer every JSON reader keeps exact (RFC 7493, 2.2)."""


class NotCanonical(BadInput, ValueError):
    """The value has no canonical form here."""

    code = "json.not_canonical"
    default_hint = "use text for decimals; keep integers within 2^53-1; keys must be text"


def canonical_bytes(value: Json) -> bytes:
    """The RFC 8785 bytes of ``value``: UTF-8, keys sorted by UTF-16 code units.

    Raises:
        NotCanonical: a float, an unsafe integer, a lone surrogate or a non-text key.
    """
    try:
        return _render(value, "$").encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("text holds a lone surrogate") from error


def _render(value: Json, path: str) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if abs(value) > SAFE_INTEGER:
            raise NotCanonical(f"{path} is an integer beyond 2^53-1", where=path)
        return str(int(value))
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise NotCanonical(f"{path} has a key that is not text", where=path)
        ordered = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        members = (f"{_text(key)}:{_render(value[key], f'{path}.{key}')}" for key in ordered)
        return "{" + ",".join(members) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        items = (_render(item, f"{path}[{index}]") for index, item in enumerate(value))
        return "[" + ",".join(items) + "]"
    kind = type(value).__name__
    raise NotCanonical(f"{path} is a {kind}, which has no canonical form", where=path)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
