"""How does a hospital's file become records, line by line, once?

Lines are read in batches; each batch is one transaction. A bad line is refused
by number and reason and noted in the audit log; the others go in. A line that is
already there stores nothing, so a broken-off import is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinkui.procedures.input_files import require_regular
from jinkui.system_clock import stopwatch
from jinkui.wiring.toolkit import Toolkit
from secure_records.intake import bounded_lines, read_lines
from secure_records.models import Caller, NewRecord, StoreReceipt, StoreRefusal
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput

SOURCE = "import-file"


class ImportFileUnreadable(BadInput):
    """The file cannot be read."""

    code = "import.file_unreadable"
    default_hint = "check the path and the permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRefusal:
    """One line that did not go in."""

    line: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What became of a file."""

    accepted: int
    already_present: int
    errors: tuple[LineRefusal, ...]
    flagged: int
    """Stored lines on which a red line was noted without refusing."""
    seconds: float

    @property
    def refused(self) -> int:
        """Lines that did not go in."""
        return len(self.errors)

    def document(self) -> Json:
        """The published JSON."""
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "already_present": self.already_present,
            "flagged": self.flagged,
            "errors": [
                {"line": error.line, "code": error.code, "reason": error.reason}
                for error in self.errors
            ],
        }


def import_file(
    toolkit: Toolkit, caller: Caller, path: Path, advance: Callable[[int], None]
) -> ImportSummary:
    """Take in a file of JSON Lines; ``advance`` is told how many lines are done.

    Raises:
        FileNotRegular: it is no ordinary file.
        ImportFileUnreadable: the file is not there or may not be read.
        AccessDenied: this account may not hand in records.
        MediaStoreFailed: files beside lines cannot be kept now; earlier batches are in.
    """
    began = stopwatch()
    size = toolkit.home.number("import", "batch_lines")
    receipts: list[StoreReceipt] = []
    errors: list[LineRefusal] = []
    batch: list[NewRecord | StoreRefusal] = []
    beside = toolkit.beside(path)

    def flush() -> None:
        for outcome in toolkit.vault.store(caller, batch, SOURCE, beside):
            if isinstance(outcome, StoreReceipt):
                receipts.append(outcome)
            else:
                errors.append(
                    LineRefusal(line=outcome.line, code=outcome.code, reason=outcome.reason)
                )
        batch.clear()
        advance(len(receipts) + len(errors))

    try:
        require_regular(path)
        with path.open("rb") as file:
            for item in read_lines(bounded_lines(file)):
                batch.append(item)
                if len(batch) >= size:
                    flush()
            if batch:
                flush()
    except OSError as error:
        name = path.name
        raise ImportFileUnreadable(f"{name}: {error.strerror}", where=name) from error
    already = sum(receipt.already_present for receipt in receipts)
    return ImportSummary(
        accepted=len(receipts) - already,
        already_present=already,
        errors=tuple(errors),
        flagged=sum(bool(receipt.flags) for receipt in receipts),
        seconds=stopwatch() - began,
    )
