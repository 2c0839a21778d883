"""A credential taken out of use stays out; entering the registry again takes nothing away."""

from __future__ import annotations

import orjson
import pytest

from jinkui.procedures.credentials import (
    CredentialRefused,
    caller_by_credential,
    credential_of,
    replace_credential,
)
from jinkui.procedures.passwords import password_fits, set_password
from jinkui.procedures.registry_entry import enter_registry
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.wiring.toolkit import Toolkit
from secure_records.registry.errors import RegistryRefused

STOLEN = "token-one"


def registry(credential: str | None) -> bytes:
    hospital = SyntheticHospital(3, 12, 20, start=__import__("datetime").date(2026, 3, 2))
    document = orjson.loads(orjson.dumps(hospital.registry_document()))
    for actor in document["actors"]:
        if actor["id"] == "x001" and credential is not None:
            actor["credential_ids"] = [credential]
    return orjson.dumps(document)


def test_a_replaced_credential_opens_nothing_ever_again(toolkit: Toolkit) -> None:
    """
    Neither by using it nor by entering an old registry that still names it.
    """
    enter_registry(toolkit, "test", registry(STOLEN))
    assert caller_by_credential(toolkit, STOLEN).actor == "x001"
    fresh = replace_credential(toolkit, "a002", STOLEN)

    with pytest.raises(CredentialRefused):
        caller_by_credential(toolkit, STOLEN)
    with pytest.raises(RegistryRefused):
        enter_registry(toolkit, "test", registry(STOLEN))
    assert credential_of(toolkit, "x001") == fresh


def test_what_a_registry_omits_stays(toolkit: Toolkit) -> None:
    """
    Passwords and credentials survive a document that does not name them.
    """
    enter_registry(toolkit, "test", registry(STOLEN))
    set_password(toolkit, "test", "a002", "long enough password")

    enter_registry(toolkit, "test", registry(None))

    assert credential_of(toolkit, "x001") == STOLEN
    with toolkit.reading() as unit:
        actor = unit.registry.actor(toolkit.tenant, "a002")
    assert actor is not None
    assert password_fits(actor.password_hash, "long enough password")


def test_a_credential_has_one_owner(toolkit: Toolkit) -> None:
    """
    A document that gives it to two accounts is refused whole, with a code.
    """
    document = orjson.loads(registry(STOLEN))
    for actor in document["actors"]:
        if actor["id"] == "x002":
            actor["credential_ids"] = [STOLEN]
    before = toolkit.verify_log().size

    with pytest.raises(RegistryRefused):
        enter_registry(toolkit, "test", orjson.dumps(document))
    assert toolkit.verify_log().size == before
