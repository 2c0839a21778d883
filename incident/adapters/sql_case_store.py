"""How are case events kept in SQL, inside the transaction of whoever acts?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from incident.adapters.tables import case_events, deliveries
from incident.errors import EventConflict, HistoryBroken
from incident.notices.deliveries import Delivery, DeliveryChannel, DeliveryState
from incident.workflow.events import CaseEvent, EventKind
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.instants import in_utc, instant_text, parse_instant


class SqlCaseStore:
    """Implements ``incident.ports.CaseStore`` on an open connection; never commits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, event: CaseEvent, journal_index: int) -> None:
        """Keep one event.

        Raises:
            EventConflict: the case already has an event of this number.
        """
        row = {
            "tenant": event.tenant,
            "case_id": event.case,
            "seq": event.seq,
            "at": instant_text(event.at),
            "event_at": instant_text(event.event_at),
            "actor": event.actor,
            "kind": event.kind.value,
            "payload": canonical_bytes(event.payload),
            "journal_index": journal_index,
        }
        try:
            self._connection.execute(insert(case_events).values(row))
        except IntegrityError as error:
            raise EventConflict("somebody else wrote to this case first", where="seq") from error

    def events(
        self, tenant: str, case: str, *, entered_until: datetime | None = None
    ) -> tuple[CaseEvent, ...]:
        """The events of a case by number.

        Raises:
            HistoryBroken: a row holds what this store never writes.
        """
        where = (case_events.c.tenant == tenant) & (case_events.c.case_id == case)
        query = select(case_events).where(where).order_by(case_events.c.seq)
        limit = None if entered_until is None else in_utc(entered_until, "entered_until")
        found: list[CaseEvent] = []
        for row in self._connection.execute(query):
            try:
                event = CaseEvent(
                    tenant=row.tenant,
                    case=row.case_id,
                    seq=row.seq,
                    at=parse_instant(row.at, "at"),
                    event_at=parse_instant(row.event_at, "event_at"),
                    actor=row.actor,
                    kind=EventKind(row.kind),
                    payload=json.loads(bytes(row.payload)),
                )
            except ValueError as error:
                raise HistoryBroken(f"event {row.seq} cannot be read", where="seq") from error
            # Instants are compared here, not as text: fractions change the text's length.
            if limit is not None and event.at > limit:
                break
            found.append(event)
        return tuple(found)

    def journal_indexes(self, tenant: str, case: str) -> Mapping[int, int]:
        """Event number to index of its entry in the audit log."""
        table = case_events
        query = select(table.c.seq, table.c.journal_index).where(
            (table.c.tenant == tenant) & (table.c.case_id == case)
        )
        return {row.seq: row.journal_index for row in self._connection.execute(query)}

    def cases(self, tenant: str) -> tuple[str, ...]:
        """Every case of the institution, oldest first (identifiers sort by time)."""
        query = (
            select(case_events.c.case_id, func.min(case_events.c.seq))
            .where(case_events.c.tenant == tenant)
            .group_by(case_events.c.case_id)
            .order_by(case_events.c.case_id)
        )
        return tuple(row.case_id for row in self._connection.execute(query))

    def keep_deliveries(
        self, tenant: str, case: str, batch_id: str, deliveries: tuple[Delivery, ...]
    ) -> None:
        """Keep or update who is told how."""
        table = _DELIVERIES
        key = (
            (table.c.tenant == tenant) & (table.c.case_id == case) & (table.c.batch_id == batch_id)
        )
        self._connection.execute(delete(table).where(key))
        rows = [
            {
                "tenant": tenant,
                "case_id": case,
                "batch_id": batch_id,
                "subject": item.subject,
                "channel": item.channel.value,
                "to_guardian": int(item.to_guardian),
                "state": item.state.value,
                "at": instant_text(item.at),
            }
            for item in deliveries
        ]
        if rows:
            self._connection.execute(insert(table), rows)

    def deliveries(self, tenant: str, case: str, batch_id: str) -> tuple[Delivery, ...]:
        """The deliveries of a batch, by subject."""
        table = _DELIVERIES
        query = (
            select(table)
            .where(table.c.tenant == tenant, table.c.case_id == case, table.c.batch_id == batch_id)
            .order_by(table.c.subject)
        )
        return tuple(
            Delivery(
                subject=row.subject,
                channel=DeliveryChannel(row.channel),
                to_guardian=bool(row.to_guardian),
                state=DeliveryState(row.state),
                at=parse_instant(row.at, "at"),
            )
            for row in self._connection.execute(query)
        )


_DELIVERIES = deliveries
