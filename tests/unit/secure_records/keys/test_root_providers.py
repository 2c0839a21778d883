"""The root opens with what its provider asks for and its untouched descriptor only."""

from __future__ import annotations

import hmac
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import RootDescriptorRefused, RootLocked
from secure_records.keys.argon2_costs import RFC_9106_LOW_MEMORY, TESTING, stretch
from secure_records.keys.root_descriptor import (
    RootKey,
    descriptor_generation,
    descriptor_suite,
    make_root,
    next_root,
    open_root,
    provider_section,
    seal_root,
)
from secure_records.keys.root_providers import PassphraseProvider, RootProvider, TwoPersonProvider
from shared_kernel.canonical_json import Json

AT = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
LATER = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)
PASSPHRASE = "金匮要略 golden cabinet".encode()
SECOND = b"the other key of the same door"
HOMES = Path(__file__).parents[3] / "vectors" / "homes"


def one(passphrase: bytes = PASSPHRASE) -> PassphraseProvider:
    return PassphraseProvider(passphrase, TESTING, profile="test")


def two(first: bytes = PASSPHRASE, second: bytes = SECOND) -> TwoPersonProvider:
    return TwoPersonProvider(first, second, TESTING, profile="test")


def sealed(suite: Suite = GM, provider: RootProvider | None = None) -> dict[str, Json]:
    return seal_root(make_root(suite, os.urandom, AT), provider or one(), os.urandom, AT)


def test_recommended_costs_are_those_of_the_rfc() -> None:
    """RFC 9106, 4, second recommended option: t=3, p=4, m=2^16 KiB; and they work."""
    assert (RFC_9106_LOW_MEMORY.passes, RFC_9106_LOW_MEMORY.lanes) == (3, 4)
    assert RFC_9106_LOW_MEMORY.memory_kib == 2**16

    root = make_root(GM, os.urandom, AT)
    descriptor = seal_root(root, PassphraseProvider(PASSPHRASE), os.urandom, AT)
    assert open_root(descriptor, PassphraseProvider(PASSPHRASE)) == root


@pytest.mark.parametrize("provider", [one(), two()], ids=["passphrase", "two_persons"])
def test_root_survives_the_way_through_a_file(provider: RootProvider, suite: Suite) -> None:
    """The descriptor is JSON; nothing in it is the root, the file's key or a passphrase."""
    root = make_root(suite, os.urandom, AT)
    text = json.dumps(seal_root(root, provider, os.urandom, LATER))
    descriptor = json.loads(text)

    assert open_root(descriptor, provider) == root
    assert descriptor_suite(descriptor) is suite
    assert descriptor_generation(descriptor) == root.generation == 1
    assert provider_section(descriptor)["name"] == provider.name
    assert (descriptor["root_since"], descriptor["created_at"]) == (
        "2026-03-01T01:00:00Z",
        "2027-03-01T01:00:00Z",
    )
    assert len(root.secret) == len(root.keys_file_key) == 32
    assert root.secret != root.keys_file_key
    assert root.secret.hex() not in text
    assert root.keys_file_key.hex() not in text


@pytest.mark.parametrize("wrong", [b"", b"golden cabinet", PASSPHRASE + b" "])
def test_wrong_passphrase_is_one_clear_refusal(wrong: bytes) -> None:
    """The check value tells a wrong passphrase before anything is decrypted."""
    with pytest.raises(RootLocked, match="passphrase"):
        open_root(sealed(), one(wrong))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PASSPHRASE, b"somebody else"),
        (b"somebody else", SECOND),
        (SECOND, PASSPHRASE),
        (PASSPHRASE, PASSPHRASE),
        (PASSPHRASE, b""),
    ],
)
def test_both_persons_are_needed(first: bytes, second: bytes, suite: Suite) -> None:
    """One right passphrase with a wrong one is as good as none, and sounds the same."""
    descriptor = sealed(suite, two())

    with pytest.raises(RootLocked, match="passphrase"):
        open_root(descriptor, two(first, second))


def test_one_person_cannot_open_the_root_of_two() -> None:
    """Neither passphrase alone, and no mixing of providers."""
    for lonely in (PASSPHRASE, SECOND, PASSPHRASE + SECOND):
        with pytest.raises(RootLocked, match="two_persons"):
            open_root(sealed(GM, two()), one(lonely))
    with pytest.raises(RootLocked, match="passphrase"):
        open_root(sealed(), two())


def test_the_descriptor_of_two_persons_tests_neither_alone() -> None:
    """There is one check value, over both: nothing lets one person guess the other's."""
    section = provider_section(sealed(GM, two()))

    assert set(section) == {"name", "salt", "second_salt", "kdf"}
    assert section["salt"] != section["second_salt"]


def test_two_persons_are_combined_as_the_format_page_says() -> None:
    """HMAC of the first stretched passphrase over the second, each with a salt of its own."""
    section, wrapping = two().fresh(INTL, os.urandom)
    salts = [bytes.fromhex(str(section[name])) for name in ("salt", "second_salt")]
    first, second = (
        stretch(words, salt, TESTING)
        for words, salt in zip((PASSPHRASE, SECOND), salts, strict=True)
    )

    assert wrapping == hmac.digest(first, second, "sha256")


def test_two_persons_choose_two_passphrases() -> None:
    """The same passphrase twice would be one person."""
    with pytest.raises(RootDescriptorRefused, match="same passphrase"):
        sealed(GM, two(PASSPHRASE, PASSPHRASE))
    with pytest.raises(RootDescriptorRefused, match="at least 8"):
        sealed(GM, two(PASSPHRASE, b"1234567"))


def test_new_passphrase_opens_the_same_root() -> None:
    """Changing passphrase or provider touches the descriptor alone; the root keeps its age."""
    root = make_root(INTL, os.urandom, AT)
    old = seal_root(root, one(), os.urandom, AT)
    new = seal_root(root, two(b"another passphrase"), os.urandom, LATER)

    assert open_root(new, two(b"another passphrase")) == root == open_root(old, one())
    with pytest.raises(RootLocked):
        open_root(new, one())


def test_next_root_is_another_key_over_the_same_key_file() -> None:
    """A rotation leaves nothing of the old root but the key of the key file."""
    root = make_root(GM, os.urandom, AT)
    coming = next_root(root, os.urandom, LATER)

    assert coming.secret != root.secret
    assert coming.keys_file_key == root.keys_file_key
    assert (coming.generation, coming.since) == (2, LATER)
    assert open_root(seal_root(coming, one(), os.urandom, LATER), one()) == coming


def test_weak_costs_are_refused_in_production() -> None:
    """A home made for a demo cannot quietly become a production home."""
    for provider, strong in (
        (one(), PassphraseProvider(PASSPHRASE)),
        (two(), TwoPersonProvider(PASSPHRASE, SECOND)),
    ):
        with pytest.raises(RootDescriptorRefused, match="tests and demos"):
            open_root(sealed(GM, provider), strong)
    with pytest.raises(RootDescriptorRefused):
        PassphraseProvider(PASSPHRASE, TESTING)
    with pytest.raises(RootDescriptorRefused):
        TwoPersonProvider(PASSPHRASE, SECOND, TESTING)


def test_short_passphrase_is_refused_at_creation() -> None:
    """Seven bytes are guessed whatever Argon2id costs."""
    with pytest.raises(RootDescriptorRefused, match="at least 8"):
        sealed(GM, one(b"1234567"))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"suite": "intl"}, RootLocked),
        ({"suite": "aes"}, RootDescriptorRefused),
        ({"created_at": "2027-03-01T01:00:00Z"}, RootLocked),
        ({"root_since": "2027-03-01T01:00:00Z"}, RootLocked),
        ({"generation": 2}, RootLocked),
        ({"generation": 0}, RootDescriptorRefused),
        ({"generation": True}, RootDescriptorRefused),
        ({"generation": None}, RootDescriptorRefused),
        ({"check": "00" * 32}, RootLocked),
        ({"check": "zz"}, RootDescriptorRefused),
        ({"sealed_root": "00" * 48}, RootLocked),
        ({"sealed_root": "00"}, RootLocked),
        ({"message_id": "00" * 32}, RootLocked),
        ({"message_id": 1}, RootDescriptorRefused),
        ({"keys_file": None}, RootLocked),
        ({"format": "jinkui-root/1"}, RootDescriptorRefused),
        ({"format": "jinkui-root/3"}, RootDescriptorRefused),
        ({"provider": "passphrase"}, RootDescriptorRefused),
        ({"provider": {"name": "token"}}, RootLocked),
        ({"provider": {"name": 1}}, RootDescriptorRefused),
        ({"extra": 1}, RootDescriptorRefused),
    ],
    ids=str,
)
def test_altered_descriptor_is_refused(change: dict[str, Any], refusal: type[Exception]) -> None:
    """Every part of the descriptor is checked or authenticated."""
    with pytest.raises(refusal):
        open_root(sealed() | change, one())


@pytest.mark.parametrize(
    ("provider", "change", "refusal"),
    [
        (one(), {"salt": "00" * 32}, RootLocked),
        (one(), {"salt": "zz"}, RootDescriptorRefused),
        (one(), {"salt": ""}, RootDescriptorRefused),
        (one(), {"salt": "00"}, RootDescriptorRefused),
        (one(), {"salt": None}, RootDescriptorRefused),
        (one(), {"kdf": None}, RootDescriptorRefused),
        (one(), {"more": 1}, RootDescriptorRefused),
        (two(), {"second_salt": "00" * 32}, RootLocked),
        (two(), {"second_salt": "00"}, RootDescriptorRefused),
        (two(), {"salt": "00" * 32}, RootLocked),
        (two(), {"more": 1}, RootDescriptorRefused),
    ],
)
def test_altered_provider_section_is_refused(
    provider: RootProvider, change: dict[str, Any], refusal: type[Exception]
) -> None:
    """What the provider needs is authenticated with the rest."""
    descriptor = sealed(GM, provider)
    section = {**provider_section(descriptor), **change}

    with pytest.raises(refusal):
        open_root(descriptor | {"provider": section}, provider)


def test_missing_parts_are_refused() -> None:
    """No part may be left out."""
    descriptor = sealed()
    for name in descriptor:
        poorer = {key: value for key, value in descriptor.items() if key != name}
        with pytest.raises(RootDescriptorRefused):
            open_root(poorer, one())


def test_the_key_of_the_key_file_does_not_open_under_another_root() -> None:
    """A descriptor cannot be given the key file of another home, not even by its own persons."""
    mine, other = make_root(GM, os.urandom, AT), make_root(GM, os.urandom, AT)
    foreign = seal_root(other, one(), os.urandom, AT)["keys_file"]

    with pytest.raises(RootLocked):
        open_root(seal_root(mine, one(), os.urandom, AT) | {"keys_file": foreign}, one())


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
@pytest.mark.parametrize("provider", [one(), two()], ids=["passphrase", "two_persons"])
def test_unreasonable_costs_are_refused_before_they_are_paid(
    provider: RootProvider, change: dict[str, Any]
) -> None:
    """An altered descriptor must not exhaust the machine."""
    descriptor: dict[str, Any] = sealed(GM, provider)
    section = descriptor["provider"]
    section = section | {"kdf": section["kdf"] | change}

    with pytest.raises(RootDescriptorRefused):
        open_root(descriptor | {"provider": section}, provider)


@pytest.mark.parametrize("name", ["gm", "intl"])
def test_a_descriptor_of_the_first_format_still_opens(name: str) -> None:
    """Made before rotation was known: generation 1, the key of the key file derived."""
    folder = HOMES / f"root-1-{name}" / "keys"
    descriptor = json.loads((folder / "root.json").read_text("utf-8"))
    provider = PassphraseProvider(b"correct horse battery staple", profile="test")

    root = open_root(descriptor, provider)

    assert isinstance(root, RootKey)
    assert (root.suite.name, root.generation) == (name, 1)
    assert root.keys_file_key not in {root.secret, bytes(32)}
    with pytest.raises(RootLocked):
        open_root(descriptor | {"created_at": "2027-03-01T01:00:00Z"}, provider)
    with pytest.raises(RootLocked):
        open_root(descriptor, one(b"wrong horse battery staple"))
    with pytest.raises(RootDescriptorRefused):
        open_root(descriptor | {"generation": 2}, provider)
