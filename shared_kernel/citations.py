"""Where does the law say so, and has anybody seen the sentence?

Every rule row carries a ``Citation``. ``verified`` travels with it to whatever
the user reads: a row nobody has seen in a source is never shown as law.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A sentence of law or of a standard that a finger can be put on."""

    law: str
    """Name of the law or standard, in the language of the original."""

    edition: str
    """Edition or date that distinguishes this text from earlier ones."""

    clause: str
    """Article, clause or item, as printed."""

    verified: bool
    """True: the fact was seen in a source. False: memory, inference or a draft."""

    def text(self) -> str:
        """One line for people; an unverified citation says so (待核 = to be checked)."""
        mark = "" if self.verified else " [未核实 unverified]"
        return f"《{self.law}》{self.edition} {self.clause}{mark}".replace("  ", " ")
