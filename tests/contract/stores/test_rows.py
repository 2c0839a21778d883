"""Rows of every room come back as they were put in, whichever engine keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from classification.adapters.sql_assessment_store import SqlAssessmentStore
from classification.errors import RunImmutable
from classification.ports import StoredRun
from incident.adapters.sql_case_store import SqlCaseStore
from incident.errors import EventConflict
from incident.notices.deliveries import Delivery, DeliveryChannel, DeliveryState
from incident.workflow.events import CaseEvent, EventKind
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.wiring.stores import HomeStore
from secure_records.access.ports import AgreementSummary, StoredAgreement
from secure_records.adapters.sql_agreement_store import SqlAgreementStore
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.adapters.sql_registry import SqlRegistry
from secure_records.errors import RowTaken
from secure_records.ports import RecordRow, SubjectRow, TermRow
from secure_records.registry import read_registry_document
from shared_kernel.digests import sha256

NOON = datetime(2026, 3, 2, 4, 0, 0, 250, tzinfo=UTC)


def subject_row(tenant: str, number: int) -> SubjectRow:
    return SubjectRow(
        tenant=tenant, subject=f"sub_{number}", identity_mac=bytes([number]) * 32, created_at=NOON
    )


def record_row(tenant: str, number: int, **changes: object) -> RecordRow:
    row = RecordRow(
        tenant=tenant,
        subject=f"sub_{number % 3}",
        record=f"rec_{number}",
        version=1,
        kind="prescription",
        schema="prescription/1",
        retention_class="outpatient_record",
        clinician="D-1",
        visit=f"v{number}",
        occurred_at=NOON + timedelta(minutes=number),
        grade=4,
        key_id="key_1",
        external_ref=bytes([0, number]) * 16,
        content_mac=bytes([255, number]) * 16,
        created_at=NOON,
        envelope=bytes(range(256)) * 40,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def term_row(tenant: str, number: int, term: bytes) -> TermRow:
    return TermRow(tenant=tenant, subject=f"sub_{number}", column="phone", version=1, term=term)


def test_a_record_comes_back_as_it_went_in(store: HomeStore, tenant: str) -> None:
    """
    Bytes stay bytes, instants keep their fraction, numbers stay numbers.
    """
    rows = [record_row(tenant, number) for number in range(3)]
    with store.transaction() as connection:
        SqlRecordStore(connection).add([subject_row(tenant, 0)], rows, [])
    with store.reading() as connection:
        found = SqlRecordStore(connection).record(tenant, "rec_1")
        absent = SqlRecordStore(connection).record(tenant, "rec_9")

    assert found == rows[1]
    assert found is not None
    assert {type(found.envelope), type(found.external_ref), type(found.content_mac)} == {bytes}
    assert absent is None


def test_a_term_finds_its_subjects_and_no_others(store: HomeStore, tenant: str) -> None:
    """
    Candidates are those of this institution, column, version and term.
    """
    terms = [term_row(tenant, number, bytes([number % 2]) * 8) for number in range(5)]
    strange = replace(terms[0], tenant="another", subject="sub_x")
    newer = replace(terms[0], version=2, subject="sub_y")
    with store.transaction() as connection:
        SqlRecordStore(connection).add([], [], [*terms, strange, newer])
    with store.reading() as connection:
        rows = SqlRecordStore(connection)
        found = set(rows.subjects_with(tenant, "phone", 1, b"\0" * 8))
        kept = rows.terms_of(tenant, ["sub_0", "sub_1", "sub_y"])

    assert found == {"sub_0", "sub_2", "sub_4"}
    assert kept == {terms[0], terms[1], newer}


def test_references_subjects_and_visits_are_found_in_slices(store: HomeStore, tenant: str) -> None:
    """
    More values than one statement takes are asked for in several, and none is lost.
    """
    count = 1200
    numbered = [number.to_bytes(2, "big") * 16 for number in range(count)]
    with store.transaction() as connection:
        SqlRecordStore(connection).add(
            [
                SubjectRow(tenant=tenant, subject=f"s{n}", identity_mac=mac, created_at=NOON)
                for n, mac in enumerate(numbered)
            ],
            [
                record_row(tenant, 0, record=f"rec_{n}", external_ref=mac, visit=f"v{n}")
                for n, mac in enumerate(numbered)
            ],
            [],
        )
    with store.reading() as connection:
        rows = SqlRecordStore(connection)
        references = rows.references(tenant, [*numbered, b"\xff" * 32])
        subjects = rows.subjects(tenant, numbered)
        visits = rows.visits_with(tenant, "prescription", [f"v{n}" for n in range(count + 5)])
        assert rows.count(tenant) == count
        assert rows.count("another") == 0

    assert {mac: found.record for mac, found in references.items()} == {
        mac: f"rec_{n}" for n, mac in enumerate(numbered)
    }
    assert subjects == {mac: f"s{n}" for n, mac in enumerate(numbered)}
    assert visits == {f"v{n}" for n in range(count)}


def test_a_line_is_stored_once(store: HomeStore, tenant: str) -> None:
    """
    The database itself refuses a second record under one external reference.
    """
    with store.transaction() as connection:
        SqlRecordStore(connection).add([], [record_row(tenant, 1)], [])
    again = record_row(tenant, 1, record="rec_other", subject="sub_other")
    with pytest.raises(RowTaken), store.transaction() as connection:
        SqlRecordStore(connection).add([subject_row(tenant, 7)], [again], [])

    with store.reading() as connection:
        assert SqlRecordStore(connection).count(tenant) == 1
        assert SqlRecordStore(connection).subjects(tenant, [bytes([7]) * 32]) == {}


def test_records_of_a_subject_come_newest_first(store: HomeStore, tenant: str) -> None:
    """
    By identifier, which sorts as time does; a kind narrows them.
    """
    rows = [record_row(tenant, n, subject="sub_0") for n in (2, 1, 3)]
    rows.append(record_row(tenant, 4, subject="sub_0", kind="consent"))
    with store.transaction() as connection:
        SqlRecordStore(connection).add([], rows, [])
    with store.reading() as connection:
        every = SqlRecordStore(connection).of_subjects(tenant, ["sub_0", "sub_9"])
        consents = SqlRecordStore(connection).of_subjects(tenant, ["sub_0"], "consent")

    assert [row.record for row in every] == ["rec_4", "rec_3", "rec_2", "rec_1"]
    assert [row.record for row in consents] == ["rec_4"]


def test_a_register_is_entered_twice_and_read_back(store: HomeStore) -> None:
    """
    Staff, partners and accounts replace what was there; credentials lead to their account.
    """
    hospital = SyntheticHospital(7, patients=12, visits=12, start=NOON.date())
    document = read_registry_document(orjson.dumps(hospital.registry_document()))
    tenant = document.institution.credit_code
    for _ in range(2):
        with store.transaction() as connection:
            SqlRegistry(connection).enter(document)
    with store.reading() as connection:
        registry = SqlRegistry(connection)
        assert registry.institution(tenant) == document.institution
        assert registry.actors(tenant) == tuple(sorted(document.actors, key=lambda a: a.id))
        ids = [member.id for member in document.staff]
        assert registry.staff(tenant, ids) == {m.id: m for m in document.staff}
        for account in document.actors:
            for credential in account.credential_ids:
                assert registry.actor_of_credential(tenant, credential) == account


def test_an_agreement_ends_in_all_its_versions(store: HomeStore, tenant: str) -> None:
    """
    The document comes back byte by byte; ending says how many versions it ended.
    """
    ids = [("b", 1), ("b", 2), ("B", 1), ("a-1", 1), ("a1", 1)]
    with store.transaction() as connection:
        rows = SqlAgreementStore(connection, tenant)
        for name, version in ids:
            summary = AgreementSummary(
                id=name,
                version=version,
                partner="p",
                digest="sha256:00",
                applied_at=NOON,
                applied_by="a004",
                ended_at=None,
            )
            rows.apply(StoredAgreement(summary=summary, text=f"{name}: 条款\n".encode()))
    with store.transaction() as connection:
        assert SqlAgreementStore(connection, tenant).end("b", NOON) == 2
        assert SqlAgreementStore(connection, tenant).end("b", NOON) == 0
    with store.reading() as connection:
        found = SqlAgreementStore(connection, tenant).load_all()

    assert [(each.summary.id, each.summary.version) for each in found] == sorted(ids)
    assert {each.text for each in found} == {f"{name}: 条款\n".encode() for name, _ in ids}
    assert [each.summary.id for each in found if each.summary.ended_at] == ["b", "b"]


def test_a_case_takes_each_number_once(store: HomeStore, tenant: str) -> None:
    """
    Two who write event one of a case do not both succeed; deliveries replace their batch.
    """
    event = CaseEvent(
        tenant=tenant,
        case="case_1",
        seq=1,
        at=NOON,
        event_at=NOON - timedelta(hours=1),
        actor="a004",
        kind=EventKind.OPENED,
        payload={"summary": "疑似泄露"},
    )
    delivery = Delivery(
        subject="sub_1",
        channel=DeliveryChannel.SMS,
        to_guardian=True,
        state=DeliveryState.PENDING,
        at=NOON,
    )
    with store.transaction() as connection:
        SqlCaseStore(connection).append(event, 5)
    with pytest.raises(EventConflict), store.transaction() as connection:
        SqlCaseStore(connection).append(event, 6)
    for state in (DeliveryState.PENDING, DeliveryState.SENT):
        with store.transaction() as connection:
            rows = (replace(delivery, state=state),)
            SqlCaseStore(connection).keep_deliveries(tenant, "case_1", "batch_1", rows)
    with store.reading() as connection:
        cases = SqlCaseStore(connection)
        assert cases.cases(tenant) == ("case_1",)
        assert cases.events(tenant, "case_1") == (event,)
        assert cases.journal_indexes(tenant, "case_1") == {1: 5}
        assert cases.deliveries(tenant, "case_1", "batch_1") == (
            replace(delivery, state=DeliveryState.SENT),
        )


def test_a_run_is_kept_byte_by_byte_and_approved_once(store: HomeStore, tenant: str) -> None:
    """
    A report that comes back altered by one bit would not match its digest.
    """
    report = bytes(range(256))
    run = StoredRun(
        tenant=tenant,
        run_id="run_1",
        at=NOON,
        target="localhost",
        facts=b"\x00facts",
        report=report,
        report_digest=str(sha256(report)),
        conclusion="gaps",
        approved_by=None,
        approved_at=None,
    )
    with store.transaction() as connection:
        SqlAssessmentStore(connection).add_run(run)
    with store.transaction() as connection:
        SqlAssessmentStore(connection).approve(tenant, "run_1", "a004", NOON)
    with pytest.raises(RunImmutable), store.transaction() as connection:
        SqlAssessmentStore(connection).approve(tenant, "run_1", "a005", NOON)
    with store.reading() as connection:
        found = SqlAssessmentStore(connection).run(tenant, "run_1")
        listed = SqlAssessmentStore(connection).runs(tenant)

    assert found == replace(run, approved_by="a004", approved_at=NOON)
    assert isinstance(found.report, bytes)
    assert [each.approved_by for each in listed] == ["a004"]
