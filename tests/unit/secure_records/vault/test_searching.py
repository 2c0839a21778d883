"""A search finds every spelling, shows what the caller may know, and always leaves an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from secure_records import Caller
from secure_records.access.errors import AccessDenied
from secure_records.vault_errors import SearchRefused

if TYPE_CHECKING:
    from conftest import Room


@pytest.mark.parametrize("field", ["id_no", "phone", "name_birth", "name+birth_date"])
def test_a_patient_is_found_by_each_index(stored: Room, officer: Caller, field: str) -> None:
    """All records of the patient, newest identifier first."""
    person = stored.records()[0].subject
    value = {
        "id_no": person.id_no.lower(),
        "phone": f"+86 {person.phone}",
    }.get(field, f"{person.name}|{person.birth_date}")

    page = stored.vault.search(officer, {field: value}, "patient_request")

    mine = [each for each in stored.records() if each.subject.id_no == person.id_no]
    assert len(page.records) == len(mine)
    ids = [each.id for each in page.records]
    assert ids == sorted(ids, reverse=True)


def test_an_empty_search_is_a_disclosure_too(stored: Room, officer: Caller) -> None:
    """That somebody is no patient here is health data: logged, with no term in the log."""
    size = len(stored.entries())

    page = stored.vault.search(officer, {"id_no": "E99999999"}, "patient_request")

    assert (page.records, page.next_cursor) == ((), None)
    [entry] = stored.entries()[size:]
    assert (entry["action"], entry["details"]["found"]) == ("record.search", 0)
    assert entry["details"]["disclosure"] == page.disclosure_id
    assert entry["fields"] == ["patient.id_no"]
    assert "E99999999" not in orjson.dumps(entry).decode()


def test_every_hit_is_named_in_the_log(stored: Room, officer: Caller) -> None:
    """Who investigates a breach sees which records a search gave away."""
    person = stored.records()[0].subject
    size = len(stored.entries())

    page = stored.vault.search(officer, {"phone": person.phone}, "patient_request")

    head, *hits = stored.entries()[size:]
    assert head["details"]["found"] == len(page.records) > 0
    assert [entry["record"] for entry in hits] == [each.id for each in page.records]
    assert all(entry["fields"] == ["patient.phone"] and "commitment" in entry for entry in hits)


def test_pages_join_without_gap_or_repeat(stored: Room, officer: Caller) -> None:
    """Walking by cursor shows each record once."""
    person = stored.records()[0].subject
    whole = stored.vault.search(officer, {"id_no": person.id_no}, "patient_request")

    walked, cursor = [], None
    while True:
        page = stored.vault.search(
            officer, {"id_no": person.id_no}, "patient_request", limit=2, cursor=cursor
        )
        walked += [each.id for each in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert walked == [each.id for each in whole.records]


def test_all_criteria_must_hold(stored: Room, officer: Caller) -> None:
    """The number of one patient with the phone of another finds nobody."""
    records = stored.records()
    one = records[0].subject
    other = next(each.subject for each in records if each.subject.id_no != one.id_no)

    both = {"id_no": one.id_no, "phone": one.phone}
    mixed = {"id_no": one.id_no, "phone": other.phone}
    assert stored.vault.search(officer, both, "patient_request").records
    assert not stored.vault.search(officer, mixed, "patient_request").records


def test_a_new_phone_does_not_lose_the_old_one(stored: Room, officer: Caller) -> None:
    """People change numbers between visits: both find the whole patient."""
    record = stored.records()[0]
    moved = replace(
        record,
        external_id="SYN-NEW-1",
        digest=b"\x01" * 32,
        subject=type(record.subject)(
            **{
                name: getattr(record.subject, name)
                for name in record.subject.__struct_fields__
                if name != "phone"
            },
            phone="13700137000",
        ),
    )
    stored.vault.store(officer, [moved], "moved")

    old = stored.vault.search(officer, {"phone": record.subject.phone}, "patient_request")
    new = stored.vault.search(officer, {"phone": "13700137000"}, "patient_request")
    assert old.records == new.records
    assert len(new.records) > 1


def test_a_colliding_term_is_no_hit(stored: Room, officer: Caller) -> None:
    """The value is compared again after decryption: an index row alone finds nobody."""
    records = stored.records()
    one = records[0].subject
    stranger = next(each.subject for each in records if each.subject.id_no != one.id_no)
    before = stored.vault.search(officer, {"id_no": one.id_no}, "patient_request")
    stored.sql(
        'INSERT INTO index_terms (tenant, subject, "column", version, term)'
        ' SELECT a.tenant, b.subject, a."column", a.version, a.term FROM index_terms a,'
        " (SELECT DISTINCT subject FROM index_terms) b"
        " WHERE a.\"column\" = 'id_no' AND a.subject <> b.subject"
    )

    after = stored.vault.search(officer, {"id_no": one.id_no}, "patient_request")
    assert after.records == before.records
    assert stranger.id_no != one.id_no


def test_clinicians_find_their_own_visits_only(stored: Room) -> None:
    """Hits outside the caller's relation do not exist for the caller."""
    record = stored.records()[0]
    other = next(e.clinician for e in stored.records() if e.clinician != record.clinician)
    wanted = {"id_no": record.subject.id_no}

    own = stored.vault.search(stored.caller_of(record.clinician), wanted, "treatment")
    foreign = stored.vault.search(stored.caller_of(other), wanted, "treatment")

    visits = stored.sql("SELECT record FROM records WHERE clinician = ?", record.clinician)
    assert {each.id for each in own.records} <= {row[0] for row in visits}
    theirs = stored.sql("SELECT record FROM records WHERE clinician = ?", other)
    assert {each.id for each in foreign.records} <= {row[0] for row in theirs}
    assert own.records


def test_who_may_see_nothing_may_not_search(stored: Room) -> None:
    """Administrators and partners without an agreement are denied, whoever the patient is."""
    person = stored.records()[0].subject
    partner = Caller(actor="syn-pharmacy-desk", role="partner_pharmacist", partner="syn-pharmacy")
    texts = set()
    for caller in (Caller(actor="root", role="system_admin"), partner):
        for value in (person.id_no, "E99999999"):
            with pytest.raises(AccessDenied) as denied:
                stored.vault.search(caller, {"id_no": value}, "treatment")
            texts.add(str(denied.value))

    assert len(texts) == 1
    assert [entry["decision"] for entry in stored.entries()[-4:]] == ["deny"] * 4


@pytest.mark.parametrize(
    ("criteria", "limit"),
    [({}, 10), ({"dx": "I10"}, 10), ({"id_no": "?"}, 10), ({"phone": "1380"}, 0)],
)
def test_questions_that_cannot_be_asked(
    stored: Room, officer: Caller, criteria: dict[str, str], limit: int
) -> None:
    """No criterion, no index, no normal form, no room for an answer: refused, and logged."""
    before = stored.entries()
    with pytest.raises(SearchRefused):
        stored.vault.search(officer, criteria, "patient_request", limit=limit)

    [entry] = stored.entries()[len(before) :]
    said = (entry["action"], entry["decision"], entry["outcome"], entry["actor"])
    assert said == ("record.search", "failed", SearchRefused.code, officer.actor)
