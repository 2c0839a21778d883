"""Which JSON Schema tells the writer of an import file what a line must hold?

Made from the structs, so that the published files cannot say something else
than the code; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from secure_records.kinds.import_line import LineFrame
from shared_kernel.canonical_json import Json

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE: Final = "#/$defs/{name}"


def line_schema(
    kind: str, schema_id: str, title: str, body: type[msgspec.Struct]
) -> Mapping[str, Json]:
    """The schema of a whole line whose ``body`` has the shape ``body``."""
    (frame, body_ref), parts = msgspec.json.schema_components(
        (LineFrame, body), ref_template=_TEMPLATE
    )
    del frame
    components: dict[str, Any] = dict(parts)
    line = dict(components.pop(LineFrame.__name__))
    line["properties"] = {
        **line["properties"],
        "kind": {"const": kind},
        "body": body_ref,
    }
    return {
        "$schema": _DIALECT,
        "$id": f"record-{schema_id.replace('/', '-')}",
        **line,
        "title": title,
        "$defs": components,
    }
