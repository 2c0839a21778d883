"""How do sealed recordings lie in an S3-compatible object store?

Through ``obstore``, an extra of the package (``pip install 'jinkui[s3]'``). An
upload goes in parts, and the object appears when the last part was acknowledged;
one that breaks off shows no object. Its parts stay hidden in the bucket until the
bucket's own rule for broken uploads takes them away. All bytes are sealed already;
the store sees sizes and instants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from secure_records.media.chunk_cipher import Chunk
from secure_records.media.errors import MediaObjectMissing, MediaStoreFailed
from secure_records.media.object_name import is_object_name, require_object_name
from secure_records.media.ports import StoredObject

_PART_BYTES: Final = 8 * 1024 * 1024
"""One part of an upload; S3 takes 10,000 of them, so an object may have 80 GB."""

_WINDOW_BYTES: Final = 4 * 1024 * 1024

_PARTS_UNDERWAY: Final = 2
"""Parts held in memory at a time."""

_CONNECT: Final = timedelta(seconds=5)
_REQUEST: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Place:
    """Which bucket of which server, and as whom."""

    endpoint: str
    """``https://host[:port]``; plain ``http`` is for the loopback address."""

    bucket: str
    prefix: str
    """Of this home; its listing looks at nothing else."""

    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


class S3Object:
    """One object, read by range."""

    def __init__(self, store: S3Store, name: str, size: int) -> None:
        self._store = store
        self._name = name
        self._size = size

    @property
    def size(self) -> int:
        """Bytes of the object when it was opened."""
        return self._size

    @property
    def window_bytes(self) -> int:
        """One request costs a round trip: few of them, and little memory."""
        return _WINDOW_BYTES

    def read(self, offset: int, length: int) -> memoryview:
        """These bytes; fewer if the object ends before."""
        length = min(length, self._size - offset)
        if length <= 0:
            return memoryview(b"")
        with _guarded():
            found = obstore.get_range(self._store, self._name, start=offset, length=length)
        return memoryview(found)


class S3Media:
    """Objects of one home in a bucket."""

    def __init__(self, place: S3Place, *, retries: int = 3) -> None:
        self._store = S3Store(
            place.bucket,
            prefix=place.prefix,
            endpoint=place.endpoint,
            region=place.region,
            access_key_id=place.access_key_id,
            secret_access_key=place.secret_access_key,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": place.endpoint.startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": _REQUEST,
            },
            retry_config={"max_retries": retries, "retry_timeout": _REQUEST},
        )

    def put(self, name: str, parts: Iterable[Chunk]) -> None:
        """Write a whole object, or nothing that can be seen.

        Raises:
            MediaStoreFailed: the store refused or is out of reach.
        """
        # Copied: obstore keeps the parts it was given while it uploads.
        copies = (bytes(part) for part in parts)
        with _guarded():
            obstore.put(
                self._store,
                require_object_name(name),
                copies,
                use_multipart=True,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_UNDERWAY,
            )

    @contextmanager
    def open(self, name: str) -> Iterator[S3Object]:
        """One object for reading by range.

        Raises:
            MediaObjectMissing: there is none of this name.
            MediaStoreFailed: the store cannot be asked.
        """
        with _guarded():
            found = obstore.head(self._store, require_object_name(name))
        yield S3Object(self._store, name, found["size"])

    def listing(self) -> Iterator[StoredObject]:
        """Every object below the prefix of this home.

        Raises:
            MediaStoreFailed: the store cannot be asked.
        """
        with _guarded():
            for batch in obstore.list(self._store):
                for found in batch:
                    if is_object_name(found["path"]):
                        yield StoredObject(
                            name=found["path"],
                            size=found["size"],
                            changed_at=found["last_modified"],
                        )

    def remove(self, name: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            MediaStoreFailed: it could not be removed.
        """
        with _guarded():
            obstore.delete(self._store, require_object_name(name))


@contextmanager
def _guarded() -> Iterator[None]:
    # The library's messages quote address and debug structures: only its class is passed on.
    try:
        yield
    except FileNotFoundError:
        raise MediaObjectMissing("the object of a recording is not there") from None
    except (BaseError, TimeoutError, ConnectionError) as error:
        raise MediaStoreFailed(f"the object store answered {type(error).__name__}") from None
