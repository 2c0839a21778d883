"""What can go wrong between a message and its receipt, and what may the caller do about it?

No message of these errors carries a field's value: bodies hold the identity and
the diagnosis of patients. They name resource, field path and rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared_kernel.errors import (
    BadInput,
    JinkuiError,
    NotFound,
    Refused,
    UpstreamFailed,
    VerificationFailed,
)


class SupervisionError(JinkuiError):
    """Root of what this room refuses."""

    code = "supervision.error"


class DatasetMalformed(SupervisionError, BadInput):
    """A shipped dataset row cannot be read."""

    code = "message.dataset_malformed"
    default_hint = "reinstall the package; its dataset files have been changed"


class UnknownResource(SupervisionError, NotFound):
    """No canonical resource has this name."""

    code = "message.unknown_resource"
    default_hint = "list the resources with supervision.messages.catalogue.catalogue()"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One rule that one field breaks."""

    path: str
    """Place in the body, e.g. ``lines[0].drug_code``."""

    rule: str
    """Stable name of the rule, e.g. ``required`` or ``check_digit``."""

    zh: str
    en: str


class BodyInvalid(SupervisionError, BadInput):
    """The body breaks rules of its resource; nothing was stored."""

    code = "message.body_invalid"
    default_hint = "correct the fields named and submit again"

    def __init__(self, resource: str, problems: tuple[FieldProblem, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"{resource}.{first.path}: {first.zh} / {first.en}{more}",
            where=first.path,
        )
        self.resource = resource
        self.problems = problems


class AttachmentRefused(SupervisionError, BadInput):
    """An attachment is missing, too large, of another type, or not the one fingerprinted."""

    code = "message.attachment_refused"
    default_hint = "attach the file that the body names, unchanged"


class MessageMalformed(SupervisionError, BadInput):
    """Bytes are no canonical message."""

    code = "message.malformed"


class RevisionNeeded(SupervisionError, Refused):
    """The same business was reported before with another content."""

    code = "message.revision_needed"
    default_hint = "submit it as a correction of the earlier message; sent content is never edited"


class ProfileMalformed(SupervisionError, BadInput):
    """The profile document breaks its schema."""

    code = "profile.malformed"
    default_hint = "compare the document with the shipped profiles"


class ExpressionMalformed(SupervisionError, BadInput):
    """A reply expression is outside the closed language."""

    code = "profile.expression_malformed"
    default_hint = "use comparisons and membership over http, code, body.msgCode with and/or/not"


class ProfileRefused(SupervisionError, Refused):
    """The profile may not be used here."""

    code = "profile.refused"
    default_hint = "use it in a test environment only, or get the platform's current document"


class VectorMismatch(SupervisionError, VerificationFailed):
    """A profile does not reproduce its own golden vector."""

    code = "profile.vector_mismatch"


class PipelineFailed(SupervisionError, BadInput):
    """The message cannot be packed for this platform."""

    code = "profile.pipeline_failed"
    default_hint = "check the mapping of this resource in the profile"


class SecretMissing(SupervisionError, NotFound):
    """A secret that the profile refers to is not there or has the wrong shape."""

    code = "profile.secret_missing"
    default_hint = "enter the credentials that the platform issued"


class SecretRefused(SupervisionError, BadInput):
    """What was handed over cannot be that secret. The message shows none of it."""

    code = "profile.secret_refused"
    default_hint = "hand over the file that the platform gave you, exactly its bytes"


class IllegalTransition(SupervisionError, Refused):
    """The outbox table has no such move; nothing changed."""

    code = "outbox.illegal_transition"
    default_hint = "look at the state of the message first"


class ClaimLost(SupervisionError, Refused):
    """Somebody else moved the message meanwhile; nothing changed."""

    code = "outbox.claim_lost"
    default_hint = "look at the state of the message again"


class UnknownMessage(SupervisionError, NotFound):
    """No such message in this outbox."""

    code = "outbox.unknown_message"


class TransportRefused(SupervisionError, Refused):
    """The address may not be spoken to: TLS is required everywhere but on loopback."""

    code = "transport.refused"
    default_hint = "use an https address"


class PlatformUnreachable(SupervisionError, UpstreamFailed):
    """The request certainly did not reach the platform."""

    code = "transport.not_sent"


class ReplyLost(SupervisionError, UpstreamFailed):
    """The request may have arrived; no complete reply came back."""

    code = "transport.reply_lost"
    default_hint = "do not send again blindly: compare counts with the platform first"


class ReceiptInvalid(SupervisionError, VerificationFailed):
    """A receipt does not bind the bytes it is stored with."""

    code = "receipt.invalid"


class PlatformReceiptInvalid(ReceiptInvalid):
    """The platform's own receipt is missing, unsigned, or about other bytes."""

    code = "receipt.platform_invalid"
