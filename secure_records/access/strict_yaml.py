"""How is a YAML document read without any of YAML's surprises?

JSON's data model only: text, whole numbers, true/false, null, lists, mappings.
``2026-01-01``, ``no`` and ``1.5`` stay text. Refused by path: duplicate keys
(the second would silently win), aliases (billion laughs), tags, several
documents, text beyond the size limit, nesting beyond the depth limit.
"""

from __future__ import annotations

import re
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from secure_records.access.errors import AccessDocumentMalformed
from shared_kernel.canonical_json import Json

MAX_BYTES: Final = 256 * 1024
"""An agreement of ordinary size has 5 KiB; beyond this it is no contract but an attack."""

MAX_DEPTH: Final = 12
"""Nested collections; agreements need 5."""

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\Z")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "": None}
_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "bool", "null", "float", "timestamp", "map", "seq", "merge", "value")
)


def read_yaml(
    data: bytes, *, error: type[AccessDocumentMalformed] = AccessDocumentMalformed
) -> Json:
    """The one document in ``data`` (UTF-8) as JSON.

    Raises:
        AccessDocumentMalformed: or the subclass ``error``; the message names line or path.
    """
    if len(data) > MAX_BYTES:
        raise error(f"document has {len(data)} bytes; the limit is {MAX_BYTES}", where="$")
    try:
        text = data.decode("utf-8-sig")
        _refuse_unsafe_events(text, error)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as fault:
        raise error("document is not UTF-8", where="$") from fault
    except yaml.MarkedYAMLError as fault:
        line = "?" if fault.problem_mark is None else str(fault.problem_mark.line + 1)
        raise error(f"line {line}: not readable as YAML", where=f"line {line}") from fault
    except (yaml.YAMLError, ValueError) as fault:
        raise error("document holds characters YAML forbids", where="$") from fault
    if node is None:
        raise error("document is empty", where="$")
    return _value(node, "$", error)


def _refuse_unsafe_events(text: str, error: type[AccessDocumentMalformed]) -> None:
    # Looked at before composing: composing recurses, and follows aliases.
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = "$" if event.start_mark is None else f"line {event.start_mark.line + 1}"
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise error(f"{where}: anchors and aliases are not allowed", where=where)
        elif getattr(event, "tag", None) is not None:
            raise error(f"{where}: tags are not allowed", where=where)
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise error(f"{where}: nested deeper than {MAX_DEPTH} levels", where=where)
        if documents > 1:
            raise error(f"{where}: more than one document", where=where)


def _value(node: Node, path: str, error: type[AccessDocumentMalformed]) -> Json:
    if isinstance(node, MappingNode):
        found: dict[str, Json] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise error(f"{path}: a key must be text", where=path)
            key = str(key_node.value)
            if key in found:
                raise error(f"{path}.{key}: key appears twice", where=f"{path}.{key}")
            found[key] = _value(value_node, f"{path}.{key}", error)
        return found
    if isinstance(node, SequenceNode):
        return [_value(item, f"{path}[{index}]", error) for index, item in enumerate(node.value)]
    if not isinstance(node, ScalarNode) or node.tag not in _PLAIN_TAGS:
        raise error(f"{path}: not a value known here", where=path)
    return _scalar(str(node.value), plain=node.style is None)


def _scalar(text: str, *, plain: bool) -> Json:
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.match(text) else text
