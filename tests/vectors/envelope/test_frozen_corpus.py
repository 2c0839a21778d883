"""What was sealed once opens in every later version, and nothing near it does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from struct import pack
from typing import Any

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_records.columns.column_keys import ColumnKeys
from secure_records.columns.place import Place, from_text
from secure_records.columns.rule import FieldRule
from secure_records.columns.sealed_types import SealedValue
from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.inspect import inspect_envelope
from secure_records.envelope.seal import open_envelope
from secure_records.envelope.suites import Suite, suite_named
from secure_records.errors import EnvelopeRefused, WrappedKeyRefused
from secure_records.keys.models import KeyKind, KeySlot, WrappedKey
from secure_records.keys.wrapping import unwrap
from secure_records.kinds.catalogue import KINDS
from secure_records.ports import RecordRow
from secure_records.sealing import body_of, open_row
from shared_kernel.grades import Grade

CORPUS = Path(__file__).with_name("corpus-v1.json")
FROZEN = "6d91ace857fec9e89ca37716dbf62dcd03d2f7ab93026c3e79a57153124c16ea"
DOCUMENT: dict[str, list[dict[str, Any]]] = json.loads(CORPUS.read_text("ascii"))
ENVELOPES, WRAPPED, CELLS = (DOCUMENT[name] for name in ("envelopes", "wrapped_keys", "cells"))
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
EVERY_BYTE = 1024
"""Envelopes up to this length are flipped byte by byte, longer ones at places drawn by a seed."""

DRAWN = 300


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


def context_of(case: dict[str, Any]) -> EnvelopeContext:
    return EnvelopeContext(**(case["context"] | {"grade": Grade(case["context"]["grade"])}))


def blob_of(case: dict[str, Any]) -> bytes:
    return base64.b64decode(case["envelope"], validate=True)


def flipped(data: bytes, name: str) -> Iterator[bytes]:
    """The data with one bit of one byte changed, at every byte or at drawn ones."""
    draw = Random(name)
    places = range(len(data))
    if len(data) > EVERY_BYTE:
        places = sorted({*range(160), *draw.sample(places, DRAWN), *places[-32:]})  # type: ignore[assignment]
    for place in places:
        altered = bytearray(data)
        altered[place] ^= 1 << draw.randrange(8)
        yield bytes(altered)


def opened_by_the_page(suite: str, dek: bytes, where: dict[str, Any], blob: bytes) -> bytes:
    """A second reader, written from docs/formats/envelope-v1.md over other libraries."""
    at = 5 + blob[4]
    key_id, message_id = blob[5:at], blob[at : at + 32]
    commitment, sealed = blob[at + 32 : at + 64], blob[at + 64 :]
    code = {"gm": b"\x01", "intl": b"\x02"}[suite]
    assert blob[:4] == b"JK\x01" + code

    def keyed(data: bytes) -> bytes:
        if suite == "gm":
            return bytes(gmssl_pyx.sm3_hmac(dek, data))
        return hmac.digest(dek, data, hashlib.sha256)

    info = b"JK1" + code + b"rec" + message_id
    first = keyed(info + b"\x01")
    material = first + keyed(first + info + b"\x02")
    size = {"gm": 16, "intl": 32}[suite]
    assert material[size : size + 32] == commitment
    parts = [where[name].encode() for name in ("tenant", "subject", "record", "schema", "kind")]
    texts = [key_id, *parts]
    lengths = pack(">QB6H", where["version"], where["grade"], *map(len, texts))
    aad = b"JKA\x01" + code + lengths + b"".join(texts)
    if suite == "gm":
        opened: bytes = gmssl_pyx.sm4_gcm_decrypt(
            material[:16], iv=bytes(12), aad=aad, ciphertext=sealed[:-16], tag=sealed[-16:]
        )
        return opened
    return AESGCM(material[:32]).decrypt(bytes(12), sealed, aad)


def test_the_corpus_is_frozen() -> None:
    """
    Not one byte of the file may change: a new format gets a new corpus.
    """
    assert hashlib.sha256(CORPUS.read_bytes()).hexdigest() == FROZEN


def test_the_corpus_covers_what_there_is() -> None:
    """
    Both suites, the five first kinds, sizes to 64 KiB, all grades, all kinds of keys.
    """
    assert len({named(case) for case in (*ENVELOPES, *WRAPPED)}) == len(ENVELOPES) + len(WRAPPED)
    for suite in ("gm", "intl"):
        mine = [case for case in ENVELOPES if case["suite"] == suite]
        assert {case["context"]["kind"] for case in mine if "row" in case} == {
            "revisit_proof", "consent", "chat_transcript", "outpatient_record", "prescription",
        }  # fmt: skip
        assert {case["context"]["grade"] for case in mine} == {1, 2, 3, 4, 5}
        assert {0, 1, 15, 16, 17, 1024, 65536} <= {case["bytes"] for case in mine}
        assert {case["slot"]["kind"] for case in WRAPPED if case["suite"] == suite} >= {
            "tenant", "data", "audit", "index", "file", "log-sm2", "person-ed25519",
        }  # fmt: skip
    assert Counter(case["suite"] for case in CELLS) == {"gm": 2, "intl": 2}


@pytest.mark.parametrize("case", ENVELOPES, ids=named)
def test_every_envelope_opens(case: dict[str, Any]) -> None:
    """
    With key and context of its time, to the bytes of its time, in the product and beside it.
    """
    dek, blob = bytes.fromhex(case["dek"]), blob_of(case)
    opened = open_envelope(dek, context_of(case), blob)

    assert len(opened) == case["bytes"] == inspect_envelope(blob).plaintext_bytes
    assert hashlib.sha256(opened).hexdigest() == case["sha256"]
    if "plaintext" in case:
        assert opened == base64.b64decode(case["plaintext"])
    if opened or case["suite"] == "intl":  # GmSSL's Python face opens no empty ciphertext
        assert opened_by_the_page(case["suite"], dek, case["context"], blob) == opened


@pytest.mark.parametrize("case", [case for case in ENVELOPES if "row" in case], ids=named)
def test_every_record_is_read_again(case: dict[str, Any]) -> None:
    """
    The content of each kind still has the shape that its schema promised.
    """
    where, beside = case["context"], case["row"]
    row = RecordRow(
        **where,
        **(beside | {"occurred_at": datetime.fromisoformat(beside["occurred_at"])}),
        external_ref=b"",
        content_mac=b"",
        created_at=AT,
        envelope=blob_of(case),
    )
    content = open_row(row, bytes.fromhex(case["dek"]))

    assert content.visit == beside["visit"]
    assert type(body_of(row, content)) is KINDS[where["kind"]].body


@pytest.mark.parametrize("case", ENVELOPES, ids=named)
def test_no_byte_of_an_envelope_may_change(case: dict[str, Any]) -> None:
    """
    One bit of any byte flipped, cut at the end or grown: refused, never another text.
    """
    dek, where, blob = bytes.fromhex(case["dek"]), context_of(case), blob_of(case)
    for altered in (*flipped(blob, named(case)), blob[:-1], blob + b"\x00", b"\x00" + blob):
        with pytest.raises(EnvelopeRefused):
            open_envelope(dek, where, altered)


@pytest.mark.parametrize("case", ENVELOPES, ids=named)
def test_no_part_of_the_context_may_change(case: dict[str, Any]) -> None:
    """
    Another place, version, grade or key: refused.
    """
    dek, where, blob = bytes.fromhex(case["dek"]), context_of(case), blob_of(case)
    others = (*Grade, None)
    for part in fields(EnvelopeContext):
        value = getattr(where, part.name)
        if part.name == "grade":
            other: object = next(grade for grade in others if grade is not value)
        elif part.name == "version":
            other = value - 1 or 2
        else:
            other = ("y" if value[0] == "x" else "x") + value[1:].encode()[: len(value)].decode(
                errors="ignore"
            )
        with pytest.raises(EnvelopeRefused):
            open_envelope(dek, replace(where, **{part.name: other}), blob)
    with pytest.raises(EnvelopeRefused):
        open_envelope(bytes((dek[0] ^ 1,)) + dek[1:], where, blob)


def row_of(case: dict[str, Any], wrapped: bytes) -> WrappedKey:
    slot = case["slot"] | {"kind": KeyKind(case["slot"]["kind"])}
    return WrappedKey(
        slot=KeySlot(**slot),
        key_id=case["key_id"],
        version=case["version"],
        suite=case["suite"],
        wrapped=wrapped,
        public=bytes.fromhex(case["public"]),
        created_at=AT,
    )


@pytest.mark.parametrize("case", WRAPPED, ids=named)
def test_every_wrapped_key_opens_in_its_row_only(case: dict[str, Any]) -> None:
    """
    The secret of its time; with one bit flipped or in another row: refused.
    """
    suite, parent = suite_named(case["suite"]), bytes.fromhex(case["parent"])
    wrapped = bytes.fromhex(case["wrapped"])
    row = row_of(case, wrapped)

    assert unwrap(suite, parent, row).hex() == case["secret"]
    moved = [
        replace(row, key_id="key_other"),
        replace(row, version=row.version + 1),
        replace(row, public=b"\x00" + row.public[1:]),
        replace(row, slot=replace(row.slot, owner="sub_other")),
        replace(row, slot=replace(row.slot, tenant="other")),
        replace(row, slot=replace(row.slot, retention_class="other")),
        *(replace(row, wrapped=altered) for altered in flipped(wrapped, named(case))),
    ]
    for other in moved:
        with pytest.raises(WrappedKeyRefused):
            unwrap(suite, parent, other)


class OneKey:
    """The key ring of a column that has one key."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.suite: Suite = suite_named(case["suite"])
        self._case = case

    def dek(self, tenant: str, subject: str, retention_class: str) -> tuple[str, bytes]:
        raise AssertionError((tenant, subject, retention_class))

    def dek_by_id(self, _tenant: str, _key_id: str) -> bytes:
        return bytes.fromhex(self._case["dek"])

    def index_key(self, _tenant: str, _column: str, _version: int = 1) -> bytes:
        return bytes.fromhex(self._case["index_key"])

    def flush(self) -> None:
        """Nothing is kept."""


@pytest.mark.parametrize("case", CELLS, ids=named)
def test_every_cell_opens_in_its_place_only(case: dict[str, Any]) -> None:
    """
    Value and index code of its time; another key of the row or a flipped bit: refused.
    """
    columns = ColumnKeys(OneKey(case), case["tenant"], bytes)
    place = Place(**(case["place"] | {"key": tuple(case["place"]["key"])}))
    rule = FieldRule(index="e164/1")
    envelope = from_text(case["cell"])

    assert columns.open_cell(rule, place, SealedValue(envelope)) == case["value"]
    assert columns.terms(place.table, place.column, rule, case["value"])[0].hex() == case["term"]
    with pytest.raises(EnvelopeRefused):
        columns.open_cell(rule, replace(place, key=(*place.key, 1)), SealedValue(envelope))
    for altered in flipped(envelope, named(case)):
        with pytest.raises(EnvelopeRefused):
            columns.open_cell(rule, place, SealedValue(altered))
