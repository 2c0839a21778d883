"""The registry takes over a whole valid document, or nothing of it."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from stdnum.cn import ric, uscc

from secure_records.adapters import tables
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.sql_registry import SqlRegistry
from secure_records.registry import read_registry_document
from secure_records.registry.credit_code import read_credit_code
from secure_records.registry.errors import NumberRefused, RegistryRefused
from secure_records.registry.resident_number import area_warnings, read_resident_number

HOSPITAL = "12460100000000019E"
PHARMACY = "91640100MA0000007A"


def document(**changes: object) -> dict[str, Any]:
    return {
        "institution": {"credit_code": HOSPITAL, "name": "合成互联网医院"},
        "staff": [
            {
                "id": "D-1",
                "name": "合成医生",
                "roles": ["physician"],
                "subject_code": "03.04",
                "practice_no": "110460000000001",
                "valid_until": "2027-12-31",
            }
        ],
        "partners": [
            {"id": "pharm", "name": "合成药房", "credit_code": PHARMACY, "kind": "pharmacy"}
        ],
        "actors": [
            {"id": "d1", "person": "D-1", "roles": ["clinician"], "credential_ids": ["token-1"]},
            {"id": "p1", "partner": "pharm", "roles": ["partner_pharmacist"]},
        ],
        **changes,
    }


def test_worked_credit_codes_hold() -> None:
    """GB 32100 worked examples: a public institution and a company."""
    assert read_credit_code(HOSPITAL.lower(), "code").code == HOSPITAL
    assert read_credit_code(PHARMACY, "code").warnings == ()


@pytest.mark.parametrize(
    "code",
    ["12460100000000019D", "12460100000000091E", "1246010000000001OE", "", "1246010000000001"],
)
def test_wrong_credit_codes_are_refused(code: str) -> None:
    """A wrong check character, swapped digits and a letter O are refused by path."""
    with pytest.raises(NumberRefused, match=r"^here:"):
        read_credit_code(code, "here")


def test_unusual_class_and_area_only_warn() -> None:
    """New authorities and old codes exist: class and area never refuse."""
    body = "99990100000000019"
    found = read_credit_code(body + uscc.calc_check_digit(body), "code")

    assert found.warnings == ("class_unknown", "area_unknown")


def test_unknown_area_of_a_person_is_no_refusal() -> None:
    """People were born before their county's code existed; the check character decides."""
    body = "99999919900307001"
    number = body + ric.calc_check_digit(body + "0")

    assert read_resident_number(number, "id_no").number == number
    assert area_warnings(number) == ("area_unknown",)


@pytest.mark.parametrize("number", ["11010519491231002X"[:-1] + "1", "110105194913310020", "1", ""])
def test_wrong_resident_numbers_are_refused_without_an_echo(number: str) -> None:
    """The message names the place and never the number."""
    with pytest.raises(NumberRefused) as refused:
        read_resident_number(number, "staff[0].id_no")

    assert str(refused.value).startswith("staff[0].id_no:")
    assert number in {"", "1"} or number not in str(refused.value)


def test_yaml_and_json_are_the_same_registry() -> None:
    """Both notations give the same document."""
    yaml_text = f"""
institution: {{credit_code: {HOSPITAL}, name: 合成互联网医院}}
staff:
  - {{id: D-1, name: 合成医生, roles: [physician], subject_code: "03.04",
     practice_no: "110460000000001", valid_until: 2027-12-31}}
partners: [{{id: pharm, name: 合成药房, credit_code: {PHARMACY}, kind: pharmacy}}]
actors:
  - {{id: d1, person: D-1, roles: [clinician], credential_ids: [token-1]}}
  - {{id: p1, partner: pharm, roles: [partner_pharmacist]}}
"""
    assert read_registry_document(yaml_text.encode()) == read_registry_document(
        orjson.dumps(document())
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"extra": 1}, "extra"),
        ({"staff": [{"id": "D-1", "name": "x", "roles": []}]}, "staff[0].roles"),
        ({"staff": document()["staff"] * 2}, "staff[1].id"),
        ({"actors": [{"id": "a", "person": "D-9", "roles": ["clinician"]}]}, "actors[0].person"),
        ({"actors": [{"id": "a", "partner": "x", "roles": ["clinician"]}]}, "actors[0].partner"),
        ({"actors": [{"id": "a", "roles": ["r"], "password_hash": "hunter2"}]}, "password_hash"),
    ],
)
def test_faults_are_refused_by_path(changes: dict[str, Any], where: str) -> None:
    """Unknown keys, repeated ids and references to nobody are one error with a path."""
    with pytest.raises(RegistryRefused) as refused:
        read_registry_document(orjson.dumps(document(**changes)))

    assert where in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"a: [", b"&a [*a]", b"{} {}"])
def test_broken_syntax_is_one_error(data: bytes) -> None:
    """Whatever the bytes are, the answer is a refusal of the registry."""
    with pytest.raises(RegistryRefused):
        read_registry_document(data)


def test_entering_replaces_entry_by_entry(tmp_path: Path) -> None:
    """A second document replaces what it names and leaves the rest; credentials follow."""
    store = EmbeddedStore(tmp_path / "r.db", b"\x11" * 32, "NORMAL")
    first = read_registry_document(orjson.dumps(document()))
    later = document(staff=[{**document()["staff"][0], "registered": False}], actors=[])
    with store.transaction() as connection:
        tables.metadata.create_all(connection)
        registry = SqlRegistry(connection)
        registry.enter(first)
        registry.enter(read_registry_document(orjson.dumps(later)))

        assert registry.institution(HOSPITAL) == first.institution
        assert registry.staff(HOSPITAL, ["D-1", "D-2"])["D-1"].registered is False
        assert registry.partner(HOSPITAL, "pharm") == first.partners[0]
        assert registry.actors(HOSPITAL) == first.actors
        assert registry.actor_of_credential(HOSPITAL, "token-1") == first.actors[0]
        assert registry.actor_of_credential(HOSPITAL, "token-2") is None
        assert registry.institution(PHARMACY) is None
    store.close()


def test_a_credential_belongs_to_one_account() -> None:
    """Two accounts with one credential are refused whole: who signed in must be one."""
    doubled = document()
    doubled["actors"][1]["credential_ids"] = ["token-1"]

    with pytest.raises(RegistryRefused, match=r"actors\[1\]\.credential_ids"):
        read_registry_document(orjson.dumps(doubled))
