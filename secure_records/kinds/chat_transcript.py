"""What was said during an online visit, by whom and when?

The local side of the resource ``process_trace``: written dialogue as messages,
sound and pictures as digests of media that are kept beside the record.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from secure_records.kinds.constraints import Channel, Instant, Prose2000, TaggedDigest


class ChatMessage(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One utterance."""

    role: Literal["patient", "guardian", "clinician", "pharmacist", "system"]
    at: Instant
    kind: Literal["text", "image", "audio", "video"] = "text"
    text: Prose2000
    """The words; for other kinds a caption or a transcription."""

    media_digest: TaggedDigest | None = None
    """Of the picture or recording."""


class ChatTranscript(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """诊疗过程中的图文对话."""

    channel: Channel
    started_at: Instant
    ended_at: Instant
    """End of the visit: retention counts from here."""

    messages: Annotated[tuple[ChatMessage, ...], Meta(min_length=1, max_length=2000)]

    def __post_init__(self) -> None:
        """A dialogue lies inside its visit and runs forward."""
        if self.ended_at < self.started_at:
            raise ValueError("ended_at must not be before started_at")
        before = self.started_at
        for index, message in enumerate(self.messages):
            if not before <= message.at <= self.ended_at:
                raise ValueError(
                    f"messages[{index}].at must follow the message before and lie in the visit"
                )
            before = message.at
