"""How is one chunk encrypted and decrypted without copying it?

The same primitives as ``envelope/suites.py`` writing into buffers that are used
again for every chunk, so that memory does not grow and the cipher is nearly all
that costs time. Nothing is released before its tag was checked; a buffer that
holds refused bytes is wiped.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from secure_records.envelope.suites import INTL, TAG_BYTES, Suite
from secure_records.media.errors import MediaRefused
from secure_records.media.format import chunk_nonce

Chunk = bytes | bytearray | memoryview


class ChunkCipher:
    """The chunks of one recording, under its file key.

    Args:
        suite: Which cipher.
        key: The file key; used for this recording only.
        chunk_bytes: Most plaintext bytes of a chunk.
    """

    def __init__(self, suite: Suite, key: bytes, chunk_bytes: int) -> None:
        self._aes = AESGCM(key) if suite is INTL else None
        self._sm4 = None if suite is INTL else SM4(key)
        # SM4's update_into asks for up to 15 bytes more than it writes; the tag has 16.
        self._room = bytearray(chunk_bytes + TAG_BYTES)
        self._view = memoryview(self._room)

    def seal(self, number: int, plaintext: Chunk, *, last: bool) -> memoryview:
        """Ciphertext and tag; the view is good until the next call."""
        nonce = chunk_nonce(number, last=last)
        size = len(plaintext)
        out = self._view[: size + TAG_BYTES]
        if self._aes is not None:
            self._aes.encrypt_into(nonce, plaintext, None, out)
        else:
            encryptor = Cipher(self._sm4_key(), modes.GCM(nonce)).encryptor()
            encryptor.update_into(plaintext, out)
            # finalize() returns nothing for GCM; it fixes the tag.
            encryptor.finalize()
            out[size:] = encryptor.tag
        return out.toreadonly()

    def open(self, number: int, sealed: Chunk, *, last: bool) -> memoryview:
        """The plaintext of a chunk, after its tag was checked; good until the next call.

        Raises:
            MediaRefused: it is not this chunk of this recording.
        """
        nonce = chunk_nonce(number, last=last)
        size = len(sealed) - TAG_BYTES
        try:
            if self._aes is not None:
                self._aes.decrypt_into(nonce, sealed, None, self._view[:size])
            else:
                tag = bytes(sealed[size:])
                decryptor = Cipher(self._sm4_key(), modes.GCM(nonce, tag, TAG_BYTES)).decryptor()
                # Writes plaintext before the tag was seen: it stays in this buffer.
                decryptor.update_into(sealed[:size], self._room)
                decryptor.finalize()
        except InvalidTag as error:
            self._view[:] = bytes(len(self._view))
            raise MediaRefused("the recording does not open") from error
        return self._view[:size].toreadonly()

    def _sm4_key(self) -> SM4:
        assert self._sm4 is not None  # noqa: S101 - one of the two is always there
        return self._sm4
