"""A field of an ORM object is sealed for its cell, found by its index, and opens nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import ForeignKey, create_engine, func, insert, select, text, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from secure_records.columns import (
    ColumnKeysMissing,
    ColumnOperationRefused,
    ColumnRuleRefused,
    EncryptedField,
    MatchRefused,
    PlaceIncomplete,
    PlaintextRefused,
    ValueRefused,
)
from secure_records.columns.column_keys import ColumnKeys
from secure_records.columns.errors import PlaceChanged
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import EnvelopeRefused
from secure_records.keys.key_ring import KeyRing
from secure_records.testing import SeededEntropy, VaultRoom, temporary_vault
from shared_kernel.errors import JinkuiError

FULL_WIDTH = "13800000001".translate({ord("0") + n: chr(0xFF10 + n) for n in range(10)})


class Base(DeclarativeBase):
    pass


class Appointment(Base):
    __tablename__ = "appointments"

    id: Mapped[str] = mapped_column(primary_key=True)
    patient: Mapped[str]
    phone = EncryptedField(subject="patient", index="e164/1")
    note = EncryptedField(subject="patient")
    extra = EncryptedField(subject="patient", holds="json")
    picture = EncryptedField(subject="patient", holds="bytes")


class Order(Base):
    __tablename__ = "orders"

    number: Mapped[int] = mapped_column(primary_key=True)
    phone = EncryptedField(index="e164/1")


class Strict(Base):
    __tablename__ = "strict"

    number: Mapped[int] = mapped_column(primary_key=True)
    phone = EncryptedField(nullable=False)


class Contact:
    """A mix-in brings its field into every class that takes it."""

    mail = EncryptedField(index="identifier/1")


class Clinic(Contact, Base):
    __tablename__ = "clinics"

    id: Mapped[UUID] = mapped_column(primary_key=True)


class Card:
    """A second mix-in."""

    card = EncryptedField(index="document/1")


class Member(Contact, Card, Base):
    """Two mix-ins, a field of its own, and a key from the database."""

    __tablename__ = "members"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone = EncryptedField(index="e164/1")


class Person(Base):
    __tablename__ = "persons"

    id: Mapped[int] = mapped_column(primary_key=True)
    sort: Mapped[str]
    phone = EncryptedField(index="e164/1")
    __mapper_args__ = {"polymorphic_on": "sort", "polymorphic_identity": "person"}  # noqa: RUF012


class Nurse(Person):
    __tablename__ = "nurses"

    id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    card = EncryptedField(index="document/1")
    __mapper_args__ = {"polymorphic_identity": "nurse"}  # noqa: RUF012


@pytest.fixture(params=[GM, INTL], ids=lambda suite: suite.name)
def room(request: pytest.FixtureRequest) -> Iterator[VaultRoom]:
    """Keys of a real key file."""
    suite: Suite = request.param
    with temporary_vault(suite=suite) as made:
        made.columns.attach(Base.metadata)
        yield made
        Base.metadata.info.clear()


@pytest.fixture
def engine(room: VaultRoom) -> Iterator[Engine]:
    """The platform's own database, outside the home."""
    made = create_engine(f"sqlite:///{room.folder}/platform.db")
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def filled(engine: Engine) -> None:
    with Session(engine) as session:
        session.add_all(
            [
                Appointment(
                    id="a1", patient="p1", phone="138 0000 0001", note="过敏", extra={"n": 1}
                ),
                Appointment(id="a2", patient="p1", phone="+8613800000002", picture=b"\x00\xff"),
                Appointment(id="a3", patient="p2"),
            ]
        )
        session.commit()


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.begin() as connection:
        found = connection.execute(text(statement))
        return list(found.all()) if found.returns_rows else []


def test_what_was_assigned_is_read_again(engine: Engine) -> None:
    """
    Text, JSON, bytes and NULL come back as they were given, before and after the flush.
    """
    fresh = Appointment(id="x", patient="p", phone="13800000009")
    assert fresh.phone == "13800000009"
    assert fresh.note is None
    filled(engine)
    with Session(engine) as session:
        a1, a2, a3 = session.scalars(select(Appointment).order_by(Appointment.id)).all()
        assert (a1.phone, a1.note, a1.extra) == ("138 0000 0001", "过敏", {"n": 1})
        assert (a2.phone, a2.picture) == ("+8613800000002", b"\x00\xff")
        assert (a3.phone, a3.note, a3.extra, a3.picture) == (None, None, None, None)


def test_the_database_holds_ciphertext_only(engine: Engine) -> None:
    """
    Neither the number nor the note stands in the row; equal values give unequal bytes.
    """
    filled(engine)
    with Session(engine) as session:
        session.add(Appointment(id="a4", patient="p1", phone="138 0000 0001"))
        session.commit()
    held = rows(engine, "SELECT id, phone, phone_term, note FROM appointments ORDER BY id")
    assert all(b"0000" not in (row.phone or b"") for row in held)
    assert "过敏".encode() not in held[0].note
    assert held[0].phone[:2] == b"JK"
    assert held[0].phone != held[3].phone
    assert held[0].phone_term == held[3].phone_term
    assert len(held[0].phone_term) == 9


def test_a_value_is_found_in_any_spelling(engine: Engine) -> None:
    """
    ``matches`` finds equal values, other rows not, and says when a value cannot be asked.
    """
    filled(engine)
    with Session(engine) as session:
        for spelling in ("13800000001", "+86 138-0000-0001", FULL_WIDTH):
            found = session.scalars(
                select(Appointment.id).where(Appointment.phone.matches(spelling))
            ).all()
            assert found == ["a1"]
        assert not session.scalars(
            select(Appointment).where(Appointment.phone.matches("13900000000"))
        ).all()
    with pytest.raises(MatchRefused) as refusal:
        Appointment.phone.matches("nobody")
    assert "nobody" not in str(refusal.value)
    with pytest.raises(MatchRefused, match="no index"):
        Appointment.note.matches("过敏")


def test_null_may_be_asked_for(engine: Engine) -> None:
    """
    Whether there is a value is no secret.
    """
    filled(engine)
    with Session(engine) as session:
        for empty in (Appointment.phone.is_(None), Appointment.phone == None):  # noqa: E711
            assert session.scalars(select(Appointment.id).where(empty)).all() == ["a3"]
        for full in (Appointment.phone.is_not(None), Appointment.phone != None):  # noqa: E711
            assert session.scalars(select(func.count()).where(full)).all() == [2]


@pytest.mark.parametrize(
    "ask",
    [
        lambda field: field == "138",
        lambda field: field != "138",
        lambda field: field < "2",
        lambda field: field <= "2",
        lambda field: field > "2",
        lambda field: field >= "2",
        lambda field: field.like("138%"),
        lambda field: field.in_(["138"]),
        lambda field: field.contains("8"),
        lambda field: field.desc(),
        lambda field: select(Appointment).order_by(field),
        select,
    ],
)
def test_what_the_database_cannot_do_is_refused(ask: Any) -> None:  # noqa: ANN401
    """
    Sorting, comparing, searching and selecting the sealed attribute is a clear error.
    """
    with pytest.raises(ColumnOperationRefused) as refusal:
        ask(Appointment.phone)
    assert "matches" in refusal.value.hint


@pytest.mark.parametrize(
    "move",
    [
        "UPDATE appointments SET phone = (SELECT phone FROM appointments WHERE id='a2') WHERE id='a1'",
        "UPDATE appointments SET phone = note WHERE id='a1'",
        "UPDATE appointments SET patient = 'p2' WHERE id='a1'",
        "UPDATE appointments SET phone = (SELECT phone FROM orders) WHERE id='a1'",
        "UPDATE appointments SET phone = x'4a4b' WHERE id='a1'",
        "UPDATE appointments SET phone = 'plain' WHERE id='a1'",
    ],
    ids=["other row", "other column", "other patient", "other table", "cut short", "plain"],
)
def test_a_moved_ciphertext_does_not_open(engine: Engine, move: str) -> None:
    """
    Whoever shuffles cells in the database gets a refusal, never another value.
    """
    filled(engine)
    with Session(engine) as session:
        session.add(Order(number=1, phone="13800000007"))
        session.commit()
    rows(engine, move)

    with Session(engine) as session, pytest.raises(EnvelopeRefused):
        session.get_one(Appointment, "a1").phone  # noqa: B018 - reading is the point


def test_every_flipped_byte_is_refused(engine: Engine) -> None:
    """
    No byte of a stored cell can be changed.
    """
    filled(engine)
    (held,) = rows(engine, "SELECT phone FROM appointments WHERE id='a1'")
    statement = text("UPDATE appointments SET phone=:phone WHERE id='a1'")
    with Session(engine) as session:
        for place in range(len(held.phone)):
            altered = bytearray(held.phone)
            altered[place] ^= 1
            session.execute(statement, {"phone": bytes(altered)})
            session.expire_all()
            with pytest.raises(JinkuiError) as refusal:
                session.get_one(Appointment, "a1").phone  # noqa: B018 - reading is the point
            assert refusal.value.code in {
                "envelope.refused",
                "envelope.malformed",
                "keys.not_found",
            }


def test_an_update_seals_anew(engine: Engine) -> None:
    """
    A new value replaces envelope and index code; None clears both.
    """
    filled(engine)
    with Session(engine) as session:
        session.get_one(Appointment, "a1").phone = "13800000005"
        session.commit()
    with Session(engine) as session:
        changed = session.scalars(
            select(Appointment).where(Appointment.phone.matches("13800000005"))
        ).one()
        assert (changed.id, changed.phone, changed.note) == ("a1", "13800000005", "过敏")
        changed.phone = None
        session.commit()
    assert rows(engine, "SELECT phone, phone_term FROM appointments WHERE id='a1'") == [
        (None, None)
    ]


def test_a_row_that_moves_takes_its_fields_along_or_stays(engine: Engine) -> None:
    """
    A changed patient or key is refused unless every field is assigned again in the same flush.
    """
    filled(engine)
    for change in ({"patient": "p9"}, {"id": "a9"}):
        for expired in (False, True):
            with Session(engine) as session:
                row = session.get_one(Appointment, "a1")
                if expired:
                    session.expire(row)
                for name, value in change.items():
                    setattr(row, name, value)
                with pytest.raises(PlaceChanged):
                    session.commit()
    with Session(engine) as session:
        row = session.get_one(Appointment, "a1")
        phone, note, extra = row.phone, row.note, row.extra
        row.patient, row.phone, row.note, row.extra = "p9", phone, note, extra
        assert row.phone == phone
        session.commit()
        assert (row.phone, row.note, row.extra) == (phone, note, extra)
    with Session(engine) as session:
        session.get_one(Appointment, "a3").patient = "p9"
        session.commit()


def test_a_field_reads_on_while_its_row_is_about_to_move(engine: Engine) -> None:
    """
    Between assignment and flush the value still opens in the place where it was sealed.
    """
    filled(engine)
    with Session(engine) as session:
        row = session.get_one(Appointment, "a1")
        row.patient = "p9"
        with session.no_autoflush:
            assert row.phone == "138 0000 0001"
            row.phone, row.note, row.extra = row.phone, row.note, row.extra
        session.commit()
        assert (row.patient, row.note) == ("p9", "过敏")


def test_a_sealed_value_of_another_row_is_refused(engine: Engine) -> None:
    """
    Whoever copies the sealed attribute is told so at the flush, not at the next reading.
    """
    filled(engine)
    with Session(engine) as session:
        first, second = (session.get_one(Appointment, name) for name in ("a1", "a2"))
        first._phone_sealed = second._phone_sealed  # type: ignore[attr-defined]
        with pytest.raises(PlaceChanged, match="another cell"):
            session.commit()


def test_keys_are_on_disk_before_the_row_is(room: VaultRoom, engine: Engine) -> None:
    """
    A process that dies after the flush leaves no value without its key: another ring opens it.
    """
    with Session(engine) as session:
        session.add(Appointment(id="new", patient="never seen", phone="13800000001"))
        session.add(Order(phone="13800000002"))
        session.flush()
        again = KeyRing(
            room.keys.suite, b"\x2a" * 32, room.keys._store, SeededEntropy(9), room.clock
        )
        ColumnKeys(again, room.tenant, SeededEntropy(9)).attach(Base.metadata)
        assert session.get_one(Appointment, "new").phone == "13800000001"
        assert session.scalars(select(Order)).one().phone == "13800000002"


def test_a_key_from_the_database_is_waited_for(engine: Engine) -> None:
    """
    With autoincrement the value follows its row within the flush; a strict column says no.
    """
    with Session(engine) as session:
        first, second = Order(phone="13800000001"), Order(phone="13800000002")
        session.add_all([first, second])
        session.flush()
        assert (first.phone, second.phone) == ("13800000001", "13800000002")
        session.commit()
        number = second.number
    with Session(engine) as session:
        found = session.scalars(select(Order).where(Order.phone.matches("13800000002"))).one()
        assert (found.number, found.phone) == (number, "13800000002")
        session.add(Strict(phone="13800000001"))
        with pytest.raises(PlaceIncomplete):
            session.flush()
        session.rollback()
        session.add(Strict(number=5, phone="13800000001"))
        session.commit()


def test_a_missing_patient_is_refused(engine: Engine) -> None:
    """
    Without the subject nothing is sealed and nothing is stored.
    """
    with Session(engine) as session:
        session.add(Appointment(id="a1", patient=None, phone="13800000001"))
        with pytest.raises(PlaceIncomplete):
            session.flush()
    assert rows(engine, "SELECT id FROM appointments") == []


def test_fields_come_through_mixins_and_inheritance(engine: Engine) -> None:
    """
    A field belongs to the table that has its column, whoever declared it.
    """
    clinic = uuid4()
    with Session(engine) as session:
        session.add(Clinic(id=clinic, mail="Desk@Example.org"))
        session.add(Nurse(card="110105199001019014", phone="13800000001"))
        session.commit()
    with Session(engine) as session:
        assert session.scalars(
            select(Clinic.id).where(Clinic.mail.matches(" desk@example.ORG"))
        ).all() == [clinic]
        assert session.get_one(Clinic, clinic).mail == "Desk@Example.org"
        nurse = session.scalars(select(Nurse).where(Nurse.card.matches("110105199001019014"))).one()
        assert (nurse.card, nurse.phone) == ("110105199001019014", "13800000001")
        person = session.scalars(select(Person).where(Person.phone.matches("13800000001"))).one()
        assert person is nurse


def test_fields_from_several_places_are_sealed_once_each(engine: Engine) -> None:
    """
    Mix-ins beside own fields: inserted, changed together, changed alone, found by each.
    """
    with Session(engine) as session:
        member = Member(mail="a@b.cn", card="110105199001019014", phone="13800000001")
        session.add(member)
        session.commit()
        assert (member.mail, member.card, member.phone) == (
            "a@b.cn", "110105199001019014", "13800000001",
        )  # fmt: skip
        member.mail, member.phone = "c@d.cn", "13800000002"
        session.commit()
        member.card = None
        session.commit()
    with Session(engine) as session:
        for question in (Member.mail.matches("c@d.cn"), Member.phone.matches("13800000002")):
            found = session.scalars(select(Member).where(question)).one()
            assert (found.mail, found.card, found.phone) == ("c@d.cn", None, "13800000002")
        assert not session.scalars(
            select(Member).where(Member.card.matches("110105199001019014"))
        ).all()


def test_ways_around_the_flush_are_refused(engine: Engine) -> None:
    """
    Bulk statements never see the row; a plain value is refused before it is written.
    """
    filled(engine)
    table = Appointment.__table__
    with Session(engine) as session:
        for statement in (
            insert(table).values(id="b", patient="p", phone="13800000001"),
            update(table).values(phone="13800000001"),
        ):
            with pytest.raises(StatementError, match="plain value") as refusal:
                session.execute(statement)
            assert isinstance(refusal.value.orig, PlaintextRefused)
            session.rollback()


@pytest.mark.parametrize("value", [5, b"bytes", ["list"], "\ud800"])
def test_a_value_of_another_type_is_refused_at_once(value: object) -> None:
    """
    The place of the fault is the assignment; the message does not repeat the value.
    """
    row = Appointment(id="a", patient="p")
    with pytest.raises(ValueRefused) as refusal:
        row.phone = value
    assert refusal.value.where == "Appointment.phone"


def test_without_keys_nothing_is_sealed_or_opened(engine: Engine) -> None:
    """
    Tables to which no home was attached refuse.
    """
    filled(engine)
    Base.metadata.info.clear()
    with Session(engine) as session:
        with pytest.raises(ColumnKeysMissing):
            session.get_one(Appointment, "a1").phone  # noqa: B018
        session.add(Appointment(id="a7", patient="p", phone="13800000001"))
        with pytest.raises(ColumnKeysMissing):
            session.flush()


def test_plain_values_hide_from_representation() -> None:
    """
    A value on its way in does not print itself.
    """
    row = Appointment(id="a", patient="p", phone="13800000001")
    assert "13800000001" not in repr(vars(row))


@pytest.mark.parametrize(
    "rule",
    [
        {"index": "name/1"},
        {"index": "e164/1", "holds": "json"},
        {"holds": "number"},
        {"stored_as": "blob"},
        {"adopting": True},
        {"index_versions": ()},
        {"index_versions": (1, 1)},
        {"index_versions": (0,)},
        {"index_versions": (256,)},
        {"retention_class": ""},
    ],
    ids=str,
)
def test_impossible_fields_are_refused_at_declaration(rule: dict[str, Any]) -> None:
    """
    A bare name has no index, and contradictory rules never reach a row.
    """
    with pytest.raises(ColumnRuleRefused):
        EncryptedField(**rule)
