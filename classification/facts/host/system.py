"""What is installed here, how old is it, and what guards it from below?"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from classification.facts.notebook import Notebook, settings_of, whole
from classification.ports import ReadState

_SECONDS_A_DAY: Final = 86_400
_SECURE_BOOT: Final = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_PACKAGE: Final = re.compile(r"^Package: (\S+)\nStatus: \S+ \S+ (\S+)", re.MULTILINE)
_SNMP: Final = re.compile(r"^\s*r[ow]community6?\b", re.MULTILINE)
_TMP_AGE: Final = re.compile(r"^[DdqQ]!?\s+/(?:var/)?tmp\s+\S+\s+\S+\s+\S+\s+(\d\S*)", re.MULTILINE)


def collect_system(book: Notebook, now: datetime) -> None:
    """System, packages, updates, malware and integrity tools, trust, encryption, core dumps."""
    _release(book)
    _packages(book, now)
    _defences(book, now)
    _trust(book)
    _storage(book)
    _snmp(book)


def _release(book: Notebook) -> None:
    text = book.text("/etc/os-release", "os.")
    if text:
        found = settings_of(text, "=")
        book.put("os.id", found.get("id"))
        book.put("os.version", found.get("version_id"))
        book.put("os.name", found.get("pretty_name"))
    kernel = book.text("/proc/sys/kernel/osrelease", "kernel.running")
    if kernel:
        book.put("kernel.running", kernel.strip())
    modules = book.names("/lib/modules", "kernel.installed")
    if modules:
        book.put("kernel.installed", list(modules))
    book.put("system.restart_needed", bool(book.exists("/run/reboot-required")))
    marks = ("/.dockerenv", "/run/.containerenv")
    book.put("system.container", any(book.exists(mark) for mark in marks))


def _packages(book: Notebook, now: datetime) -> None:
    reading = book.host.read_text("/var/lib/dpkg/status", limit=30_000_000)
    if reading.state is not ReadState.OK:
        # an RPM database cannot be read without its own library; say so instead of guessing
        book.miss("packages.", "not_supported", "/var/lib/dpkg/status")
        return
    found = _PACKAGE.findall(reading.text)
    book.put("packages.installed", sorted({name for name, state in found if state == "installed"}))
    auto = book.text("/etc/apt/apt.conf.d/20auto-upgrades", "packages.auto_update")
    if auto is not None:
        book.put("packages.auto_update", re.search(r'Unattended-Upgrade\s+"1"', auto) is not None)
    _put_age(
        book,
        "packages.lists_age_days",
        ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"),
        now,
    )


def _defences(book: Notebook, now: datetime) -> None:
    _put_age(
        book,
        "clamav.database_age_days",
        ("/var/lib/clamav/daily.cld", "/var/lib/clamav/daily.cvd"),
        now,
    )
    _put_age(
        book, "aide.database_age_days", ("/var/lib/aide/aide.db", "/var/lib/aide/aide.db.gz"), now
    )
    _put_age(
        book,
        "suricata.rules_age_days",
        ("/var/lib/suricata/rules/suricata.rules", "/etc/suricata/rules"),
        now,
    )
    selinux = book.text("/sys/fs/selinux/enforce", "selinux.enforcing")
    if selinux is not None:
        book.put("selinux.enforcing", selinux.strip() == "1")
    profiles = book.text("/sys/kernel/security/apparmor/profiles", "apparmor.enforced")
    if profiles is not None:
        book.put("apparmor.enforced", profiles.count("(enforce)"))


def _put_age(book: Notebook, fact: str, paths: tuple[str, ...], now: datetime) -> None:
    """Days since the newest of these changed; null when none exists."""
    standings = [book.host.stat(path) for path in paths]
    seen = [item.modified for item in standings if item.state is ReadState.OK]
    if seen:
        book.put(fact, max(0, int(now.timestamp()) - max(seen)) // _SECONDS_A_DAY)
    elif any(item.state is ReadState.DENIED for item in standings):
        book.miss(fact, "needs_root", paths[0])
    else:
        book.put(fact, None)


def _trust(book: Notebook) -> None:
    raw = book.host.read_bytes(_SECURE_BOOT)
    if raw is not None and raw:
        book.put("boot.secure", raw[-1] == 1)
    elif book.exists("/sys/firmware/efi") is False:
        book.put("boot.secure", False)
    else:
        book.miss("boot.secure", "unreadable", _SECURE_BOOT)
    chips = book.names("/sys/class/tpm", "trust.chip")
    if chips is not None:
        book.put("trust.chip", bool(chips))
    count = book.text("/sys/kernel/security/ima/runtime_measurements_count", "ima.measurements")
    if count is not None:
        book.put("ima.measurements", whole(count) or 0)


def _storage(book: Notebook) -> None:
    blocks = book.names("/sys/block", "disk.encrypted")
    if blocks is None:
        return
    encrypted = []
    for name in blocks:
        if not name.startswith("dm-"):
            continue
        uuid = book.text(f"/sys/block/{name}/dm/uuid", "disk.encrypted")
        if uuid is None:
            return
        if uuid.startswith("CRYPT-"):
            encrypted.append(name)
    book.put("disk.encrypted", encrypted)
    swaps = book.text("/proc/swaps", "swap.")
    if swaps is not None:
        used = [line.split()[0] for line in swaps.splitlines()[1:] if line.strip()]
        clear = [p for p in used if not any(p.endswith(n) for n in encrypted) and "zram" not in p]
        book.put("swap.unencrypted", clear)
    pattern = book.text("/proc/sys/kernel/core_pattern", "core.pattern")
    if pattern is not None:
        book.put("core.pattern", pattern.strip())
    config = book.text("/etc/systemd/coredump.conf", "core.storage")
    if config is not None:
        book.put("core.storage", settings_of(config, "=").get("storage"))
    _temporary(book)


def _temporary(book: Notebook) -> None:
    mounts = book.text("/proc/mounts", "tmp.")
    if mounts is None:
        return
    kinds = {row[1]: row[2] for row in (line.split() for line in mounts.splitlines()) if row[2:]}
    book.put("tmp.in_memory", kinds.get("/tmp") == "tmpfs")  # noqa: S108 (asked about, not used)
    own = book.text("/etc/tmpfiles.d/tmp.conf", "tmp.cleaned")
    shipped = book.text("/usr/lib/tmpfiles.d/tmp.conf", "tmp.cleaned")
    if own is not None and shipped is not None:
        book.put("tmp.cleaned", _TMP_AGE.search(own or shipped) is not None)


def _snmp(book: Notebook) -> None:
    text = book.text("/etc/snmp/snmpd.conf", "snmp.communities")
    if text is not None:
        book.put("snmp.communities", len(_SNMP.findall(text)))
