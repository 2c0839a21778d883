"""Signatures hold for their bytes and key, and malformed ones never reach a library."""

from __future__ import annotations

import json
import os
from pathlib import Path

import gmalg
import pytest
from asn1crypto.algos import DSASignature
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.errors import KeyMalformed
from secure_records.keys.signing_keys import (
    Ed25519Signer,
    Sm2Signer,
    Verifier,
    generate_ed25519,
    generate_sm2,
    sm3_function,
)
from shared_kernel.signatures import ED25519, SM2_SM3, PublicKey, SignatureInvalid

VECTORS = Path(__file__).parents[3] / "vectors" / "crypto"
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF

# GB/T 32918.5 (GM/T 0003.5) appendix A.2: the worked signature example.
SAMPLE_PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
SAMPLE_PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SAMPLE_MESSAGE = b"message digest"
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
KEY = PublicKey(algorithm=SM2_SM3, raw=SAMPLE_PUBLIC)


def integer(value: int) -> bytes:
    """A DER INTEGER."""
    body = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(body))) + body


def der(r: int, s: int) -> bytes:
    """A DER SEQUENCE of two INTEGERs."""
    body = integer(r) + integer(s)
    return bytes((0x30, len(body))) + body


def test_sm2_example_of_the_standard_verifies() -> None:
    """GB/T 32918.5 A.2: the published r and s hold for "message digest"."""
    Verifier().verify(KEY, SAMPLE_MESSAGE, der(R, S))


def test_sm3_function_names_itself() -> None:
    """The kernel's port: SM3 of "abc" (GB/T 32905 A.1)."""
    assert sm3_function.name == "sm3"
    assert sm3_function(b"abc").hex().startswith("66c7f0f462eeedd9")


def test_sm2_agrees_with_a_second_implementation() -> None:
    """What we sign, gmalg accepts; what gmalg signs, we accept."""
    ours = Sm2Signer(SAMPLE_PRIVATE, SAMPLE_PUBLIC)
    oracle = gmalg.SM2(sk=SAMPLE_PRIVATE, uid=b"1234567812345678", pk=b"\x04" + SAMPLE_PUBLIC)
    message = "释放报告".encode()

    signature = ours.sign(message)
    parsed = DSASignature.load(signature)
    r, s = (parsed[name].native.to_bytes(32, "big") for name in ("r", "s"))
    assert oracle.verify(message, r, s)
    theirs = oracle.sign(message)
    Verifier().verify(
        KEY, message, der(int.from_bytes(theirs[0], "big"), int.from_bytes(theirs[1], "big"))
    )


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(b"", id="empty"),
        pytest.param(der(R, S)[:-1], id="cut short"),
        pytest.param(der(R, S) + b"\x00", id="trailing byte"),
        pytest.param(R.to_bytes(32, "big") + S.to_bytes(32, "big"), id="raw, no DER"),
        pytest.param(b"\x30\x81" + der(R, S)[1:], id="long-form length"),
        pytest.param(b"\x30\x80" + der(R, S)[2:] + b"\x00\x00", id="indefinite length"),
        pytest.param(b"\x31" + der(R, S)[1:], id="a SET"),
        pytest.param(
            b"\x30\x47\x02\x22\x00\x00" + R.to_bytes(32, "big") + integer(S), id="padded r"
        ),
        pytest.param(b"\x30\x44\x02\x20" + R.to_bytes(32, "big") + integer(S)[1:], id="no tag"),
        pytest.param(b"\x30\x45\x02\x20" + R.to_bytes(32, "big") + integer(S), id="negative r"),
        pytest.param(b"\x30\x49" + integer(R) + integer(S) + b"\x02\x01\x01", id="third integer"),
        pytest.param(der(0, S), id="r zero"),
        pytest.param(der(R, 0), id="s zero"),
        pytest.param(der(N, S), id="r is n"),
        pytest.param(der(R, N), id="s is n"),
        pytest.param(der(R + N, S), id="r + n"),
        pytest.param(der(R, N - R), id="r + s is n"),
        pytest.param(der(P, S), id="r is p"),
    ],
)
def test_malformed_sm2_signatures_are_refused_silently(
    signature: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """GB/T 32918.2 7.1 B1, B2, B5: refused before the library, which would complain aloud."""
    with pytest.raises(SignatureInvalid):
        Verifier().verify(KEY, SAMPLE_MESSAGE, signature)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(64), id="zero"),
        pytest.param(b"\x04" + SAMPLE_PUBLIC, id="prefixed"),
        pytest.param(SAMPLE_PUBLIC[:63], id="short"),
        pytest.param(SAMPLE_PUBLIC[:63] + b"\x14", id="off the curve"),
        pytest.param(SAMPLE_PUBLIC[32:] + SAMPLE_PUBLIC[:32], id="swapped"),
        pytest.param(b"\xff" * 64, id="beyond p"),
    ],
)
def test_points_off_the_curve_are_refused(raw: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """A public key that is no point of the curve verifies nothing and signs nothing."""
    with pytest.raises(SignatureInvalid):
        Verifier().verify(PublicKey(algorithm=SM2_SM3, raw=raw), SAMPLE_MESSAGE, der(R, S))
    with pytest.raises(KeyMalformed):
        Sm2Signer(SAMPLE_PRIVATE, raw)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("private", [0, N - 1, N, 2**256 - 1])
def test_sm2_private_keys_out_of_range_are_refused(private: int) -> None:
    """GB/T 32918.1 6.1: the private key lies in [1, n - 2]."""
    with pytest.raises(KeyMalformed):
        Sm2Signer(private.to_bytes(32, "big"), SAMPLE_PUBLIC)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(r=st.integers(1, N - 1), s=st.integers(1, N - 1), bit=st.integers(0, 111))
def test_only_the_true_sm2_pair_holds(r: int, s: int, bit: int) -> None:
    """Another r, another s or one flipped bit of the message: refused."""
    altered = (int.from_bytes(SAMPLE_MESSAGE, "big") ^ (1 << bit)).to_bytes(14, "big")
    for message, signature in (
        (SAMPLE_MESSAGE, der(r, S)),
        (SAMPLE_MESSAGE, der(R, s)),
        (altered, der(R, S)),
    ):
        with pytest.raises(SignatureInvalid):
            Verifier().verify(KEY, message, signature)


def test_wycheproof_ed25519() -> None:
    """RFC 8032: every published verdict, malleable and truncated signatures included."""
    for group in json.loads((VECTORS / "ed25519_test.json").read_text())["testGroups"]:
        key = PublicKey(algorithm=ED25519, raw=bytes.fromhex(group["publicKey"]["pk"]))
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            if test["result"] == "valid":
                Verifier().verify(key, message, signature)
            else:
                with pytest.raises(SignatureInvalid):
                    Verifier().verify(key, message, signature)


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33)])
def test_malformed_ed25519_keys_verify_nothing(raw: bytes) -> None:
    """A key of another length is a refusal, not a foreign exception."""
    with pytest.raises(SignatureInvalid):
        Verifier().verify(PublicKey(algorithm=ED25519, raw=raw), b"", bytes(64))
    with pytest.raises(KeyMalformed):
        Ed25519Signer(raw)


def test_unknown_algorithm_is_refused() -> None:
    """A verifier that does not know the algorithm says no."""
    with pytest.raises(SignatureInvalid):
        Verifier().verify(PublicKey(algorithm="rsa", raw=b""), b"", b"")


def test_fresh_pairs_sign_and_verify() -> None:
    """Generated keys work, differ, and one algorithm's signature is none of the other's."""
    private, public = generate_ed25519(os.urandom)
    sm2_private, sm2_public = generate_sm2()
    ed25519, sm2 = Ed25519Signer(private), Sm2Signer(sm2_private, sm2_public.raw)

    assert (ed25519.public_key, sm2.public_key) == (public, sm2_public)
    Verifier().verify(public, b"", ed25519.sign(b""))
    Verifier().verify(sm2_public, b"", sm2.sign(b""))
    with pytest.raises(SignatureInvalid):
        Verifier().verify(sm2_public, b"", ed25519.sign(b""))
    assert generate_sm2()[0] != sm2_private
