"""What can already be said to this recipient, and what must be promised for later?

A draft is filled from, in this order: what the drafter answers, what the case's
statements say, what can be computed (awareness, grade, scope), what the previous
filed report to the same recipient said. Whatever is still missing is said to be
unknown, with the instant by which it is promised. Nothing is left blank, and nothing
here names a patient: only counts and kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from incident.duties.load import DutyLaw
from incident.errors import MalformedCaseInput
from incident.reports.draft import Draft, DraftField, Stage
from incident.reports.letters import LetterBook
from incident.workflow.case import Case
from incident.workflow.clocks import addressees, case_duties
from shared_kernel.instants import china_text, in_utc

LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """Who reports."""

    name: str
    credit_code: str
    address: str
    contact: str
    """Office and telephone for questions, e.g. ``信息安全办公室 0571-0000000``."""
    systems: str | None = None
    """What the systems are: name, MLPS level, filing number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOrder:
    """What is to be written."""

    draft_id: str
    recipient: str
    stage: Stage
    language: str
    made_at: datetime
    made_by: str
    promised_by: datetime
    """When unknown fields are promised."""
    answers: Mapping[str, str]
    """Field → text, for this draft only."""


def compose(
    law: DutyLaw, book: LetterBook, case: Case, institution: Institution, order: DraftOrder
) -> Draft:
    """Write the draft.

    Raises:
        UnknownWord: no letter goes to such a recipient.
        MalformedCaseInput: a language we do not write, an answer to no field, a stage
            out of order, or a promise that is not in the future.
    """
    previous = _previous(case, order)
    _require_sensible(case, order, previous)
    letter = book.letter(order.recipient)
    groups = letter.closing if order.stage is Stage.CLOSING else letter.report
    if not groups:
        raise MalformedCaseInput("this recipient gets no report of this stage", where="stage")
    said = {} if previous is None else {item.name: item.value for item in previous.fields}
    known = {
        **{name: value for name, value in said.items() if value is not None},
        **computed(law, book, case, institution, order.language),
        **dict(case.statements),
        **{name: text for name, text in order.answers.items() if text.strip()},
    }
    fields: dict[str, DraftField] = {}
    for group in groups:
        flag = book.conditional.get(group)
        if flag is not None and flag not in case.flags:
            continue
        for content in law.content_sets[group]:
            if content.name in fields:
                continue
            value = known.get(content.name)
            fields[content.name] = DraftField(
                group=group,
                name=content.name,
                label=content.zh if order.language == "zh" else content.en,
                value=value,
                promised_by=order.promised_by if value is None else None,
                inherited=value is not None and said.get(content.name) == value,
            )
    for name in order.answers:
        if name not in fields:
            raise MalformedCaseInput(f"this report has no field {name!r}", where=name)
    recipient = law.vocabulary.recipients[order.recipient]
    same = [item for item in case.drafts if item.recipient == order.recipient]
    return Draft(
        tenant=case.tenant,
        case=case.case,
        draft_id=order.draft_id,
        number=f"{case.case[-8:].upper()}-{order.recipient.upper()}-{len(same) + 1:02d}",
        recipient=order.recipient,
        recipient_name=recipient.zh if order.language == "zh" else recipient.en,
        title=letter.title(order.language),
        stage=order.stage,
        language=order.language,
        made_at=in_utc(order.made_at, "made_at"),
        made_by=order.made_by,
        fields=tuple(fields.values()),
        basis=_basis(law, case, order.recipient),
        previous=None if previous is None else str(previous.digest()),
    )


def computed(
    law: DutyLaw, book: LetterBook, case: Case, institution: Institution, language: str
) -> dict[str, str]:
    """What follows from the case without anybody writing it."""
    zh = language == "zh"
    values = {
        "entity_profile": f"{institution.name}（统一社会信用代码 {institution.credit_code}）；"
        f"联系：{institution.contact}"
        if zh
        else f"{institution.name} (credit code {institution.credit_code}); "
        f"contact: {institution.contact}",
        "place": institution.address,
        "contact": institution.contact,
        "discovered_at": f"{china_text(case.aware_at)}（北京时间）"
        if zh
        else f"{china_text(case.aware_at)} (China time)",
    }
    if institution.systems is not None:
        values["system_profile"] = institution.systems
    if case.severity is not None:
        values["severity"] = case.severity.text(language)
    if case.flags:
        words = [law.vocabulary.flags[name] for name in sorted(case.flags)]
        values["event_type"] = (
            "、".join(word.zh for word in words) if zh else ", ".join(word.en for word in words)
        )
    if case.scopes:
        values["impact_and_harm"] = _impact(case, zh=zh)
        if case.scopes[-1].fields:
            named = (book.field_word(name, language) for name in case.scopes[-1].fields)
            values["info_types"] = ("、" if zh else ", ").join(named)
    return values


def _impact(case: Case, *, zh: bool) -> str:
    found = case.scopes[-1]
    if zh:
        top = "无法给出上限" if found.high is None else f"至多 {found.high} 人"
        proof = "已由审计日志重放核实" if found.proofs_ok else "审计日志重放不完整，数字为下限"
        return (
            f"涉及患者至少 {found.low} 人（{top}），记录 {found.records} 份，"
            f"其中未成年人 {found.minors} 人；{proof}。"
        )
    top = "no upper bound" if found.high is None else f"at most {found.high}"
    proof = "proven by replay of the audit log" if found.proofs_ok else "replay incomplete"
    return (
        f"At least {found.low} patients ({top}), {found.records} records, "
        f"{found.minors} of them minors; {proof}."
    )


def _previous(case: Case, order: DraftOrder) -> Draft | None:
    filed = [
        item
        for item in case.drafts
        if item.recipient == order.recipient and case.filing_of(item.draft_id) is not None
    ]
    return filed[-1] if filed else None


def _require_sensible(case: Case, order: DraftOrder, previous: Draft | None) -> None:
    if order.language not in LANGUAGES:
        raise MalformedCaseInput("reports are written in zh or en", where="language")
    if in_utc(order.promised_by, "promised_by") <= in_utc(order.made_at, "made_at"):
        raise MalformedCaseInput("what is unknown is promised for later", where="promised_by")
    if order.stage is Stage.FIRST and previous is not None:
        raise MalformedCaseInput("a first report was filed already; supplement it", where="stage")
    if order.stage is Stage.SUPPLEMENT and previous is None:
        raise MalformedCaseInput("there is no filed report to supplement", where="stage")
    if order.stage is Stage.CLOSING and case.handled_at is None:
        raise MalformedCaseInput("handling is not completed yet", where="stage")
    if previous is not None and previous.language != order.language:
        raise MalformedCaseInput(
            f"the series to this recipient is in {previous.language}", where="language"
        )


def _basis(law: DutyLaw, case: Case, recipient: str) -> tuple[str, ...]:
    # A letter to an authority cites only what somebody has seen; the rest stays in the
    # list of duties, marked.
    dues = case_duties(law, case)
    lines = [
        due.rule.citation.text()
        for due in dues
        for name in addressees(due.rule, dues)
        if due.rule.verified
        and due.rule.citation.verified
        and law.vocabulary.recipients[name].fulfilled_by((recipient,))
    ]
    return tuple(dict.fromkeys(lines))
