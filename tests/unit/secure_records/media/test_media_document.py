"""The format page and the code describe the same bytes."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from pathlib import Path
from struct import pack

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_records.envelope.suites import suite_named
from secure_records.media.context import MediaContext
from secure_records.media.reading import MediaReader
from secure_records.media.sealing import MediaSealer

PAGE = (Path(__file__).parents[4] / "docs" / "formats" / "media-v1.md").read_text("utf-8")
DEK = bytes(range(32))
PLAINTEXT = "请深呼吸，再咳一声。".encode()
CONTEXT = MediaContext(
    tenant="91330100MA2ABCDE4X",
    subject="sub_00000000000000000000000001",
    record="rec_00000000000000000000000002",
    media="med_00000000000000000000000004",
    kind="chat_transcript",
    key_id="key_00000000000000000000000003",
)
NAMES = pytest.mark.parametrize("name", ["gm", "intl"])


class Held:
    """An object in memory."""

    window_bytes = 64

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.size = len(blob)

    def read(self, offset: int, length: int) -> bytes:
        return self.blob[offset : offset + length]


def example(name: str) -> bytes:
    """The hex block of one suite on the page."""
    found = re.search(rf"```hex {name}\n([0-9a-f\n]+)```", PAGE)
    assert found is not None
    return bytes.fromhex(found[1])


def open_by_the_page(name: str, blob: bytes) -> bytes:
    """A second reader, written from the page alone, over other libraries where there are any."""
    assert blob[:4] == b"JKM\x01"
    suite, exponent, length = blob[4:7]
    at = 7 + length
    key_id, message_id = blob[7:at], blob[at : at + 32]
    commitment, chunks = blob[at + 32 : at + 64], blob[at + 64 :]
    texts = [
        key_id,
        b"91330100MA2ABCDE4X",
        b"sub_00000000000000000000000001",
        b"rec_00000000000000000000000002",
        b"med_00000000000000000000000004",
        b"chat_transcript",
    ]
    binding = b"JKM\x01" + pack(">BB6H", suite, exponent, *map(len, texts)) + b"".join(texts)
    info = b"JK1" + bytes([suite]) + b"med" + message_id + binding

    def keyed(data: bytes) -> bytes:
        if name == "gm":
            return bytes(gmssl_pyx.sm3_hmac(DEK, data))
        return hmac.digest(DEK, data, hashlib.sha256)

    first = keyed(info + b"\x01")
    material = first + keyed(first + info + b"\x02")
    size = {"gm": 16, "intl": 32}[name]
    assert material[size : size + 32] == commitment
    step = 2**exponent + 16
    parts = [chunks[at : at + step] for at in range(0, len(chunks), step)]
    opened = b""
    for number, part in enumerate(parts):
        nonce = number.to_bytes(11, "big") + bytes([number == len(parts) - 1])
        if name == "gm":
            opened += gmssl_pyx.sm4_gcm_decrypt(
                material[:16], iv=nonce, aad=b"", ciphertext=part[:-16], tag=part[-16:]
            )
        else:
            opened += AESGCM(material[:32]).decrypt(nonce, part, None)
    return opened


@NAMES
def test_example_of_the_page_opens(name: str) -> None:
    """Whatever is released later, recordings of format 1 stay readable."""
    reader = MediaReader(DEK, CONTEXT, Held(example(name)))

    assert b"".join(bytes(part) for part in reader.range()) == PLAINTEXT


@NAMES
def test_example_of_the_page_is_what_sealing_gives(name: str) -> None:
    """With the page's message identifier, sealing gives the page's bytes."""
    sealer = MediaSealer(
        DEK,
        suite_named(name),
        CONTEXT,
        lambda count: bytes(range(128, 128 + count)),
        chunk_exponent=4,
    )

    blob = b"".join(bytes(part) for part in sealer.stream(io.BytesIO(PLAINTEXT)))

    assert blob == example(name)
    assert len(blob) > len(sealer.header) + 16 + 16, "the example shows more than one chunk"


@NAMES
def test_second_reader_written_from_the_page_opens_it(name: str) -> None:
    """The page alone is enough to write a reader."""
    assert open_by_the_page(name, example(name)) == PLAINTEXT
