"""What does sealing a record cost beside the bare cipher calls?

The job: a record of 12 fields as JSON, encrypted and authenticated whole with
its place bound. The limit keeps one key and draws a nonce; our format derives a
one-use key with a commitment for every record, which is what the second row of
each suite (a peer) does with bare calls.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Final

import orjson
from cryptography.fernet import Fernet
from floors import Record, kept_key, one_use_key, record_of
from rounds import Bench, Case, Contender, installed, main, repeated

from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.seal import open_envelope, seal
from secure_records.envelope.suites import suite_named
from shared_kernel.grades import Grade

SIZES: Final = (1024, 4096)
SUITES: Final = ("intl", "gm")
CASES: Final = tuple(
    f"{verb} {size // 1024} KiB whole, {suite}"
    for suite in SUITES
    for size in SIZES
    for verb in ("seal", "open")
)
_ONE_USE: Final = "bare calls, one-use key"
_SM4_CTR: Final = "openssl speed sm4-ctr"
_DEK: Final = bytes(range(1, 33))
_CONTEXT: Final = EnvelopeContext(
    tenant="12460100000000019E",
    subject="sub_00000000000000000000000000",
    record="rec_00000000000000000000000000",
    version=1,
    schema="outpatient_record/1",
    kind="outpatient_record",
    grade=Grade(4),
    key_id="key_00000000000000000000000000",
)


def cases(bench: Bench) -> Iterator[Case]:
    """G1 and G3 of the limits: whole records."""
    for suite in SUITES:
        for size in SIZES:
            yield _sealing(suite, size, quick=bench.pace.quick)
            yield _opening(suite, size)


def _sealing(suite: str, size: int, *, quick: bool) -> Case:
    record, algorithms = record_of(size), suite_named(suite)
    kept, derived = kept_key(suite)[0], one_use_key(suite)[0]
    peers = {_ONE_USE: repeated(lambda: derived(orjson.dumps(record)))}
    if suite == "intl" and size == SIZES[0]:
        peers |= installed(_field_peers(record))
    if suite == "gm":
        peers |= _sm4_ctr(size, seconds=1 if quick else 2)
    return Case(
        case=f"seal {size // 1024} KiB whole, {suite}",
        unit="records/s",
        ours=repeated(lambda: seal(_DEK, algorithms, _CONTEXT, orjson.dumps(record), os.urandom)),
        limit=repeated(lambda: kept(orjson.dumps(record))),
        peers=peers,
        goal_of_limit=_GOAL_OF_LIMIT.get((suite, size)),
        goal_times_peer=_GOAL_OF_OPENSSL.get((suite, size), {}),
    )


_GOAL_OF_LIMIT: Final = {("intl", 1024): 0.5, ("intl", 4096): 0.85}
_GOAL_OF_OPENSSL: Final = {("gm", 1024): {_SM4_CTR: 0.6}, ("gm", 4096): {_SM4_CTR: 0.9}}


def _opening(suite: str, size: int) -> Case:
    record = record_of(size)
    plaintext = orjson.dumps(record)
    ours = seal(_DEK, suite_named(suite), _CONTEXT, plaintext, os.urandom)
    (kept_seal, kept_open), (derived_seal, derived_open) = kept_key(suite), one_use_key(suite)
    kept, derived = kept_seal(plaintext), derived_seal(plaintext)
    return Case(
        case=f"open {size // 1024} KiB whole, {suite}",
        unit="records/s",
        ours=repeated(lambda: orjson.loads(open_envelope(_DEK, _CONTEXT, ours))),
        limit=repeated(lambda: orjson.loads(kept_open(kept))),
        peers={_ONE_USE: repeated(lambda: orjson.loads(derived_open(derived)))},
    )


def _field_peers(record: Record) -> dict[str, Callable[[], Contender]]:
    """Libraries that applications use today; each imports its own."""
    values = [value.encode() for value in record.values()]

    def fernet_whole() -> Contender:
        fernet = Fernet(Fernet.generate_key())
        return repeated(lambda: fernet.encrypt(orjson.dumps(record)))

    def fernet_fields() -> Contender:
        fernet = Fernet(Fernet.generate_key())
        return repeated(lambda: [fernet.encrypt(value) for value in values])

    def sqlalchemy_utils_fields() -> Contender:
        from sqlalchemy_utils.types.encrypted.encrypted_type import AesGcmEngine  # noqa: PLC0415

        engine = AesGcmEngine()
        engine._update_key("bench secret")  # noqa: SLF001 - what its column type does at start
        texts = list(record.values())
        return repeated(lambda: [engine.encrypt(text) for text in texts])

    def tink_whole() -> Contender:
        import tink  # noqa: PLC0415
        from tink import aead  # noqa: PLC0415

        aead.register()
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        primitive = handle.primitive(aead.Aead)
        return repeated(lambda: primitive.encrypt(orjson.dumps(record), b"place"))

    return {
        "Fernet whole": fernet_whole,
        "Fernet, 12 fields": fernet_fields,
        "sqlalchemy-utils AES-GCM, 12 fields": sqlalchemy_utils_fields,
        "Tink AEAD whole": tink_whole,
    }


def _sm4_ctr(size: int, seconds: int) -> dict[str, Contender]:
    """The cipher alone, as OpenSSL measures itself; measured once, then repeated."""
    if shutil.which("openssl") is None:
        return {}
    command = ["openssl", "speed", "-mr", "-seconds", str(seconds), "-bytes", str(size)]
    done = subprocess.run(
        [*command, "-evp", "sm4-ctr"], capture_output=True, text=True, check=False, timeout=60
    )
    found = re.search(r"^\+F:\d+:sm4-ctr:([0-9.]+)", done.stdout, re.MULTILINE | re.IGNORECASE)
    if found is None:
        return {}
    rate = float(found[1]) / size
    return {_SM4_CTR: lambda _: rate}


if __name__ == "__main__":
    main(CASES, cases)
