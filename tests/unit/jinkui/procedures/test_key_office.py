"""Keys are replaced by the security administrator, and each act stands in the log."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from jinkui.bridges.witnessed_minimum import MinimumLowered
from jinkui.procedures import offices
from jinkui.procedures.doctor import examine
from jinkui.procedures.key_recovery import SharesExist, make_recovery_shares, recover_root
from jinkui.procedures.key_rotation import (
    change_passphrase,
    plan_rotation,
    raise_minimum,
    rotate,
)
from jinkui.procedures.key_status import key_status
from jinkui.wiring import key_room
from jinkui.wiring.key_room import KeyRoom
from jinkui.wiring.root_file import Credentials, PassphraseMissing
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.adapters.key_tables import key_minimum
from secure_records.audit.trail import TrailEntry, TrailQuery, find_entries
from secure_records.envelope.suites import GM
from secure_records.errors import (
    MinimumRefused,
    RootDescriptorRefused,
    RootLocked,
    RotationUnfinished,
    SharesStale,
)
from secure_records.keys.argon2_costs import TESTING
from secure_records.keys.models import KeyKind, RotationKind
from secure_records.keys.recovery_shares import Holder, make_person, open_holder, recover
from secure_records.models import Caller

ADMIN = Caller(actor="a002", role="security_admin")
FIRST, SECOND = b"the first person's words\n", b"the second person's words\n"


def silent(_step: str, _done: int, _total: int) -> None:
    """Nobody is told."""


def entries(toolkit: Toolkit, action: str) -> list[TrailEntry]:
    with toolkit.reading() as unit:
        return list(find_entries(unit.audit_store, TrailQuery(action=action)).entries)


def told(entry: TrailEntry) -> Mapping[str, object]:
    details = entry.content["details"]
    assert isinstance(details, dict)
    return details


def files(folder: Path) -> Credentials:
    first, second = folder / "first", folder / "second"
    first.write_bytes(FIRST)
    second.write_bytes(SECOND)
    return Credentials(passphrase_file=first, second_passphrase_file=second)


@pytest.mark.parametrize(
    "act", ["keys.rotate", "keys.passphrase", "keys.minimum", "keys.shares", "keys.recover"]
)
def test_changing_keys_is_the_office_of_one_role(act: str) -> None:
    """
    Neither the system's nor the log's administrator replaces keys.
    """
    assert offices.offices()[act] == {"security_admin"}


def test_each_rotation_is_noted_before_and_after(toolkit: Toolkit) -> None:
    """
    The first entry says what is to be done, the second what was.
    """
    rotate(toolkit, ADMIN, RotationKind.TENANT, silent)
    rotate(toolkit, ADMIN, RotationKind.ROOT, silent)

    noted = entries(toolkit, "keys.rotate")
    assert [entry.decision for entry in noted] == ["permit", "done", "permit", "done"]
    assert {entry.actor for entry in noted} == {"a002"}
    assert told(noted[0]) == {"what": "tenant", "old": 1, "new": 2, "resumed": False}
    assert told(noted[1])["rows"] == 3
    assert told(noted[3]) == {"what": "root", "old": 1, "new": 2, "resumed": False, "rows": 2}


def test_a_rotation_that_failed_is_noted_and_goes_on(
    toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What stopped it stands in the log; the next run says that it resumes.
    """

    def refuse(*_: object) -> None:
        raise RotationUnfinished("stopped for the test")

    with monkeypatch.context() as patched:
        patched.setattr(KeyRoom, "_root", refuse)
        with pytest.raises(RotationUnfinished):
            rotate(toolkit, ADMIN, RotationKind.TENANT, silent)
    with monkeypatch.context() as patched:
        patched.setattr(key_room.TenantRotation, "run", refuse)
        with pytest.raises(RotationUnfinished):
            rotate(toolkit, ADMIN, RotationKind.TENANT, silent)

    assert [entry.decision for entry in entries(toolkit, "keys.rotate")] == ["permit", "failed"] * 2
    assert plan_rotation(toolkit, RotationKind.TENANT).resumed
    with pytest.raises(RotationUnfinished):
        plan_rotation(toolkit, RotationKind.ROOT)
    status = key_status(toolkit)
    assert status.rotation is not None
    assert status.rows_left == 3
    [finding] = [found for found in examine(toolkit) if found.id == "key_terms"]
    assert not finding.ok
    assert "tenant" in finding.detail

    assert rotate(toolkit, ADMIN, RotationKind.TENANT, silent).rows == 3
    assert told(entries(toolkit, "keys.rotate")[-1])["resumed"] is True


def test_a_plan_changes_nothing(toolkit: Toolkit) -> None:
    """
    A dry run counts the rows and leaves no rotation behind.
    """
    tenant = plan_rotation(toolkit, RotationKind.TENANT)
    root = plan_rotation(toolkit, RotationKind.ROOT)

    assert (tenant.old, tenant.new, tenant.rows, tenant.resumed) == (1, 2, 3, False)
    assert (root.old, root.new, root.rows, root.resumed) == (1, 2, 2, False)
    assert toolkit.key_room.unfinished() is None


def test_status_says_what_is_due(toolkit: Toolkit, steady: Any) -> None:  # noqa: ANN401 - the clock of conftest
    """
    Terms are the hospital's own; a term begins anew with a rotation, and 0 means none.
    """
    days = toolkit.home.number("keys", "tenant_days")
    assert [term.due for term in key_status(toolkit).terms] == [False, False, False]

    steady.at += timedelta(days=days) - timedelta(minutes=1)
    assert [term.due for term in key_status(toolkit).terms] == [False, False, False]
    steady.at += timedelta(minutes=2)
    assert {t.what: t.due for t in key_status(toolkit).terms} == {
        "tenant": True,
        "root": False,
        "passphrase": True,
    }
    [finding] = [found for found in examine(toolkit) if found.id == "key_terms"]
    assert finding.ok
    assert "due: tenant, passphrase" in finding.detail

    rotate(toolkit, ADMIN, RotationKind.TENANT, silent)
    assert not key_status(toolkit).terms[0].due
    toolkit.home.settings["keys"]["passphrase_days"] = 0  # type: ignore[index]
    assert key_status(toolkit).terms[2].due_at is None
    assert not key_status(toolkit).terms[2].due


def test_two_persons_open_the_home_from_then_on(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """
    After the change one passphrase is not enough; root and keys stay what they were.
    """
    wanted = files(tmp_path)
    before = toolkit.keys.file_key()
    state = change_passphrase(toolkit, ADMIN, wanted)

    assert (state.provider, state.generation) == ("two_persons", 1)
    assert told(entries(toolkit, "keys.passphrase")[-1]) == {"persons": 2}
    rotate(toolkit, ADMIN, RotationKind.ROOT, silent)
    toolkit.close()
    for wrong in (
        None,
        wanted.passphrase_file,
        Credentials(
            passphrase_file=wanted.second_passphrase_file,
            second_passphrase_file=wanted.passphrase_file,
        ),
    ):
        with pytest.raises(RootLocked):
            open_toolkit(folder, wrong, toolkit.clock, os.urandom)
    with open_toolkit(folder, wanted, toolkit.clock, os.urandom) as again:
        assert again.keys.file_key() == before
        assert again.key_room.root_state().generation == 2


def test_a_weak_new_passphrase_changes_nothing(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """
    The old descriptor stays until the new one is written whole; the attempt is noted.
    """
    weak = tmp_path / "weak"
    weak.write_bytes(b"1234567\n")
    with pytest.raises(RootDescriptorRefused):
        change_passphrase(toolkit, ADMIN, Credentials(passphrase_file=weak))
    with pytest.raises(PassphraseMissing):
        change_passphrase(toolkit, ADMIN, Credentials(passphrase_file=tmp_path / "none"))

    assert [e.decision for e in entries(toolkit, "keys.passphrase")] == ["permit", "failed"] * 2
    with open_toolkit(folder, None, toolkit.clock, os.urandom) as again:
        assert again.keys.file_key() == toolkit.keys.file_key()


def test_the_lowest_version_is_held_against_the_log(toolkit: Toolkit) -> None:
    """
    Whoever lowers it in the key file is noticed at the next opening and by the doctor.
    """
    with pytest.raises(MinimumRefused):
        raise_minimum(toolkit, ADMIN, KeyKind.TENANT, 2)
    toolkit.require_minimum()
    rotate(toolkit, ADMIN, RotationKind.TENANT, silent)
    raise_minimum(toolkit, ADMIN, KeyKind.TENANT, 2)
    toolkit.require_minimum()
    assert key_status(toolkit).minimum == {KeyKind.TENANT: 2}

    with toolkit._files.key_file.transaction() as connection:
        connection.execute(delete(key_minimum))
    with pytest.raises(MinimumLowered):
        toolkit.require_minimum()
    [finding] = [found for found in examine(toolkit) if found.id == "key_terms"]
    assert not finding.ok


# --- recovery --------------------------------------------------------------------------------


def holders() -> list[Holder]:
    made = []
    for number in range(3):
        words = f"passphrase of person {number}".encode()
        _, document = make_person(
            GM, f"p{number}", words, os.urandom, parameters=TESTING, profile="test"
        )
        made.append(open_holder(document, words, profile="test"))
    return made


def test_a_lost_passphrase_is_replaced_by_two_of_three(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """
    With the passphrase and even the descriptor gone, two persons open the home again.
    """
    people, before = holders(), toolkit.keys.file_key()
    out = tmp_path / "shares"
    paths = make_recovery_shares(toolkit, ADMIN, [p.person for p in people], 2, out)
    with pytest.raises(SharesExist):
        make_recovery_shares(toolkit, ADMIN, [p.person for p in people], 2, out)
    assert told(entries(toolkit, "keys.shares")[-1]) == {"needed": 2, "of": 3}
    assert key_status(toolkit).shares is not None
    assert not key_status(toolkit).shares_stale
    toolkit.close()
    (folder / "keys" / "passphrase").unlink()
    (folder / "keys" / "root.json").unlink()

    brought = [
        (json.loads(path.read_text("utf-8")), h) for path, h in zip(paths, people, strict=True)
    ]
    institution, root = recover([brought[2], brought[0]])
    fresh = tmp_path / "fresh"
    fresh.write_bytes(FIRST)
    wanted = Credentials(passphrase_file=fresh)
    with open_toolkit(folder, None, toolkit.clock, os.urandom, recovered=root) as again:
        assert institution == again.tenant
        recover_root(again, ADMIN, root, wanted)
        assert [e.decision for e in entries(again, "keys.recover")] == ["permit", "done"]
    with open_toolkit(folder, wanted, toolkit.clock, os.urandom) as again:
        assert again.keys.file_key() == before


def test_shares_of_a_root_left_behind_open_nothing(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """
    After a rotation of the root the old shares are worthless, and status says so.
    """
    people = holders()
    paths = make_recovery_shares(toolkit, ADMIN, [p.person for p in people], 2, tmp_path / "s")
    rotate(toolkit, ADMIN, RotationKind.ROOT, silent)
    assert key_status(toolkit).shares_stale

    brought = [
        (json.loads(path.read_text("utf-8")), h) for path, h in zip(paths, people, strict=True)
    ]
    _, root = recover(brought)
    with pytest.raises(SharesStale):
        open_toolkit(folder, None, toolkit.clock, os.urandom, recovered=root)
