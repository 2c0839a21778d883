"""Is every entry of this log the one that was written, and are they all there?

Recomputes the whole tree from the stored entries in one stream and holds against
it everything else that is stored, signed or kept outside:

1. indexes run from 0 without gap            (deleted or inserted rows)
2. leaf hashes and interior nodes agree      (edited, swapped, reordered rows)
3. the indexed columns repeat the leaf       (a doctored index hides or moves entries)
4. openings fit their commitments            (an access pinned on another patient)
5. checkpoints are signed, and the tree at each one's size has its root (forks, rewrites)
6. the anchor, a note kept outside, likewise (cut tail, an old file put back)

What it cannot see: a tail cut off behind the last checkpoint and the anchor.
``LogVerdict.covered`` says how far the proof reaches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from secure_records.audit import findings as found
from secure_records.audit.checkpoint import Checkpoint, verify_checkpoint
from secure_records.audit.entry import ENTRY_VERSION
from secure_records.audit.errors import NoteMalformed, NoteRefused
from secure_records.audit.findings import Findings, LogVerdict
from secure_records.audit.log import ERASURE_ACTION
from secure_records.audit.merkle import HASH_BYTES, LEAF_PREFIX, Frontier
from secure_records.audit.note import NoteKey
from secure_records.audit.ports import AuditStore, EntryRow, SubjectTags
from shared_kernel.errors import JinkuiError
from shared_kernel.signatures import SignatureVerifier

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def verify_log(
    store: AuditStore,
    verifier: SignatureVerifier,
    keys: Sequence[NoteKey],
    *,
    anchor_note: str | None = None,
    tags: SubjectTags | None = None,
    need: int = 1,
) -> LogVerdict:
    """Judge the stored log; never raises for what it finds there.

    ``keys`` are the log's public keys under its origin, ``need`` of which must have
    signed each checkpoint. ``anchor_note`` is a checkpoint kept outside the store.
    With ``tags`` every opening is recomputed; without, only its presence is checked.
    """
    findings = Findings()
    trust = _Trust(verifier=verifier, keys=keys, need=need)
    promises, anchor = _promises(store, trust, anchor_note, findings)
    walk = _Walk(findings, tags, sorted({promise.size for promise in promises}))
    for batch in store.entries(0):
        walk.take(batch)
    walk.finish()
    covered = _compare(promises, anchor, walk, findings, anchor_given=anchor_note is not None)
    return findings.verdict(size=walk.size, root=walk.root(), covered=covered)


class _Walk:
    """The tree as the stored entries make it."""

    def __init__(self, findings: Findings, tags: SubjectTags | None, sizes: Sequence[int]) -> None:
        self._findings = findings
        self._tags = tags
        self._frontier = Frontier()
        self._expected = 0
        self._pending = list(reversed(sizes))
        self._unopened = 0
        self._erased = 0
        self.roots: dict[int, bytes] = {}
        """Recomputed roots at the sizes asked for, as far as the log reaches."""

    @property
    def size(self) -> int:
        """Entries met."""
        return self._frontier.size

    def root(self) -> bytes:
        """Root over all entries met."""
        return self._frontier.root()

    def take(self, batch: Sequence[EntryRow]) -> None:
        """Hash and check the next rows, stopping at each size whose root is wanted."""
        start = 0
        while start < len(batch):
            self._note_root()
            room = self._pending[-1] - self.size if self._pending else len(batch)
            self._hash(batch[start : start + room])
            start += room

    def _hash(self, rows: Sequence[EntryRow]) -> None:
        leaves = [_leaf_hash(row[1]) for row in rows]
        for row, leaf, nodes in zip(rows, leaves, self._frontier.extend(leaves), strict=True):
            idx = row[0]
            if idx != self._expected:
                self._gap(idx)
            self._expected = idx + 1
            if leaf != row[2]:
                self._findings.exact(
                    found.LEAVES, idx, "the leaf hash does not fit the entry", "叶散列与内容不符"
                )
            if nodes != row[3]:
                self._wrong_nodes(idx, nodes, row[3])
            self._content(row)

    def _content(self, row: EntryRow) -> None:
        try:
            content = orjson.loads(row[1])
            agrees = _columns(content) == row[4:12]
        except (ValueError, TypeError, AttributeError, KeyError):
            content, agrees = {}, False
        if not agrees:
            self._findings.exact(
                found.COLUMNS, row.idx, "indexed columns differ from the entry", "索引列与内容不符"
            )
        commitment = content.get("commitment")
        if commitment is not None or row[12] is not None or row[13] is not None:
            self._opening(row, commitment)
        if row[6] == ERASURE_ACTION:
            self._erased += _count(content)

    def finish(self) -> None:
        """Announce the checks and strike the balance of openings."""
        self._note_root()
        for check in (found.SEQUENCE, found.LEAVES, found.NODES, found.COLUMNS):
            self._findings.looked(check)
        recomputed = self._tags is not None
        self._findings.looked(
            found.OPENINGS,
            "recomputed with the patients' audit keys" if recomputed else "presence only",
            "已用审计密钥重算" if recomputed else "仅核对存在",
        )
        if self._unopened != self._erased:
            self._findings.placeless(
                found.OPENINGS,
                f"{self._unopened} openings are gone, erasures account for {self._erased}",
                f"缺少 {self._unopened} 个对应关系,删除记录只说明 {self._erased} 个",
            )

    def _note_root(self) -> None:
        while self._pending and self._pending[-1] <= self._frontier.size:
            size = self._pending.pop()
            if size == self._frontier.size:
                self.roots[size] = self._frontier.root()

    def _gap(self, idx: int) -> None:
        self._findings.exact(
            found.SEQUENCE,
            min(self._expected, idx),
            f"{idx - self._expected} entries are missing here",
            f"此处缺少 {idx - self._expected} 条",
        )

    def _wrong_nodes(self, idx: int, nodes: bytes, stored: bytes) -> None:
        width = HASH_BYTES
        level = next(
            (
                level
                for level in range(len(nodes) // width)
                if nodes[level * width : (level + 1) * width]
                != stored[level * width : (level + 1) * width]
            ),
            None,
        )
        if level is None:  # superfluous bytes behind the right nodes
            self._findings.exact(found.NODES, idx, "surplus interior nodes", "多余的中间节点")
            return
        self._findings.within(
            found.NODES,
            max(0, idx + 1 - (2 << level)),
            idx + 1,
            "an interior node differs",
            "中间节点不符",
        )

    def _opening(self, row: EntryRow, commitment: object) -> None:
        subject, nonce = row.subject, row.nonce
        if commitment is None:
            agrees = subject is None and nonce is None
        elif subject is None or nonce is None:
            self._unopened += 1
            agrees = subject is None and nonce is None
        elif self._tags is None:
            return
        elif not isinstance(nonce, bytes):
            agrees = False
        else:
            try:
                tag = self._tags.commit(subject, nonce).hex()
            except JinkuiError:  # an opening whose key is destroyed or never existed
                tag = ""
            agrees = tag == commitment
        if not agrees:
            self._findings.exact(
                found.OPENINGS, row.idx, "the opening does not fit the commitment", "对应关系不符"
            )


def _leaf_hash(entry: bytes) -> bytes:
    try:
        return hashlib.sha256(LEAF_PREFIX + entry).digest()
    except TypeError:  # SQLite lets an intruder put text where bytes belong
        return b""


def _columns(content: dict[str, object]) -> tuple[object, ...]:
    """What the columns from ``at_us`` to ``kind`` must hold."""
    if content["v"] != ENTRY_VERSION:
        raise ValueError
    get = content.get
    at = datetime.fromisoformat(content["at"])  # type: ignore[arg-type]  # TypeError is caught
    return (
        (at - _EPOCH) // _MICROSECOND,
        get("actor"),
        get("action"),
        get("decision"),
        get("purpose"),
        get("partner"),
        get("record"),
        get("kind"),
    )


def _count(content: dict[str, object]) -> int:
    details = content.get("details")
    count = details.get("openings") if isinstance(details, dict) else None
    return count if isinstance(count, int) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trust:
    """Whose signatures count."""

    verifier: SignatureVerifier
    keys: Sequence[NoteKey]
    need: int

    def read(self, note: str, size: int | None) -> Checkpoint:
        checkpoint = verify_checkpoint(note, self.keys, self.verifier, need=self.need)
        if size is not None and checkpoint.size != size:
            raise NoteRefused("the note is of another size")
        return checkpoint


def _promises(
    store: AuditStore, trust: _Trust, anchor_note: str | None, findings: Findings
) -> tuple[list[Checkpoint], Checkpoint | None]:
    """Checkpoints whose signatures hold, and the anchor if its signature holds."""
    promises = []
    try:
        stored = store.checkpoints()
    except JinkuiError as error:
        findings.placeless(found.SIGNATURES, f"unreadable: {error}", "检查点无法读取")
        stored = ()
    for kept in stored:
        try:
            promises.append(trust.read(kept.note, kept.size))
        except (NoteMalformed, NoteRefused) as error:
            findings.placeless(
                found.SIGNATURES,
                f"checkpoint at {kept.size}: {error}",
                f"检查点 {kept.size} 的签名或格式无效",
            )
    if anchor_note is None:
        return promises, None
    try:
        anchor = trust.read(anchor_note, None)
    except (NoteMalformed, NoteRefused) as error:
        findings.placeless(found.ANCHOR, f"the anchor: {error}", "外存检查点的签名或格式无效")
        return promises, None
    return [*promises, anchor], anchor


def _compare(
    promises: Sequence[Checkpoint],
    anchor: Checkpoint | None,
    walk: _Walk,
    findings: Findings,
    *,
    anchor_given: bool,
) -> int:
    """Hold the recomputed roots against what was signed; how many entries are covered."""
    findings.looked(found.SIGNATURES)
    findings.looked(found.ROOTS)
    if anchor_given:
        findings.looked(found.ANCHOR)
    covered = 0
    for promise in sorted(promises, key=lambda promise: promise.size):
        check = found.ANCHOR if promise is anchor else found.ROOTS
        if promise.size > walk.size:
            findings.exact(
                check,
                walk.size,
                f"missing: a signed checkpoint promises {promise.size} entries",
                f"缺失:已签名的检查点承诺共 {promise.size} 条",
            )
        elif walk.roots.get(promise.size) == promise.root:
            covered = max(covered, promise.size)
        elif promise.size > covered:
            findings.within(
                check, covered, promise.size, "the signed root differs", "与已签名的根不符"
            )
        else:
            findings.placeless(
                check,
                f"two signed roots for {promise.size} entries: the log was forked",
                f"{promise.size} 条处存在两个已签名的根:日志分叉",
            )
    return covered
