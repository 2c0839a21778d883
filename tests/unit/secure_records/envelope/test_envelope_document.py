"""The format page and the code describe the same bytes."""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path
from struct import pack

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.seal import open_envelope, seal
from secure_records.envelope.suites import suite_named
from shared_kernel.grades import Grade

PAGE = (Path(__file__).parents[4] / "docs" / "formats" / "envelope-v1.md").read_text("utf-8")
DEK = bytes(range(32))
PLAINTEXT = '{"drugs":["阿莫西林"]}'.encode()
CONTEXT = EnvelopeContext(
    tenant="91330100MA2ABCDE4X",
    subject="sub_00000000000000000000000001",
    record="rec_00000000000000000000000002",
    version=1,
    schema="prescription/1",
    kind="prescription",
    grade=Grade.SENSITIVE,
    key_id="key_00000000000000000000000003",
)
NAMES = pytest.mark.parametrize("name", ["gm", "intl"])


def example(name: str) -> bytes:
    """The hex block of one suite on the page."""
    found = re.search(rf"```hex {name}\n([0-9a-f\n]+)```", PAGE)
    assert found is not None
    return bytes.fromhex(found[1])


def open_by_the_page(name: str, blob: bytes) -> bytes:
    """A second reader, written from the page alone, over other libraries where there are any."""
    assert blob[:3] == b"JK\x01"
    at = 5 + blob[4]
    key_id, message_id = blob[5:at], blob[at : at + 32]
    commitment, sealed = blob[at + 32 : at + 64], blob[at + 64 :]
    info = b"JK1" + blob[3:4] + b"rec" + message_id

    def keyed(data: bytes) -> bytes:
        if name == "gm":
            return bytes(gmssl_pyx.sm3_hmac(DEK, data))
        return hmac.digest(DEK, data, hashlib.sha256)

    first = keyed(info + b"\x01")
    material = first + keyed(first + info + b"\x02")
    size = {"gm": 16, "intl": 32}[name]
    assert material[size : size + 32] == commitment
    texts = [
        key_id,
        b"91330100MA2ABCDE4X",
        b"sub_00000000000000000000000001",
        b"rec_00000000000000000000000002",
        b"prescription/1",
        b"prescription",
    ]
    aad = b"JKA\x01" + blob[3:4] + pack(">QB6H", 1, 4, *map(len, texts)) + b"".join(texts)
    if name == "gm":
        opened: bytes = gmssl_pyx.sm4_gcm_decrypt(
            material[:16], iv=bytes(12), aad=aad, ciphertext=sealed[:-16], tag=sealed[-16:]
        )
        return opened
    return AESGCM(material[:32]).decrypt(bytes(12), sealed, aad)


@NAMES
def test_example_of_the_page_opens(name: str) -> None:
    """Whatever is released later, envelopes of format 1 stay readable."""
    assert open_envelope(DEK, CONTEXT, example(name)) == PLAINTEXT


@NAMES
def test_example_of_the_page_is_what_sealing_gives(name: str) -> None:
    """With the page's message identifier, sealing gives the page's bytes."""
    blob = seal(
        DEK, suite_named(name), CONTEXT, PLAINTEXT, lambda count: bytes(range(128, 128 + count))
    )

    assert blob == example(name)


@NAMES
def test_second_reader_written_from_the_page_opens_it(name: str) -> None:
    """The page alone is enough to write a reader."""
    assert open_by_the_page(name, example(name)) == PLAINTEXT
