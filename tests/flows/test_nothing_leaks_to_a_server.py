"""A database server, its files and its log learn nothing of a patient."""

# ruff: noqa: ANN401 - the server comes from a conftest, whose types tests cannot import

from __future__ import annotations

import binascii
import json
from typing import TYPE_CHECKING, Any

import pytest

from secure_records.models import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from furnishing import House

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

CLERK = Caller(actor="a008", role="records_officer")
PHARMACY = Caller(
    actor="x001",
    role="pharmacist",
    partner="demo-pharmacy",
    credential="token-demo-pharmacy-01",
)
STRANGER = "13912340987"


def words_of(line: dict[str, Any]) -> Iterator[str]:
    """What only the patient and the hospital may know: numbers, address, free text."""
    subject = line["subject"]
    yield from (subject[key] for key in ("id_no", "phone", "address") if key in subject)
    yield line["external_id"]
    for key in ("chief_complaint", "history", "advice"):
        if isinstance(line["body"].get(key), str):
            yield line["body"][key]
    for message in line["body"].get("messages", ()):
        yield message["text"]


def needles(house: House) -> set[bytes]:
    words = {word for line in house.good.values() for word in words_of(line)} | {STRANGER}
    words = {word for word in words if len(word.encode()) >= 9}
    assert len(words) > 150
    words = {*sorted(words)[::5], STRANGER}
    spelled = (
        (word.encode(), json.dumps(word)[1:-1].encode(), binascii.hexlify(word.encode()))
        for word in words
    )
    return {spelling for spellings in spelled for spelling in spellings}


def found_in(content: bytes, words: set[bytes]) -> list[bytes]:
    return [word for word in words if word in content]


def use(house: House) -> None:
    """Store again, search for a patient and a stranger, read, be refused."""
    house.import_all()
    record, line = house.planted("prescription")[0]
    house.vault.search(CLERK, {"id_no": line["subject"]["id_no"]}, "patient_request")
    house.vault.search(CLERK, {"phone": STRANGER}, "patient_request")
    house.vault.read(CLERK, record, "patient_request")
    house.vault.read(PHARMACY, record, "dispensing")


def test_every_table_read_whole_shows_no_patient(house: House) -> None:
    """
    Whoever can dump the database gets sealed bytes, blind terms and clear columns, no words.
    """
    use(house)
    words = needles(house)
    with house.toolkit.reading() as unit:
        names = unit.connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).scalars()
        driver: Any = unit.connection.connection.driver_connection
        dump = {}
        for name in names.all():
            for form in ("text", "binary"):
                with (
                    driver.cursor() as cursor,
                    cursor.copy(f'COPY "{name}" TO STDOUT (FORMAT {form})') as rows,
                ):
                    dump[name, form] = b"".join(bytes(part) for part in rows)

    assert len(dump["records", "binary"]) > 50_000
    assert {key: hits for key, content in dump.items() if (hits := found_in(content, words))} == {}


def test_the_files_and_the_log_of_the_server_show_no_patient(house: House, postgres: Any) -> None:
    """
    The server writes every statement with its values into its log here, and still knows nothing.
    """
    use(house)
    words = needles(house)
    with house.toolkit.reading() as unit:
        mine = unit.connection.exec_driver_sql(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).scalar_one()
    postgres.admin("CHECKPOINT")
    log = postgres.log
    files = [
        path
        for folder in (f"base/{mine}", "pg_wal")
        for path in (postgres.folder / folder).rglob("*")
        if path.is_file()
    ]

    assert b"INSERT INTO records" in log
    assert b"INSERT INTO audit_entries" in log
    assert found_in(log, words) == []
    assert len(files) > 100
    assert sum(b"rec_" in path.read_bytes() for path in files) > 0
    assert [path.name for path in files if found_in(path.read_bytes(), words)] == []
