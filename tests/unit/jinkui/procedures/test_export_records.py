"""All records leave in clear for whom it is the office, with an entry before every byte."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from incident.scoping.evidence import AccessAction, AccessQuery
from jinkui.procedures import export_records as module
from jinkui.procedures.export_records import (
    ExportTargetTaken,
    ExportTargetUnusable,
    export_preview,
    export_records,
)
from jinkui.procedures.import_records import import_file
from jinkui.procedures.offices import NotYourOffice
from jinkui.procedures.registry_entry import enter_registry
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records import Caller
from secure_records.errors import EnvelopeRefused
from secure_records.export_lines import newest_only
from secure_records.ports import RecordRow
from secure_records.vault_errors import RequestRefused

DESK = Caller(actor="a008", role="records_officer")
HOSPITAL = SyntheticHospital(3, 12, 20, start=datetime(2026, 3, 2, tzinfo=UTC).date())
PURPOSE = "supervision"


def quiet(_done: int, _total: int = 0) -> None:
    """Nobody watches."""


@pytest.fixture
def stored(toolkit: Toolkit, tmp_path: Path) -> Toolkit:
    """A home with all visits of the synthetic hospital."""
    HOSPITAL.write_lines(tmp_path / "visits.jsonl")
    summary = import_file(toolkit, DESK, tmp_path / "visits.jsonl", quiet)
    assert summary.refused == 0
    return toolkit


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches even in a small home."""
    monkeypatch.setattr(module, "BATCH", 7)


def entries(toolkit: Toolkit) -> list[dict[str, Any]]:
    with toolkit.reading() as unit:
        batches = unit.audit_store.entries(0)
        return [orjson.loads(row.entry) for batch in batches for row in batch]


def decoded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def by_id(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["external_id"]: line for line in lines}


def normal(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Instants as instants: an offset is another spelling of the same."""
    if isinstance(value, dict):
        return {key: normal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [normal(inner) for inner in value]
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-" and "T" in value:
        return datetime.fromisoformat(value)
    return value


def test_what_was_imported_is_exported(stored: Toolkit, tmp_path: Path) -> None:
    """
    Every line of the import file comes out with equal content, once.
    """
    out = tmp_path / "all.jsonl"
    seen: list[tuple[int, int]] = []
    summary = export_records(stored, DESK, out, PURPOSE, "lines", lambda *step: seen.append(step))
    original = [json.loads(orjson.dumps(line)) for line in HOSPITAL.lines()]
    written = decoded(out)
    assert normal(by_id(written)) == normal(by_id(original))
    assert len(written) == len(original) == summary.records == summary.lines
    assert seen[-1] == (len(original), len(original))
    assert summary.digest == "sha256:" + hashlib.sha256(out.read_bytes()).hexdigest()


def test_an_export_fills_a_fresh_home_with_equal_content(
    stored: Toolkit,
    tmp_path: Path,
    steady: Any,  # noqa: ANN401 - the clock of the test
) -> None:
    """
    Export, import into a new home, export again: the same lines.
    """
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    export_records(stored, DESK, first, PURPOSE, "lines", quiet)
    head = {
        "institution": stored.tenant,
        "institution_name": "新家",
        "profile": "demo",
        "suite": "intl",
        "origin": "jinkui.test/new",
        "default_actor": "a008",
    }
    create(tmp_path / "new", head, {}, None, steady, os.urandom).close()
    with open_toolkit(tmp_path / "new", None, steady, os.urandom) as fresh:
        enter_registry(fresh, "test", orjson.dumps(HOSPITAL.registry_document()))
        summary = import_file(fresh, DESK, first, quiet)
        assert (summary.refused, summary.already_present) == (0, 0)
        export_records(fresh, DESK, second, PURPOSE, "lines", quiet)
        assert fresh.verify_log().ok
    assert sorted(first.read_bytes().splitlines()) == sorted(second.read_bytes().splitlines())


def test_the_archive_has_what_stood_beside_each_version(stored: Toolkit, tmp_path: Path) -> None:
    """
    A head, then one line a version with record, grade and instant around the import line.
    """
    lines, archive = tmp_path / "lines", tmp_path / "archive"
    export_records(stored, DESK, lines, PURPOSE, "lines", quiet)
    summary = export_records(stored, DESK, archive, PURPOSE, "archive", quiet)
    head, *rows = decoded(archive)
    assert head["archive"] == "jinkui-records/1"
    assert (head["institution"], head["disclosure"]) == (stored.tenant, summary.disclosure)
    assert by_id([row["line"] for row in rows]) == by_id(decoded(lines))
    assert {row["version"] for row in rows} == {1}
    assert {row["grade"] for row in rows} <= {4, 5}
    assert len({row["record"] for row in rows}) == len(rows) == summary.lines


def test_the_log_says_so_first_and_names_every_record(stored: Toolkit, tmp_path: Path) -> None:
    """
    Begun, one entry a record with its patient's commitment, done with the file's digest.
    """
    before = len(entries(stored))
    summary = export_records(stored, DESK, tmp_path / "out", PURPOSE, "lines", quiet)
    begun, *each, done = entries(stored)[before:]
    assert (begun["action"], begun["details"]["records"]) == (
        "record.export_begun",
        summary.records,
    )
    assert {row["action"] for row in each} == {"record.export"}
    assert len({row["record"] for row in each}) == len(each) == summary.records
    assert all("commitment" in row and "patient.id_no" in row["fields"] for row in each)
    assert {row["purpose"] for row in (begun, *each, done)} == {PURPOSE}
    assert {row["details"]["disclosure"] for row in (begun, *each, done)} == {summary.disclosure}
    assert done["details"]["digest"] == summary.digest
    assert stored.verify_log().ok


def test_a_breach_scope_counts_what_was_exported(stored: Toolkit, tmp_path: Path) -> None:
    """
    To the incident room an export is an access to every patient in it.
    """
    export_records(stored, DESK, tmp_path / "out", PURPOSE, "lines", quiet)
    note = stored.seal_log()
    with stored.reading() as unit:
        window = stored.evidence(unit, note).window(
            AccessQuery(
                actor="a008",
                since=datetime(2020, 1, 1, tzinfo=UTC),
                until=datetime(2030, 1, 1, tzinfo=UTC),
            )
        )
    exported = [entry for entry in window.entries if entry.action is AccessAction.EXPORT]
    assert len({entry.subject for entry in exported}) == len(HOSPITAL.patients)


def test_each_entry_is_committed_before_its_line_is_written(
    stored: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    At the moment a record is opened, its entry is in the log already.
    """
    real, late = module._line, []

    def watching(toolkit: Toolkit, row: RecordRow, form: Any) -> bytes:  # noqa: ANN401
        logged = {e.get("record") for e in entries(toolkit) if e["action"] == "record.export"}
        late.append(row.record not in logged)
        return real(toolkit, row, form)

    monkeypatch.setattr(module, "_line", watching)
    summary = export_records(stored, DESK, tmp_path / "out", PURPOSE, "lines", quiet)
    assert late == [False] * summary.records


def test_the_file_is_its_owners_only_and_nothing_else_is_left(
    stored: Toolkit, tmp_path: Path
) -> None:
    """
    Mode 0600 whatever the umask, one name, no partial file.
    """
    folder = tmp_path / "leaving"
    folder.mkdir()
    before = os.umask(0)
    try:
        export_records(stored, DESK, folder / "out", PURPOSE, "lines", quiet)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "out").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["out"]


def test_nobody_else_exports(stored: Toolkit, tmp_path: Path) -> None:
    """
    Every other role, and every partner, is refused; the denial is in the log.
    """
    for caller in (
        Caller(actor="a002", role="security_admin"),
        Caller(actor="a004", role="data_protection_officer"),
        replace(DESK, partner="demo-pharmacy"),
    ):
        for act in (export_records, export_preview):
            words: tuple[Any, ...] = (stored, caller, tmp_path / "out", PURPOSE, "lines")
            with pytest.raises(NotYourOffice):
                act(*words, *((quiet,) if act is export_records else ()))
    assert [entry["decision"] for entry in entries(stored)[-6:]] == ["deny"] * 6
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_taken_stays(stored: Toolkit, tmp_path: Path) -> None:
    """
    File, dangling link or left-over of a killed export: refused, and not an entry is written.
    """
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".left.partial").write_text("", "utf-8")
    before = len(entries(stored))
    for name in ("file", "link", "left"):
        with pytest.raises(ExportTargetTaken):
            export_records(stored, DESK, tmp_path / name, PURPOSE, "lines", quiet)
    with pytest.raises(ExportTargetUnusable):
        export_records(stored, DESK, tmp_path / "no" / "where", PURPOSE, "lines", quiet)
    with pytest.raises(RequestRefused):
        export_records(stored, DESK, tmp_path / "out", "because", "lines", quiet)
    assert (tmp_path / "file").read_text("utf-8") == "mine"
    assert len(entries(stored)) == before


def test_a_name_that_is_taken_meanwhile_stays_too(stored: Toolkit, tmp_path: Path) -> None:
    """
    Somebody makes the file while records are written: theirs stays, ours is gone.
    """
    out = tmp_path / "out"

    def interfere(_done: int, _total: int) -> None:
        out.write_text("theirs", "utf-8")

    with pytest.raises(ExportTargetTaken):
        export_records(stored, DESK, out, PURPOSE, "lines", interfere)
    assert out.read_text("utf-8") == "theirs"
    assert not (tmp_path / ".out.partial").exists()
    assert entries(stored)[-1]["action"] == "record.export_failed"


def test_a_record_that_does_not_open_stops_the_export(stored: Toolkit, tmp_path: Path) -> None:
    """
    No half file: what was altered is named by its error, and the log has the failure.
    """
    with stored.transaction() as unit:
        unit.connection.exec_driver_sql(
            "UPDATE records SET grade = 9 - grade WHERE record = (SELECT max(record) FROM records)"
        )
    with pytest.raises(EnvelopeRefused):
        export_records(stored, DESK, tmp_path / "out", PURPOSE, "lines", quiet)
    assert not list(tmp_path.glob("*out*"))
    last = entries(stored)[-1]
    assert (last["action"], last["decision"]) == ("record.export_failed", "failed")
    assert last["details"]["code"] == "envelope.refused"


def test_a_full_disk_leaves_no_file(
    stored: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The machine's refusal becomes ours, with its reason.
    """

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(ExportTargetUnusable, match="No space left"):
        export_records(stored, DESK, tmp_path / "out", PURPOSE, "lines", quiet)
    monkeypatch.undo()
    assert not list(tmp_path.glob("*out*"))


def test_a_preview_counts_and_writes_nothing(stored: Toolkit, tmp_path: Path) -> None:
    """
    ``--dry-run`` leaves neither file nor entry.
    """
    before = len(entries(stored))
    preview = export_preview(stored, DESK, tmp_path / "out", PURPOSE, "archive")
    assert preview.records == sum(1 for _ in HOSPITAL.lines())
    assert (preview.disclosure, preview.digest, preview.lines) == (None, None, 0)
    assert len(entries(stored)) == before
    assert not (tmp_path / "out").exists()


def test_an_empty_home_exports_an_empty_file(toolkit: Toolkit, tmp_path: Path) -> None:
    """
    Nothing stored: a file without lines, and the log says zero.
    """
    summary = export_records(toolkit, DESK, tmp_path / "out", PURPOSE, "lines", quiet)
    assert (summary.records, (tmp_path / "out").read_bytes()) == (0, b"")


def row(record: str, version: int, make: Callable[..., RecordRow] = RecordRow) -> RecordRow:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    texts = dict.fromkeys(
        ("subject", "kind", "schema", "retention_class", "clinician", "visit"), ""
    )
    return make(
        tenant="t", record=record, version=version, occurred_at=at, created_at=at, grade=4,
        key_id="", external_ref=b"", content_mac=b"", envelope=b"", **texts,
    )  # fmt: skip


def test_only_the_newest_version_is_a_line() -> None:
    """
    Of several versions the last one speaks; earlier ones are for the archive.
    """
    rows = [row("a", 1), row("a", 2), row("b", 1), row("c", 1), row("c", 2), row("c", 3)]
    assert [(r.record, r.version) for r in newest_only(rows)] == [("a", 2), ("b", 1), ("c", 3)]
    assert list(newest_only([])) == []


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5, 100])
def test_versions_of_one_record_are_never_torn_apart(
    monkeypatch: pytest.MonkeyPatch, toolkit: Toolkit, batch: int
) -> None:
    """
    Whatever the page size, each page holds whole records, and all rows come out in order.
    """
    held = [row("a", 1), row("a", 2), row("a", 3), row("b", 1), row("c", 1), row("c", 2)]

    class Listing:
        def __init__(self, _connection: object) -> None: ...

        def after(self, _tenant: str, position: Any, limit: int) -> list[RecordRow]:  # noqa: ANN401
            start = (position.record, position.version) if position else ("", 0)
            return [r for r in held if (r.record, r.version) > start][:limit]

    monkeypatch.setattr(module, "BATCH", batch)
    monkeypatch.setattr("jinkui.wiring.unit.SqlRecordListing", Listing)
    pages = list(module._pages(toolkit))
    assert [r for page in pages for r in page] == held
    seen = [{r.record for r in page} for page in pages]
    assert sum(map(len, seen)) == 3
