"""A checkpoint carries an SM2 line beside the Ed25519 line."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

from dataclasses import replace
from typing import Any

import pytest
from proofbundle.checkpoint import verify_checkpoint as oracle_verify_checkpoint

from secure_records.audit.checkpoint import verify_checkpoint
from secure_records.audit.errors import NoteRefused
from secure_records.audit.note import NoteKey, parse_note, parse_vkey, vkey_text
from secure_records.keys.signing_keys import Sm2Signer, Verifier, generate_sm2


def signed_by_both(house: Any) -> tuple[str, tuple[NoteKey, NoteKey]]:
    private, public = generate_sm2()
    signer = Sm2Signer(private, public.raw)
    with house.transaction() as connection:
        log = house.log(connection)
        log.append(house.fact(0))
        note = log.checkpoint(house.origin, (house.signer, signer), house.day)
    return note, (house.keys[0], NoteKey(name=house.origin, public_key=public))


def test_both_algorithms_vouch(house: Any) -> None:
    """Both lines hold when both keys are asked for, each key surviving its text form."""
    note, keys = signed_by_both(house)
    read = tuple(parse_vkey(vkey_text(key)) for key in keys)
    assert verify_checkpoint(note, read, Verifier(), need=2).size == 1


def test_outside_verifier_ignores_the_sm2_line(house: Any) -> None:
    """A tool that knows Ed25519 only still accepts the note."""
    note, keys = signed_by_both(house)
    assert oracle_verify_checkpoint(note, vkey_text(keys[0]))["ok"]


def test_moved_sm2_line_is_refused(house: Any) -> None:
    """An SM2 line taken from another note makes the whole note false."""
    note, keys = signed_by_both(house)
    house.fill(1, checkpoint=False)
    with house.transaction() as connection:
        later = house.log(connection).checkpoint(house.origin, (house.signer,), house.day)
    stolen = note.splitlines(keepends=True)[-1]
    assert replace(parse_note(note), text="").lines[1] == parse_note(later + stolen).lines[1]
    with pytest.raises(NoteRefused, match="sm2-sm3"):
        verify_checkpoint(later + stolen, keys, Verifier())
