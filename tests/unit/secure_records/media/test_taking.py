"""What is digested is what was sealed, read once, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, BinaryIO, cast

import pytest

from secure_records.envelope.suites import INTL
from secure_records.kinds.catalogue import KINDS
from secure_records.lifecycle.retention import retention_schedule
from secure_records.media.context import MediaContext
from secure_records.media.errors import MediaFileRefused, MediaTypeRefused
from secure_records.media.media_types import LOOKED_AT, media_types, require_media_type
from secure_records.media.sealing import MediaSealer
from secure_records.media.taking import _Source

DEK = bytes(range(32))
CONTEXT = MediaContext(
    tenant="t", subject="sub_1", record="rec_1", media="med_1", kind="k", key_id="key_1"
)


class Lazy(Executor):
    """Runs nothing before its result is asked for: the slowest thread there can be."""

    def submit(self, call: Callable[..., Any], /, *words: Any, **named: Any) -> Future[Any]:  # noqa: ANN401
        class Late(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401
                del timeout
                return call(*words, **named)

        return Late()


@pytest.mark.parametrize("size", [1, 16, 17, 32, 160, 165])
def test_digest_waits_for_its_chunk_before_the_buffer_is_used_again(size: int) -> None:
    """However slow the digesting thread is, it sees every chunk as it was sealed."""
    content = os.urandom(size)
    source = _Source(cast("BinaryIO", io.BytesIO(content)), 1000, Lazy())
    sealer = MediaSealer(DEK, INTL, CONTEXT, os.urandom, chunk_exponent=4)

    for _ in sealer.stream(source, source.watch):
        pass

    sm3, sha256 = source.digests()
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert sm3 == hashlib.new("sm3", content).hexdigest()
    assert source.size == size


class Broken(io.RawIOBase):
    """A disk that fails."""

    def readinto(self, buffer: object) -> int:
        del buffer
        raise OSError(5, "Input/output error", "/secret/path")


def test_file_that_cannot_be_read_is_refused_without_its_path() -> None:
    """The reason of the system, and nothing else."""
    source = _Source(cast("BinaryIO", Broken()), 1000)

    with pytest.raises(MediaFileRefused) as fault:
        source.readinto(bytearray(10))
    assert "secret" not in str(fault.value)


def test_file_may_have_the_largest_size_and_not_a_byte_more() -> None:
    """The limit itself is allowed."""
    whole = _Source(cast("BinaryIO", io.BytesIO(bytes(10))), 10)
    assert whole.readinto(bytearray(20)) == 10
    assert whole.readinto(bytearray(20)) == 0
    more = _Source(cast("BinaryIO", io.BytesIO(bytes(11))), 10)
    with pytest.raises(MediaFileRefused):
        more.readinto(bytearray(20))


# --- media types ------------------------------------------------------------------------

REAL = {
    "audio/wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "audio/mpeg": b"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    "audio/mp4": b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00",
    "audio/aac": b"\xff\xf1P\x80" + bytes(12),
    "audio/amr": b"#!AMR\n" + bytes(10),
    "audio/ogg": b"OggS" + bytes(12),
    "audio/flac": b"fLaC" + bytes(12),
    "audio/webm": b"\x1aE\xdf\xa3" + bytes(12),
    "video/mp4": b"\x00\x00\x00\x18ftypmp42" + bytes(4),
    "video/quicktime": b"\x00\x00\x00\x14ftypqt  " + bytes(4),
    "video/webm": b"\x1aE\xdf\xa3" + bytes(12),
    "video/x-matroska": b"\x1aE\xdf\xa3" + bytes(12),
    "video/ogg": b"OggS" + bytes(12),
    "video/mpeg": b"\x00\x00\x01\xba" + bytes(12),
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(12),
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(8),
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
}


def test_every_type_knows_the_beginning_of_its_files() -> None:
    """And text, a page or a program begins like none of them."""
    assert set(media_types()) == set(REAL)
    for name, start in REAL.items():
        kind = require_media_type(name)
        assert kind.fits(start[:LOOKED_AT])
        for other in (b"", b"<!DOCTYPE html>x", b"MZ" + bytes(14), b"\x7fELF" + bytes(12)):
            assert not kind.fits(other)


@pytest.mark.parametrize("name", ["text/html", "application/octet-stream", "audio/WAV", ""])
def test_type_that_is_not_listed_is_refused(name: str) -> None:
    """The hint says which are."""
    with pytest.raises(MediaTypeRefused) as fault:
        require_media_type(name)
    assert "audio/wav" in fault.value.hint


def test_every_type_has_a_term_of_the_retention_schedule() -> None:
    """Sound and video their own, pictures that of their record."""
    classes = set(retention_schedule())
    for name, kind in media_types().items():
        for record in KINDS.values():
            assert kind.class_for(record.retention_class) in classes
        own = kind.class_for("of the record")
        assert own == ("of the record" if name.startswith("image/") else "audio_video")
