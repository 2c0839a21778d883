"""Which of a patient's records are looked for: of which kind, by whom, from when to when?

Filters narrow a search that already names a patient; they are no way to ask for
everybody of one clinician or one day. The log keeps which filters were set, not
what they were set to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from secure_records.kinds.catalogue import KINDS
from secure_records.ports import RecordRow
from secure_records.vault_errors import SearchRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """Conditions that must all hold; what is not given does not filter."""

    kinds: tuple[str, ...] = ()
    """Any of these."""

    clinician: str | None = None
    """Staff number of the responsible clinician."""

    since: datetime | None = None
    """Of the visit's instant, inclusive."""

    until: datetime | None = None
    """Exclusive."""

    @property
    def names(self) -> tuple[str, ...]:
        """Which filters are set."""
        given = {
            "kinds": bool(self.kinds),
            "clinician": self.clinician is not None,
            "since": self.since is not None,
            "until": self.until is not None,
        }
        return tuple(name for name, is_set in given.items() if is_set)

    def require_answerable(self) -> None:
        """Return if the filter can be applied.

        Raises:
            SearchRefused: an unknown kind, an instant without offset, an end before its begin.
        """
        for kind in self.kinds:
            if kind not in KINDS:
                raise SearchRefused(f"kind: expected among {', '.join(KINDS)}", where="kind")
        for name, instant in (("since", self.since), ("until", self.until)):
            if instant is not None and instant.tzinfo is None:
                raise SearchRefused(f"{name}: an instant needs its offset", where=name)
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise SearchRefused("until: lies not after since", where="until")

    def admits(self, row: RecordRow) -> bool:
        """Does this record fulfil every condition?"""
        return (
            (not self.kinds or row.kind in self.kinds)
            and (self.clinician is None or row.clinician == self.clinician)
            and (self.since is None or row.occurred_at >= self.since)
            and (self.until is None or row.occurred_at < self.until)
        )


EVERYTHING: Final = SearchFilter()
