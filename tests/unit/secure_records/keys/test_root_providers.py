"""The root opens with its passphrase and its untouched descriptor only."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import RootDescriptorRefused, RootLocked
from secure_records.keys.root_providers import (
    RFC_9106_LOW_MEMORY,
    TESTING,
    PassphraseRoot,
    descriptor_suite,
    keys_file_key,
    unlock_root,
)

AT = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
PASSPHRASE = "金匮要略 golden cabinet".encode()


@pytest.fixture
def provider() -> PassphraseRoot:
    return PassphraseRoot(TESTING, profile="test")


def test_recommended_costs_are_those_of_the_rfc() -> None:
    """RFC 9106, 4, second recommended option: t=3, p=4, m=2^16 KiB; and they work."""
    assert (RFC_9106_LOW_MEMORY.passes, RFC_9106_LOW_MEMORY.lanes) == (3, 4)
    assert RFC_9106_LOW_MEMORY.memory_kib == 2**16

    descriptor, root = PassphraseRoot().create(GM, PASSPHRASE, os.urandom, AT)
    assert unlock_root(descriptor, PASSPHRASE) == root
    assert descriptor["created_at"] == "2026-03-01T01:00:00Z"


def test_root_survives_the_way_through_a_file(provider: PassphraseRoot, suite: Suite) -> None:
    """The descriptor is JSON; nothing in it is the root or the passphrase."""
    descriptor, root = provider.create(suite, PASSPHRASE, os.urandom, AT)
    text = json.dumps(descriptor)

    assert provider.unlock(json.loads(text), PASSPHRASE) == root
    assert descriptor_suite(descriptor) is suite
    assert len(root) == 32
    assert root.hex() not in text


@pytest.mark.parametrize("wrong", [b"", b"golden cabinet", PASSPHRASE + b" "])
def test_wrong_passphrase_is_one_clear_refusal(provider: PassphraseRoot, wrong: bytes) -> None:
    """The check value tells a wrong passphrase before anything is decrypted."""
    descriptor, _ = provider.create(GM, PASSPHRASE, os.urandom, AT)

    with pytest.raises(RootLocked, match="passphrase"):
        provider.unlock(descriptor, wrong)


def test_new_passphrase_opens_the_same_root(provider: PassphraseRoot) -> None:
    """Changing the passphrase touches the descriptor alone."""
    old, root = provider.create(INTL, PASSPHRASE, os.urandom, AT)
    new = provider.seal_root(INTL, root, b"another passphrase", os.urandom, AT)

    assert provider.unlock(new, b"another passphrase") == root
    assert new["salt"] != old["salt"]
    with pytest.raises(RootLocked):
        provider.unlock(new, PASSPHRASE)


def test_weak_costs_are_refused_in_production(provider: PassphraseRoot) -> None:
    """A home made for a demo cannot quietly become a production home."""
    descriptor, _ = provider.create(GM, PASSPHRASE, os.urandom, AT)

    with pytest.raises(RootDescriptorRefused, match="tests and demos"):
        unlock_root(descriptor, PASSPHRASE)
    with pytest.raises(RootDescriptorRefused):
        PassphraseRoot(TESTING)


def test_short_passphrase_is_refused_at_creation(provider: PassphraseRoot) -> None:
    """Seven bytes are guessed whatever Argon2id costs."""
    with pytest.raises(RootDescriptorRefused, match="at least 8"):
        provider.create(GM, b"1234567", os.urandom, AT)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"suite": "intl"}, RootLocked),
        ({"suite": "aes"}, RootDescriptorRefused),
        ({"created_at": "2027-03-01T01:00:00Z"}, RootLocked),
        ({"salt": "00" * 32}, RootLocked),
        ({"salt": "zz"}, RootDescriptorRefused),
        ({"salt": ""}, RootDescriptorRefused),
        ({"salt": None}, RootDescriptorRefused),
        ({"salt": "00"}, RootDescriptorRefused),
        ({"check": "00" * 32}, RootLocked),
        ({"sealed_root": "00" * 48}, RootLocked),
        ({"sealed_root": "00"}, RootLocked),
        ({"message_id": "00" * 32}, RootLocked),
        ({"format": "jinkui-root/2"}, RootDescriptorRefused),
        ({"provider": "token"}, RootDescriptorRefused),
        ({"extra": 1}, RootDescriptorRefused),
        ({"kdf": None}, RootDescriptorRefused),
    ],
    ids=str,
)
def test_altered_descriptor_is_refused(
    provider: PassphraseRoot, change: dict[str, Any], refusal: type[Exception]
) -> None:
    """Every part of the descriptor is checked or authenticated."""
    descriptor, _ = provider.create(GM, PASSPHRASE, os.urandom, AT)

    with pytest.raises(refusal):
        provider.unlock(descriptor | change, PASSPHRASE)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "pbkdf2"},
        {"version": 16},
        {"memory_kib": 2**40},
        {"memory_kib": 7},
        {"memory_kib": True},
        {"passes": 0},
        {"passes": 10**9},
        {"lanes": 0},
        {"lanes": "4"},
        {"more": 1},
    ],
    ids=str,
)
def test_unreasonable_costs_are_refused_before_they_are_paid(
    provider: PassphraseRoot, change: dict[str, Any]
) -> None:
    """An altered descriptor must not exhaust the machine."""
    descriptor: dict[str, Any] = provider.create(GM, PASSPHRASE, os.urandom, AT)[0]

    with pytest.raises(RootDescriptorRefused):
        provider.unlock(descriptor | {"kdf": descriptor["kdf"] | change}, PASSPHRASE)


def test_key_of_the_key_file_depends_on_root_and_suite() -> None:
    """The key file's own key is derived, stable and not the root."""
    root = bytes(range(32))
    keys = {keys_file_key(GM, root), keys_file_key(INTL, root), keys_file_key(GM, bytes(32)), root}

    assert len(keys) == 4
    assert keys_file_key(GM, root) == keys_file_key(GM, root)
