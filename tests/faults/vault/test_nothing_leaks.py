"""Planted identifiers are found nowhere outside the sealed envelope."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import orjson
import pytest

from secure_records import Caller, parse_line
from secure_records.errors import EnvelopeRefused

if TYPE_CHECKING:
    from conftest import Room


def planted(room: Room) -> list[bytes]:
    """Strings that must not appear anywhere: of one patient and what was said."""
    person = room.records()[0].subject
    words = [person.name, person.id_no, person.phone, person.address or person.id_no]
    return [word.encode() for word in words]


def test_files_hold_no_planted_identifier(stored: Room, officer: Caller) -> None:
    """Neither database, write-ahead log nor key file holds a name or a number in clear."""
    person = stored.records()[0].subject
    stored.vault.search(officer, {"phone": person.phone}, "patient_request")

    files = sorted(stored.folder.iterdir())
    assert any(path.name.endswith("-wal") for path in files)
    for path in files:
        data = path.read_bytes()
        assert not [word for word in planted(stored) if word in data], path.name


def test_rows_hold_no_planted_identifier(stored: Room, officer: Caller) -> None:
    """Inside the encrypted file too: every column of every table but the registry is blind."""
    person = stored.records()[0].subject
    stored.vault.search(officer, {"id_no": person.id_no}, "patient_request")
    tables = [name for (name,) in stored.sql("SELECT name FROM sqlite_master WHERE type = 'table'")]

    assert {"records", "subjects", "index_terms"} <= set(tables)
    for table in tables:
        if table in {"staff", "institutions", "partners", "actors", "actor_credentials"}:
            continue
        for row in stored.sql(f'SELECT * FROM "{table}"'):  # noqa: S608
            text = b"|".join(
                value if isinstance(value, bytes) else str(value).encode() for value in row
            )
            assert not [word for word in planted(stored) if word in text], table


def test_errors_hold_no_planted_identifier(stored: Room, officer: Caller) -> None:
    """Tracebacks of refusals and failures name places, never values."""
    person = stored.records()[0].subject
    line = stored.lines()[0]
    line["subject"]["sex"] = person.name
    faults = []
    with pytest.raises(Exception, match="subject") as refused:
        parse_line(orjson.dumps(line), 1)
    faults.append(refused.value)
    page = stored.vault.search(officer, {"id_no": person.id_no}, "patient_request")
    stored.sql("UPDATE records SET schema = 'x/1' WHERE record = ?", page.records[0].id)
    with pytest.raises(EnvelopeRefused) as broken:
        stored.vault.read(officer, page.records[0].id, "patient_request")
    faults.append(broken.value)

    for fault in faults:
        shown = "".join(traceback.format_exception(fault)).encode()
        assert not [word for word in planted(stored) if word in shown]


def test_representations_hide_their_content(stored: Room, officer: Caller) -> None:
    """What ends up in a debugger or a log by accident shows no patient."""
    record = stored.records()[0]
    page = stored.vault.search(officer, {"id_no": record.subject.id_no}, "patient_request")
    view = stored.vault.read(officer, page.records[0].id, "patient_request")

    shown = (repr(record) + repr(view) + repr(page)).encode()
    assert not [word for word in planted(stored) if word in shown]
