"""Is this file JSON?"""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

import orjson

from jinkui.procedures.input_files import read_file
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput

LARGEST: Final = 64 * 1024 * 1024
"""Bytes; facts of a large host have a few hundred KiB."""


class JsonFileRefused(BadInput):
    """The file is not JSON."""

    code = "file.not_json"
    default_hint = "hand over a JSON file in UTF-8; see docs/reference"


def read_json(path: Path, largest: int = LARGEST) -> Json:
    """The value in ``path``.

    Raises:
        FileTooLarge, FileNotRegular: no file of a sensible size.
        JsonFileRefused: not JSON.
    """
    content = read_file(path, largest)
    try:
        return cast("Json", orjson.loads(content))
    except orjson.JSONDecodeError as error:
        where = f"{path.name}:{error.lineno}:{error.colno}"
        raise JsonFileRefused(
            f"{path.name} is not JSON at line {error.lineno}", where=where
        ) from None
