"""How is a store of an earlier version brought to the schema of this one?

In one transaction, under the lock of every other writer, with an entry in the log of
the store that it changes. Daemons of the version before may go on meanwhile and after:
a revision only adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinkui.wiring.homes import open_files
from jinkui.wiring.schemas import HEAD, pending, require_upgradable, state_of, upgrade
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock

OPERATOR: Final = "operator"
"""Whoever holds the home on a terminal; the register may not be readable yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """What an upgrade did, or would do."""

    before: str | None
    """Revision; None: from before schemas were counted."""
    head: str
    applied: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Was there anything to do?"""
        return self.before != self.head


def upgrade_home(
    folder: Path, passphrase_file: Path | None, clock: Clock, entropy: Entropy, *, dry_run: bool
) -> Upgraded:
    """Bring the store of a home to the newest schema.

    Raises:
        SchemaNewer: a later version of the program was here before.
        SchemaUnknown: the tables are not those of any version.
        LogRolledBack: an older or another store was put in place; nothing is changed.
    """
    files = open_files(folder, passphrase_file, clock, entropy, any_schema=True)
    with Toolkit(files, clock, entropy) as toolkit:
        with files.store.reading() as connection:
            state = state_of(connection)
            require_upgradable(state, toolkit.tenant)
        done = Upgraded(before=state.revision, head=HEAD, applied=pending(state))
        if dry_run or not done.changes:
            return done
        toolkit.require_anchored()
        with toolkit.transaction() as unit:
            upgrade(unit.connection, toolkit.tenant)
            unit.log.append(
                AuditFact(
                    at=clock.now(),
                    actor=OPERATOR,
                    action="store.upgraded",
                    decision="permit",
                    outcome="done",
                    details={"from": done.before or "", "to": done.head},
                )
            )
        toolkit.seal_log()
    return done
