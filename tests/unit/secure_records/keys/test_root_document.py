"""The page that describes the root descriptor tells the truth to whoever writes another reader."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_records.keys.argon2_costs import TESTING
from secure_records.keys.root_descriptor import open_root
from secure_records.keys.root_providers import PassphraseProvider

PAGE = Path(__file__).parents[4] / "docs" / "formats" / "root-descriptor-v2.md"
SECRET = b"golden cabinet"


@pytest.fixture
def page() -> tuple[dict[str, Any], bytes, bytes]:
    """The literal example, the root and the key of the key file."""
    text = PAGE.read_text(encoding="utf-8")
    [example] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    root, file_key = re.findall(r"`([0-9a-f]{64})`", text)
    return json.loads(example), bytes.fromhex(root), bytes.fromhex(file_key)


def opened(parent: bytes, part: dict[str, str], sealed: str, aad: object) -> bytes:
    """Wrapped keys of envelope format 1, suite intl, written from the page alone."""
    info = b"JK1\x02key" + bytes.fromhex(part["message_id"])
    first = hmac.digest(parent, info + b"\x01", hashlib.sha256)
    material = first + hmac.digest(parent, first + info + b"\x02", hashlib.sha256)
    assert material[32:64].hex() == part["check"]
    cipher = AESGCM(material[:32])
    return cipher.decrypt(bytes(12), bytes.fromhex(part[sealed]), rfc8785.dumps(aad))


def test_the_example_opens_by_foreign_code(page: tuple[dict[str, Any], bytes, bytes]) -> None:
    """Argon2id, HMAC and AES-GCM by hand, as the page says."""
    descriptor, root, file_key = page
    provider = descriptor["provider"]
    kdf = provider["kdf"]
    wrapping = hash_secret_raw(
        SECRET,
        bytes.fromhex(provider["salt"]),
        time_cost=kdf["passes"],
        memory_cost=kdf["memory_kib"],
        parallelism=kdf["lanes"],
        hash_len=32,
        type=Type.ID,
    )
    seal = {"message_id", "check", "sealed_root"}
    clear = {name: value for name, value in descriptor.items() if name not in seal}
    place = {"format": "jinkui-root/2", "part": "keys_file", "suite": "intl", "generation": 1}

    assert opened(wrapping, descriptor, "sealed_root", clear) == root
    assert opened(root, descriptor["keys_file"], "sealed", place) == file_key


def test_the_example_opens_by_the_product(page: tuple[dict[str, Any], bytes, bytes]) -> None:
    """The same bytes, the same keys."""
    descriptor, root, file_key = page
    found = open_root(descriptor, PassphraseProvider(SECRET, TESTING, profile="test"))

    assert (found.secret, found.keys_file_key, found.generation) == (root, file_key, 1)
