"""Can this value be the secret that a profile declares under this name?

Asked when a person hands a secret over: a wrong file that replaced a good secret
would be noticed only when the platform turns the next message away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supervision.errors import SecretMissing, SecretRefused
from supervision.profiles.document import Profile
from supervision.profiles.operations import (
    AesEcbStep,
    HeadersStep,
    SecretKey,
    Sm4CbcStep,
    Sm4GcmStep,
)

_SM4: Final = frozenset({16})
_AES: Final = frozenset({16, 24, 32})


def require_fitting(profile: Profile, name: str, value: bytes) -> None:
    """Return if and only if every step that uses the secret could work with ``value``.

    Raises:
        SecretMissing: the profile declares no secret of this name.
        SecretRefused: empty, or not the text or the length that a step needs.
    """
    if name not in profile.secrets:
        known = ", ".join(profile.secrets)
        raise SecretMissing(
            f"the profile {profile.id} knows no secret of this name (it knows: {known})",
            hint="check the name, and [supervision] profile in home.toml",
            where="name",
        )
    if not value:
        raise SecretRefused(f"the secret {name} is empty", where=name)
    for key, sizes in _uses(profile, name):
        decoded = _decoded(key, value)
        if sizes and len(decoded) not in sizes:
            wanted = " or ".join(str(size) for size in sorted(sizes))
            raise SecretRefused(
                f"the secret {name} has {len(decoded)} bytes, its cipher needs {wanted}", where=name
            )
    texts = [
        text
        for step in profile.pipeline
        if isinstance(step, HeadersStep)
        for text in step.set.values()
    ]
    if any(f"${name}" in text for text in texts) and not _is_text(value):
        raise SecretRefused(f"the secret {name} goes into a header and is no text", where=name)


def _uses(profile: Profile, name: str) -> Iterator[tuple[SecretKey, frozenset[int]]]:
    """Each use of the secret as a key, and the lengths that its cipher takes; empty: any."""
    for step in profile.pipeline:
        ciphers = _SM4 if isinstance(step, Sm4CbcStep | Sm4GcmStep) else frozenset[int]()
        sizes = _AES if isinstance(step, AesEcbStep) else ciphers
        for part in ("key", "iv"):
            key = getattr(step, part, None)
            if isinstance(key, SecretKey) and key.secret == name:
                yield key, sizes


def _decoded(key: SecretKey, value: bytes) -> bytes:
    if key.encoding != "hex":
        return value
    try:
        return bytes.fromhex(value.decode("ascii"))
    except ValueError:
        # From None: the decoder's error carries the secret.
        raise SecretRefused(
            f"the secret {key.secret} is no hexadecimal text", where=key.secret
        ) from None


def _is_text(value: bytes) -> bool:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable()
