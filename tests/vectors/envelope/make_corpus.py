"""Which sealed bytes must every later version open?

Wrote ``corpus-v1.json`` beside this file, once, with version 0.1: envelopes of
format 1, wrapped keys and column cells, with their keys and contexts. The file is
frozen; a later format gets a corpus of its own. All of it is synthetic, all
randomness comes from a seed. ``python tests/vectors/envelope/make_corpus.py`` prints it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from secure_records.columns.column_keys import ColumnKeys
from secure_records.columns.place import Place, as_text
from secure_records.columns.rule import FieldRule
from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.seal import seal
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.intake import parse_line
from secure_records.keys.models import KeyKind, KeySlot, WrappedKey
from secure_records.keys.wrapping import wrap
from secure_records.kinds.catalogue import kind_named
from secure_records.sealing import plaintext_of
from secure_records.testing import SeededEntropy, synthetic_lines
from secure_records.testing.synthetic import lines_as_bytes
from shared_kernel.grades import Grade

DRAW = SeededEntropy("corpus-v1")
TENANT = "12340100490000001M"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 1023, 1024, 4096, 16384, 65536)
SHOWN = 2048
"""Bytes of plaintext that are given in full; of longer ones the digest."""

LONGEST_TEXTS = 4096


def text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def plain(data: bytes) -> dict[str, Any]:
    whole = {"plaintext": text(data)} if len(data) <= SHOWN else {}
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **whole}


def filler(size: int) -> bytes:
    """Multi-byte text of exactly so many bytes of UTF-8."""
    whole = "患者自述：鼻痒、喷嚏🤧 — ä ".encode() * (size // 20 + 1)
    cut = whole[:size].decode(errors="ignore").encode()
    return cut + b"." * (size - len(cut))


def context(number: int, **changes: object) -> EnvelopeContext:
    usual: dict[str, Any] = {
        "tenant": TENANT,
        "subject": f"sub_{number:026d}",
        "record": f"rec_{number:026d}",
        "version": 1,
        "schema": "outpatient_record/1",
        "kind": "outpatient_record",
        "grade": Grade.SENSITIVE,
        "key_id": f"key_{number:026d}",
    }
    return EnvelopeContext(**(usual | changes))


def contexts() -> Iterator[tuple[str, EnvelopeContext]]:
    """Contexts at their edges."""
    for grade in Grade:
        yield f"grade {grade.value}", context(grade.value, grade=grade)
    for version in (2, 255, 256, 2**32, 2**63 - 1):
        yield f"version {version}", context(10, version=version)
    yield (
        "one character each",
        context(11, tenant="t", subject="s", record="r", schema="c", kind="k", key_id="i"),
    )
    yield "longest key id", context(12, key_id="k" * 64)
    for name in ("tenant", "subject", "record", "schema", "kind"):
        usual = context(13)
        rest = sum(
            len(getattr(usual, other).encode())
            for other in ("tenant", "subject", "record", "schema", "kind", "key_id")
            if other != name
        )
        yield f"longest {name}", context(13, **{name: filler(LONGEST_TEXTS - rest).decode()})
    yield (
        "parts beyond ASCII",
        context(14, tenant="示范医院", subject="患者", record="病历", kind="种类"),
    )
    yield "zero bytes inside", context(15, subject="a\0b", record="\0")


def envelopes(suite: Suite) -> Iterator[dict[str, Any]]:
    def case(
        name: str, dek: bytes, where: EnvelopeContext, data: bytes, **more: object
    ) -> dict[str, Any]:
        blob = seal(dek, suite, where, data, DRAW)
        place = asdict(where) | {"grade": int(where.grade)}
        return {
            "name": f"{suite.name}: {name}",
            "suite": suite.name,
            "dek": dek.hex(),
            "context": place,
            **plain(data),
            **more,
            "envelope": text(blob),
        }

    for number, raw in enumerate(lines_as_bytes(synthetic_lines(1)), start=1):
        record = parse_line(raw, number)
        kind = kind_named(record.kind)
        row = {
            "retention_class": kind.retention_class,
            "clinician": record.clinician,
            "visit": record.visit,
            "occurred_at": record.occurred_at.isoformat(),
        }
        where = context(number + 100, schema=kind.schema, kind=kind.name)
        yield case(kind.name, DRAW(32), where, plaintext_of(record), row=row)
    for size in SIZES:
        yield case(f"{size} bytes", DRAW(32), context(1000 + size), filler(size))
    yield case("no text", DRAW(32), context(20), bytes(range(256)))
    for name, where in contexts():
        yield case(name, DRAW(32), where, b"{}")
    for name, dek in (("data key of zeros", bytes(32)), ("data key of ones", b"\xff" * 32)):
        yield case(name, dek, context(21), b"{}")


def wrapped(suite: Suite) -> Iterator[dict[str, Any]]:
    for number, kind in enumerate(KeyKind, start=1):
        slot = KeySlot(
            tenant="" if kind is KeyKind.FILE else TENANT,
            kind=kind,
            owner=f"sub_{number:026d}" if kind in {KeyKind.DATA, KeyKind.AUDIT} else "",
            retention_class="outpatient_record" if kind is KeyKind.DATA else "",
        )
        public = DRAW({"sm2": 64, "ed25519": 32}.get(kind.value.rpartition("-")[2], 0))
        row = WrappedKey(
            slot=slot,
            key_id=f"key_{number:026d}",
            version=number,
            suite=suite.name,
            wrapped=b"",
            public=public,
            created_at=AT,
        )
        parent, secret = DRAW(32), DRAW(32)
        made = wrap(suite, parent, secret, row, DRAW)
        yield {
            "name": f"{suite.name}: {kind.value}",
            "suite": suite.name,
            "parent": parent.hex(),
            "secret": secret.hex(),
            "slot": {
                "tenant": slot.tenant,
                "kind": kind.value,
                "owner": slot.owner,
                "retention_class": slot.retention_class,
            },
            "key_id": row.key_id,
            "version": row.version,
            "public": public.hex(),
            "wrapped": made.wrapped.hex(),
        }


class OneKey:
    """The key ring of a column that has one key."""

    def __init__(self, suite: Suite, key_id: str, dek: bytes, index_key: bytes) -> None:
        self.suite = suite
        self._key_id, self._dek, self._index_key = key_id, dek, index_key

    def dek(self, _tenant: str, _subject: str, _retention_class: str) -> tuple[str, bytes]:
        return self._key_id, self._dek

    def dek_by_id(self, _tenant: str, _key_id: str) -> bytes:
        return self._dek

    def index_key(self, _tenant: str, _column: str, _version: int = 1) -> bytes:
        return self._index_key

    def flush(self) -> None:
        """Nothing is kept."""


def cells(suite: Suite) -> Iterator[dict[str, Any]]:
    places = (
        Place(table="appointments", column="phone", key=("a1",), subject="p-7"),
        Place(table="clinic.orders", column="phone", key=("北院", 42), subject=None),
    )
    for place in places:
        dek, index_key = DRAW(32), DRAW(32)
        keys = ColumnKeys(OneKey(suite, f"key_{7:026d}", dek, index_key), TENANT, DRAW)
        rule = FieldRule(index="e164/1", subject=None if place.subject is None else "patient")
        sealed = keys.seal_cell(rule, place, "138 0000 0001")
        yield {
            "name": f"{suite.name}: {place.table}.{place.column}",
            "suite": suite.name,
            "dek": dek.hex(),
            "index_key": index_key.hex(),
            "tenant": TENANT,
            "place": asdict(place),
            "value": "138 0000 0001",
            "term": keys.terms(place.table, place.column, rule, "13800000001")[0].hex(),
            "cell": as_text(sealed.envelope),
        }


def document() -> str:
    """The whole file."""
    content = {
        "corpus": "jinkui-sealed/1",
        "generator": "tests/vectors/envelope/make_corpus.py",
        "envelopes": [case for suite in (GM, INTL) for case in envelopes(suite)],
        "wrapped_keys": [case for suite in (GM, INTL) for case in wrapped(suite)],
        "cells": [case for suite in (GM, INTL) for case in cells(suite)],
    }
    return json.dumps(content, ensure_ascii=True, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
