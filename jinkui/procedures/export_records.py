"""How does a hospital take all its records along when it leaves, in clear?

Who may is an office; why is a published purpose. The log says so before the
first byte is written, again for every record before its line is, and at the end
with the digest of the file. The file appears whole under its name or not at
all, is never written over another one, and only its owner may read it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from jinkui.procedures.offices import require_office
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditDecision, AuditFact
from secure_records.export_lines import (
    ExportFormat,
    Position,
    archive_head,
    archive_line,
    encoded,
    line_of,
    newest_only,
)
from secure_records.kinds.catalogue import kind_named
from secure_records.models import Caller
from secure_records.ports import RecordRow
from secure_records.sealing import open_row
from secure_records.vault_detecting import detections
from secure_records.vault_parts import fact_of, require_purpose
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput, JinkuiError, Refused
from shared_kernel.identifiers import new_identifier

OFFICE: Final = "record.export"
"""Also the action of the entry that each exported record leaves."""

BATCH: Final = 200
"""Records whose entries commit in one transaction, before their lines are written."""

_OWNER_ONLY: Final = 0o600


class ExportTargetTaken(Refused):
    """There is a file of this name already."""

    code = "export.target_taken"
    default_hint = "name a new file; an export is never written over another one"


class ExportTargetUnusable(BadInput):
    """The file cannot be made there."""

    code = "export.target_unusable"
    default_hint = "name a file in a folder that exists and that this user may write to"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary:
    """What was written."""

    path: str
    form: ExportFormat
    records: int
    lines: int
    disclosure: str | None
    """``dis_…``, the same in every entry of this export; None: nothing was written."""

    digest: str | None
    """``sha256:…`` of the file."""

    def document(self) -> Json:
        """The published JSON."""
        return {
            "path": self.path,
            "format": self.form,
            "records": self.records,
            "lines": self.lines,
            "disclosure_id": self.disclosure,
            "digest": self.digest,
        }


def export_preview(
    toolkit: Toolkit, caller: Caller, out: Path, purpose: str, form: ExportFormat
) -> ExportSummary:
    """What an export would begin with; writes nothing.

    Raises:
        JinkuiError: whatever ``export_records`` would refuse before it begins.
    """
    _require(toolkit, caller, out, purpose)
    with toolkit.reading() as unit:
        count = unit.records.count(toolkit.tenant)
    return ExportSummary(
        path=str(out), form=form, records=count, lines=0, disclosure=None, digest=None
    )


def export_records(
    toolkit: Toolkit,
    caller: Caller,
    out: Path,
    purpose: str,
    form: ExportFormat,
    advance: Callable[[int, int], None],
) -> ExportSummary:
    """Write every record in clear; ``advance`` is told how many of how many are done.

    Raises:
        NotYourOffice: the caller's role may not; the denial is in the log.
        RequestRefused: no published purpose.
        ExportTargetTaken, ExportTargetUnusable: nothing was written.
        EnvelopeRefused, RecordMisplaced, KeyNotFound: a record does not open; no file is left.
    """
    _require(toolkit, caller, out, purpose)
    at = toolkit.clock.now()
    disclosure = new_identifier("dis", at, toolkit.entropy)
    told = _Telling(toolkit=toolkit, caller=caller, purpose=purpose, disclosure=disclosure)
    with toolkit.reading() as unit:
        total = unit.records.count(toolkit.tenant)
    told.whole("record.export_begun", format=form, records=total)
    try:
        with _new_file(out) as sink:
            if form == "archive":
                sink.write(archive_head(toolkit.tenant, at, disclosure))
            records, lines = 0, 0
            for rows in _pages(toolkit):
                chosen = list(newest_only(rows)) if form == "lines" else rows
                told.each(chosen)
                for row in chosen:
                    sink.write(_line(toolkit, row, form))
                records += len({row.record for row in chosen})
                lines += len(chosen)
                advance(records, total)
            digest = f"sha256:{sink.hexdigest()}"
            sink.publish()
    except (JinkuiError, OSError) as fault:
        told.whole("record.export_failed", code=getattr(fault, "code", "os"))
        if isinstance(fault, OSError):
            raise _unusable(out, fault) from fault
        raise
    told.whole("record.export_done", records=records, lines=lines, digest=digest)
    return ExportSummary(
        path=str(out),
        form=form,
        records=records,
        lines=lines,
        disclosure=disclosure,
        digest=digest,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    """What the log is told about one export."""

    toolkit: Toolkit
    caller: Caller
    purpose: str
    disclosure: str

    def whole(self, action: str, **details: Json) -> None:
        """One entry about the export itself."""
        decision: AuditDecision = "failed" if action.endswith("failed") else "done"
        said = {"disclosure": self.disclosure, **details}
        with self.toolkit.transaction() as unit:
            fact = fact_of(self.caller, self.toolkit.clock.now(), action, decision, said)
            unit.log.append(replace(fact, purpose=self.purpose))

    def each(self, rows: Sequence[RecordRow]) -> None:
        """One entry for each record, committed before its line is written."""
        now = self.toolkit.clock.now()
        with self.toolkit.transaction() as unit:
            for row in rows:
                fact = self._about(row, now)
                alarms = detections(self.toolkit.parts, unit.records, fact, (row,))
                unit.log.append_all([fact, *alarms])

    def _about(self, row: RecordRow, at: datetime) -> AuditFact:
        said: dict[str, Json] = {
            "disclosure": self.disclosure,
            "grade": row.grade,
            "version": row.version,
        }
        fact = fact_of(self.caller, at, OFFICE, "permit", said, row)
        return replace(fact, purpose=self.purpose, fields=kind_named(row.kind).all_fields)


class _NewFile:
    """A file under another name until it is whole."""

    def __init__(self, file: BinaryIO, beside: Path, out: Path) -> None:
        self._file = file
        self._beside = beside
        self._out = out
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append."""
        self._file.write(data)
        self._digest.update(data)

    def hexdigest(self) -> str:
        """SHA-256 of what was written so far."""
        return self._digest.hexdigest()

    def publish(self) -> None:
        """Give the file its name, durably, unless somebody else took it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            # A link, not a rename: it fails if the name is taken.
            os.link(self._beside, self._out)
        except FileExistsError as error:
            raise _taken(self._out) from error
        folder = os.open(self._out.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _new_file(out: Path) -> Iterator[_NewFile]:
    beside = out.with_name(f".{out.name}.partial")
    handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        with os.fdopen(handle, "wb") as file:
            yield _NewFile(file, beside, out)
    finally:
        # Under its own name the content lives on; without one it is gone.
        beside.unlink(missing_ok=True)


def _require(toolkit: Toolkit, caller: Caller, out: Path, purpose: str) -> None:
    require_office(toolkit, caller, OFFICE)
    require_purpose(purpose)
    if out.exists() or out.is_symlink():
        raise _taken(out)
    if not out.parent.is_dir():
        raise ExportTargetUnusable(f"there is no folder {out.parent.name}", where=out.name)
    beside = out.with_name(f".{out.name}.partial")
    if beside.exists():
        raise ExportTargetTaken(
            f"{beside.name} is left over from an export that was killed",
            hint="delete it: it holds records in clear; then export again",
            where=beside.name,
        )


def _pages(toolkit: Toolkit) -> Iterator[Sequence[RecordRow]]:
    """All rows; the versions of one record are never torn apart."""
    position: Position | None = None
    held: list[RecordRow] = []
    while True:
        with toolkit.reading() as unit:
            rows = unit.listing.after(toolkit.tenant, position, BATCH)
        if not rows:
            if held:
                yield held
            return
        position = Position(record=rows[-1].record, version=rows[-1].version)
        held += rows
        whole = [row for row in held if row.record != rows[-1].record]
        held = [row for row in held if row.record == rows[-1].record]
        if whole:
            yield whole


def _line(toolkit: Toolkit, row: RecordRow, form: ExportFormat) -> bytes:
    content = open_row(row, toolkit.keys.dek_by_id(row.tenant, row.key_id))
    return archive_line(row, content) if form == "archive" else encoded(line_of(row, content))


def _taken(out: Path) -> ExportTargetTaken:
    return ExportTargetTaken(f"{out.name} is there already", where=out.name)


def _unusable(out: Path, fault: OSError) -> ExportTargetUnusable:
    return ExportTargetUnusable(f"{out.name}: {fault.strerror}", where=out.name)
