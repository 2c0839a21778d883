"""Two distinct persons release one exact text, within its term."""

# ruff: noqa: ANN401 - the class of the fixture lives in conftest, which tests cannot import

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incident.errors import ApprovalForged, ReleaseRefused
from incident.reports.draft import Draft, Stage, read_draft
from incident.reports.release import Approval, Release, approve, read_approval, release
from incident.workflow.events import Payload
from shared_kernel.signatures import Signature

TERM = timedelta(hours=24)


@pytest.fixture
def draft(hospital: Any) -> Draft:
    case = hospital.opened()
    hospital.desk.grade(case, actor="li", facts={"pi_leaked_persons": 1_000_000}, reason="日志")
    written: Draft = hospital.desk.draft(
        case, actor="li", recipient="provincial_cac", stage=Stage.FIRST
    )
    return written


def sign(hospital: Any, draft: Draft, person: str, **changes: Any) -> Approval:
    given = {"at": hospital.clock.now(), "term": TERM, **changes}
    return approve(draft, approver=person, signer=hospital.people[person], **given)


def judge(hospital: Any, draft: Draft, *approvals: Approval, **changes: Any) -> Release:
    given: dict[str, Any] = {
        "keys_of": lambda person: hospital.keys.keys.get(person, ()),
        "verifier": hospital.desk._ports.verifier,
        "at": hospital.clock.now(),
        "term": TERM,
        **changes,
    }
    return release(draft, approvals, **given)


def test_two_persons_release(hospital: Any, draft: Draft) -> None:
    """
    Two personal signatures over the digest release the document.
    """
    found = judge(hospital, draft, sign(hospital, draft, "wang"), sign(hospital, draft, "zhao"))
    assert found.approvers == ("wang", "zhao")
    assert found.digest == str(draft.digest())


def test_drafter_cannot_approve(hospital: Any, draft: Draft) -> None:
    """
    The initiator is excluded when signing, and again when somebody smuggles one in.
    """
    with pytest.raises(ReleaseRefused):
        sign(hospital, draft, "li")
    smuggled = sign(hospital, replace(draft, made_by="x"), "li")
    forged = replace(smuggled, digest=str(draft.digest()))
    with pytest.raises(ReleaseRefused, match="drafter"):
        judge(hospital, draft, forged, sign(hospital, draft, "wang"))


def test_same_person_twice_counts_once(hospital: Any, draft: Draft) -> None:
    """
    One person, or two names on one key, is one person.
    """
    once = sign(hospital, draft, "wang")
    with pytest.raises(ReleaseRefused, match="1 of 2"):
        judge(hospital, draft, once, sign(hospital, draft, "wang"))
    hospital.people["alias"] = hospital.people["wang"]
    hospital.keys.keys["alias"] = hospital.keys.keys["wang"]
    with pytest.raises(ReleaseRefused, match="1 of 2"):
        judge(hospital, draft, once, sign(hospital, draft, "alias"))


def test_changed_text_is_not_released(hospital: Any, draft: Draft) -> None:
    """
    One changed character makes it another document.
    """
    given = (sign(hospital, draft, "wang"), sign(hospital, draft, "zhao"))
    with pytest.raises(ReleaseRefused, match="another text"):
        judge(hospital, replace(draft, title=draft.title + "。"), *given)


def test_expired_or_future_approval_does_not_count(hospital: Any, draft: Draft) -> None:
    """
    An approval is good from its signing until, and not at, its expiry.
    """
    given = (sign(hospital, draft, "wang"), sign(hospital, draft, "zhao"))
    now = hospital.clock.now()
    assert judge(hospital, draft, *given, at=now + TERM - timedelta(seconds=1))
    for at in (now + TERM, now - timedelta(seconds=1)):
        with pytest.raises(ReleaseRefused, match="expired"):
            judge(hospital, draft, *given, at=at)


def test_self_granted_longer_term_is_refused(hospital: Any, draft: Draft) -> None:
    """
    A signer cannot write a longer life into the own approval.
    """
    given = (sign(hospital, draft, "wang", term=TERM * 2), sign(hospital, draft, "zhao"))
    with pytest.raises(ReleaseRefused, match="too long"):
        judge(hospital, draft, *given)


def test_foreign_key_or_broken_signature_is_forgery(hospital: Any, draft: Draft) -> None:
    """
    A key that is not the person's, a moved name, a flipped bit: verification fails.
    """
    good = sign(hospital, draft, "wang")
    other = sign(hospital, draft, "zhao")
    flipped = bytes([good.signature.value[0] ^ 1]) + good.signature.value[1:]
    for bad in (
        replace(good, signature=other.signature),
        replace(good, approver="stranger"),
        replace(good, signature=Signature(key=good.signature.key, value=flipped)),
    ):
        with pytest.raises(ApprovalForged):
            judge(hospital, draft, bad, other)


def test_emergency_needs_reason_need_and_one_approval(hospital: Any, draft: Draft) -> None:
    """
    A single release is flagged; without reason, need or any approval there is none.
    """
    one = sign(hospital, draft, "wang")
    found = judge(hospital, draft, one, emergency="夜间单人值守", deadline_near=True)
    assert found.review_owed
    for given, changes in (
        ((one,), {"emergency": " ", "deadline_near": True}),
        ((one,), {"emergency": "x", "deadline_near": False}),
        ((), {"emergency": "x", "deadline_near": True}),
    ):
        with pytest.raises(ReleaseRefused):
            judge(hospital, draft, *given, **changes)


def test_kept_forms_read_back_exactly(hospital: Any, draft: Draft) -> None:
    """
    A draft and an approval survive being kept, so a stored release can be verified again.
    """
    approval = sign(hospital, draft, "wang")
    assert read_draft(Payload(draft.as_json(), "draft")) == draft
    assert read_approval(Payload(approval.as_json(), "approval")) == approval
