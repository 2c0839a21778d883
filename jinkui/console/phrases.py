"""What does the console say, in Chinese and in English?

Two files with the same keys (a test compares them). An unknown key is a defect
and fails loudly; an unknown language falls back to Chinese.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

LANGUAGES: Final = ("zh", "en")


@cache
def phrases(language: str) -> Mapping[str, str]:
    """All phrases of a language."""
    name = language if language in LANGUAGES else LANGUAGES[0]
    path = files("jinkui.console") / "messages" / f"{name}.toml"
    return {key: str(value) for key, value in tomllib.loads(path.read_text("utf-8")).items()}


def say(language: str, key: str, **values: object) -> str:
    """One phrase with its places filled."""
    return phrases(language)[key].format(**values)
