"""Our verifiers give the verdict that transparency-dev/merkle asks for."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from secure_records.audit.errors import ProofInvalid
from secure_records.audit.merkle import verify_consistency, verify_inclusion

DATA = Path(__file__).parent / "testdata"
INCLUSION = sorted((DATA / "inclusion").rglob("*.json"))
CONSISTENCY = sorted((DATA / "consistency").rglob("*.json"))


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def name(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_every_vector_is_here() -> None:
    """The suite is whole: 98 inclusion and 98 consistency cases."""
    assert (len(INCLUSION), len(CONSISTENCY)) == (98, 98)


@pytest.mark.parametrize("path", INCLUSION, ids=name)
def test_inclusion_vector(path: Path) -> None:
    """An inclusion proof holds if and only if the vector says so."""
    case = load(path)

    def check() -> None:
        verify_inclusion(
            raw(case["leafHash"]),
            case["leafIdx"],
            case["treeSize"],
            [raw(item) for item in case["proof"] or ()],
            raw(case["root"]),
        )

    if case["wantErr"]:
        with pytest.raises(ProofInvalid):
            check()
    else:
        check()


@pytest.mark.parametrize("path", CONSISTENCY, ids=name)
def test_consistency_vector(path: Path) -> None:
    """A consistency proof holds if and only if the vector says so."""
    case = load(path)

    def check() -> None:
        verify_consistency(
            case["size1"],
            case["size2"],
            [raw(item) for item in case["proof"] or ()],
            raw(case["root1"]),
            raw(case["root2"]),
        )

    if case["wantErr"]:
        with pytest.raises(ProofInvalid):
            check()
    else:
        check()
