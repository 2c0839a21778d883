"""What does a patient, or the guardian of a child, read about it in plain words?

The content is that of PIPL art. 57: kinds of information, cause, possible harm, what
we have done, what the person can do, whom to ask. It comes from the released draft to
individuals, field by field; what is unknown is said to be unknown. The text names no
patient: the sender's system addresses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from incident.errors import MalformedCaseInput
from incident.reports.draft import Draft, DraftField
from shared_kernel.instants import china_text

RECIPIENT: Final = "individuals"

_ZH: Final = (
    ("info_types", "涉及的信息：{}"),
    ("cause", "发生的原因：{}"),
    ("possible_harm", "可能带来的影响：{}"),
    ("handler_remedies", "我们已经采取的措施：{}"),
    ("self_help", "您可以这样做：{}"),
    ("contact", "有疑问请联系：{}"),
)
_EN: Final = (
    ("info_types", "What information: {}"),
    ("cause", "Why it happened: {}"),
    ("possible_harm", "What it may lead to: {}"),
    ("handler_remedies", "What we have done: {}"),
    ("self_help", "What you can do: {}"),
    ("contact", "Whom to ask: {}"),
)


def notice_letter(draft: Draft, *, house: str, to_guardian: bool) -> str:
    """The notice as plain text, ready for a letter, a message or a call script.

    Args:
        draft: The draft to individuals.
        house: Name of the institution.
        to_guardian: Address the guardian of a minor instead of the patient.

    Raises:
        MalformedCaseInput: the draft is to somebody else, or lacks a field that
            PIPL art. 57 asks for.
    """
    if draft.recipient != RECIPIENT:
        raise MalformedCaseInput("the draft is not a notice to individuals", where="recipient")
    shown = {item.name: _said(item, draft.language) for item in draft.fields}
    if draft.language == "zh":
        opening = (
            "尊敬的监护人：\n您所监护的未成年人在我院的个人信息发生了安全事件，特此告知。"
            if to_guardian
            else "尊敬的患者：\n您在我院的个人信息发生了安全事件，特此告知。"
        )
        closing = "本院不会以此为由向您索要验证码、密码或转账。"
        return "\n".join([opening, *_lines(_ZH, shown), closing, house]) + "\n"
    opening = (
        "Dear guardian,\nthe personal information of the minor in your care that our hospital"
        " holds was involved in a security incident."
        if to_guardian
        else "Dear patient,\nyour personal information that our hospital holds was involved in"
        " a security incident."
    )
    closing = "We will never ask you for codes, passwords or payments because of this."
    return "\n".join([opening, *_lines(_EN, shown), closing, house]) + "\n"


def _said(item: DraftField, language: str) -> str:
    if item.value is not None or item.promised_by is None:
        return item.shown(language)
    until = china_text(item.promised_by)
    if language == "zh":
        return f"目前尚未查明，我们将于 {until} 前补充告知。"
    return f"not yet known; we will tell you by {until} (China time)."


def _lines(layout: tuple[tuple[str, str], ...], shown: Mapping[str, str]) -> list[str]:
    missing = [name for name, _ in layout if name not in shown]
    if missing:
        raise MalformedCaseInput(f"the notice lacks {', '.join(missing)}", where=missing[0])
    return [text.format(shown[name]) for name, text in layout]
