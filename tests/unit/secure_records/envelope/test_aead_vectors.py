"""The ciphers under our envelopes agree with published vectors, and refuse the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_records.envelope.suites import GM, INTL, NONCE_BYTES, Suite, aead_open, aead_seal
from secure_records.errors import ContextRefused, EnvelopeRefused, KeyMalformed

VECTORS = Path(__file__).parents[3] / "vectors" / "crypto"
FILES = {GM: "sm4_gcm_test.json", INTL: "aes_gcm_test.json"}
REFUSALS = (EnvelopeRefused, KeyMalformed)


def cases(suite: Suite) -> Iterator[tuple[bool, dict[str, Any]]]:
    """Pairs of "do we allow these lengths" and the vector."""
    groups = json.loads((VECTORS / FILES[suite]).read_text())["testGroups"]
    for group in groups:
        allowed = (
            group["keySize"] == 8 * suite.key_bytes
            and group["ivSize"] == 8 * NONCE_BYTES
            and group["tagSize"] == 128
        )
        for test in group["tests"]:
            yield allowed, test


def opened(suite: Suite, test: dict[str, Any]) -> bytes:
    """Open one vector through our wrapper."""
    key, nonce, aad, ciphertext, tag = (
        bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "ct", "tag")
    )
    return aead_open(suite, key, nonce, ciphertext + tag, aad)


def test_rfc_8998_sm4_gcm() -> None:
    """RFC 8998 A.1: the SM4-GCM example comes out byte for byte, both ways."""
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    aad = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plaintext = bytes.fromhex(
        "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
        "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"
    )
    sealed = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )

    assert aead_seal(GM, key, nonce, plaintext, aad) == sealed
    assert aead_open(GM, key, nonce, sealed, aad) == plaintext


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
def test_wycheproof_verdicts_hold_for_the_lengths_we_allow(suite: Suite) -> None:
    """Every published vector with our lengths gives the published verdict."""
    seen = 0
    for allowed, test in cases(suite):
        if not allowed:
            continue
        seen += 1
        if test["result"] == "invalid":
            with pytest.raises(EnvelopeRefused):
                opened(suite, test)
            continue
        key, nonce, aad = (bytes.fromhex(test[name]) for name in ("key", "iv", "aad"))
        plaintext = bytes.fromhex(test["msg"])
        assert opened(suite, test) == plaintext, test["tcId"]
        sealed = aead_seal(suite, key, nonce, plaintext, aad)
        assert sealed.hex() == test["ct"] + test["tag"], test["tcId"]

    assert seen > 50


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
def test_other_lengths_are_refused_even_if_the_vector_is_valid(suite: Suite) -> None:
    """Nonces of other than 12 bytes and keys of another cipher never open anything."""
    seen = 0
    for allowed, test in cases(suite):
        if not allowed:
            seen += 1
            with pytest.raises(REFUSALS):
                opened(suite, test)

    assert seen > 10


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
@pytest.mark.parametrize("kept", range(16))
def test_short_tags_are_refused(suite: Suite, kept: int) -> None:
    """SP 800-38D appendix C: a shortened tag is easier to forge, so none is accepted."""
    key, nonce = bytes(suite.key_bytes), bytes(NONCE_BYTES)
    sealed = aead_seal(suite, key, nonce, b"", b"")

    with pytest.raises(EnvelopeRefused):
        aead_open(suite, key, nonce, sealed[:kept], b"")


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
def test_sealing_refuses_a_wrong_nonce_or_key_length(suite: Suite) -> None:
    """What could not be opened is not sealed in the first place."""
    with pytest.raises(ContextRefused):
        aead_seal(suite, bytes(suite.key_bytes), bytes(16), b"", b"")
    with pytest.raises(KeyMalformed):
        aead_seal(suite, bytes(24), bytes(NONCE_BYTES), b"", b"")
