"""Notes are C2SP signed notes, and nothing else passes."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

import base64
from typing import Any

import pytest

from secure_records.audit.checkpoint import checkpoint_text, parse_checkpoint, verify_checkpoint
from secure_records.audit.errors import NoteMalformed, NoteRefused
from secure_records.audit.note import (
    SM2_TYPE,
    NoteKey,
    add_signatures,
    parse_note,
    parse_vkey,
    sign_note,
    verify_note,
    vkey_text,
)
from shared_kernel.signatures import SM2_SM3, PublicKey

# The example of c2sp.org/tlog-checkpoint.
SPEC_NOTE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhc"
    "yv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)


def test_example_of_the_specification_is_read() -> None:
    """Origin, size, root and the signature line of the published example."""
    checkpoint = parse_checkpoint(SPEC_NOTE)
    [line] = parse_note(SPEC_NOTE).lines

    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert line.key_id.hex() == "033de0ae"
    assert len(line.value) == 64


def test_own_note_verifies_and_names_its_keys(house: Any) -> None:
    """What we sign we accept, with unknown lines ignored."""
    other = house.signer_with(b"\x02" * 32)
    text = checkpoint_text(house.origin, 0, b"\0" * 32)
    note = sign_note(text, house.origin, (house.signer,))
    both = add_signatures(note, "partner.example/witness", (other,))

    assert verify_checkpoint(both, house.keys, house.verifier).size == 0
    assert verify_note(both, house.keys, house.verifier).signed_by(house.keys[0])


def test_too_few_trusted_keys(house: Any) -> None:
    """No trusted key, or fewer than asked for, is a refusal; so is asking for none."""
    note = house.fill(1)
    stranger = NoteKey(name=house.origin, public_key=house.signer_with(b"\x09" * 32).public_key)
    for keys, need in (((), 1), ((stranger,), 1), (house.keys, 2), ((), 0)):
        with pytest.raises(NoteRefused):
            verify_note(note, keys, house.verifier, need=need)


def test_repeated_line_counts_once(house: Any) -> None:
    """Two lines of one key are one vote."""
    note = house.fill(1)
    twice = add_signatures(note, house.origin, (house.signer,))
    with pytest.raises(NoteRefused, match="1 trusted"):
        verify_note(twice, house.keys, house.verifier, need=2)


def test_false_line_of_a_known_key_refuses_the_note(house: Any) -> None:
    """A note with one true and one false line of known keys was touched."""
    note = house.fill(1)
    line = parse_note(note).lines[0]
    false = base64.b64encode(line.key_id + bytes(64)).decode()
    with pytest.raises(NoteRefused, match="false"):
        verify_note(note + f"\u2014 {house.origin} {false}\n", house.keys, house.verifier)


def test_key_of_one_log_does_not_vouch_for_another(house: Any) -> None:
    """A text with a foreign origin is refused even under a true signature."""
    text = checkpoint_text("jinkui.example/other/audit", 3, b"\0" * 32)
    note = sign_note(text, house.origin, (house.signer,))
    with pytest.raises(NoteRefused, match="another log"):
        verify_checkpoint(note, house.keys, house.verifier)


@pytest.mark.parametrize(
    "note",
    [
        "",
        SPEC_NOTE[:-1],
        SPEC_NOTE + "unsigned words\n",
        SPEC_NOTE + "\n",
        SPEC_NOTE.replace("\u2014 ", "- "),
        SPEC_NOTE.replace("YQ8=\n", "YQ9=\n"),
        SPEC_NOTE.replace("20852163", "020852163"),
        SPEC_NOTE.replace("20852163", "-1"),
        SPEC_NOTE.replace("20852163", "２０"),
        SPEC_NOTE.replace("q2I=\n\n", "q2I=\nextension\n\n"),
        SPEC_NOTE.replace("q2I=", "q2J="),
        SPEC_NOTE.replace("CsUY", ""),
        SPEC_NOTE.replace("\n2", "\r\n2"),
        SPEC_NOTE.replace("— example.com/", "— example.com /"),
        "\u2014 a AAAAAAAA\n",
        SPEC_NOTE + "— a AAAA\n",
        SPEC_NOTE + "— a AAAAAAAA\n" * 64,
        SPEC_NOTE.replace("example.com/b", "\ud800"),
    ],
)
def test_malformed_notes(note: str) -> None:
    """One byte off the specification is no checkpoint."""
    with pytest.raises(NoteMalformed):
        parse_checkpoint(note)


@pytest.mark.parametrize("origin", ["", "with space", "a+b", "医院", "a\n1"])
def test_origin_must_fit_a_key_name(origin: str) -> None:
    """An origin that cannot be a key name is refused before anything is signed."""
    with pytest.raises(NoteMalformed):
        checkpoint_text(origin, 0, b"\0" * 32)


def test_verifier_keys_round_trip() -> None:
    """Ed25519 of type 1 and SM2 of the long type keep name, algorithm and bytes."""
    sm2 = NoteKey(name="a.example/log", public_key=PublicKey(algorithm=SM2_SM3, raw=b"\7" * 64))
    text = vkey_text(sm2)

    assert parse_vkey(text) == sm2
    assert base64.b64decode(text.split("+", 2)[2]) == SM2_TYPE + b"\7" * 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        # Example of the Go note package with one digit of the key id changed.
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc",
    ],
)
def test_malformed_verifier_keys(text: str) -> None:
    """A key id that does not fit, an unknown type or a short key."""
    with pytest.raises(NoteMalformed):
        parse_vkey(text)


def test_public_example_key_is_read() -> None:
    """The verifier key in the documentation of Go's note package."""
    key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert (key.name, key.key_id.hex(), len(key.public_key.raw)) == ("PeterNeumann", "c74f20a3", 32)


def test_unknown_algorithm_cannot_sign() -> None:
    """A key of an unnamed algorithm has no place in a note."""
    key = NoteKey(name="a", public_key=PublicKey(algorithm="rsa", raw=b""))
    with pytest.raises(NoteMalformed):
        vkey_text(key)
