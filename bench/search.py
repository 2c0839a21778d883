"""What does finding a patient by an encrypted index cost beside a plain one?

The limit is a plaintext index in a copy of the same encrypted file: one look-up
of the value, then the rows of that patient. First the look-up alone: code of
the value, candidates, rows. Then the whole search as a caller gets it: decided,
every hit opened and compared again, and in the audit log before it answers; its
limit is the plain look-up and one bare audit row.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, cycle
from pathlib import Path
from typing import Any, Final

from floors import bare_store
from hospital_home import OFFICER, opened_home, supply
from rounds import Bench, Case, Contender, main, repeated

from jinkui.wiring.toolkit import Toolkit
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.index.terms import query_term
from secure_records.kinds.identity import SubjectIdentity

CASES: Final = tuple(
    name.format(suite=suite)
    for suite in ("gm", "intl")
    for name in (
        "look up by number, {suite}",
        "whole search by number, {suite}, NORMAL",
        "whole search by name and birth date, {suite}, NORMAL",
    )
)
PURPOSE: Final = "patient_request"
_PATIENTS: Final = 100

Look = Callable[[SubjectIdentity], object]


class PlainIndex:
    """A copy of the store with the values in clear beside it."""

    def __init__(self, toolkit: Toolkit, path: Path) -> None:
        source, key = toolkit.home.records_file, toolkit.keys.file_key()
        emptied = bare_store(source, "NORMAL", key=key)
        emptied.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        emptied.close()
        shutil.copyfile(source, path)
        self.tenant = toolkit.tenant
        self.connection = bare_store(path, "NORMAL", key=key)
        execute = self.connection.execute
        execute("CREATE TABLE plain(tenant TEXT, field TEXT, value TEXT, subject TEXT)")
        execute("CREATE INDEX plain_by_value ON plain(tenant, field, value, subject)")
        execute("CREATE TABLE ev(seq INTEGER PRIMARY KEY, body BLOB, leaf BLOB)")
        self.numbers = count()

    def fill(self, toolkit: Toolkit, people: list[SubjectIdentity]) -> None:
        """Enter the values that the blind index holds as codes."""
        with toolkit.reading() as unit:
            rows = SqlRecordStore(unit.connection)
            for person in people:
                term, _ = query_term("id_no", person.id_no, toolkit.parts.term_mac)
                (subject,) = rows.subjects_with(self.tenant, term.column, term.version, term.term)
                for field, value in (("id_no", person.id_no), ("name_birth", name_birth(person))):
                    row = (self.tenant, field, value, subject)
                    self.connection.execute("INSERT INTO plain VALUES (?, ?, ?, ?)", row)

    def rows(self, field: str, value: str) -> list[Any]:
        """The rows of the patient with this value."""
        wanted = (self.tenant, field, value)
        found = list(self.connection.execute(_BY_VALUE, wanted).fetchall())
        assert found
        return found

    def rows_and_entry(self, field: str, value: str) -> None:
        """The rows, and one audit row in its own transaction."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        self.rows(field, value)
        entry = (next(self.numbers), b"e" * 400, b"l" * 32)
        execute("INSERT INTO ev VALUES (?, ?, ?)", entry)
        execute("COMMIT")


_BY_VALUE: Final = (
    # CROSS JOIN keeps the order: SQLite would else walk all records of the tenant.
    "SELECT records.* FROM plain CROSS JOIN records"
    " ON records.tenant = plain.tenant AND records.subject = plain.subject"
    " WHERE plain.tenant = ? AND plain.field = ? AND plain.value = ?"
)


def name_birth(person: SubjectIdentity) -> str:
    """As a person types it into a search."""
    return f"{person.name}|{person.birth_date}"


def cases(bench: Bench) -> Iterator[Case]:
    """No goal of the limits speaks of search: the figures are for the reader."""
    records = supply().records
    people = list({record.subject.id_no: record.subject for record in records}.values())
    for suite in ("gm", "intl"):
        with (
            opened_home(bench.folder / suite, suite=suite, synchronous="NORMAL") as toolkit,
            ExitStack() as stack,
        ):
            toolkit.vault.store(OFFICER, records, "bench")
            plain = PlainIndex(toolkit, bench.folder / f"plain-{suite}.db")
            stack.callback(plain.connection.close)
            plain.fill(toolkit, people)
            yield from _of_suite(suite, toolkit, plain, people[:_PATIENTS])


def _of_suite(
    suite: str, toolkit: Toolkit, plain: PlainIndex, people: list[SubjectIdentity]
) -> Iterator[Case]:
    with toolkit.reading() as unit:
        rows = SqlRecordStore(unit.connection)

        def look(person: SubjectIdentity) -> None:
            term, _ = query_term("id_no", person.id_no, toolkit.parts.term_mac)
            found = rows.subjects_with(toolkit.tenant, term.column, term.version, term.term)
            assert rows.of_subjects(toolkit.tenant, found)

        yield Case(
            case=f"look up by number, {suite}",
            unit="searches/s",
            ours=_each(people, look),
            limit=_each(people, lambda person: plain.rows("id_no", person.id_no)),
        )
    for words, field, value in (
        ("number", "id_no", lambda person: person.id_no),
        ("name and birth date", "name_birth", name_birth),
    ):
        yield Case(
            case=f"whole search by {words}, {suite}, NORMAL",
            unit="searches/s",
            ours=_each(people, _search(toolkit, field, value)),
            limit=_each(people, lambda p, f=field, v=value: plain.rows_and_entry(f, v(p))),
        )


def _search(toolkit: Toolkit, field: str, value: Callable[[SubjectIdentity], str]) -> Look:
    def run(person: SubjectIdentity) -> None:
        page = toolkit.vault.search(OFFICER, {field: value(person)}, PURPOSE)
        assert page.records

    return run


def _each(people: list[SubjectIdentity], look: Look) -> Contender:
    turns = cycle(people)
    return repeated(lambda: look(next(turns)))


if __name__ == "__main__":
    main(CASES, cases)
