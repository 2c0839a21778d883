"""A sealed recording is read as it was, or not at all."""

from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import ContextRefused, EnvelopeRefused, KeyMalformed
from secure_records.media.chunk_cipher import ChunkCipher
from secure_records.media.context import MediaContext
from secure_records.media.errors import MediaMalformed, MediaRangeRefused, MediaRefused
from secure_records.media.file_key import derive_file_key
from secure_records.media.format import LONGEST_HEADER, MediaHeader, parse_header, sealed_size
from secure_records.media.reading import MediaReader
from secure_records.media.sealing import MediaSealer
from shared_kernel.errors import VerificationFailed

DEK = bytes(range(32))
EXPONENT = 4
SIZE = 1 << EXPONENT
CONTEXT = MediaContext(
    tenant="91330100MA2ABCDE4X",
    subject="sub_1",
    record="rec_1",
    media="med_1",
    kind="chat_transcript",
    key_id="key_1",
)
SUITES = pytest.mark.parametrize("suite", [GM, INTL], ids=["gm", "intl"])


class Held:
    """An object in memory that counts what is asked of it."""

    window_bytes = 64

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.size = len(blob)
        self.asked: list[tuple[int, int]] = []

    def read(self, offset: int, length: int) -> bytes:
        self.asked.append((offset, length))
        return self.blob[offset : offset + length]


class Trickle(io.RawIOBase):
    """A source that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def readinto(self, buffer: object) -> int:
        room = memoryview(buffer)  # type: ignore[arg-type]
        count = min(len(room), 3, len(self._data))
        room[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


def sealed(
    plaintext: bytes,
    suite: Suite = INTL,
    context: MediaContext = CONTEXT,
    exponent: int = EXPONENT,
    dek: bytes = DEK,
) -> bytes:
    sealer = MediaSealer(dek, suite, context, os.urandom, chunk_exponent=exponent)
    return b"".join(bytes(part) for part in sealer.stream(io.BytesIO(plaintext)))


def opened(
    blob: bytes,
    context: MediaContext = CONTEXT,
    start: int = 0,
    end: int | None = None,
    dek: bytes = DEK,
) -> bytes:
    parts = MediaReader(dek, context, Held(blob)).range(start, end)
    return b"".join(bytes(part) for part in parts)


def chunks_of(blob: bytes) -> tuple[bytes, list[bytes]]:
    """The header and the sealed chunks."""
    at = parse_header(blob).length
    step = SIZE + 16
    return blob[:at], [blob[begin : begin + step] for begin in range(at, len(blob), step)]


@SUITES
@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 5 * SIZE + 7])
def test_recording_comes_back_as_it_was(suite: Suite, size: int) -> None:
    """Whatever its length beside the chunk size."""
    plaintext = os.urandom(size)

    blob = sealed(plaintext, suite)

    assert opened(blob) == plaintext
    assert len(blob) == sealed_size(len(chunks_of(blob)[0]), EXPONENT, size)
    assert MediaReader(DEK, CONTEXT, Held(blob)).size == size


@SUITES
def test_source_that_trickles_gives_full_chunks(suite: Suite) -> None:
    """A pipe's short reads do not show in the format."""
    plaintext = os.urandom(3 * SIZE + 5)
    sealer = MediaSealer(DEK, suite, CONTEXT, os.urandom, chunk_exponent=EXPONENT)

    blob = b"".join(bytes(part) for part in sealer.stream(Trickle(plaintext)))

    assert opened(blob) == plaintext


def test_recording_is_sealed_anew_each_time() -> None:
    """Equal recordings share no chunk: the file key is used once."""
    first, second = sealed(bytes(4 * SIZE)), sealed(bytes(4 * SIZE))

    assert not set(chunks_of(first)[1]) & set(chunks_of(second)[1])
    assert len(set(chunks_of(first)[1])) == 4


def test_watcher_sees_the_plaintext_once_and_in_order() -> None:
    """Digests are computed while the recording passes."""
    plaintext, seen = os.urandom(3 * SIZE + 1), bytearray()
    sealer = MediaSealer(DEK, GM, CONTEXT, os.urandom, chunk_exponent=EXPONENT)

    for _ in sealer.stream(io.BytesIO(plaintext), seen.extend):
        pass

    assert seen == plaintext


# --- refusals ---------------------------------------------------------------------------


@SUITES
def test_recording_cut_anywhere_is_refused_before_anything_is_shown(suite: Suite) -> None:
    """Also at the edge of a chunk, where every chunk that is left opens."""
    blob = sealed(os.urandom(4 * SIZE), suite)
    for length in range(len(blob)):
        with pytest.raises(MediaRefused):
            MediaReader(DEK, CONTEXT, Held(blob[:length]))


@SUITES
def test_recording_with_something_behind_it_is_refused(suite: Suite) -> None:
    """Neither rubbish nor another copy of its own last chunk may follow."""
    blob = sealed(os.urandom(3 * SIZE), suite)
    for more in (b"\x00", bytes(SIZE + 16), chunks_of(blob)[1][-1]):
        with pytest.raises(MediaRefused):
            opened(blob + more)


@SUITES
def test_chunks_out_of_order_or_twice_are_refused(suite: Suite) -> None:
    """The number of a chunk is part of its nonce."""
    header, chunks = chunks_of(sealed(os.urandom(5 * SIZE), suite))
    for one in range(5):
        for other in range(5):
            moved = list(chunks)
            moved[one] = chunks[other]
            swapped = list(moved)
            swapped[other] = chunks[one]
            if one == other:
                continue
            for wrong in (moved, swapped):
                with pytest.raises(MediaRefused):
                    opened(header + b"".join(wrong))


@SUITES
def test_dropped_chunk_is_refused(suite: Suite) -> None:
    """First, middle or last."""
    header, chunks = chunks_of(sealed(os.urandom(4 * SIZE), suite))
    for missing in range(4):
        with pytest.raises(MediaRefused):
            opened(header + b"".join(c for n, c in enumerate(chunks) if n != missing))


@SUITES
def test_chunk_of_another_recording_is_refused(suite: Suite) -> None:
    """Same place, same key, same number: another recording has another file key."""
    header, chunks = chunks_of(sealed(bytes(4 * SIZE), suite))
    _, others = chunks_of(sealed(bytes(4 * SIZE), suite))
    for number in range(4):
        spliced = [*chunks[:number], others[number], *chunks[number + 1 :]]
        with pytest.raises(MediaRefused):
            opened(header + b"".join(spliced))


@SUITES
@pytest.mark.parametrize("part", [field.name for field in fields(MediaContext)])
def test_recording_opens_in_its_own_place_only(suite: Suite, part: str) -> None:
    """Every part of the context is bound."""
    blob = sealed(b"sound", suite)

    with pytest.raises(MediaRefused):
        opened(blob, replace(CONTEXT, **{part: getattr(CONTEXT, part) + "x"}))


def test_texts_of_a_context_do_not_run_together() -> None:
    """The same letters cut elsewhere are another place."""
    one, other = (
        replace(CONTEXT, subject="ab", record="c"),
        replace(CONTEXT, subject="a", record="bc"),
    )

    with pytest.raises(MediaRefused):
        opened(sealed(b"sound", context=one), other)


@SUITES
def test_header_that_was_altered_is_refused_at_the_commitment(suite: Suite) -> None:
    """Chunk size, suite, key and message identifier: none is believed."""
    blob = sealed(os.urandom(64), suite)
    header = parse_header(blob)
    rest = blob[header.length :]
    altered = [
        replace(header, chunk_exponent=EXPONENT + 1),
        replace(header, suite_code=3 - header.suite_code),
        replace(header, suite_code=9),
        replace(header, key_id="key_2"),
        replace(header, message_id=bytes(32)),
        replace(header, commitment=bytes(32)),
    ]
    for wrong in altered:
        source = Held(wrong.serialise() + rest)
        with pytest.raises(MediaRefused, match="does not open"):
            MediaReader(DEK, CONTEXT, source)
        assert source.asked == [(0, LONGEST_HEADER)], "no chunk was looked at"


def test_wrong_data_key_is_refused() -> None:
    """And one of a wrong length is no data key."""
    blob = sealed(b"sound")
    with pytest.raises(MediaRefused):
        opened(blob, dek=bytes(32))
    with pytest.raises(KeyMalformed):
        opened(blob, dek=DEK[:16])


def test_other_recording_of_the_same_place_is_refused() -> None:
    """The description in the vault names the one recording that belongs there."""
    blob, other = sealed(b"first"), sealed(b"second")
    wanted = parse_header(blob).message_id

    assert MediaReader(DEK, CONTEXT, Held(blob), message_id=wanted).size == 5
    with pytest.raises(MediaRefused):
        MediaReader(DEK, CONTEXT, Held(other), message_id=wanted)


@pytest.mark.parametrize(
    "start", [b"", b"JK\x01\x01", b"JKM", b"JKM\x02\x01\x12\x05key_1", b"RIFF" + bytes(200)]
)
def test_what_is_no_recording_is_malformed(start: bytes) -> None:
    """A refusal to read, and a refusal to open: callers treat both as tampering."""
    with pytest.raises(MediaMalformed) as fault:
        parse_header(start)
    assert isinstance(fault.value, EnvelopeRefused)
    assert isinstance(fault.value, VerificationFailed)


@pytest.mark.parametrize(("exponent", "key_id"), [(3, "key_1"), (25, "key_1"), (18, "Key 1")])
def test_header_outside_the_format_is_not_read(exponent: int, key_id: str) -> None:
    """Chunk sizes and key identifiers have limits, in writing and in reading."""
    whole = MediaHeader(
        suite_code=1,
        chunk_exponent=18,
        key_id="key_1",
        message_id=bytes(32),
        commitment=bytes(32),
    )
    with pytest.raises(ContextRefused):
        replace(whole, chunk_exponent=exponent, key_id=key_id).serialise()
    raw = bytearray(whole.serialise())
    raw[5] = exponent
    raw[7:12] = key_id.encode()
    with pytest.raises(MediaMalformed):
        parse_header(bytes(raw))


@pytest.mark.parametrize("number", [0, 2, 255])
def test_format_of_another_time_is_not_read(number: int) -> None:
    """Neither an older nor a newer one: a lower number must not open a weaker door."""
    raw = bytearray(sealed(b"sound"))
    raw[3] = number
    with pytest.raises(MediaMalformed, match="not known"):
        parse_header(bytes(raw))


def test_header_that_is_cut_is_malformed() -> None:
    """At any place of it."""
    header, _ = chunks_of(sealed(b"sound"))
    assert parse_header(header).serialise() == header
    for length in range(len(header)):
        with pytest.raises(MediaMalformed):
            parse_header(header[:length])


def test_empty_chunk_after_others_is_no_second_way_to_write_a_recording() -> None:
    """Even from somebody who holds the key."""
    header = parse_header(sealed(bytes(SIZE)))
    binding = CONTEXT.binding(INTL, EXPONENT)
    key, _ = derive_file_key(INTL, DEK, header.message_id, binding)
    cipher = ChunkCipher(INTL, key, SIZE)
    first, empty = bytes(cipher.seal(0, bytes(SIZE), last=False)), cipher.seal(1, b"", last=True)

    with pytest.raises(MediaMalformed):
        opened(header.serialise() + first + bytes(empty))


@pytest.mark.parametrize("part", [field.name for field in fields(MediaContext)])
@pytest.mark.parametrize("value", ["", "\ud800", "x" * 5000])
def test_place_that_cannot_be_bound_is_refused(part: str, value: str) -> None:
    """Empty, no text, or too long."""
    with pytest.raises(ContextRefused):
        replace(CONTEXT, **{part: value}).binding(GM, EXPONENT)


@pytest.mark.parametrize("size", [SIZE - 1, 0, SIZE + 1])
def test_sealer_takes_full_chunks_until_the_last(size: int) -> None:
    """A short chunk in the middle would have a second meaning."""
    sealer = MediaSealer(DEK, INTL, CONTEXT, os.urandom, chunk_exponent=EXPONENT)
    sealer.seal(bytes(SIZE), last=False)
    with pytest.raises(ContextRefused):
        sealer.seal(bytes(size), last=False)


def test_nothing_follows_the_last_chunk() -> None:
    """And an empty chunk is not the end of a recording that has others."""
    sealer = MediaSealer(DEK, INTL, CONTEXT, os.urandom, chunk_exponent=EXPONENT)
    sealer.seal(bytes(SIZE), last=False)
    with pytest.raises(ContextRefused):
        sealer.seal(b"", last=True)
    sealer.seal(bytes(SIZE), last=True)
    with pytest.raises(ContextRefused):
        sealer.seal(bytes(SIZE), last=True)


def test_source_that_ends_early_is_refused() -> None:
    """An object that shrinks while it is read gives no shorter recording."""
    blob = sealed(os.urandom(20 * SIZE), exponent=EXPONENT)
    source = Held(blob)
    reader = MediaReader(DEK, CONTEXT, source)
    source.blob = blob[:-40]
    with pytest.raises(MediaRefused, match="cut short"):
        list(reader.range())


@pytest.mark.parametrize(("start", "end"), [(100, None), (5, 5), (7, 3), (-1, 4), (0, 0)])
def test_range_outside_the_recording_is_refused(start: int, end: int | None) -> None:
    """An empty answer would look like an empty recording."""
    reader = MediaReader(DEK, CONTEXT, Held(sealed(bytes(100))))
    with pytest.raises(MediaRangeRefused):
        reader.range(start, end)


def test_range_asks_only_for_the_chunks_it_needs() -> None:
    """One chunk of a long recording costs header, last chunk and that chunk."""
    plaintext = os.urandom(1000 * SIZE)
    source = Held(sealed(plaintext))
    reader = MediaReader(DEK, CONTEXT, source)
    source.asked.clear()

    assert b"".join(map(bytes, reader.range(500, 505))) == plaintext[500:505]

    assert [length for _, length in source.asked] == [SIZE + 16]


# --- properties -------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(
    plaintext=st.binary(max_size=6 * SIZE),
    suite=st.sampled_from([GM, INTL]),
    data=st.data(),
)
def test_any_range_equals_the_slice(plaintext: bytes, suite: Suite, data: st.DataObject) -> None:
    """Reading by range is slicing; an end beyond the recording is cut."""
    blob = sealed(plaintext, suite)
    start = data.draw(st.integers(0, max(0, len(plaintext) - 1)))
    end = data.draw(st.integers(start + 1, len(plaintext) + 5))
    if plaintext:
        assert opened(blob, start=start, end=end) == plaintext[start:end]
    assert opened(blob) == plaintext


def released(blob: bytes) -> Iterator[bytes]:
    """What a reader hands out before it refuses."""
    for part in MediaReader(DEK, CONTEXT, Held(blob)).range():
        yield bytes(part)


@settings(deadline=None, max_examples=400)
@given(
    plaintext=st.binary(max_size=4 * SIZE),
    suite=st.sampled_from([GM, INTL]),
    place=st.integers(min_value=0),
    flip=st.integers(1, 255),
)
def test_any_altered_byte_is_refused_and_nothing_unverified_is_released(
    plaintext: bytes, suite: Suite, place: int, flip: int
) -> None:
    """What was handed out before the refusal is the true beginning of the recording."""
    blob = bytearray(sealed(plaintext, suite))
    blob[place % len(blob)] ^= flip
    shown = bytearray()

    with pytest.raises(MediaRefused):  # noqa: PT012 - the release before it matters
        for part in released(bytes(blob)):
            shown += part

    assert plaintext.startswith(bytes(shown))
    assert not shown or len(shown) < len(plaintext)


@SUITES
def test_buffer_of_a_refused_chunk_is_wiped(suite: Suite) -> None:
    """The cipher writes before it has seen the tag; those bytes do not stay."""
    header, chunks = chunks_of(sealed(b"A" * 3 * SIZE, suite))
    chunks[1] = chunks[1][:-1] + bytes([chunks[1][-1] ^ 1])
    reader = MediaReader(DEK, CONTEXT, Held(header + b"".join(chunks)))
    with pytest.raises(MediaRefused):
        list(reader.range())

    assert bytes(reader._cipher._room) == bytes(SIZE + 16)


# --- memory -----------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A recording of any length that lies nowhere."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readinto(self, buffer: object) -> int:
        count = min(len(memoryview(buffer)), self._left)  # type: ignore[arg-type]
        self._left -= count
        return count


class Computed:
    """An object that is never held whole: chunks are asked from a file."""

    window_bytes = 4 * 1024 * 1024

    def __init__(self, file: io.BufferedRandom) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)


def peak_of(size: int, folder: os.PathLike[str]) -> int:
    """Most bytes that Python held while a recording of this size was sealed and opened."""
    with open(os.path.join(folder, str(size)), "w+b") as file:  # noqa: PTH118, PTH123
        tracemalloc.start()
        sealer = MediaSealer(DEK, INTL, CONTEXT, os.urandom)
        file.writelines(sealer.stream(Endless(size)))
        total = sum(len(part) for part in MediaReader(DEK, CONTEXT, Computed(file)).range())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert total == size
    return peak


def test_memory_does_not_grow_with_the_recording(tmp_path: os.PathLike[str]) -> None:
    """Eight times the length, the same memory, and far below 64 MiB."""
    mebibyte = 1024 * 1024

    short, long = peak_of(8 * mebibyte, tmp_path), peak_of(64 * mebibyte, tmp_path)

    assert long < short + mebibyte
    assert long < 16 * mebibyte
