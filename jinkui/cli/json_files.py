"""Is this file JSON, and small enough to be read?"""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

import orjson

from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput

LARGEST: Final = 64 * 1024 * 1024
"""Bytes; facts of a large host have a few hundred KiB."""


class JsonFileRefused(BadInput):
    """The file is too large or not JSON."""

    code = "file.not_json"
    default_hint = "hand over a JSON file in UTF-8; see docs/reference"


def read_json(path: Path, largest: int = LARGEST) -> Json:
    """The value in ``path``.

    Raises:
        JsonFileRefused: larger than ``largest`` bytes, or not JSON.
    """
    if path.stat().st_size > largest:
        raise JsonFileRefused(f"{path.name} is larger than {largest} bytes", where=path.name)
    try:
        return cast("Json", orjson.loads(path.read_bytes()))
    except orjson.JSONDecodeError as error:
        where = f"{path.name}:{error.lineno}:{error.colno}"
        raise JsonFileRefused(
            f"{path.name} is not JSON at line {error.lineno}", where=where
        ) from None
