"""Platform schemes, primitives and check digits agree with the recorded vectors.

Origin: computed with two or three independent implementations (SM3 and SM4 of
``gmalg`` and OpenSSL), dummy keys, invented payload and identifiers; the block
and hash values are the examples of GB/T 32905 and GB/T 32907.
"""

from __future__ import annotations

import base64

import pytest

from supervision.messages.catalogue import catalogue
from supervision.messages.code_systems import breaks_code, normalised_code
from supervision.profiles.acceptance import shipped_profile
from supervision.profiles.algorithms import (
    SM3,
    Padding,
    aes_ecb_decrypt,
    aes_ecb_encrypt,
    keyed_digest,
    sm4_cbc_decrypt,
    sm4_cbc_encrypt,
)
from supervision.profiles.document import SHIPPED

PAYLOAD = b'[{"organID":"12460100000000019E","bussID":"DEMO-0001"}]'
KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
IV = bytes.fromhex("0f0e0d0c0b0a09080706050403020100")
SCHEME_A = "8773c70c0ce531baf6c8c21cb56d0379ae1d1f843195d531fcc58358931adbcf02ec38cea8dcc0670a41886b1e641c145d5c7cf0d947ff527196f86c3db6e03f"
SCHEME_B = (
    "oGye4tuToTac5cTjHaoAIPuGC/UnzHkgunlPdnqDCUULl0H51z8IHX0PfqULdGe9MSqkayXh7irImQyXb8QC3g=="
)


def test_sm3_of_abc() -> None:
    """
    GB/T 32905, example 1.
    """
    assert SM3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_sm4_block() -> None:
    """
    GB/T 32907, example 1, seen through CBC with a zero start value.
    """
    block = bytes.fromhex("0123456789abcdeffedcba9876543210")
    assert sm4_cbc_encrypt(block, bytes(16), block, Padding.PKCS7)[:16].hex() == (
        "681edf34d206965e86b3e94f536e4246"
    )


def test_hmac_sm3() -> None:
    """
    RFC 2104 over SM3.
    """
    found = keyed_digest("sm3", b"demo-app-secret", b"appId=demo&timestamp=1767225600000")
    assert found.hex() == "9f1651a4287a69cfda5df68767ccbe6e71772cb3bd39235509673eb523ebaf28"


def test_scheme_a_body_and_padding_setting() -> None:
    """
    ISO 7816-4 and PKCS#7 differ in the last block alone; both undo themselves.
    """
    iso = sm4_cbc_encrypt(KEY, IV, PAYLOAD, Padding.ISO7816_4)
    pkcs = sm4_cbc_encrypt(KEY, IV, PAYLOAD, Padding.PKCS7)

    assert iso.hex() == SCHEME_A
    assert pkcs[:48] == iso[:48]
    assert pkcs[48:].hex() == "4f080a5f2298a8bc5dc4fb817538a3f6"
    assert sm4_cbc_decrypt(KEY, IV, iso, Padding.ISO7816_4) == PAYLOAD
    assert sm4_cbc_decrypt(KEY, IV, pkcs, Padding.PKCS7) == PAYLOAD


def test_scheme_b_body() -> None:
    """
    AES-128-ECB with PKCS#5 filling, Base64.
    """
    sealed = aes_ecb_encrypt(b"0123456789abcdef", PAYLOAD, Padding.PKCS7)
    assert base64.b64encode(sealed).decode() == SCHEME_B
    assert aes_ecb_decrypt(b"0123456789abcdef", sealed, Padding.PKCS7) == PAYLOAD


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profile_reproduces_its_vectors(name: str) -> None:
    """
    A shipped profile is accepted: bodies, digests and signatures byte for byte.
    """
    assert shipped_profile(name).vectors


@pytest.mark.parametrize(
    ("value", "broken"),
    [
        ("12460100000000019E", None),
        ("91640100MA0000007A", None),
        ("12460100000000019e", None),  # normalised first
        ("12460100000000019D", "check_digit"),
        ("12460100000000091E", "check_digit"),  # neighbours swapped
        ("1246010000000001OE", "check_digit"),  # letter O
    ],
)
def test_credit_code_vectors(value: str, broken: str | None) -> None:
    """
    GB 32100: check character over 31 symbols.
    """
    system = catalogue().code_systems["USCC"]
    assert breaks_code(system, normalised_code(system, value)) == broken


@pytest.mark.parametrize(
    ("value", "broken"),
    [
        ("460100199003071237", None),
        ("46010019900307004X", None),
        ("46010019900307004x", None),
        ("460100900307123", None),  # 15 digits become 18
        ("460100199003072137", "check_digit"),
        ("460100199003071238", "check_digit"),
        ("120116201802290017", "check_digit"),  # 29 February 2018 does not exist
    ],
)
def test_identity_number_vectors(value: str, broken: str | None) -> None:
    """
    GB 11643: check character and a date that exists.
    """
    system = catalogue().code_systems["CN_ID"]
    assert breaks_code(system, normalised_code(system, value)) == broken


def test_fifteen_digit_number_becomes_the_known_one() -> None:
    """
    The century is inserted and the check character computed.
    """
    system = catalogue().code_systems["CN_ID"]
    assert normalised_code(system, "460100900307123") == "460100199003071237"
