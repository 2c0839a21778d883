"""The vault for users' tests is a real one, and runs twice alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secure_records import StoreReceipt, StoreRefusal
from secure_records.access.errors import AccessDenied
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.registry.errors import RegistryRefused
from secure_records.testing import (
    FixedClock,
    SeededEntropy,
    registry_document,
    synthetic_lines,
    synthetic_patient,
    temporary_vault,
)
from secure_records.testing.synthetic import MOST, SyntheticRefused
from secure_records.vault_errors import RecordWithheld
from shared_kernel.errors import JinkuiError
from shared_kernel.grades import STRICTEST

PHARMACY = Path(__file__).parents[4] / "config" / "examples" / "agreements" / "pharmacy.yaml"


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
def test_synthetic_records_are_accepted_without_a_flag(suite: Suite) -> None:
    """
    Five kinds of one visit go in, cross no red line, are found and read, and the log holds.
    """
    with temporary_vault(suite=suite) as room:
        outcomes = room.store(synthetic_lines(1))
        assert [type(item) for item in outcomes] == [StoreReceipt] * 5
        assert [item.flags for item in outcomes if isinstance(item, StoreReceipt)] == [()] * 5
        phone = synthetic_patient(1)["phone"]
        page = room.vault.search(room.officer, {"phone": phone}, "patient_request")
        assert len(page.records) == 5
        for hit in page.records:
            room.vault.read(room.clinician, hit.id, "treatment")
        assert room.entries()[-1]["action"] == "record.read"
        verdict = room.verify_log()
    assert verdict.ok
    assert verdict.size == len(outcomes) + 1 + 5 + 5


def test_many_patients_are_many_persons() -> None:
    """
    A thousand numbers give a thousand documents and phones, and the vault takes every tenth.
    """
    people = [synthetic_patient(number) for number in range(1, 1001)]
    assert len({person["id_no"] for person in people}) == 1000
    assert len({person["phone"] for person in people}) == 1000
    with temporary_vault() as room:
        lines = [line for visit in range(1, 1001, 100) for line in synthetic_lines(visit)]
        assert all(isinstance(item, StoreReceipt) for item in room.store(lines))


def test_distant_patients_are_still_accepted() -> None:
    """
    The last numbers that have a person of their own are well-formed as well.
    """
    with temporary_vault() as room:
        lines = [*synthetic_lines(1, patient=MOST), *synthetic_lines(MOST)]
        assert all(isinstance(item, StoreReceipt) for item in room.store(lines))


@pytest.mark.parametrize("number", [0, -1, MOST + 1])
def test_numbers_out_of_range_are_refused(number: int) -> None:
    """
    Patients and visits count from 1.
    """
    with pytest.raises(SyntheticRefused):
        synthetic_patient(number)
    with pytest.raises(SyntheticRefused):
        synthetic_lines(number)


def test_the_same_test_runs_twice_alike(tmp_path: Path) -> None:
    """
    Clock and randomness are handed in: identifiers, instants and envelopes are the same bytes.
    """
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with temporary_vault(tmp_path / name) as room:
            receipts = room.store(synthetic_lines(3))
            row = room.vault.inspect(receipts[0].record)  # type: ignore[union-attr]
            runs.append((receipts, row, [entry["at"] for entry in room.entries()]))
    assert runs[0] == runs[1]


def test_red_lines_and_roles_hold_as_in_a_home() -> None:
    """
    An unregistered clinician is refused with the rule; a partner sees what an agreement says.
    """
    with temporary_vault() as room:
        receipts = room.store(synthetic_lines(1))
        bad = [dict(line, clinician="SYN-D999") for line in synthetic_lines(2)]
        outcomes = room.store(bad)
        assert {o.code for o in outcomes if isinstance(o, StoreRefusal)} == {
            "admission.clinician.registered"
        }
        rx = receipts[4].record  # type: ignore[union-attr]
        with pytest.raises(RecordWithheld):
            room.vault.read(room.pharmacy, rx, "dispensing")
    with temporary_vault(agreements=[PHARMACY.read_bytes()]) as room:
        rx = room.store(synthetic_lines(1))[4].record  # type: ignore[union-attr]
        view = room.vault.read(room.pharmacy, rx, "dispensing")
    assert "patient.name" in view.masked


def test_the_grade_may_be_handed_in() -> None:
    """
    A record graded strictest is out of reach for a role up to 4.
    """
    quality = {"purpose": "quality_control"}
    with temporary_vault(grade=lambda _kind, _body: STRICTEST) as room:
        receipt = room.store(synthetic_lines(1)[:1])[0]
        caller = type(room.officer)(actor="quality", role="quality_control")
        with pytest.raises(AccessDenied):
            room.vault.read(caller, receipt.record, **quality)  # type: ignore[union-attr]
    with temporary_vault() as room:
        receipt = room.store(synthetic_lines(1)[:1])[0]
        assert room.vault.read(caller, receipt.record, **quality).masked  # type: ignore[union-attr]


def test_the_folder_disappears_and_nothing_stands_in_clear() -> None:
    """
    Real encryption: no name in the files while they are there, and afterwards no files.
    """
    with temporary_vault() as room:
        room.store(synthetic_lines(1))
        name = synthetic_patient(1)["name"].encode()
        files = sorted(path for path in room.folder.iterdir() if path.is_file())
        assert {"keys.db", "records.db"} <= {path.name for path in files}
        assert not any(name in path.read_bytes() for path in files)
        assert not any(b"SQLite format" in path.read_bytes() for path in files)
    assert not room.folder.exists()


def test_a_broken_registry_is_refused() -> None:
    """
    The registry is read as strictly as in a home.
    """
    broken = registry_document().replace(b'"SYN-P001"', b'"SYN-D001"')
    with pytest.raises(RegistryRefused), temporary_vault(registry=broken):
        pytest.fail("a vault was made")


def test_the_clock_stands_until_it_is_moved() -> None:
    """
    Instants carry an offset and move only by hand.
    """
    clock = FixedClock(datetime(2026, 1, 1, 8, tzinfo=UTC))
    assert clock.now() == clock.now()
    assert clock.advance(timedelta(hours=1)) == datetime(2026, 1, 1, 9, tzinfo=UTC) == clock.now()
    with pytest.raises(JinkuiError):
        FixedClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the fault


def test_seeded_bytes_depend_on_seed_and_place() -> None:
    """
    The same seed gives the same stream; another seed or a later place gives other bytes.
    """
    first, second = SeededEntropy(1), SeededEntropy(1)
    assert (first(32), first(10)) == (second(32), second(10))
    assert len(SeededEntropy(2)(32)) == 32
    assert SeededEntropy(2)(32) != SeededEntropy(1)(32)
    assert first(32) != SeededEntropy(1)(32)
