"""Where is the evidence of a filing by hand kept, and how does an inspector get it back?

The case holds name and digest of a proof; the bytes lie sealed in ``evidence/`` of
the home, bound to case and digest. They are written before the case says so: a
proof without a filing is harmless, a filing without its proof is not.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinkui.procedures.input_files import read_filled_file
from jinkui.wiring.toolkit import Toolkit
from secure_records.envelope.format import COMMITMENT_BYTES, MESSAGE_ID_BYTES
from secure_records.envelope.one_use import WRAPPED_KEY, fresh_message_id, open_once, seal_once
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.digests import parse_digest, sha256
from shared_kernel.errors import NotFound, Refused, VerificationFailed

LARGEST_PROOF: Final = 64 * 1024 * 1024
"""Bytes: a scan, a photo, the record of a call."""

_FOLDER: Final = "evidence"
_HEAD: Final = MESSAGE_ID_BYTES + COMMITMENT_BYTES


class ProofMissing(NotFound):
    """No proof of this digest is kept for this case."""

    code = "incident.proof_missing"
    default_hint = "`jinkui incident timeline CASE` names the digests of its proofs"


class ProofDamaged(VerificationFailed):
    """The kept proof does not open, or is not the one that the case names."""

    code = "incident.proof_damaged"
    default_hint = "restore evidence/ from a backup and open an incident"


class FileTaken(Refused):
    """A file is never overwritten."""

    code = "file.taken"
    default_hint = "name another file with --out"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProof:
    """What a case says about a proof."""

    name: str
    digest: str
    """Tagged SHA-256 of the file."""


def keep_proof(toolkit: Toolkit, case: str, path: Path) -> KeptProof:
    """Seal a copy of ``path`` into the home.

    Raises:
        FileEmpty, FileTooLarge, FileNotRegular: it is no evidence of anything.
    """
    content = read_filled_file(path, LARGEST_PROOF)
    digest = str(sha256(content))
    keys, message_id = toolkit.keys, fresh_message_id(toolkit.entropy)
    commitment, sealed = seal_once(
        keys.suite,
        keys.content_key(toolkit.tenant),
        WRAPPED_KEY,
        message_id,
        plaintext=content,
        aad=_place(toolkit, case, digest),
    )
    kept = _path(toolkit, case, digest)
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = kept.with_suffix(".new")
    with open(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - pathlib sets no mode
        file.write(message_id + commitment + sealed)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(kept)
    return KeptProof(name=path.name, digest=digest)


def fetch_proof(toolkit: Toolkit, case: str, digest: str) -> bytes:
    """The bytes of a kept proof.

    Raises:
        ProofMissing: there is none.
        ProofDamaged: what lies there is not it.
    """
    kept = _path(toolkit, case, digest)
    if not kept.is_file():
        raise ProofMissing(f"no proof {digest} is kept for {case}", where=digest)
    blob, keys = kept.read_bytes(), toolkit.keys
    try:
        content = open_once(
            keys.suite,
            keys.content_key(toolkit.tenant),
            WRAPPED_KEY,
            blob[:MESSAGE_ID_BYTES],
            commitment=blob[MESSAGE_ID_BYTES:_HEAD],
            sealed=blob[_HEAD:],
            aad=_place(toolkit, case, digest),
        )
    except VerificationFailed as error:
        raise ProofDamaged(f"the proof {digest} of {case} does not open", where=digest) from error
    if not hmac.compare_digest(str(sha256(content)), digest):
        raise ProofDamaged(f"the proof {digest} of {case} is another file", where=digest)
    return content


def hand_out_proof(toolkit: Toolkit, actor: str, case: str, digest: str, out: Path) -> Path:
    """Write a kept proof to a new file for its owner alone; the log says who took it.

    Raises:
        ProofMissing, ProofDamaged: as for ``fetch_proof``.
        FileTaken: there is a file of that name.
    """
    if out.exists():
        raise FileTaken(f"{out.name} exists", where=out.name)
    content = fetch_proof(toolkit, case, digest)
    with toolkit.transaction() as unit:
        at = toolkit.clock.now()
        unit.journal.record(
            "incident.proof_read", {"case": case, "digest": digest}, at=at, actor=actor
        )
    with open(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123 - pathlib sets no mode
        file.write(content)
    return out


def missing_proofs(toolkit: Toolkit, named: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Digests, of pairs of case and digest, whose proof is not there or does not open."""
    missing = []
    for case, digest in named:
        try:
            fetch_proof(toolkit, case, digest)
        except (ProofMissing, ProofDamaged):
            missing.append(digest)
    return tuple(missing)


def _path(toolkit: Toolkit, case: str, digest: str) -> Path:
    value = parse_digest(digest, "proof").value.hex()
    # Case identifiers are made here, but this one was typed: no part of it becomes a path.
    folder = sha256(case.encode()).value.hex()[:32]
    return toolkit.home.folder / _FOLDER / folder / f"{value}.sealed"


def _place(toolkit: Toolkit, case: str, digest: str) -> bytes:
    return canonical_bytes(["incident-proof", toolkit.tenant, case, digest])
