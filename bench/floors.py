"""What is the least that Python must do for the same job, with the same libraries?

Bare calls without errors, models or an interface: nothing above them can be
faster. The benches hold ours beside these. Imported only; run alone it does
nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import sqlcipher3.dbapi2 as sqlcipher
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.hmac import HMAC
from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

Record = dict[str, str]
Seal = Callable[[bytes], bytes]
Open = Callable[[bytes], bytes]

AAD: Final = b"t" * 150
"""As long as the context that an envelope binds."""

_NONCE: Final = 12
_TAG: Final = 16
_KEY: Final = bytes(range(32))
_HASHES: Final[Mapping[str, SHA256 | SM3]] = {"intl": SHA256(), "gm": SM3()}
_KEY_BYTES: Final = {"intl": 32, "gm": 16}


def record_of(size: int) -> Record:
    """An invented record of 12 fields whose JSON has exactly ``size`` bytes."""
    record = {
        "name": "示例患者",
        "id_no": "46010019900307004X",
        "phone": "13800000000",
        "address": "示范省示范市示范路1号",
        "birth_date": "1990-03-07",
        "blood_type": "AB+",
        "diagnosis": "I10.x00 高血压; E11.9 2型糖尿病",
        "medication": "二甲双胍 500 mg bid; 氨氯地平 5 mg qd",
        "allergies": "青霉素",
        "lab": "HbA1c 7.1; glucose 8.4; LDL 2.9; eGFR 88",
        "visit": "V2026030100017",
        "note": "",
    }
    missing = size - len(orjson.dumps(record))
    record["note"] = ("The synthetic patient reports improved tolerance. " * (size // 40))[:missing]
    return record


def mac_state(suite: str, key: bytes = _KEY) -> HMAC:
    """A keyed state to be copied."""
    return HMAC(key, _HASHES[suite])


def kept_key(suite: str) -> tuple[Seal, Open]:
    """Sealing with one kept key and a random nonce."""
    if suite == "gm":
        return _sm4_kept()
    aead = AESGCM(_KEY)

    def seal(plaintext: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + aead.encrypt(nonce, plaintext, AAD)

    def opened(sealed: bytes) -> bytes:
        return aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], AAD)

    return seal, opened


def one_use_key(suite: str) -> tuple[Seal, Open]:
    """Sealing under a fresh HKDF-Expand key with a commitment, as our format asks."""
    keyed, size = mac_state(suite), _KEY_BYTES[suite]

    def derive(message_id: bytes) -> tuple[bytes, bytes]:
        state = keyed.copy()
        state.update(message_id + b"\x01")
        first = state.finalize()
        state = keyed.copy()
        state.update(first + message_id + b"\x02")
        material = first + state.finalize()
        return material[:size], material[size : size + 32]

    def seal(plaintext: bytes) -> bytes:
        message_id = os.urandom(32)
        key, commitment = derive(message_id)
        return message_id + commitment + _encrypt(suite, key, plaintext)

    def opened(sealed: bytes) -> bytes:
        key, commitment = derive(sealed[:32])
        if commitment != sealed[32:64]:
            raise ValueError
        return _decrypt(suite, key, sealed[64:])

    return seal, opened


def _encrypt(suite: str, key: bytes, plaintext: bytes) -> bytes:
    nonce = bytes(_NONCE)
    if suite == "intl":
        return AESGCM(key).encrypt(nonce, plaintext, AAD)
    encryptor = Cipher(SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(AAD)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def _decrypt(suite: str, key: bytes, sealed: bytes) -> bytes:
    nonce = bytes(_NONCE)
    if suite == "intl":
        return AESGCM(key).decrypt(nonce, sealed, AAD)
    decryptor = Cipher(SM4(key), modes.GCM(nonce, sealed[-_TAG:])).decryptor()
    decryptor.authenticate_additional_data(AAD)
    return decryptor.update(sealed[:-_TAG]) + decryptor.finalize()


def _sm4_kept() -> tuple[Seal, Open]:
    cipher = SM4(_KEY[:16])

    def seal(plaintext: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        encryptor = Cipher(cipher, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(AAD)
        return nonce + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag

    def opened(sealed: bytes) -> bytes:
        decryptor = Cipher(cipher, modes.GCM(sealed[:_NONCE], sealed[-_TAG:])).decryptor()
        decryptor.authenticate_additional_data(AAD)
        return decryptor.update(sealed[_NONCE:-_TAG]) + decryptor.finalize()

    return seal, opened


def bare_store(path: Path, synchronous: str, *, key: bytes = b"\x11" * 32) -> Any:  # noqa: ANN401 - the driver ships no types
    """A SQLCipher connection with the file format and the durability of our own store.

    Page cache and page authentication as ours.
    """
    connection = sqlcipher.connect(str(path), isolation_level=None, check_same_thread=False)
    for pragma in (
        f"key = \"x'{key.hex()}'\"",
        "cipher_page_size = 4096",
        "cipher_hmac_algorithm = HMAC_SHA256",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        "secure_delete = ON",
        "temp_store = MEMORY",
        f"cache_size = {-64 * 1024}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def add_tables(connection: Any, metadata: MetaData) -> None:  # noqa: ANN401 - as above
    """Make our own tables and indexes on a bare connection."""
    dialect = sqlite.dialect()
    for table in metadata.sorted_tables:
        connection.execute(str(CreateTable(table).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda found: str(found.name)):
            connection.execute(str(CreateIndex(index).compile(dialect=dialect)))


def insert_into(table: Table) -> str:
    """An INSERT of every column in order, with question marks."""
    marks = ", ".join("?" * len(table.columns))
    return f"INSERT INTO {table.name} VALUES ({marks})"  # noqa: S608 - our own names and marks


class Edge:
    """The right edge of an RFC 6962 tree: two hashes a leaf on average."""

    __slots__ = ("peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def append(self, entry: bytes) -> tuple[bytes, bytes]:
        """Hash of the leaf, and of the subtrees it completes, joined."""
        sha = hashlib.sha256
        leaf = node = sha(b"\x00" + entry).digest()
        lower, peaks, completed = self.size, self.peaks, b""
        while lower & 1:
            node = sha(b"\x01" + peaks.pop() + node).digest()
            completed += node
            lower >>= 1
        peaks.append(node)
        self.size += 1
        return leaf, completed

    def root(self) -> bytes:
        """Root over all leaves; there must be one."""
        result = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            result = hashlib.sha256(b"\x01" + left + result).digest()
        return result
