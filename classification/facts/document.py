"""Are these the facts that were collected, byte for byte, and who vouches for them?

File layout (JSON): ``{"document": …, "digests": {"sha256": …, "sm3": …},
"signatures": [{"algorithm", "key", "value"}]}``. Digests and signatures cover the
RFC 8785 bytes of ``document``; signatures are made over a domain line plus these
bytes, so that a signature over facts can never pass for one over something else.
Reports use the same envelope with their own domain line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from classification.errors import FactsRefused, FactsTampered
from classification.facts.models import (
    FACTS_FORMAT,
    FactsDocument,
    Note,
    ObjectFacts,
    ObjectKind,
)
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import HashFunction, digest_with, parse_digest, sha256
from shared_kernel.errors import JinkuiError
from shared_kernel.instants import parse_instant
from shared_kernel.signatures import PublicKey, Signature, SignatureVerifier, Signer

FACTS_DOMAIN: Final = b"jinkui facts v1\n"
REPORT_DOMAIN: Final = b"jinkui assessment report v1\n"
_LARGEST: Final = 64_000_000
"""Bytes; about 300 hosts in one document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A document with its digests and signatures, as read."""

    document: Mapping[str, Json]
    digests: Mapping[str, str]
    signatures: tuple[Signature, ...]


def sign_facts(
    document: FactsDocument, signers: Sequence[Signer], hashes: Sequence[HashFunction] = ()
) -> bytes:
    """The facts file: canonical JSON with digests and one signature per signer.

    Args:
        document: What was collected.
        signers: One or more; each signs the same bytes.
        hashes: Further hash functions beside SHA-256, in practice SM3.
    """
    return seal(document.to_json(), FACTS_DOMAIN, signers, hashes)


def seal(
    document: Mapping[str, Json],
    domain: bytes,
    signers: Sequence[Signer],
    hashes: Sequence[HashFunction] = (),
) -> bytes:
    """Fingerprint and sign any document of this room."""
    body = canonical_bytes(document)
    digests = {"sha256": str(sha256(body))}
    digests.update({function.name: str(digest_with(function, body)) for function in hashes})
    signatures: list[Json] = [
        {
            "algorithm": signer.public_key.algorithm,
            "key": signer.public_key.raw.hex(),
            "value": signer.sign(domain + body).hex(),
        }
        for signer in signers
    ]
    return canonical_bytes({"document": document, "digests": digests, "signatures": signatures})


def unseal(raw: bytes) -> Sealed:
    """Parse a sealed file without judging it.

    Raises:
        FactsRefused: not such a file.
    """
    if len(raw) > _LARGEST:
        raise FactsRefused(f"file of {len(raw)} bytes is larger than {_LARGEST}")
    try:
        value = json.loads(raw, object_pairs_hook=_unique, parse_float=_no_float)
    except (ValueError, RecursionError) as error:
        raise FactsRefused("file is not JSON with unique keys and without floats") from error
    if not isinstance(value, dict) or set(value) != {"document", "digests", "signatures"}:
        raise FactsRefused("file must hold document, digests and signatures, nothing else")
    document, digests = value["document"], value["digests"]
    if not isinstance(document, dict) or not isinstance(digests, dict):
        raise FactsRefused("document and digests must be objects")
    return Sealed(
        document=cast("Mapping[str, Json]", document),
        digests={str(name): str(text) for name, text in digests.items()},
        signatures=_signatures(value["signatures"]),
    )


def require_intact(
    sealed: Sealed,
    domain: bytes,
    hashes: Sequence[HashFunction] = (),
    verifier: SignatureVerifier | None = None,
) -> tuple[str, ...]:
    """Recompute digests and check signatures; return what could not be checked.

    A signature shows that the holder of *some* key signed; comparing the key with
    a key known from elsewhere is the caller's affair.

    Raises:
        FactsTampered: a digest or a signature does not hold, or SHA-256 is missing.
    """
    body = canonical_bytes(sealed.document)
    known = {function.name: function for function in hashes}
    open_points: list[str] = []
    if "sha256" not in sealed.digests:
        raise FactsTampered("the file names no SHA-256 digest", where="digests")
    for name, text in sorted(sealed.digests.items()):
        if name == "sha256":
            computed = str(sha256(body))
        elif name in known:
            computed = str(digest_with(known[name], body))
        else:
            open_points.append(f"digest {name} not checked: no such hash function here")
            continue
        if str(parse_digest(text, f"digests.{name}")) != computed:
            raise FactsTampered(f"{name} digest does not match the document", where="digests")
    for index, signature in enumerate(sealed.signatures):
        if verifier is None:
            open_points.append(f"signature {index} not checked: no verifier")
            continue
        try:
            verifier.verify(signature.key, domain + body, signature.value)
        except JinkuiError as error:
            where = f"signatures[{index}]"
            raise FactsTampered(f"{where} does not hold", where=where) from error
    if not sealed.signatures:
        if verifier is not None:
            raise FactsTampered("the file carries no signature", where="signatures")
        open_points.append("the file carries no signature")
    return tuple(open_points)


def parse_facts(value: Mapping[str, Json]) -> FactsDocument:
    """Read a facts document strictly.

    Raises:
        FactsRefused: another format, unknown keys, wrong types or a repeated object.
    """
    keys = {"format", "collected_at", "collector", "target", "objects"}
    if value.get("format") != FACTS_FORMAT or set(value) != keys:
        raise FactsRefused(f"not a {FACTS_FORMAT} document", where="format")
    listed = value["objects"]
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        raise FactsRefused("objects is not a list", where="objects")
    objects = tuple(_object(item, f"objects[{index}]") for index, item in enumerate(listed))
    names = [item.id for item in objects]
    if len(set(names)) != len(names):
        raise FactsRefused("two objects share an id", where="objects")
    return FactsDocument(
        collected_at=parse_instant(_text(value, "collected_at", ""), "collected_at"),
        collector=_text(value, "collector", ""),
        target=_text(value, "target", ""),
        objects=objects,
    )


def _object(value: Json, place: str) -> ObjectFacts:
    if not isinstance(value, Mapping) or set(value) != {"id", "kind", "facts", "notes"}:
        raise FactsRefused(f"{place} must hold id, kind, facts and notes", where=place)
    kind = _text(value, "kind", place)
    facts, notes = value["facts"], value["notes"]
    if kind not in set(ObjectKind) or not isinstance(facts, Mapping):
        raise FactsRefused(f"{place} has an unknown kind or no facts", where=place)
    if isinstance(notes, str) or not isinstance(notes, Sequence):
        raise FactsRefused(f"{place}.notes is not a list", where=place)
    return ObjectFacts(
        id=_text(value, "id", place),
        kind=ObjectKind(kind),
        facts=dict(facts),
        notes=tuple(_note(note, place) for note in notes),
    )


def _note(value: Json, place: str) -> Note:
    if not isinstance(value, Mapping) or set(value) != {"fact", "reason", "source"}:
        raise FactsRefused(f"{place} has a malformed note", where=place)
    return Note(
        fact=_text(value, "fact", place),
        reason=_text(value, "reason", place),
        source=_text(value, "source", place),
    )


def _text(value: Mapping[str, Json], key: str, place: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found:
        where = f"{place}.{key}".lstrip(".")
        raise FactsRefused(f"{where} is not text", where=where)
    return found


def _signatures(value: object) -> tuple[Signature, ...]:
    if not isinstance(value, list):
        raise FactsRefused("signatures is not a list", where="signatures")
    found = []
    for index, item in enumerate(value):
        where = f"signatures[{index}]"
        if not isinstance(item, dict) or set(item) != {"algorithm", "key", "value"}:
            raise FactsRefused(f"{where} must hold algorithm, key and value", where=where)
        try:
            key = PublicKey(algorithm=str(item["algorithm"]), raw=_hex(item["key"]))
            found.append(Signature(key=key, value=_hex(item["value"])))
        except ValueError as error:
            raise FactsRefused(f"{where} is not hexadecimal", where=where) from error
    return tuple(found)


def _hex(text: object) -> bytes:
    """Lower case only: two spellings of one signature would let a changed bit pass."""
    raw = bytes.fromhex(text) if isinstance(text, str) else b""
    if not raw or raw.hex() != text:
        raise ValueError("not lower-case hexadecimal")
    return raw


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _no_float(text: str) -> object:
    raise ValueError(f"floating point number {text[:20]}")
