"""Which doors of this host are open, and does it pass traffic on?"""

from __future__ import annotations

import itertools
import re
from ipaddress import ip_address
from typing import Final

from classification.facts.notebook import Notebook, whole
from shared_kernel.canonical_json import Json

_LISTEN: Final = "0A"
_UDP_OPEN: Final = "07"
_TABLES: Final = (("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6"))
_SYSCTLS: Final = {
    "net.ip_forward": "/proc/sys/net/ipv4/ip_forward",
    "net.ipv6_forward": "/proc/sys/net/ipv6/conf/all/forwarding",
    "net.syncookies": "/proc/sys/net/ipv4/tcp_syncookies",
    "net.accept_redirects": "/proc/sys/net/ipv4/conf/all/accept_redirects",
    "net.conntrack": "/proc/sys/net/netfilter/nf_conntrack_count",
    "kernel.randomize_va_space": "/proc/sys/kernel/randomize_va_space",
    "core.suid_dumpable": "/proc/sys/fs/suid_dumpable",
}
_FIREWALLS: Final = (
    ("nftables", "/etc/nftables.conf"),
    ("nftables", "/etc/sysconfig/nftables.conf"),
    ("iptables", "/etc/iptables/rules.v4"),
    ("iptables", "/etc/sysconfig/iptables"),
    ("ufw", "/etc/ufw/ufw.conf"),
    ("firewalld", "/etc/firewalld/firewalld.conf"),
)
_NFT_INPUT: Final = re.compile(r"hook\s+input\b[^;]*;\s*policy\s+(\w+)")
_ACCEPT: Final = re.compile(r"\baccept\b|-j ACCEPT\b")
_LIMITED: Final = re.compile(
    r"\b(dport|saddr|iif|iifname|ct state|--dport|--dports|-s|-i|--ctstate|icmp|icmpv6)\b"
)


def collect_network(book: Notebook) -> None:
    """Listening ports, interfaces, forwarding, wireless, bonds and the stored packet filter."""
    _listeners(book)
    for fact, path in _SYSCTLS.items():
        text = book.text(path, fact)
        if text is not None:
            book.put(fact, whole(text))
    names = book.names("/sys/class/net", "net.interfaces")
    if names is not None:
        wireless = [name for name in names if book.exists(f"/sys/class/net/{name}/wireless")]
        up = [name for name in names if _is_up(book, name)]
        book.put("net.wireless", wireless)
        book.put("net.interfaces", up)
    bonds = book.names("/proc/net/bonding", "net.bonds")
    if bonds is not None:
        book.put("net.bonds", list(bonds))
    _addresses(book)
    _firewall(book)


def _listeners(book: Notebook) -> None:
    found: list[Json] = []
    exposed: dict[str, set[int]] = {"tcp": set(), "udp": set()}
    for protocol, table in _TABLES:
        text = book.text(f"/proc/net/{table}", "net.listeners")
        if text is None:
            return
        for line in text.splitlines()[1:]:
            fields = line.split()
            if len(fields) < 4 or fields[3] not in {_LISTEN, _UDP_OPEN}:  # noqa: PLR2004
                continue
            if (protocol == "tcp") != (fields[3] == _LISTEN):
                continue
            address, _, port_text = fields[1].partition(":")
            port = int(port_text, 16)
            local = _is_loopback(address)
            found.append({"protocol": protocol, "port": port, "loopback": local})
            if not local:
                exposed[protocol].add(port)
    book.put("net.listeners", found)
    book.put("net.exposed_tcp", sorted(exposed["tcp"]))
    book.put("net.exposed_udp", sorted(exposed["udp"]))


def _is_loopback(address: str) -> bool:
    """The kernel prints 32-bit words in host order (little-endian on the supported machines)."""
    raw = b"".join(
        bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)
    )
    return ip_address(raw).is_loopback


def _is_up(book: Notebook, name: str) -> bool:
    reading = book.host.read_text(f"/sys/class/net/{name}/operstate")
    return reading.text.strip() in {"up", "unknown"} and name != "lo"


def _addresses(book: Notebook) -> None:
    trie = book.text("/proc/net/fib_trie", "net.public_addresses")
    six = book.text("/proc/net/if_inet6", "net.public_addresses")
    if trie is None or six is None:
        return
    public: set[str] = set()
    lines = trie.splitlines()
    for before, line in itertools.pairwise(lines):
        if "/32 host LOCAL" in line:
            address = ip_address(before.split()[-1])
            if address.is_global:
                public.add(str(address))
    for line in six.splitlines():
        address = ip_address(bytes.fromhex(line.split()[0]))
        if address.is_global:
            public.add(str(address))
    book.put("net.public_addresses", sorted(public))


def _firewall(book: Notebook) -> None:
    """The packet filter as stored on disk; the loaded rules would need root."""
    for kind, path in _FIREWALLS:
        text = book.text(path, "firewall.")
        if text is None:
            return
        if not text:
            continue
        if kind == "ufw":
            _ufw(book, text)
            return
        if kind == "firewalld":
            # zones drop what they do not name unless the default zone is "trusted"
            trusted = re.search(r"^DefaultZone=trusted\b", text, re.MULTILINE) is not None
            _put_firewall(book, kind, "accept" if trusted else "drop", stateful=True)
            return
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        body = "\n".join(lines)
        if not body.strip():
            continue
        _put_firewall(book, kind, _default(kind, body), stateful=_stateful(body))
        _rules(book, lines)
        return
    book.put("firewall.kind", None)
    book.put("firewall.input_default", None)
    book.put("firewall.stateful", False)


def _put_firewall(book: Notebook, kind: str, default: str | None, *, stateful: bool) -> None:
    book.put("firewall.kind", kind)
    book.put("firewall.input_default", default)
    book.put("firewall.stateful", stateful)


def _default(kind: str, body: str) -> str | None:
    if kind == "nftables":
        found = _NFT_INPUT.search(body)
        return found[1] if found else None
    found = re.search(r"^:INPUT (\w+)", body, re.MULTILINE)
    return found[1].lower() if found else None


def _stateful(body: str) -> bool:
    return "established" in body.lower()


def _rules(book: Notebook, lines: list[str]) -> None:
    accepting = [line.strip() for line in lines if _ACCEPT.search(line) and "policy" not in line]
    rules = [line for line in accepting if not line.startswith(":")]
    book.put("firewall.accept_rules", len(rules))
    book.put("firewall.unlimited_accepts", sum(1 for line in rules if not _LIMITED.search(line)))
    book.put("firewall.repeated_rules", len(rules) - len(set(rules)))


def _ufw(book: Notebook, text: str) -> None:
    enabled = re.search(r"^ENABLED=yes\b", text, re.MULTILINE) is not None
    defaults = book.text("/etc/default/ufw", "firewall.")
    if defaults is None:
        return
    found = re.search(r'^DEFAULT_INPUT_POLICY="?(\w+)', defaults, re.MULTILINE)
    default = found[1].lower() if found and enabled else None
    _put_firewall(book, "ufw" if enabled else "ufw (off)", default, stateful=enabled)
