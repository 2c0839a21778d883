"""One contract for every place where sealed recordings may lie: a folder, a real S3 server."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from secure_records.adapters.media_folder import MediaFolder
from secure_records.adapters.media_s3 import S3Media, S3Place
from secure_records.envelope.suites import GM
from secure_records.errors import KeyMalformed
from secure_records.media.context import MediaContext
from secure_records.media.errors import MediaObjectMissing, MediaStoreFailed
from secure_records.media.object_name import new_object_name
from secure_records.media.ports import MediaObjects
from secure_records.media.reading import MediaReader
from secure_records.media.sealing import MediaSealer

MEBIBYTE = 1024 * 1024
DEK = bytes(range(32))
CONTEXT = MediaContext(
    tenant="t", subject="sub_1", record="rec_1", media="med_1", kind="k", key_id="key_1"
)


def place_in(server: Any, prefix: str) -> S3Place:  # noqa: ANN401
    return S3Place(
        endpoint=server.endpoint,
        bucket=server.bucket,
        prefix=prefix,
        region="us-east-1",
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> MediaObjects:
    """An empty store of each kind."""
    if request.param == "folder":
        return MediaFolder(tmp_path / "media")
    server = request.getfixturevalue("object_server")
    return S3Media(place_in(server, f"home-{os.urandom(6).hex()}"), retries=0)


def names_in(objects: MediaObjects) -> list[str]:
    return [found.name for found in objects.listing()]


def whole(objects: MediaObjects, name: str) -> bytes:
    with objects.open(name) as found:
        return bytes(found.read(0, found.size))


def breaking(count: int, size: int = MEBIBYTE) -> Iterator[bytes]:
    """Parts of an upload that breaks off."""
    for _ in range(count):
        yield os.urandom(size)
    raise MediaStoreFailed("the source broke off")


# --- every store ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 5 * MEBIBYTE + 3, 20 * MEBIBYTE])
def test_object_comes_back_as_it_was(objects: MediaObjects, size: int) -> None:
    """Smaller and larger than one part of an upload."""
    name, content = new_object_name(os.urandom), os.urandom(size)

    objects.put(name, [content[at : at + MEBIBYTE] for at in range(0, size, MEBIBYTE)])

    assert whole(objects, name) == content


def test_range_of_an_object_is_read_alone(objects: MediaObjects) -> None:
    """And beyond the end there is nothing."""
    name, content = new_object_name(os.urandom), os.urandom(1000)
    objects.put(name, [content])

    with objects.open(name) as found:
        assert found.size == 1000
        assert bytes(found.read(10, 20)) == content[10:30]
        assert bytes(found.read(990, 100)) == content[990:]


def test_parts_may_share_one_buffer(objects: MediaObjects) -> None:
    """A sealer gives every chunk in the same buffer: a store that kept it would store the last."""
    name, room = new_object_name(os.urandom), bytearray(MEBIBYTE)

    def parts() -> Iterator[memoryview]:
        for number in range(12):
            room[:] = bytes([number]) * MEBIBYTE
            yield memoryview(room)

    objects.put(name, parts())

    assert whole(objects, name) == b"".join(bytes([n]) * MEBIBYTE for n in range(12))


@pytest.mark.parametrize("count", [0, 1, 20])
def test_broken_off_upload_shows_no_object(objects: MediaObjects, count: int) -> None:
    """Before, within and behind the first part; nothing is left that a listing shows."""
    name = new_object_name(os.urandom)

    with pytest.raises(MediaStoreFailed, match="broke off"):
        objects.put(name, breaking(count))

    assert names_in(objects) == []
    with pytest.raises(MediaObjectMissing), objects.open(name):
        pass


def test_listing_shows_what_is_there(objects: MediaObjects) -> None:
    """Name, size and an instant; it starts empty."""
    assert names_in(objects) == []
    names = sorted(new_object_name(os.urandom) for _ in range(5))
    for number, name in enumerate(names):
        objects.put(name, [bytes(number)])

    found = sorted(objects.listing(), key=lambda each: each.name)

    assert [each.name for each in found] == names
    assert [each.size for each in found] == [0, 1, 2, 3, 4]
    assert all(abs((datetime.now(UTC) - each.changed_at).days) < 2 for each in found)


def test_removed_object_is_gone_and_removing_again_is_no_error(objects: MediaObjects) -> None:
    """Removal may be repeated after a crash."""
    name = new_object_name(os.urandom)
    objects.put(name, [b"sealed"])

    objects.remove(name)
    objects.remove(name)

    assert names_in(objects) == []
    with pytest.raises(MediaObjectMissing), objects.open(name):
        pass


@pytest.mark.parametrize(
    "name", ["", "x", "../../etc/passwd", "ab/../../x", "/etc/passwd", "ab/" + "A" * 64]
)
def test_name_of_another_shape_reaches_no_store(objects: MediaObjects, name: str) -> None:
    """A doctored row cannot make the vault read or remove a foreign file."""
    calls: list[Callable[[], object]] = [
        lambda: objects.open(name).__enter__(),
        lambda: objects.remove(name),
        lambda: objects.put(name, [b"x"]),
    ]
    for call in calls:
        with pytest.raises(MediaObjectMissing):
            call()


def test_recording_is_sealed_into_the_store_and_read_by_range(objects: MediaObjects) -> None:
    """Sealer, store and reader fit together without holding the recording."""
    name, content = new_object_name(os.urandom), os.urandom(3 * MEBIBYTE + 17)
    sealer = MediaSealer(DEK, GM, CONTEXT, os.urandom)
    size = sealer.chunk_bytes
    chunks = [content[at : at + size] for at in range(0, len(content), size)]

    objects.put(
        name,
        (
            part
            for number, chunk in enumerate(chunks)
            for part in (
                *([sealer.header] if number == 0 else []),
                sealer.seal(chunk, last=number == len(chunks) - 1),
            )
        ),
    )

    assert content[:100] not in whole(objects, name)
    with objects.open(name) as found:
        reader = MediaReader(DEK, CONTEXT, found)
        assert (
            b"".join(map(bytes, reader.range(size - 5, size + 5))) == content[size - 5 : size + 5]
        )
        assert b"".join(map(bytes, reader.range())) == content


def test_random_source_that_gives_too_little_makes_no_name() -> None:
    """Names that collide would let one recording take another's place."""
    with pytest.raises(KeyMalformed):
        new_object_name(lambda _: b"short")


# --- the folder -------------------------------------------------------------------------


def test_files_of_a_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    """Folders as well."""
    objects, name = MediaFolder(tmp_path / "media"), new_object_name(os.urandom)
    objects.put(name, [b"sealed"])

    assert stat.S_IMODE((tmp_path / "media" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "media" / name).parent.stat().st_mode) == 0o700


def test_object_is_on_the_disk_before_its_name_and_the_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves the whole object or none: flush, rename, flush the folder."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noting_fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        steps.append(f"flush {kind}")
        fsync(descriptor)

    def noting_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    objects, name = MediaFolder(tmp_path), new_object_name(os.urandom)
    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "rename", noting_rename)
    objects.put(name, [b"sealed"])

    assert steps[-3:] == ["flush file", "rename", "flush folder"]


def test_left_over_of_a_crash_is_listed_and_can_be_removed(tmp_path: Path) -> None:
    """A process that dies while writing leaves sealed bytes under an unfinished name."""
    objects, name = MediaFolder(tmp_path), new_object_name(os.urandom)
    objects.put(name, [b"sealed"])
    (tmp_path / name).rename(tmp_path / f"{name}.part")

    assert names_in(objects) == [f"{name}.part"]
    with pytest.raises(MediaObjectMissing), objects.open(name):
        pass

    objects.remove(f"{name}.part")
    assert names_in(objects) == []


def test_foreign_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    """What is not ours is neither listed nor removed."""
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "notes.txt").write_bytes(b"x")
    (tmp_path / "lost+found").write_bytes(b"x")

    assert names_in(MediaFolder(tmp_path)) == []


def test_link_in_the_place_of_an_object_is_not_followed(tmp_path: Path) -> None:
    """Whoever can write to the folder cannot make the vault read another file."""
    objects, name = MediaFolder(tmp_path / "media"), new_object_name(os.urandom)
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "media" / name).parent.mkdir(parents=True)
    (tmp_path / "media" / name).symlink_to(tmp_path / "secret")

    with pytest.raises(MediaStoreFailed), objects.open(name):
        pass


def test_folder_that_cannot_be_made_is_a_failure_of_the_store(tmp_path: Path) -> None:
    """With the reason of the system, and no path."""
    (tmp_path / "media").write_bytes(b"a file")
    objects = MediaFolder(tmp_path / "media")

    with pytest.raises(MediaStoreFailed) as fault:
        objects.put(new_object_name(os.urandom), [b"x"])
    assert str(tmp_path) not in str(fault.value)


# --- S3 ---------------------------------------------------------------------------------


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401
    return request.getfixturevalue("object_server")


def test_homes_in_one_bucket_do_not_see_each_other(server: Any) -> None:  # noqa: ANN401
    """A home lists, and so tidies, only what lies below its own prefix."""
    one, other = S3Media(place_in(server, "one")), S3Media(place_in(server, "one-more"))
    name = new_object_name(os.urandom)
    one.put(name, [b"sealed"])

    assert names_in(one) == [name]
    assert names_in(other) == []
    with pytest.raises(MediaObjectMissing), other.open(name):
        pass
    one.remove(name)


def test_wrong_credential_is_a_failure_without_secrets(server: Any) -> None:  # noqa: ANN401
    """The message names the kind of refusal; neither key nor address."""
    place = place_in(server, "wrong")
    objects = S3Media(
        S3Place(
            endpoint=place.endpoint,
            bucket=place.bucket,
            prefix=place.prefix,
            region=place.region,
            access_key_id=place.access_key_id,
            secret_access_key="another-secret",
        ),
        retries=0,
    )
    for call in (
        lambda: objects.put(new_object_name(os.urandom), [b"x"]),
        lambda: names_in(objects),
        lambda: objects.open(new_object_name(os.urandom)).__enter__(),
    ):
        with pytest.raises(MediaStoreFailed) as fault:
            call()
        assert "another-secret" not in str(fault.value)
        assert place.endpoint not in str(fault.value)
    assert "another-secret" not in repr(objects)
    assert place.secret_access_key not in repr(place)


def test_server_out_of_reach_is_a_failure(server: Any) -> None:  # noqa: ANN401
    """Nobody listens on the discard port of the loopback address."""
    place = place_in(server, "gone")
    objects = S3Media(
        S3Place(
            endpoint="http://127.0.0.1:9",
            bucket=place.bucket,
            prefix="x",
            region="us-east-1",
            access_key_id="a",
            secret_access_key="b",
        ),
        retries=0,
    )
    with pytest.raises(MediaStoreFailed):
        objects.put(new_object_name(os.urandom), [b"x"])


def test_server_never_holds_plaintext(server: Any) -> None:  # noqa: ANN401
    """What its own file view shows is sealed."""
    objects, name = S3Media(place_in(server, "seen")), new_object_name(os.urandom)
    sealer = MediaSealer(DEK, GM, CONTEXT, os.urandom)
    objects.put(name, [sealer.header, bytes(sealer.seal("患者的声音".encode() * 500, last=True))])

    seen = urlopen(Request(f"{server.filer}/buckets/{server.bucket}/seen/{name}")).read()  # noqa: S310

    assert seen.startswith(b"JKM\x01")
    assert "患者".encode() not in seen
    objects.remove(name)
