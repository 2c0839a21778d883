"""Path 3: facts, verdicts anyone can recompute, and the official result at the province."""

# ruff: noqa: ANN401 - keyword changes of any field

from __future__ import annotations

import json
import re
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from classification.assessment.official_evaluation import OFFICIAL_FORMAT
from classification.errors import ClassificationError
from classification.verify import Verification, verify_facts_or_report
from jinkui.procedures.official_result import (
    OfficialFileRefused,
    import_official,
    official_attachment,
    send_official,
)
from jinkui.procedures.self_assessment import TimedRun, assess, write_report
from jinkui.wiring.assessment import catalogue, rules
from jinkui.wiring.supervision import supervision_desk
from secure_records.keys.signing_keys import Verifier, sm3_function
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.digests import sha256
from shared_kernel.errors import BadInput, JinkuiError, NotFound, VerificationFailed
from supervision.outbox.states import State
from supervision.simulator.awkwardness import Awkwardness, AwkwardPlan

if TYPE_CHECKING:
    from pathlib import Path

    from furnishing import House

PDF = b"%PDF-1.4\n% SYNTHETIC evaluation report\n%%EOF\n"
OFFICER = "a004"


def checked(house: House) -> TimedRun:
    return assess(house.toolkit, "a002", None, lambda _step, _done, _total: None)


def verify(raw: bytes) -> Verification:
    return verify_facts_or_report(raw, catalogue(), rules(), (sm3_function,), Verifier())


def holds(raw: bytes) -> bool:
    """Does verification accept these bytes? Refusing to read them is not accepting them."""
    try:
        return verify(raw).ok
    except BadInput:
        return False


def official(folder: Path, **changes: Any) -> tuple[Path, Path]:
    """Description and signed report of a synthetic official evaluation."""
    folder.mkdir(exist_ok=True)
    report = folder / "signed.pdf"
    report.write_bytes(PDF)
    fields: dict[str, Any] = {
        "format": OFFICIAL_FORMAT,
        "body": "示范测评有限公司（合成）",
        "certificate_number": "SYN-SC2026000000001",
        "filing_number": "SYN-34010000001-00001",
        "system": "互联网诊疗平台",
        "level": 3,
        "template": "2025",
        "conclusion": "基本符合",
        "major_risks": 1,
        "major_risks_repaired": 1,
        "high_risks": 0,
        "medium_risks": 6,
        "low_risks": 14,
        "onsite_from": "2026-02-01",
        "onsite_to": "2026-02-06",
        "report_number": "SYN-2026-0001-【2025版】",
        "report_date": "2026-02-20",
        "valid_until": "2027-02-19",
        "report_sm3": f"sm3:{sm3_function(PDF).hex()}",
    }
    description = folder / "official.json"
    description.write_bytes(orjson.dumps({**fields, **changes}))
    return description, report


def outbox(house: House) -> dict[State, int]:
    with house.toolkit.reading() as unit:
        return {state: count for state, count in unit.outbox.counts().items() if count}


def test_facts_and_report_verify_and_are_noted_in_the_log(furnished: House) -> None:
    """
    What a run produced verifies with nothing left open, and the log binds its digest.
    """
    timed = checked(furnished)

    for raw in (timed.run.facts_bytes, timed.run.report_bytes):
        found = verify(raw)
        assert (found.ok, found.mismatches, found.open_points) == (True, (), ())
        assert {key.split(":")[0] for key in found.signed_by} == {"ed25519", "sm2-sm3"}
    entry = furnished.entries(action="assessment.self_check")[-1]
    assert entry.content["details"]["report"] == str(sha256(timed.run.report_bytes))
    assert furnished.toolkit.verify_log().ok


def test_the_written_report_is_the_signed_one(house: House, tmp_path: Path) -> None:
    """
    The JSON file is byte for byte what was signed; the page says 自查 and claims nothing official.
    """
    run = checked(house).run
    path = write_report(house.toolkit, run.run_id, "json", tmp_path / "r.json", "zh")
    page = write_report(house.toolkit, run.run_id, "html", tmp_path / "r.html", "zh")

    assert path.read_bytes() == run.report_bytes
    text = page.read_text(encoding="utf-8")
    assert "自查" in text
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)


def test_one_flipped_byte_anywhere_fails(house: House) -> None:
    """
    Whichever byte of facts or report is changed, verification no longer accepts the file.
    """
    run = checked(house).run
    draw = Random(7)
    accepted = []
    for name, raw in (("facts", run.facts_bytes), ("report", run.report_bytes)):
        signatures = raw.rindex(b'"signatures"')
        places = sorted(
            {*draw.sample(range(len(raw)), 60), *range(signatures, len(raw), 9), *range(0, 220, 9)}
        )
        for place in places:
            flipped = bytearray(raw)
            flipped[place] ^= draw.choice((0x01, 0x02, 0x04, 0x10))
            if holds(bytes(flipped)):
                accepted.append((name, place, raw[place - 10 : place + 10]))
    assert accepted == []


def test_digests_and_signatures_have_one_spelling(house: House) -> None:
    """
    One flipped bit that only changes the case of a hexadecimal digit fails as well.
    """
    raw = checked(house).run.report_bytes
    tail = raw.rindex(b'"signatures"')
    spots = [
        match.start()
        for match in re.finditer(rb"(?<=[0-9a-f]{8})[a-f](?=[0-9a-f]{8})", raw)
        if match.start() > tail or match.start() < 220
    ]
    assert len(spots) > 20
    accepted = []
    for place in spots[:: len(spots) // 20]:
        flipped = bytearray(raw)
        flipped[place] ^= 0x20
        if holds(bytes(flipped)):
            accepted.append(place)
    assert accepted == []


def test_a_verdict_rewritten_with_fresh_digests_fails(house: House) -> None:
    """
    Whoever improves a result and recomputes the digests still meets signatures and recomputation.
    """
    sealed = json.loads(checked(house).run.report_bytes)
    document = sealed["document"]
    failed = next(row for row in document["results"] if row["outcome"] == "fail")
    failed["outcome"] = "pass"
    document["verdicts"]["2025"]["conclusion"] = "符合"
    body = canonical_bytes(document)
    sealed["digests"] = {"sha256": str(sha256(body)), "sm3": f"sm3:{sm3_function(body).hex()}"}

    assert not holds(canonical_bytes(sealed))
    sealed["signatures"] = []
    assert not holds(canonical_bytes(sealed))


def test_a_report_without_signatures_is_not_a_verified_report(house: House) -> None:
    """
    Signatures cannot be cut away: an unsigned file never verifies as sound.
    """
    sealed = json.loads(checked(house).run.report_bytes)
    sealed["signatures"] = []

    assert not holds(canonical_bytes(sealed))


def test_the_official_result_reaches_the_province_with_a_verified_receipt(
    furnished: House, tmp_path: Path
) -> None:
    """
    Taken in, sent, received once with the report's SM3, and the receipt verifies.
    """
    description, report = official(tmp_path / "official")
    with furnished.province() as (platform, simulated):
        result = import_official(furnished.toolkit, OFFICER, description, report)
        message = send_official(
            furnished.toolkit,
            OFFICER,
            result.report_number,
            official_attachment(report),
            platform=platform,
        )
        assert message is not None
        with supervision_desk(furnished.toolkit, platform) as desk:
            (outcome,) = desk.deliver_due()
            assert (outcome.message_id, outcome.state) == (message, State.ACCEPTED)
            assert desk.verify(message) == 1
            (line,) = desk.receipts()
            assert desk.deliver_due() == ()
        (received,) = simulated.received()

    assert (line.message_id, line.resource, line.state) == (message, "mlps_evaluation", "accepted")
    assert outcome.platform_number
    assert received is not None
    actions = [entry.action for entry in furnished.entries()]
    for action in ("assessment.official_imported", "supervision.submitted", "supervision.sending"):
        assert actions.count(action) == 1
    assert furnished.toolkit.verify_log().ok


def test_the_same_result_is_one_message_however_often_it_is_sent(
    house: House, tmp_path: Path
) -> None:
    """
    Submitting twice, before and after delivery, gives one message and one arrival.
    """
    description, report = official(tmp_path / "official")
    with house.province() as (platform, simulated):
        number = import_official(house.toolkit, OFFICER, description, report).report_number

        def send() -> str | None:
            attachment = official_attachment(report)
            return send_official(house.toolkit, OFFICER, number, attachment, platform=platform)

        first, second = send(), send()
        with supervision_desk(house.toolkit, platform) as desk:
            desk.deliver_due()
            third = send()
            desk.deliver_due()
        assert first == second == third
        assert len(simulated.received()) == 1


def test_a_stored_message_changed_by_one_byte_no_longer_verifies(
    house: House, tmp_path: Path
) -> None:
    """
    Message, attachment, request, reply or receipt: any change is found by `verify`.
    """
    description, report = official(tmp_path / "official")
    with house.province() as (platform, _):
        number = import_official(house.toolkit, OFFICER, description, report).report_number
        attachment = official_attachment(report)
        message = send_official(house.toolkit, OFFICER, number, attachment, platform=platform)
        assert message is not None
        with supervision_desk(house.toolkit, platform) as desk:
            desk.deliver_due()
            assert desk.verify(message) == 1
            for table, column in stored_bytes(house):
                with house.toolkit.transaction() as unit:
                    old = unit.connection.exec_driver_sql(
                        f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
                    ).scalar()
                    assert isinstance(old, bytes), (table, column)
                    changed = old[:-3] + bytes([old[-3] ^ 1]) + old[-2:]
                    unit.connection.exec_driver_sql(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ?",  # noqa: S608
                        (changed, old),
                    )
                with pytest.raises((VerificationFailed, BadInput)):
                    desk.verify(message)
                with house.toolkit.transaction() as unit:
                    unit.connection.exec_driver_sql(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ?",  # noqa: S608
                        (old, changed),
                    )
            assert desk.verify(message) == 1


def stored_bytes(house: House) -> list[tuple[str, str]]:
    """Every column of the outbox that holds bytes of a message."""
    with house.toolkit.reading() as unit:
        tables = unit.connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' "
            "AND (name LIKE 'supervision%' OR name LIKE 'outbox%')"
        ).scalars()
        found = []
        for table in sorted(tables):
            for row in unit.connection.exec_driver_sql(f"PRAGMA table_info({table})"):
                column = row[1]
                filled = unit.connection.exec_driver_sql(
                    f"SELECT count(*) FROM {table} WHERE typeof({column}) = 'blob' "  # noqa: S608
                    f"AND length({column}) > 3"
                ).scalar()
                if filled:
                    found.append((table, column))
    assert len(found) >= 3
    return found


def test_an_unreachable_province_loses_nothing(house: House, tmp_path: Path) -> None:
    """
    The message waits, is delivered once when the platform is there again, and not before its time.
    """
    description, report = official(tmp_path / "official")
    number = import_official(house.toolkit, OFFICER, description, report).report_number
    attachment = official_attachment(report)
    with house.province() as (platform, _):
        gone = platform
    message = send_official(house.toolkit, OFFICER, number, attachment, platform=gone)
    with supervision_desk(house.toolkit, gone) as desk:
        (outcome,) = desk.deliver_due()
        assert outcome.state is not State.ACCEPTED
    with house.province() as (platform, simulated):
        with supervision_desk(house.toolkit, platform) as desk:
            assert desk.deliver_due() == ()
            house.clock.forward(minutes=6)
            (outcome,) = desk.deliver_due()
        assert (outcome.message_id, outcome.state) == (message, State.ACCEPTED)
        assert len(simulated.received()) == 1


def test_a_lost_answer_never_makes_a_second_copy(house: House, tmp_path: Path) -> None:
    """
    Stored there, the answer lost on the way: asked again later, one copy, one verified receipt.
    """
    description, report = official(tmp_path / "official")
    number = import_official(house.toolkit, OFFICER, description, report).report_number
    plan = AwkwardPlan(script=(Awkwardness.DROP_AFTER_STORE,))
    with house.province(plan=plan) as (platform, simulated):
        attachment = official_attachment(report)
        message = send_official(house.toolkit, OFFICER, number, attachment, platform=platform)
        assert message is not None
        with supervision_desk(house.toolkit, platform) as desk:
            (lost,) = desk.deliver_due()
            assert lost.state is not State.ACCEPTED
            assert desk.deliver_due() == ()
            house.clock.forward(minutes=6)
            (found,) = desk.deliver_due()
            assert (found.message_id, found.state) == (message, State.ACCEPTED)
            assert desk.verify(message) >= 1
        assert len(simulated.received()) == 1


def test_another_pdf_than_the_one_described_is_refused(house: House, tmp_path: Path) -> None:
    """
    The description binds one file by SM3; any other file is refused and nothing is kept.
    """
    description, report = official(tmp_path / "official")
    report.write_bytes(PDF + b"\n")
    before = house.size()

    with pytest.raises(VerificationFailed):
        import_official(house.toolkit, OFFICER, description, report)

    assert house.size() == before
    with pytest.raises(NotFound):
        send_official(
            house.toolkit, OFFICER, "SYN-2026-0001-【2025版】", official_attachment(report)
        )
    assert outbox(house) == {}


def test_another_pdf_than_the_one_taken_in_is_not_sent(house: House, tmp_path: Path) -> None:
    """
    The attachment is bound when it is sent, too: a swapped report never enters the outbox.
    """
    description, report = official(tmp_path / "official")
    number = import_official(house.toolkit, OFFICER, description, report).report_number
    report.write_bytes(PDF.replace(b"SYNTHETIC", b"syntactic"))

    with pytest.raises(JinkuiError):
        send_official(house.toolkit, OFFICER, number, official_attachment(report))

    assert outbox(house) == {}


def test_a_self_assessment_cannot_be_taken_in_as_official(house: House, tmp_path: Path) -> None:
    """
    Neither report nor facts nor a report dressed up with the official format is accepted.
    """
    run = checked(house).run
    dressed = {**json.loads(run.report_bytes)["document"], "format": OFFICIAL_FORMAT}
    pdf = tmp_path / "signed.pdf"
    pdf.write_bytes(PDF)
    for raw in (run.report_bytes, run.facts_bytes, orjson.dumps(dressed)):
        path = tmp_path / "official.json"
        path.write_bytes(raw[:60_000] if len(raw) > 60_000 else raw)
        with pytest.raises((ClassificationError, BadInput)):
            import_official(house.toolkit, OFFICER, path, pdf)
    assert house.entries(action="assessment.official_imported") == ()


def test_a_self_assessment_cannot_be_sent_as_official(house: House, tmp_path: Path) -> None:
    """
    Its run id is no official report number: nothing is queued and nothing reaches the province.
    """
    run = checked(house).run
    path = write_report(house.toolkit, run.run_id, "json", tmp_path / "r.json", "zh")
    with pytest.raises(OfficialFileRefused):
        official_attachment(path)
    dressed = tmp_path / "r.pdf"
    dressed.write_bytes(PDF + path.read_bytes())
    attachment = official_attachment(dressed)
    with house.province() as (platform, simulated):
        for number in (run.run_id, "", "自查"):
            with pytest.raises(NotFound):
                send_official(house.toolkit, OFFICER, number, attachment, platform=platform)
        with supervision_desk(house.toolkit, platform) as desk:
            assert desk.deliver_due() == ()
        assert simulated.received() == ()
    assert outbox(house) == {}


def test_a_dry_run_sends_and_keeps_nothing(house: House, tmp_path: Path) -> None:
    """
    Everything is checked, the outbox stays empty and the log does not move.
    """
    description, report = official(tmp_path / "official")
    with house.province() as (platform, _):
        number = import_official(house.toolkit, OFFICER, description, report).report_number
        before = house.size()
        attachment = official_attachment(report)
        dry = send_official(
            house.toolkit, OFFICER, number, attachment, dry_run=True, platform=platform
        )
    assert (dry, house.size(), outbox(house)) == (None, before, {})
