"""Facts are what the files say, unknown is not absent, and nothing makes the collector fall over."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from classification.adapters.local_host import LocalHost
from classification.adapters.recorded_host import RecordedHost
from classification.errors import FactsRefused
from classification.facts.collect import collect_host
from classification.ports import ReadState
from shared_kernel.canonical_json import canonical_bytes


def recording(tmp_path: Path, paths: dict[str, dict[str, object]]) -> RecordedHost:
    file = tmp_path / "host.json"
    file.write_text(json.dumps({"uid": 0, "paths": paths}), "utf-8")
    return RecordedHost(file)


def test_settings_are_read_as_the_services_read_them(hardened: RecordedHost, now: datetime) -> None:
    """
    A drop-in included first wins over the main file; suffixes are seconds; rules are summed up.
    """
    facts = collect_host(hardened, "h", now).facts

    assert facts["ssh.permit_root_login"] == "no"
    assert facts["ssh.client_alive_interval"] == 300
    assert facts["pam.lockout"] is True
    assert facts["shell.tmout_readonly"] is True
    assert facts["audit.immutable"] is True
    assert facts["logrotate.keep_days"] == 182
    assert facts["net.exposed_tcp"] == [22]
    assert facts["packages.installed"] == ["base-files", "openssh-server"]
    assert facts["swap.unencrypted"] == []
    assert facts["clamav.database_age_days"] == 1


def test_password_hashes_never_become_facts(weak: RecordedHost, now: datetime) -> None:
    """
    Facts travel to other people; a hash in them would be a leak.
    """
    text = canonical_bytes(dict(collect_host(weak, "h", now).facts)).decode()

    assert "synthetic" not in text
    assert '"md5"' in text


def test_what_root_would_add_is_said(hardened_as_user: RecordedHost, now: datetime) -> None:
    """
    A denied file leaves its facts unknown and a note that names it.
    """
    collected = collect_host(hardened_as_user, "h", now)

    assert "accounts.passwords.empty" not in collected.facts
    assert ("needs_root", "/etc/shadow") in {(n.reason, n.source) for n in collected.notes}


def test_absent_is_not_unknown(tmp_path: Path, now: datetime) -> None:
    """
    A missing sshd_config proves that no server is configured; a denied one proves nothing.
    """
    empty = collect_host(recording(tmp_path, {}), "h", now)
    denied = collect_host(recording(tmp_path, {"/etc/ssh/sshd_config": {"denied": True}}), "h", now)

    assert empty.facts["ssh.present"] is False
    assert "ssh.present" not in denied.facts


@pytest.mark.parametrize(
    "garbage", ["", "\x00\ufffd\n::::::\n", "x" * 5000, "= = =\n\n[[\n", "1 2\n3 4 5 6 7 8 9\n"]
)
def test_garbage_in_every_file_costs_facts_but_never_the_run(
    garbage: str, hardened: RecordedHost, tmp_path: Path, now: datetime
) -> None:
    """
    A host under attack may hold anything in its files; the collector reports and goes on.
    """
    paths = {path: {"text": garbage} for path in hardened._paths}
    collected = collect_host(recording(tmp_path, paths), "h", now)

    assert canonical_bytes(dict(collected.facts))


def test_this_very_host_can_be_looked_at(now: datetime) -> None:
    """
    The collector works on a real system, as any user, without raising.
    """
    collected = collect_host(LocalHost(), "local", now)

    assert len(collected.facts) > 40
    assert canonical_bytes(dict(collected.facts))


def test_a_fifo_or_a_huge_file_cannot_stop_the_collector(tmp_path: Path) -> None:
    """
    Anything but an ordinary file of bounded size is refused, not waited for.
    """
    import os  # noqa: PLC0415 (only here)

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"x" * 100)
    host = LocalHost(tmp_path)

    assert host.read_text("/pipe").state is ReadState.UNREADABLE
    assert host.read_text("/big", limit=99).state is ReadState.TOO_LARGE
    assert host.read_text("/none").state is ReadState.MISSING
    assert host.list_dir("/none").state is ReadState.MISSING


def test_a_malformed_recording_is_refused(tmp_path: Path) -> None:
    """
    A recording says exactly what it says, or it is none.
    """
    with pytest.raises(FactsRefused):
        recording(tmp_path, {"etc/passwd": {"text": ""}})
    with pytest.raises(FactsRefused):
        recording(tmp_path, {"/etc/passwd": {"txt": ""}})
