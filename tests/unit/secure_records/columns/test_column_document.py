"""The format page of column values and the code describe the same bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from struct import pack

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_records.columns.column_keys import ColumnKeys
from secure_records.columns.place import Place, from_text
from secure_records.columns.rule import FieldRule
from secure_records.columns.sealed_types import SealedValue
from secure_records.envelope.suites import INTL, Suite

PAGE = Path(__file__).parents[4] / "docs" / "formats" / "column-v1.md"
SEALED, CODE = re.findall(r"```text\n([^\n]+)\n```", PAGE.read_text("utf-8"))[:2]

DATA_KEY, INDEX_KEY = b"\x22" * 32, b"\x33" * 32
MESSAGE_ID = bytes(range(0x80, 0xA0))
TENANT, KEY_ID = "91330100MA2ABCDE4X", "key_00000000000000000000000003"
PLACE = Place(table="appointments", column="phone", key=("a1",), subject="p-7")
RULE = FieldRule(subject="patient", index="e164/1")


class PageKeys:
    """The keys that the page names."""

    suite: Suite = INTL

    def dek(self, tenant: str, subject: str, retention_class: str) -> tuple[str, bytes]:
        assert (tenant, subject, retention_class) == (TENANT, "p-7", "column")
        return KEY_ID, DATA_KEY

    def dek_by_id(self, tenant: str, key_id: str) -> bytes:
        assert (tenant, key_id) == (TENANT, KEY_ID)
        return DATA_KEY

    def index_key(self, tenant: str, column: str, version: int = 1) -> bytes:
        assert (tenant, column, version) == (TENANT, '["column","appointments","phone"]', 1)
        return INDEX_KEY

    def flush(self) -> None:
        """Nothing is kept."""


COLUMNS = ColumnKeys(PageKeys(), TENANT, lambda _: MESSAGE_ID)


def prefixed(*parts: str) -> bytes:
    return b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)


def test_the_example_opens_with_foreign_code() -> None:
    """
    HKDF, AES-GCM and the associated data, written from the page, give the value of the page.
    """
    prefix, _, body = SEALED.partition(".")
    assert prefix == "jk1"
    blob = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    after = 5 + blob[4]
    key_id, message_id = blob[5:after], blob[after : after + 32]
    commitment, sealed = blob[after + 32 : after + 64], blob[after + 64 :]
    material, block = b"", b""
    for counter in (1, 2):
        block = hmac.digest(
            DATA_KEY, block + b"JK1\x02rec" + message_id + bytes((counter,)), "sha256"
        )
        material += block
    place = json.dumps(["appointments", "phone", "a1"], separators=(",", ":"))
    texts = [key_id, *(t.encode() for t in (TENANT, "p-7", place, "column-text/1", "column"))]
    aad = pack(">3sBBQB6H", b"JKA", 1, 2, 1, 4, *map(len, texts)) + b"".join(texts)

    assert blob[:5] == b"JK\x01\x02" + bytes((len(KEY_ID),))
    assert key_id.decode() == KEY_ID
    assert commitment == material[32:]
    assert AESGCM(material[:32]).decrypt(bytes(12), sealed, aad) == b"13800000001"


def test_the_code_of_the_page_is_an_hmac() -> None:
    """
    Version, then the first eight bytes of the MAC over label, form and normal value.
    """
    label = json.dumps(["column", "appointments", "phone"], separators=(",", ":"))
    data = prefixed(label, "e164/1", "+8613800000001")
    assert bytes.fromhex(CODE) == b"\x01" + hmac.new(INDEX_KEY, data, hashlib.sha256).digest()[:8]


def test_the_product_writes_and_reads_the_page() -> None:
    """
    Sealing gives the bytes of the page, opening its value, the index its code.
    """
    sealed = COLUMNS.seal_cell(RULE, PLACE, "13800000001")
    assert sealed == SealedValue(from_text(SEALED))
    assert COLUMNS.open_cell(RULE, PLACE, sealed) == "13800000001"
    terms = COLUMNS.terms("appointments", "phone", RULE, "138 0000 0001")
    assert terms == [bytes.fromhex(CODE)]
