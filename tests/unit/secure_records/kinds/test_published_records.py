"""What is published about records is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from secure_records.kinds.catalogue import KINDS, json_schema, parse_line, schema_files

ROOT = Path(__file__).parents[4]
PUBLISHED = ROOT / "docs" / "reference" / "json"
GUIDE = ROOT / "docs" / "reference" / "records.md"


@pytest.mark.parametrize("name", sorted(schema_files()))
def test_the_published_schema_is_made_from_the_structs(name: str) -> None:
    """
    A struct that changed without its schema would mislead every writer of import files.
    """
    assert (PUBLISHED / name).read_bytes() == schema_files()[name], (
        "write the files again as docs/reference/records.md says"
    )


def test_no_schema_of_a_vanished_kind_stays_published() -> None:
    """
    One file per kind and none besides.
    """
    assert {path.name for path in PUBLISHED.glob("record-*.schema.json")} == set(schema_files())


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_close_every_object_and_resolve_every_reference(kind: str) -> None:
    """
    No object accepts unknown keys, and no $ref points nowhere.
    """
    schema: Any = json_schema(kind)
    text = json.dumps(schema)
    references = set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', text))

    assert references == set(schema["$defs"])
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
    assert schema["additionalProperties"] is False
    assert schema["properties"]["kind"] == {"const": kind}


def test_the_guide_shows_one_good_line_of_each_kind() -> None:
    """
    Every literal line of the guide is accepted as it stands.
    """
    blocks = re.findall(r"```json\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [parse_line(json.loads(line)) for block in blocks for line in block.splitlines()]

    assert [line.kind for line in lines] == list(KINDS)
