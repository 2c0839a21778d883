"""How does a record come in, and how does somebody get to see it?

The front door of the record store, one per institution. Whatever passes through
it has been decided and is in the audit log; where the log cannot be written,
nothing is stored and nothing is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from secure_records.envelope.inspect import EnvelopeSummary
from secure_records.media.ports import ImportFolder
from secure_records.models import (
    Caller,
    NewRecord,
    RecordView,
    SearchPage,
    StoreReceipt,
    StoreRefusal,
)
from secure_records.search_filter import EVERYTHING, SearchFilter
from secure_records.vault_amending import amend_record
from secure_records.vault_history import record_history
from secure_records.vault_media_reading import MediaView, read_media
from secure_records.vault_parts import VaultParts
from secure_records.vault_reading import inspect_record, read_record
from secure_records.vault_searching import search_records
from secure_records.vault_storing import store_batch
from secure_records.version_models import AmendReceipt, RecordHistory


class Vault:
    """Sealed records of one institution."""

    def __init__(self, parts: VaultParts) -> None:
        self._parts = parts

    def store(
        self,
        caller: Caller,
        items: Sequence[NewRecord | StoreRefusal],
        source: str,
        beside: ImportFolder | None = None,
    ) -> tuple[StoreReceipt | StoreRefusal, ...]:
        """Take in a batch in one transaction.

        Args:
            caller: Who hands it in.
            items: Records, and lines that intake refused: these are only logged.
            source: Short label of where they come from, for the log; no file name.
            beside: Where the files lie that lines name under ``media``; None: such a
                line is refused.

        Returns:
            One outcome for each item, in order. A refused line stores nothing and
            does not stop the others. Storing a line again stores nothing twice.

        Raises:
            AccessDenied: this account may not hand in records.
            RequestRefused: the source is no short label.
            MediaStoreFailed: the object store failed; nothing of the batch is stored.
        """
        return store_batch(self._parts, caller, items, source, beside)

    def amend(
        self,
        caller: Caller,
        record_id: str,
        expected_version: int,
        new: NewRecord,
        reason: str,
        idempotency_key: str | None = None,
    ) -> AmendReceipt:
        """Write a further version of a record; the earlier ones stay sealed as they are.

        Args:
            caller: Who amends; ``access/amending_roles.yaml`` decides who may.
            record_id: ``rec_…``.
            expected_version: The newest version that the caller knows.
            new: The whole record as it is to be: the same kind, external id and patient.
            reason: A code of ``access/amending_reasons.yaml``.
            idempotency_key: 1 to 128 visible ASCII characters. The same amendment
                under the same key is written once, however often it is asked for.

        Raises:
            VersionConflict: the record has another newest version.
            AmendmentRefused: it is another record or patient, or crosses a red line.
            NothingChanged: the newest version says the same.
            IdempotencyConflict: the key stands for another amendment.
            AccessDenied: this caller may not amend it, or not to what it would become.
            RecordNotFound: no such record.
            RecordWithheld: to a partner, always.
            EnvelopeRefused: the stored version is not what was sealed.
            KeyNotFound: the patient's data key has been destroyed.
        """
        return amend_record(
            self._parts, caller, record_id, expected_version, new, reason, idempotency_key
        )

    def history(self, caller: Caller, record_id: str, purpose: str) -> RecordHistory:
        """Who changed which fields when; a disclosure of every version.

        Raises:
            HistoryContradicted: sealed versions and log do not tell the same story.
            RecordNotFound: no such record.
            RecordWithheld: to a partner, as in ``read``.
            AccessDenied: somebody inside the institution may not see the record.
            EnvelopeRefused: a version is not what was sealed for its place.
            KeyNotFound: the patient's data key has been destroyed.
        """
        return record_history(self._parts, caller, record_id, purpose)

    def read(
        self,
        caller: Caller,
        record_id: str,
        purpose: str,
        fields: Sequence[str] = (),
        version: int | None = None,
    ) -> RecordView:
        """Show one record as far as the policy allows.

        Args:
            caller: Who asks.
            record_id: ``rec_…``.
            purpose: A code of the published purposes.
            fields: Names wanted; empty: all that may be shown.
            version: An earlier version; None: the newest. Whoever may not see the
                newest sees none of them.

        Raises:
            RecordNotFound: no such record, or no such version.
            RecordWithheld: to a partner, for a record it may not see and for one that is not there.
            AccessDenied: somebody inside the institution may not see it.
            EnvelopeRefused: the stored bytes are not what was sealed for this place.
            RecordMisplaced: the row contradicts the sealed content.
            KeyNotFound: the patient's data key has been destroyed.
        """
        return read_record(self._parts, caller, record_id, purpose, tuple(fields), version)

    def search(
        self,
        caller: Caller,
        criteria: Mapping[str, str],
        purpose: str,
        limit: int = 50,
        cursor: str | None = None,
        among: SearchFilter = EVERYTHING,
    ) -> SearchPage:
        """Find records by the patient's number, phone, or name and birth date.

        Args:
            caller: Who asks.
            criteria: Field to value; several must all hold. ``name_birth`` is
                written ``name|birth date``.
            purpose: A code of the published purposes.
            limit: Most hits on this page.
            cursor: ``next_cursor`` of the page before. What is stored meanwhile never
                moves a page: it comes before the first one.
            among: Narrows by kind, clinician and time of the visit.

        Raises:
            SearchRefused: unknown field, a value without normal form, a filter that
                cannot be applied, too wide.
            AccessDenied: this caller may search for nothing under this purpose.
        """
        return search_records(
            self._parts, caller, criteria, purpose, limit=limit, cursor=cursor, among=among
        )

    def read_media(
        self,
        caller: Caller,
        record_id: str,
        purpose: str,
        start: int = 0,
        end: int | None = None,
    ) -> AbstractContextManager[MediaView]:
        """Show the recording of one record, whole or by range, if the field ``media`` may be shown.

        The entry is committed before the first byte is read. Hold the view open while
        its parts are read::

            with vault.read_media(caller, "rec_…", "treatment") as view:
                for part in view.parts:
                    out.write(part)

        Args:
            caller: Who asks.
            record_id: ``rec_…``.
            purpose: A code of the published purposes.
            start: First byte, from 0.
            end: Byte behind the last one; None, or beyond the recording: to its end.

        Raises:
            MediaUnavailable: this vault keeps no recordings.
            RecordNotFound: no such record.
            MediaNotFound: the record has no recording.
            RecordWithheld: to a partner, for all that it may not see or that is not there.
            AccessDenied: somebody inside the institution may not see it.
            MediaRangeRefused: the recording has no such bytes.
            MediaObjectMissing: its object is gone.
            EnvelopeRefused: the stored bytes are not what was sealed for this place; also
                while parts are read: what was handed out before was authentic.
            RecordMisplaced: the row contradicts the sealed description.
            KeyNotFound: the data key has been destroyed.
            MediaStoreFailed: the object store cannot be asked.
        """
        return read_media(self._parts, caller, record_id, purpose, start, end)

    def inspect(self, record_id: str) -> EnvelopeSummary:
        """What an auditor may see of a stored record without any key.

        Raises:
            RecordNotFound: no such record.
        """
        return inspect_record(self._parts, record_id)

    def count(self) -> int:
        """Number of records in the store."""
        with self._parts.store.reading() as connection:
            return self._parts.records(connection).count(self._parts.tenant)
