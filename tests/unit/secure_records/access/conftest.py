"""What the access tests share: the published templates and ways to change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from secure_records.access.strict_yaml import read_yaml
from shared_kernel.canonical_json import Json

TEMPLATES = Path(__file__).parents[4] / "config" / "examples" / "agreements"


@pytest.fixture
def template() -> Callable[[str], bytes]:
    """The text of a published template."""
    return lambda name: (TEMPLATES / f"{name}.yaml").read_bytes()


@pytest.fixture
def changed() -> Callable[..., bytes]:
    """A template with some top-level keys replaced; a value of None removes the key."""

    def change(name: str, **keys: Json) -> bytes:
        source = read_yaml((TEMPLATES / f"{name}.yaml").read_bytes())
        assert isinstance(source, Mapping)
        merged = {**source, **keys}
        kept = {key: value for key, value in merged.items() if value is not None}
        return yaml.safe_dump(kept, allow_unicode=True).encode()

    return change


@pytest.fixture
def request_json() -> Callable[..., dict[str, Json]]:
    """A pharmacist's request under the pharmacy template, with some keys replaced."""

    def make(**keys: Json) -> dict[str, Json]:
        base: dict[str, Json] = {
            "actor": "pharmacist-7",
            "role": "pharmacist",
            "purpose": "dispensing",
            "kind": "prescription",
            "fields": ["patient.name", "patient.id_no", "lines"],
            "grade": 4,
            "at": "2026-03-01T09:00:00+08:00",
            "subject_consents": [],
            "staff": None,
        }
        return {**base, **keys}

    return make
