"""What does this reply mean for the message?

First the three names are read from the reply, then the profile's expressions
decide. Two expressions that contradict each other, or none that holds, mean
*unknown*: never a guess in either direction.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared_kernel.canonical_json import Json
from supervision.profiles.document import Profile
from supervision.transport.exchange import Reply

_LONGEST_TEXT: Final = 40


class ReplyClass(StrEnum):
    """The five meanings of a reply."""

    OK = "ok"
    RETRY = "retry"
    DATA_ERROR = "data_error"
    CREDENTIAL_ERROR = "credential_error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReading:
    """A classified reply."""

    meaning: ReplyClass
    http: int
    code: int | str | None
    business_code: int | str | None

    def summary(self) -> str:
        """``200/200/-99``: status, gateway code, business code; safe to log."""
        return "/".join(
            "-" if part is None else str(part)
            for part in (self.http, self.code, self.business_code)
        )


def read_reply(profile: Profile, reply: Reply) -> ReplyReading:
    """Classify ``reply``; a body that is no JSON leaves its names empty."""
    tree = reply_json(reply)
    code = _scalar(_member(tree, "code"))
    business = _scalar(_member(_single(_member(tree, "body")), "msgCode"))
    names = {"http": reply.status, "code": code, "body.msgCode": business}
    rules = profile.reply
    held = [
        meaning
        for meaning, rule in (
            (ReplyClass.OK, rules.ok),
            (ReplyClass.RETRY, rules.retry),
            (ReplyClass.DATA_ERROR, rules.data_error),
            (ReplyClass.CREDENTIAL_ERROR, rules.credential_error),
        )
        if rule.holds(names)
    ]
    return ReplyReading(
        meaning=held[0] if len(held) == 1 else ReplyClass.UNKNOWN,
        http=reply.status,
        code=code,
        business_code=business,
    )


def reply_json(reply: Reply) -> Json:
    """The body as JSON; nothing if it is none."""
    try:
        tree: Json = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return tree


def _member(tree: Json, name: str) -> Json:
    return tree.get(name) if isinstance(tree, dict) else None


def _single(tree: Json) -> Json:
    """Some replies wrap the body in an array; only one element can be read as the answer."""
    if isinstance(tree, list):
        return tree[0] if len(tree) == 1 else None
    return tree


def _scalar(value: Json) -> int | str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return None
    try:
        return int(value)  # platforms send codes as numbers or as text
    except ValueError:
        return value
