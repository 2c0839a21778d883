"""What does sealing a recording in chunks cost beside the cipher over the same chunks?

The job: a recording of many chunks, each encrypted under its own nonce, in order,
with the mark of the last; and back. The limit is the same library's AEAD over chunks
of the same size in the same buffers, and nothing else. Whole ways through files are
measured beside: from the file next to an import line to a durable object, with both
digests, and back; and the memory that a long recording takes.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import hashlib
import io
import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SM3, Hash
from rounds import Bench, Case, Contender, installed, main, repeated

from secure_records.adapters.import_folder import BesideFile
from secure_records.adapters.media_folder import MediaFolder
from secure_records.envelope.suites import suite_named
from secure_records.kinds.import_line import MediaReference
from secure_records.media.context import MediaContext
from secure_records.media.format import DEFAULT_EXPONENT, chunk_nonce
from secure_records.media.object_name import new_object_name
from secure_records.media.reading import MediaReader
from secure_records.media.sealing import MediaSealer
from secure_records.media.taking import take_file

SUITES: Final = ("intl", "gm")
CHUNK: Final = 1 << DEFAULT_EXPONENT
MEBIBYTE: Final = 1 << 20
_TAG: Final = 16
_GOAL: Final = 0.8
_ALLOWED: Final = 64
"""MiB of resident memory that a recording of any length may take."""

CASES: Final = (
    *(
        f"{verb} a recording in chunks of {CHUNK // 1024} KiB, {suite}"
        for suite in SUITES
        for verb in ("seal", "open")
    ),
    *(
        f"{way}, {suite}"
        for suite in SUITES
        for way in ("file to durable object, both digests", "object to its bytes")
    ),
    *(f"MiB left of {_ALLOWED} while a long recording passes, {suite}" for suite in SUITES),
)

_DEK: Final = bytes(range(1, 33))
_CONTEXT: Final = MediaContext(
    tenant="12460100000000019E",
    subject="sub_00000000000000000000000000",
    record="rec_00000000000000000000000000",
    media="med_00000000000000000000000000",
    kind="chat_transcript",
    key_id="key_00000000000000000000000000",
)


def cases(bench: Bench) -> Iterator[Case]:
    """The cipher's share, then whole ways, then memory."""
    for suite in SUITES:
        yield _sealing(suite, bench)
        yield _opening(suite, bench)
    for suite in SUITES:
        yield _taking(suite, bench)
        yield _fetching(suite, bench)
    for suite in SUITES:
        yield _memory(suite, bench)


def _length(suite: str, bench: Bench) -> int:
    """Bytes of one pass: SM4 is thirty times slower than AES."""
    full, quick = {"intl": (32, 16), "gm": (4, 2)}[suite]
    return bench.pace.sized(full, quick) * MEBIBYTE


# --- the cipher's share -----------------------------------------------------------------


def _sealing(suite: str, bench: Bench) -> Case:
    recording = _recording(_length(suite, bench))
    chunks, cipher = _chunks(recording, CHUNK), _bare_seal(suite)
    return Case(
        case=f"seal a recording in chunks of {CHUNK // 1024} KiB, {suite}",
        unit="MiB/s",
        ours=_rate(lambda: _sealed_by_us(suite, chunks), len(recording)),
        limit=_rate(lambda: cipher(chunks), len(recording)),
        peers=installed({"Tink streaming AEAD": lambda: _tink(recording, opening=False)})
        if suite == "intl"
        else {},
        goal_of_limit=_GOAL,
    )


def _opening(suite: str, bench: Bench) -> Case:
    recording = _recording(_length(suite, bench))
    sealed = b"".join(map(bytes, _stream(suite, io.BytesIO(recording))))
    source = _Held(sealed)
    header = len(sealed) - len(recording) - _TAG * -(-len(recording) // CHUNK)
    body, cipher = memoryview(sealed)[header:], _bare_open(suite, sealed)
    chunks = _chunks(body, CHUNK + _TAG)

    def ours() -> None:
        deque(MediaReader(_DEK, _CONTEXT, source).range(), maxlen=0)

    return Case(
        case=f"open a recording in chunks of {CHUNK // 1024} KiB, {suite}",
        unit="MiB/s",
        ours=_rate(ours, len(recording)),
        limit=_rate(lambda: cipher(chunks), len(recording)),
        peers=installed({"Tink streaming AEAD": lambda: _tink(recording, opening=True)})
        if suite == "intl"
        else {},
        goal_of_limit=_GOAL,
    )


def _sealed_by_us(suite: str, chunks: list[memoryview]) -> None:
    sealer = MediaSealer(_DEK, suite_named(suite), _CONTEXT, os.urandom)
    final = len(chunks) - 1
    for number, chunk in enumerate(chunks):
        sealer.seal(chunk, last=number == final)


def _stream(suite: str, source: io.BytesIO) -> Iterator[memoryview]:
    return MediaSealer(_DEK, suite_named(suite), _CONTEXT, os.urandom).stream(source)


def _bare_seal(suite: str) -> Callable[[list[memoryview]], None]:
    room = memoryview(bytearray(CHUNK + _TAG))
    if suite == "intl":
        aes = AESGCM(_DEK)

        def seal_aes(chunks: list[memoryview]) -> None:
            for number, chunk in enumerate(chunks):
                aes.encrypt_into(chunk_nonce(number, last=False), chunk, None, room)

        return seal_aes
    sm4 = SM4(_DEK[:16])

    def seal_sm4(chunks: list[memoryview]) -> None:
        for number, chunk in enumerate(chunks):
            context = Cipher(sm4, modes.GCM(chunk_nonce(number, last=False))).encryptor()
            context.update_into(chunk, room)
            context.finalize()
            room[CHUNK:] = context.tag

    return seal_sm4


def _bare_open(suite: str, sealed: bytes) -> Callable[[list[memoryview]], None]:
    """Under the file key of what was sealed: a tag that does not hold would stop the work."""
    from secure_records.media.file_key import derive_file_key  # noqa: PLC0415
    from secure_records.media.format import parse_header  # noqa: PLC0415

    algorithms = suite_named(suite)
    binding = _CONTEXT.binding(algorithms, DEFAULT_EXPONENT)
    key, _ = derive_file_key(algorithms, _DEK, parse_header(sealed).message_id, binding)
    room = memoryview(bytearray(CHUNK + _TAG))
    if suite == "intl":
        aes, out = AESGCM(key), room[:CHUNK]

        def open_aes(chunks: list[memoryview]) -> None:
            final = len(chunks) - 1
            for number, chunk in enumerate(chunks):
                aes.decrypt_into(chunk_nonce(number, last=number == final), chunk, None, out)

        return open_aes
    sm4 = SM4(key)

    def open_sm4(chunks: list[memoryview]) -> None:
        final = len(chunks) - 1
        for number, chunk in enumerate(chunks):
            nonce, tag = chunk_nonce(number, last=number == final), bytes(chunk[CHUNK:])
            context = Cipher(sm4, modes.GCM(nonce, tag)).decryptor()
            context.update_into(chunk[:CHUNK], room)
            context.finalize()

    return open_sm4


# --- whole ways -------------------------------------------------------------------------


def _taking(suite: str, bench: Bench) -> Case:
    folder = bench.place(f"taking-{suite}")
    size = _written(folder, suite, bench)
    objects, beside = MediaFolder(folder / "objects"), BesideFile(folder)
    reference = MediaReference(path="a.wav", media_type="audio/wav")
    cipher = _bare_seal(suite)

    def ours() -> None:
        name = new_object_name(os.urandom)
        take_file(
            beside,
            reference,
            size,
            objects,
            name,
            dek=_DEK,
            suite=suite_named(suite),
            context=_CONTEXT,
            entropy=os.urandom,
        )
        objects.remove(name)

    def bare(*, digests: bool) -> None:
        target = folder / "bare"
        room, sm3, sha256 = memoryview(bytearray(CHUNK)), Hash(SM3()), hashlib.sha256()
        with (folder / "a.wav").open("rb", buffering=0) as file, target.open("wb") as out:
            while file.readinto(room):
                if digests:
                    sm3.update(room)
                    sha256.update(room)
                cipher([room])
                out.write(room)
            out.flush()
            os.fsync(out.fileno())
        target.unlink()

    return Case(
        case=f"file to durable object, both digests, {suite}",
        unit="MiB/s",
        ours=_rate(ours, size),
        limit=_rate(lambda: bare(digests=False), size),
        peers={"bare calls, both digests": _rate(lambda: bare(digests=True), size)},
    )


def _fetching(suite: str, bench: Bench) -> Case:
    folder = bench.place(f"fetching-{suite}")
    size = _written(folder, suite, bench)
    objects, name = MediaFolder(folder / "objects"), new_object_name(os.urandom)
    objects.put(name, _stream(suite, io.BytesIO((folder / "a.wav").read_bytes())))
    sealed = (folder / "objects" / name).read_bytes()
    cipher = _bare_open(suite, sealed)
    first = len(sealed) - size - _TAG * -(-size // CHUNK)

    def ours() -> None:
        with objects.open(name) as source:
            deque(MediaReader(_DEK, _CONTEXT, source).range(), maxlen=0)

    def bare() -> None:
        with (folder / "objects" / name).open("rb", buffering=0) as file:
            body = file.read()
        cipher(_chunks(memoryview(body)[first:], CHUNK + _TAG))

    return Case(
        case=f"object to its bytes, {suite}",
        unit="MiB/s",
        ours=_rate(ours, size),
        limit=_rate(bare, size),
    )


def _written(folder: Path, suite: str, bench: Bench) -> int:
    """A file that is taken as a WAV file; its length in bytes."""
    content = _recording(_length(suite, bench))
    (folder / "a.wav").write_bytes(content)
    return len(content)


# --- memory -----------------------------------------------------------------------------


def _memory(suite: str, bench: Bench) -> Case:
    mebibytes = {"intl": bench.pace.sized(512, 128), "gm": bench.pace.sized(128, 32)}[suite]
    place = bench.place(f"memory-{suite}")

    @cache
    def grown() -> float:
        command = [sys.executable, __file__, "--grow", suite, str(mebibytes), str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        return float(done.stdout)

    return Case(
        case=f"MiB left of {_ALLOWED} while a long recording passes, {suite}",
        unit=f"MiB ({mebibytes} MiB long)",
        ours=lambda _: _ALLOWED - grown(),
        limit=lambda _: float(_ALLOWED),
        goal_ours=0,
    )


def _grow(suite: str, mebibytes: int, place: Path) -> None:
    """In a process of its own: by how much its memory grew at most, in MiB."""
    objects = MediaFolder(place)

    def passes(size: int) -> None:
        name = new_object_name(os.urandom)
        sealer = MediaSealer(_DEK, suite_named(suite), _CONTEXT, os.urandom)
        objects.put(name, sealer.stream(_Silence(size)))
        with objects.open(name) as source:
            deque(MediaReader(_DEK, _CONTEXT, source).range(), maxlen=0)
        objects.remove(name)

    passes(1)
    before = _peak_kibibytes()
    passes(mebibytes * MEBIBYTE)
    print((_peak_kibibytes() - before) / 1024)


def _peak_kibibytes() -> int:
    """Of this program alone: what getrusage says includes the program before exec."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("this system does not say how much memory a process takes")


# --- small parts ------------------------------------------------------------------------


class _Held:
    """A sealed recording in memory; reading it copies nothing."""

    window_bytes = 4 * MEBIBYTE

    def __init__(self, sealed: bytes) -> None:
        self._view = memoryview(sealed)
        self.size = len(sealed)

    def read(self, offset: int, length: int) -> memoryview:
        return self._view[offset : offset + length]


class _Silence(io.RawIOBase):
    """A recording of any length that lies nowhere."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readinto(self, buffer: object) -> int:
        count = min(len(memoryview(buffer)), self._left)  # type: ignore[arg-type]
        self._left -= count
        return count


@cache
def _recording(size: int) -> bytes:
    return b"RIFF\x00\x00\x00\x00WAVE" + os.urandom(size - 12)


def _chunks(data: bytes | memoryview, size: int) -> list[memoryview]:
    view = memoryview(data)
    return [view[at : at + size] for at in range(0, len(view), size)]


def _rate(job: Callable[[], object], size: int) -> Contender:
    """Passes over whole mebibytes."""
    return repeated(job, per_call=size // MEBIBYTE)


def _tink(recording: bytes, *, opening: bool) -> Contender:
    import tink  # noqa: PLC0415
    from tink import streaming_aead  # noqa: PLC0415

    streaming_aead.register()
    template = streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB
    primitive = tink.new_keyset_handle(template).primitive(streaming_aead.StreamingAead)

    def sealed() -> bytes:
        kept = _Kept()
        with primitive.new_encrypting_stream(kept, b"place") as stream:
            stream.write(recording)
        return kept.getvalue_before_close

    ciphertext = sealed()

    def opened() -> None:
        with primitive.new_decrypting_stream(io.BytesIO(ciphertext), b"place") as stream:
            while stream.read(CHUNK):
                pass

    return _rate(opened if opening else sealed, len(recording))


class _Kept(io.BytesIO):
    """Tink closes what it wrote to."""

    getvalue_before_close = b""

    def close(self) -> None:
        self.getvalue_before_close = self.getvalue()
        super().close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--grow"]:
        _grow(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main(CASES, cases)
