"""Applied agreements survive in the encrypted store exactly as they were handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlcipher3.dbapi2 as dbapi
from sqlalchemy import create_engine, update
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from secure_records.access.agreement_register import AgreementRegister
from secure_records.access.errors import (
    AgreementIncomplete,
    AgreementPartnerChanged,
    AgreementTampered,
    AgreementVersionConflict,
    UnknownAgreement,
)
from secure_records.access.policy_cache import PolicyCache
from secure_records.access.request import parse_request
from secure_records.adapters.agreement_tables import agreements, metadata
from secure_records.adapters.sql_agreement_store import SqlAgreementStore
from shared_kernel.canonical_json import Json

TENANT = "12340100490000001M"
APPLIED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A real SQLCipher file in one open transaction."""

    def connect() -> object:
        opened = dbapi.connect(str(tmp_path / "store.db"))
        opened.execute("PRAGMA key=\"x'" + "11" * 32 + "'\"")
        return opened

    engine = create_engine("sqlite+pysqlite://", creator=connect, module=dbapi, poolclass=NullPool)
    with engine.begin() as opened:
        metadata.create_all(opened)
        yield opened
    engine.dispose()


@pytest.fixture
def register(connection: Connection) -> AgreementRegister:
    """The agreements of one institution."""
    return AgreementRegister(SqlAgreementStore(connection, TENANT))


def test_applied_agreement_decides(register: AgreementRegister, template: Callable[[str], bytes], request_json: Callable[..., Mapping[str, Json]]) -> None:  # fmt: skip
    """From applying on the partner is served; after ending it is not."""
    request = parse_request(request_json(partner="demo-pharmacy"))
    assert not register.policy().decide(request).permit

    register.apply(template("pharmacy"), at=APPLIED, by="dpo-1")
    assert register.policy().decide(request).permit

    assert register.end("pharmacy-dispensing", at=APPLIED) == 1
    assert not register.policy().decide(request).permit
    assert register.end("pharmacy-dispensing", at=APPLIED) == 0


def test_text_comes_back_byte_for_byte(register: AgreementRegister, connection: Connection, template: Callable[[str], bytes]) -> None:  # fmt: skip
    """The text that people signed is kept, comments included."""
    text = template("insurer")
    register.apply(text, at=APPLIED, by="dpo-1")

    [stored] = SqlAgreementStore(connection, TENANT).load_all()
    [standing] = register.load_all()

    assert stored.text == text
    assert stored.summary.applied_at == APPLIED
    assert str(standing.agreement.digest) == stored.summary.digest
    assert register.list() == (stored.summary,)


def test_same_version_twice_is_one(register: AgreementRegister, template: Callable[[str], bytes]) -> None:  # fmt: skip
    """Applying the same document again changes nothing and says so."""
    text = template("pharmacy")

    assert not register.apply(text, at=APPLIED, by="dpo-1").already_present
    assert register.apply(text, at=APPLIED, by="dpo-2").already_present
    assert len(register.list()) == 1


def test_other_content_needs_a_higher_version(register: AgreementRegister, changed: Callable[..., bytes]) -> None:  # fmt: skip
    """What was applied is never replaced, and versions only rise."""
    register.apply(changed("pharmacy", version=2), at=APPLIED, by="dpo-1")

    for version in (1, 2):
        with pytest.raises(AgreementVersionConflict):
            register.apply(
                changed("pharmacy", version=version, supervision="x"), at=APPLIED, by="dpo-1"
            )
    assert register.apply(changed("pharmacy", version=3), at=APPLIED, by="dpo-1")


def test_agreement_stays_with_its_partner(register: AgreementRegister, changed: Callable[..., bytes]) -> None:  # fmt: skip
    """A new version cannot hand the grants of one partner to another."""
    register.apply(changed("pharmacy"), at=APPLIED, by="dpo-1")
    other = {"id": "other", "name": "x", "credit_code": "91340100MA20000049"}

    with pytest.raises(AgreementPartnerChanged):
        register.apply(changed("pharmacy", version=2, partner=other), at=APPLIED, by="dpo-1")


def test_incomplete_agreement_is_not_stored(register: AgreementRegister, changed: Callable[..., bytes]) -> None:  # fmt: skip
    """A refusal leaves nothing half-written."""
    with pytest.raises(AgreementIncomplete):
        register.apply(changed("pharmacy", methods=None), at=APPLIED, by="dpo-1")

    assert register.list() == ()


def test_doctored_text_is_found(register: AgreementRegister, connection: Connection, template: Callable[[str], bytes]) -> None:  # fmt: skip
    """Widening an agreement behind the register's back is refused at the next reading."""
    register.apply(template("pharmacy"), at=APPLIED, by="dpo-1")
    doctored = template("pharmacy").replace(b"patient.name: mask", b"patient.name: clear")
    connection.execute(update(agreements).values(document=doctored))

    with pytest.raises(AgreementTampered):
        register.policy()


def test_tenants_do_not_see_each_other(register: AgreementRegister, connection: Connection, template: Callable[[str], bytes]) -> None:  # fmt: skip
    """An agreement holds for the institution that applied it."""
    register.apply(template("pharmacy"), at=APPLIED, by="dpo-1")
    neighbour = AgreementRegister(SqlAgreementStore(connection, "12340100490000002Q"))

    assert neighbour.list() == ()
    with pytest.raises(UnknownAgreement):
        neighbour.end("pharmacy-dispensing", at=APPLIED)
    assert len(register.load_all()) == 1


def test_cached_policy_follows_every_change(register: AgreementRegister, template: Callable[[str], bytes], request_json: Callable[..., Mapping[str, Json]]) -> None:  # fmt: skip
    """Between changes the policy is the same object; an ended agreement ends at once."""
    cache = PolicyCache()
    request = parse_request(request_json(partner="demo-pharmacy"))
    register.apply(template("pharmacy"), at=APPLIED, by="dpo-1")

    first = cache.policy(register)
    assert cache.policy(register) is first
    assert first.decide(request).permit

    register.end("pharmacy-dispensing", at=APPLIED)
    assert not cache.policy(register).decide(request).permit
    assert cache.policy(register).digest != first.digest
