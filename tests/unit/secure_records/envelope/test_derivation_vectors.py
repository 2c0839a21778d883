"""HMAC, HKDF-Expand and the hashes agree with published vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB

from secure_records.envelope.suites import (
    GM,
    INTL,
    Suite,
    forget_keyed_states,
    hash_function,
    hkdf_expand,
    mac,
    suite_coded,
    suite_named,
)
from secure_records.errors import KeyMalformed, UnknownSuite

VECTORS = Path(__file__).parents[3] / "vectors" / "crypto"


def test_sm3_of_abc() -> None:
    """GB/T 32905 appendix A.1: the digest of "abc"."""
    digest = hash_function(GM)(b"abc")

    assert digest.hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert hash_function(GM).name == "sm3"


def test_sm3_of_a_whole_block() -> None:
    """GB/T 32905 appendix A.2: the digest of sixteen times "abcd"."""
    digest = hash_function(GM)(b"abcd" * 16)

    assert digest.hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_sm4_of_the_standard() -> None:
    """GB/T 32907 appendix A.1: the block cipher under our GCM is the one of the standard."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(SM4(key), ECB()).encryptor()  # noqa: S305 - one block, as in the example

    assert encryptor.update(key).hex() == "681edf34d206965e86b3e94f536e4246"


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*_test.json")), ids=lambda path: path.stem)
def test_published_suites_are_whole(path: Path) -> None:
    """No vector was left out on the way here."""
    document = json.loads(path.read_text())

    assert sum(len(g["tests"]) for g in document["testGroups"]) == document["numberOfTests"] > 80


def test_sha256_of_abc() -> None:
    """FIPS 180-4: the digest of "abc"."""
    digest = hash_function(INTL)(b"abc")

    assert digest.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_function(INTL).name == "sha256"


def test_hmac_sm3_of_a_platform_header() -> None:
    """A second implementation's HMAC-SM3 over a platform's signing string is met."""
    tag = mac(GM, b"demo-app-secret", b"appId=demo&timestamp=1767225600000")

    assert tag.hex() == "9f1651a4287a69cfda5df68767ccbe6e71772cb3bd39235509673eb523ebaf28"


@pytest.mark.parametrize(
    ("suite", "name"), [(GM, "hmac_sm3_test.json"), (INTL, "hmac_sha256_test.json")]
)
def test_wycheproof_hmac(suite: Suite, name: str) -> None:
    """A valid tag is a prefix of ours; an invalid one is not."""
    groups = json.loads((VECTORS / name).read_text())["testGroups"]
    for group in groups:
        for test in group["tests"]:
            ours = mac(suite, bytes.fromhex(test["key"]), bytes.fromhex(test["msg"]))
            agrees = ours.hex()[: group["tagSize"] // 4] == test["tag"]
            assert agrees == (test["result"] == "valid"), test["tcId"]


def test_wycheproof_hkdf_sha256() -> None:
    """RFC 5869: our expand step after an HMAC extract gives the published key material."""
    groups = json.loads((VECTORS / "hkdf_sha256_test.json").read_text())["testGroups"]
    for test in (test for group in groups for test in group["tests"]):
        salt, material = bytes.fromhex(test["salt"]), bytes.fromhex(test["ikm"])
        extracted = mac(INTL, salt or bytes(32), material)
        info = bytes.fromhex(test["info"])
        if test["result"] == "invalid":
            with pytest.raises(KeyMalformed):
                hkdf_expand(INTL, extracted, info, test["size"])
        else:
            assert hkdf_expand(INTL, extracted, info, test["size"]).hex() == test["okm"]


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
def test_expansion_is_the_same_after_the_states_are_forgotten(suite: Suite) -> None:
    """Keyed states held ready are an optimisation: dropping them changes no result."""
    before = hkdf_expand(suite, bytes(32), b"info", 80)
    forget_keyed_states()

    assert hkdf_expand(suite, bytes(32), b"info", 80) == before


@pytest.mark.parametrize(("key_bytes", "length"), [(31, 32), (32, 0), (32, 255 * 32 + 1)])
def test_expansion_refuses_short_keys_and_impossible_lengths(key_bytes: int, length: int) -> None:
    """RFC 5869, 2.3: the parent has at least the hash's length, the output at most 255 blocks."""
    with pytest.raises(KeyMalformed):
        hkdf_expand(INTL, bytes(key_bytes), b"", length)


def test_suites_are_found_by_name_and_code_only() -> None:
    """Two suites exist; anything else is refused by name."""
    assert (suite_named("gm"), suite_coded(1)) == (GM, GM)
    assert (suite_named("intl"), suite_coded(2)) == (INTL, INTL)
    with pytest.raises(UnknownSuite, match="no suite is named 'aes'"):
        suite_named("aes")
    with pytest.raises(UnknownSuite):
        suite_coded(0)
