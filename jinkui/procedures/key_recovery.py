"""How are recovery shares of the root made, and how does a lost passphrase get replaced?

Making shares and using them are acts of the security administrator, each noted
before and after. Whoever recovers has no passphrase: the persons at the table, as
many as were asked for, are the credential.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinkui.procedures.key_rotation import noted
from jinkui.wiring.key_room import RootState
from jinkui.wiring.root_file import Credentials, write_private
from jinkui.wiring.toolkit import Toolkit
from secure_records.keys.recovery_shares import RecoveryPerson
from secure_records.keys.root_descriptor import RootKey
from secure_records.models import Caller
from shared_kernel.errors import Refused

SHARES: Final = "keys.shares"
RECOVER: Final = "keys.recover"


class SharesExist(Refused):
    """A file of that name is there already."""

    code = "keys.shares_exist"
    default_hint = "name an empty folder; a share is never overwritten"


def make_recovery_shares(
    toolkit: Toolkit,
    caller: Caller,
    persons: Sequence[RecoveryPerson],
    needed: int,
    folder: Path,
) -> tuple[Path, ...]:
    """One file for each person, in ``folder``; hand each over and keep none.

    Raises:
        SharesMalformed: too few needed or too few persons, a key twice, another suite.
        SharesExist: the folder holds shares.
    """
    paths = tuple(folder / f"share-{number}.json" for number in range(1, len(persons) + 1))
    taken = [path.name for path in paths if path.exists()]
    if taken:
        raise SharesExist(f"{taken[0]} exists", where=str(folder))
    with noted(toolkit, caller, SHARES, {"needed": needed, "of": len(persons)}):
        shares = toolkit.key_room.make_shares(toolkit.tenant, persons, needed)
        folder.mkdir(parents=True, exist_ok=True)
        for path, share in zip(paths, shares, strict=True):
            write_private(path, share)
    return paths


def recover_root(toolkit: Toolkit, caller: Caller, root: RootKey, wanted: Credentials) -> RootState:
    """Give the root that the shares opened a new passphrase.

    Raises:
        RotationUnfinished: a rotation of the root has to be ended first.
        RootDescriptorRefused: the new passphrase is too weak.
    """
    with noted(toolkit, caller, RECOVER, {"generation": root.generation}):
        return toolkit.key_room.seal_root(root, wanted)
