"""What does this host write down about its users, and who could change that?"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from classification.facts.notebook import Notebook, octal, settings_of, whole
from classification.ports import ReadState
from shared_kernel.canonical_json import Json

_DAYS: Final = {"daily": 1, "weekly": 7, "monthly": 30, "yearly": 365}
_WATCH: Final = re.compile(r"-w\s+(\S+)|-F\s+(?:path|dir)=(\S+)")
_SYSCALL: Final = re.compile(r"-S\s+(\S+)")
_TIME_DAEMONS: Final = ("chronyd", "ntpd", "systemd-timesyn", "systemd-timesyncd", "openntpd")
_NUMERIC_NAME: Final = re.compile(r"[0-9]+\Z")


def collect_records(book: Notebook, now: datetime) -> None:
    """Processes, audit rules, journal, syslog forwarding, rotation, time synchronisation."""
    _processes(book)
    _audit(book)
    _journal(book)
    _forwarding(book)
    _rotation(book)
    _time(book, now)
    _modes(book)


def _processes(book: Notebook) -> None:
    names = book.names("/proc", "proc.running")
    if names is None:
        return
    running: set[str] = set()
    as_root: set[str] = set()
    for pid in names:
        if not _NUMERIC_NAME.match(pid):
            continue
        status = book.host.read_text(f"/proc/{pid}/status").text
        found = settings_of(status, ":")
        name = found.get("name")
        if not name:
            continue  # ended meanwhile
        running.add(name)
        uids = found.get("uid", "").split()
        # kernel threads have no memory map; they always run as root and accept no input
        if len(uids) > 1 and uids[1] == "0" and "vmsize" in found:
            as_root.add(name)
    book.put("proc.running", sorted(running))
    book.put("proc.as_root", sorted(as_root))


def _audit(book: Notebook) -> None:
    cmdline = book.text("/proc/cmdline", "audit.at_boot")
    if cmdline is not None:
        book.put("audit.at_boot", "audit=1" in cmdline.split())
    names = book.names("/etc/audit/rules.d", "audit.rules")
    if names is None:
        return
    paths = ["/etc/audit/audit.rules", *(f"/etc/audit/rules.d/{n}" for n in names)]
    watched: set[str] = set()
    calls: set[str] = set()
    immutable = False
    for path in paths:
        text = book.text(path, "audit.rules")
        if text is None:
            return
        for line in text.splitlines():
            stripped = line.strip()
            if stripped.startswith("#"):
                continue
            watched.update(a or b for a, b in _WATCH.findall(stripped))
            for group in _SYSCALL.findall(stripped):
                calls.update(group.split(","))
            immutable = immutable or re.match(r"-e\s*2\b", stripped) is not None
    book.put("audit.watched", sorted(watched))
    book.put("audit.system_calls", sorted(calls))
    book.put("audit.immutable", immutable)
    config = book.text("/etc/audit/auditd.conf", "audit.config")
    if config is not None:
        found = settings_of(config)
        for key in ("log_format", "max_log_file_action", "space_left_action", "disk_full_action"):
            book.put(f"audit.{key}", found.get(key, "").upper() or None)
    unit = book.text("/usr/lib/systemd/system/auditd.service", "audit.refuses_stop")
    if unit is None:
        return
    if not unit:
        unit = book.text("/lib/systemd/system/auditd.service", "audit.refuses_stop") or ""
    book.put("audit.refuses_stop", settings_of(unit, "=").get("refusemanualstop") == "yes")


def _journal(book: Notebook) -> None:
    text = book.text("/etc/systemd/journald.conf", "journal.")
    names = book.names("/etc/systemd/journald.conf.d", "journal.")
    if text is None or names is None:
        return
    pieces = [text] + [
        book.text(f"/etc/systemd/journald.conf.d/{n}", "journal.") or "" for n in names
    ]
    found = settings_of("\n".join(pieces), "=")
    folder = book.exists("/var/log/journal")
    storage = found.get("storage", "auto")
    book.put("journal.persistent", storage == "persistent" or (storage == "auto" and bool(folder)))


def _forwarding(book: Notebook) -> None:
    names = book.names("/etc/rsyslog.d", "syslog.forward")
    if names is None:
        return
    targets = 0
    encrypted = False
    for path in ["/etc/rsyslog.conf", *(f"/etc/rsyslog.d/{n}" for n in names)]:
        text = book.text(path, "syslog.forward")
        if text is None:
            return
        for line in text.splitlines():
            stripped = line.strip()
            if stripped.startswith("#"):
                continue
            if re.search(r"\s@@?[\w\[]", stripped) or 'type="omfwd"' in stripped.replace(" ", ""):
                targets += 1
            encrypted = encrypted or "gtls" in stripped or "ossl" in stripped
    upload = book.text("/etc/systemd/journal-upload.conf", "syslog.forward")
    if upload and "url" in settings_of(upload, "="):
        targets += 1
        encrypted = encrypted or "https://" in upload
    book.put("syslog.forward", targets)
    book.put("syslog.forward_encrypted", encrypted)


def _rotation(book: Notebook) -> None:
    """Days that rotated system logs are kept, from logrotate; null without such a rule."""
    text = book.text("/etc/logrotate.d/rsyslog", "logrotate.keep_days")
    default = book.text("/etc/logrotate.conf", "logrotate.keep_days")
    if text is None or default is None:
        return
    if not text:
        book.put("logrotate.keep_days", None)
        return
    period = next(
        (d for word, d in _DAYS.items() if re.search(rf"^\s*{word}\b", text, re.MULTILINE)), None
    )
    if period is None:
        period = next(
            (d for w, d in _DAYS.items() if re.search(rf"^{w}\b", default, re.MULTILINE)), 7
        )
    rotate = re.search(r"^\s*rotate\s+(\d+)", text, re.MULTILINE) or re.search(
        r"^rotate\s+(\d+)", default, re.MULTILINE
    )
    book.put("logrotate.keep_days", period * (whole(rotate[1]) or 0) if rotate else None)


def _time(book: Notebook, now: datetime) -> None:
    running = book.facts.get("proc.running")
    if isinstance(running, list):
        book.put("time.daemon", next((d for d in _TIME_DAEMONS if d in running), None))
    stamp = book.host.stat("/run/systemd/timesync/synchronized")
    drift = book.host.stat("/var/lib/chrony/drift")
    seen = [s.modified for s in (stamp, drift) if s.state is ReadState.OK]
    if seen:
        book.put("time.synchronised_hours_ago", max(0, int(now.timestamp()) - max(seen)) // 3600)
    else:
        book.miss("time.synchronised_hours_ago", "missing", "/run/systemd/timesync/synchronized")


def _modes(book: Notebook) -> None:
    book.put_mode("log.folder_mode", "/var/log")
    book.put_mode("log.audit_folder_mode", "/var/log/audit")
    files: list[Json] = []
    for name in ("auth.log", "syslog", "messages", "secure", "wtmp", "btmp", "lastlog"):
        standing = book.standing(f"/var/log/{name}", "log.files")
        if standing is not None:
            files.append({"name": name, "mode": octal(standing.mode), "uid": standing.uid})
    book.put("log.files", files)
