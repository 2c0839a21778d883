"""The shipped service unit and container file keep what they promise."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
UNIT = ROOT / "config" / "systemd" / "jinkui.service"
CONTAINER = ROOT / "config" / "container" / "Containerfile"


def settings() -> dict[str, list[str]]:
    """Every ``Key=value`` of the unit, comments aside."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def instructions() -> Iterator[str]:
    """Every instruction of the container file on one line, comments aside."""
    lines = [x for x in CONTAINER.read_text("utf-8").splitlines() if not x.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            yield " ".join(line.split())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NoNewPrivileges", "true"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "true"),
        ("PrivateTmp", "true"),
        ("PrivateDevices", "true"),
        ("MemoryDenyWriteExecute", "true"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("RestrictSUIDSGID", "true"),
        ("SystemCallArchitectures", "native"),
        ("ReadWritePaths", "/var/lib/jinkui"),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("IPAddressDeny", "any"),
    ],
)
def test_the_unit_is_hardened(key: str, value: str) -> None:
    """
    A dropped line would be noticed here before it is missed on a server.
    """
    assert settings()[key] == [value]


def test_the_passphrase_comes_as_a_credential() -> None:
    """
    Neither the environment nor the command line carries it, only the place of its file.
    """
    unit = settings()

    assert unit["LoadCredential"] == ["passphrase:/etc/jinkui/passphrase"]
    assert "JINKUI_PASSPHRASE_FILE=%d/passphrase" in unit["Environment"]
    assert "passphrase" not in unit["ExecStart"][0]
    assert unit["SystemCallFilter"][0] == "@system-service"
    assert unit["User"] != ["root"]


def test_the_image_installs_by_hash_and_names_no_index() -> None:
    """
    What is installed is what was locked, from whichever index the builder is set to.
    """
    text = CONTAINER.read_text("utf-8")
    installs = [x for x in instructions() if "requirement requirements/" in x]

    assert installs
    assert all(x.count("--require-hashes") == x.count("--requirement requ") for x in installs)
    assert not re.search(r"--(?:extra-)?index-url|--find-links|--trusted-host|https://", text)


def test_the_image_holds_every_package_and_runs_as_nobody_special() -> None:
    """
    A new room must be copied, too; the last stage ends without root and without passphrase.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    lines = list(instructions())
    last = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM ")) :]

    assert {f"COPY {room}/ {room}/" for room in (*rooms, "config")} <= set(lines)
    assert "USER 10001:10001" in last
    assert not any(line.startswith("RUN") for line in last[last.index("USER 10001:10001") :])
    assert not any(line.startswith("COPY .") for line in lines)
    assert "STOPSIGNAL SIGTERM" in last
