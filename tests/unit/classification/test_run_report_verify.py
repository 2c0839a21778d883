"""A run can be recomputed by anybody, and no byte of it can be changed unnoticed."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from classification.adapters.recorded_host import RecordedHost
from classification.assessment.rule_book import RuleBook
from classification.catalogue.models import Catalogue
from classification.errors import FactsRefused, ReportRefused
from classification.facts.document import REPORT_DOMAIN, seal, unseal
from classification.reports.html import html_report
from classification.run import AssessmentRun, run_assessment
from classification.verify import verify_facts_or_report
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.signatures import ED25519, PublicKey, SignatureInvalid


class FixedClock:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


class Ed25519Signer:
    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(algorithm=ED25519, raw=self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class Ed25519Verifier:
    def verify(self, key: PublicKey, message: bytes, signature: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
        except InvalidSignature as error:
            raise SignatureInvalid("bad signature") from error


class Sm3:
    name = "sm3"

    def __call__(self, data: bytes, /) -> bytes:
        function = hashes.Hash(hashes.SM3())
        function.update(data)
        return function.finalize()


class OwnFacts:
    def store_facts(self) -> Mapping[str, Json]:
        return {"opens_without_key": False, "log_verified": True, "log_size": 12}

    def daemon_facts(self) -> Mapping[str, Json]:
        return {"tls": "1.3", "session_idle_minutes": 15, "run_as_root": True}


@pytest.fixture
def run(weak: RecordedHost, now: datetime, catalogue: Catalogue, rules: RuleBook) -> AssessmentRun:
    return run_assessment(
        catalogue=catalogue,
        rules=rules,
        readers={"app-1": weak},
        own_facts=OwnFacts(),
        signers=[Ed25519Signer()],
        hashes=[Sm3()],
        clock=FixedClock(now),
        entropy=bytes,
        tenant="12350000MB0000000X",
        system="<b>互联网医院</b>",
    )


Check = Callable[[bytes], object]


def verify(raw: bytes, catalogue: Catalogue, rules: RuleBook) -> Mapping[str, Json]:
    found = verify_facts_or_report(raw, catalogue, rules, [Sm3()], Ed25519Verifier())
    return found.to_json()


def forged(run: AssessmentRun, change: Callable[[dict[str, Json]], None]) -> bytes:
    """The report with a change, sealed afresh by somebody who holds a key."""
    document = json.loads(canonical_bytes(run.report))
    change(document)
    return seal(document, REPORT_DOMAIN, [Ed25519Signer()], [Sm3()])


def test_the_same_facts_give_the_same_report(
    run: AssessmentRun, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    Verification recomputes every result and finds nothing to complain about.
    """
    found = verify(run.report_bytes, catalogue, rules)

    assert found["ok"] is True
    assert found["recomputed"] == len(run.assessment.results)
    assert found["mismatches"] == []
    assert found["open_points"] == []


def test_facts_alone_verify(run: AssessmentRun, catalogue: Catalogue, rules: RuleBook) -> None:
    """
    A facts file can be carried out of an isolated network and checked without its report.
    """
    assert verify(run.facts_bytes, catalogue, rules)["ok"] is True


@pytest.mark.parametrize("place", [40, 0.25, 0.5, 0.75, 0.95])
def test_one_changed_character_is_a_named_failure(
    place: float, run: AssessmentRun, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    Flip one letter or digit anywhere: digest or signature fails, or the file no longer parses.
    """
    raw = bytearray(run.report_bytes)
    start = int(place if place > 1 else place * len(raw))
    found = re.compile(rb"[0-9a-y]").search(raw, start)
    assert found
    raw[found.start()] += 1
    with contextlib.suppress(FactsRefused):
        assert verify(bytes(raw), catalogue, rules)["ok"] is False


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d["results"][60].update(outcome="pass"), "results[60].outcome differs"),
        (lambda d: d["verdicts"]["2025"].update(conclusion="符合"), "verdicts.2025.conclusion"),
        (lambda d: d["coverage"].update(not_evaluated=0), "coverage.not_evaluated differs"),
        (lambda d: d["engine"].update(rules="sha256:" + "0" * 64), "engine.rules differs"),
        (lambda d: d["results"].pop(), "entries"),
        (lambda d: d.update(label="等级测评"), "label differs"),
        (lambda d: d.update(note="x"), "note: not expected"),
        (lambda d: d["facts"]["objects"][0]["facts"].update({"pam.nullok": False}), "facts_digest"),
    ],
)
def test_a_properly_signed_lie_does_not_follow_from_the_facts(
    change: Callable[[dict[str, Json]], None],
    place: str,
    run: AssessmentRun,
    catalogue: Catalogue,
    rules: RuleBook,
) -> None:
    """
    Whoever holds a key can sign anything; recomputing still shows which line was invented.
    """
    found = verify(forged(run, change), catalogue, rules)

    assert found["ok"] is False
    assert any(place in text for text in found["mismatches"])  # type: ignore[union-attr]


def test_a_signature_over_facts_is_none_over_a_report(
    run: AssessmentRun, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    Domain lines keep the two apart, or facts could be dressed up as a verdict.
    """
    facts = seal(run.facts.to_json(), REPORT_DOMAIN, [Ed25519Signer()], [Sm3()])

    assert verify(facts, catalogue, rules)["ok"] is False


def test_what_could_not_be_checked_is_said(
    run: AssessmentRun, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    Without SM3 and without a verifier the answer names both gaps.
    """
    found = verify_facts_or_report(run.report_bytes, catalogue, rules)

    assert found.ok
    assert len(found.open_points) == 2
    assert found.signed_by == ()


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"document":{},"digests":{},"signatures":1}',
                                 b'{"document":{"a":1.5},"digests":{},"signatures":[]}',
                                 b'{"document":{"a":1,"a":2},"digests":{},"signatures":[]}'])  # fmt: skip
def test_other_files_are_refused(raw: bytes) -> None:
    """
    Not JSON, a repeated key or a float: no such file was ever written here.
    """
    with pytest.raises(FactsRefused):
        unseal(raw)


def test_unknown_own_facts_stay_open_and_the_known_ones_count(run: AssessmentRun) -> None:
    """
    Running as root fails its item; what the bridge did not report is not evaluated.
    """
    by_place = {(r.item, r.object): r for r in run.assessment.results}

    assert by_place["8.1.4.2.e", "daemon:jinkui"].outcome.value == "fail"
    assert by_place["8.1.4.9.a", "store:jinkui"].outcome.value == "not_evaluated"


def test_summary_has_the_promised_keys(run: AssessmentRun) -> None:
    """
    Scripts rely on the document of ``assess run --json``.
    """
    summary = run.summary(1.2345)

    assert {"run_id", "facts", "seconds", "results", "coverage", "verdicts"} <= set(summary)
    assert json.dumps(summary)
    assert run.run_id.startswith("run_")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_html_is_one_file_with_its_label_and_nothing_from_outside(
    language: str, run: AssessmentRun, catalogue: Catalogue
) -> None:
    """
    No script, no outside request, markup escaped; the first thing said is what it is not.
    """
    page = html_report(run.report_bytes, catalogue, language)

    assert page.index("自查 – 非等级测评") < page.index("<h1>")
    assert "not an official MLPS evaluation" in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "url(" not in page
    assert "<b>互联网医院</b>" not in page
    assert "&lt;b&gt;互联网医院" in page
    assert f'id="lang-{language}" checked' in page
    assert all(item.id in page for item in catalogue.items)
    assert len(page.encode()) < 400_000


def test_html_of_a_facts_file_is_refused(run: AssessmentRun, catalogue: Catalogue) -> None:
    """
    Only a report can be printed as one.
    """
    with pytest.raises(ReportRefused):
        html_report(run.facts_bytes, catalogue)


def test_progress_names_each_step(
    weak: RecordedHost, now: datetime, catalogue: Catalogue, rules: RuleBook
) -> None:
    """
    A person sees what runs now; the count only rises and ends at the total.
    """
    seen: list[tuple[str, int, int]] = []
    run_assessment(
        catalogue=catalogue,
        rules=rules,
        readers={"a": weak, "b": weak},
        own_facts=None,
        signers=[],
        hashes=[],
        clock=FixedClock(now),
        entropy=bytes,
        tenant="t",
        system="s",
        progress=lambda step, done, total: seen.append((step, done, total)),
    )

    counts = [done for _, done, _ in seen]
    assert counts == sorted(counts)
    assert seen[-1][1] == seen[-1][2]
    assert "b: network" in {step for step, _, _ in seen}
