"""A line is a record or one error that never repeats what stood in it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import orjson
import pytest

from secure_records import NewRecord, StoreRefusal, parse_line, read_lines
from secure_records.intake import LINE_LIMIT
from secure_records.vault_errors import (
    LineDuplicateKey,
    LineIdentityInIdentifier,
    LineNotJson,
    LineTooLong,
)
from shared_kernel.errors import BadInput, JinkuiError

if TYPE_CHECKING:
    from conftest import Room

SECRET = "王隐私13912345678"


def test_a_good_line_becomes_a_record(room: Room) -> None:
    """Frame, identity and body are read; the number of the line stays with it."""
    line = room.lines()[0]
    record = parse_line(orjson.dumps(line) + b"\n", 7)

    assert record.line == 7
    assert record.external_id == line["external_id"]
    assert record.occurred_at.utcoffset().total_seconds() == 0
    assert record.subject.name not in repr(record)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", LineNotJson),
        (b"[1]", LineNotJson),
        (b"{", LineNotJson),
        (b'{"a": NaN}', LineNotJson),
        (b'{"a": "\xff"}', LineNotJson),
        (b'{"a": "\\ud800"}', LineNotJson),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, LineNotJson),
        (b'{"a": 1, "a": 2}', LineDuplicateKey),
        (b'{"body": {"dx": 1, "dx": 2}}', LineDuplicateKey),
        (b" " * (LINE_LIMIT + 1), LineTooLong),
    ],
)
def test_bytes_that_are_no_line_are_one_error(raw: bytes, error: type[JinkuiError]) -> None:
    """Each way of not being a JSON object has its own code."""
    with pytest.raises(error):
        parse_line(raw, 1)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("kind",), "diary", "records.unknown_kind"),
        (("nickname",), SECRET, "records.body_refused"),
        (("subject", "name"), 5, "records.body_refused"),
        (("subject", "id_no"), "110105194912310021", "records.identity_refused"),
        (("subject", SECRET), SECRET, "records.body_refused"),
        (("body", "channel"), SECRET, "records.body_refused"),
        (("occurred_at",), "2026-03-01T09:00:00", "records.body_refused"),
    ],
)
def test_every_fault_has_a_code_and_no_echo(
    room: Room, path: tuple[str, ...], value: object, code: str
) -> None:
    """The code is stable, the message names the place, the value stays out of it."""
    line = next(each for each in room.lines() if each["kind"] == "chat_transcript")
    name_of_patient = line["subject"]["name"]
    place = line
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value

    with pytest.raises(BadInput) as refused:
        parse_line(orjson.dumps(line), 1)

    assert refused.value.code == code
    shown = "".join(traceback.format_exception(refused.value))
    assert name_of_patient not in shown
    assert SECRET not in shown


def test_a_file_is_read_to_its_end(room: Room) -> None:
    """A bad line is a refusal with its number; blank lines count and say nothing."""
    good = orjson.dumps(room.lines()[0])

    found = list(read_lines([b"{\n", b"\n", good + b"\n"]))

    assert [type(item) for item in found] == [StoreRefusal, NewRecord]
    assert [(item.line) for item in found] == [1, 3]
    assert found[0].code == "line.not_json"


NUMBERS = {
    "id_no": lambda subject: subject["id_no"],
    "phone": lambda subject: subject["phone"],
    "guardian.id_no": lambda subject: subject["guardian"]["id_no"],
    "guardian.phone": lambda subject: subject["guardian"]["phone"],
}
IDENTIFIERS = [
    ("prescription", "external_id"),
    ("prescription", "visit"),
    ("prescription", "clinician"),
    ("prescription", "body.rx_no"),
    ("prescription", "body.rx_unique_id"),
    ("outpatient_record", "body.record_no"),
    ("consent", "body.consent_no"),
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("kind", "where"), IDENTIFIERS)
def test_no_identifier_carries_an_identity(room: Room, kind: str, where: str, number: str) -> None:
    """Clear-text identifiers never name patient or guardian; the refusal names the field only."""
    line = next(each for each in room.lines() if each["kind"] == kind)
    line["subject"]["guardian"] = {
        "id_no": "11010519491231002X",
        "name": "示例监护人",
        "phone": "13700001111",
    }
    parse_line(orjson.dumps(line), 1)
    value = NUMBERS[number](line["subject"])
    place = line["body"] if where.startswith("body.") else line
    place[where.removeprefix("body.")] = f"V-{value.lower()}-1"

    with pytest.raises(LineIdentityInIdentifier) as refused:
        parse_line(orjson.dumps(line), 1)

    assert refused.value.code == "line.identity_in_identifier"
    assert refused.value.where == where
    assert value not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(("document", "allowed"), [("A1234", True), ("A12345", False)])
def test_a_short_document_number_may_occur_by_chance(
    room: Room, document: str, allowed: bool
) -> None:
    """Five characters are no evidence of an identity, six are."""
    line = next(each for each in room.lines() if each["kind"] == "prescription")
    line["subject"] |= {"id_type": "03", "id_no": document}
    line["visit"] = f"V-{document}-1"

    if allowed:
        assert parse_line(orjson.dumps(line), 1).visit == line["visit"]
        return
    with pytest.raises(LineIdentityInIdentifier):
        parse_line(orjson.dumps(line), 1)


def test_the_synthetic_hospital_has_meaningless_identifiers(room: Room) -> None:
    """Every good line of the hospital stays accepted."""
    assert len(room.records()) == len(room.lines())
