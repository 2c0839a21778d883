"""Explaining answers with the published keys, from the two documents alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from secure_records.access.explain import explain_documents
from shared_kernel.canonical_json import Json, canonical_bytes


def test_answer_has_the_published_keys(
    template: Callable[[str], bytes], request_json: Callable[..., Mapping[str, Json]]
) -> None:
    """Scripts rely on decision, fields, obligations and reasons."""
    answer = explain_documents(template("pharmacy"), request_json())

    assert isinstance(answer, Mapping)
    assert answer["decision"] == "permit"
    assert answer["fields"] == {"patient.name": "mask", "patient.id_no": "mask", "lines": "clear"}
    assert isinstance(answer["obligations"], list)
    reasons = answer["reasons"]
    assert isinstance(reasons, list)
    assert all({"code", "clause", "text"} <= set(reason) for reason in reasons)
    canonical_bytes(answer)


@pytest.mark.parametrize("at", ["2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z"])
def test_denial_names_every_requested_field(
    at: str, template: Callable[[str], bytes], request_json: Callable[..., Mapping[str, Json]]
) -> None:
    """On a denial every requested field is there, withheld."""
    answer = explain_documents(template("pharmacy"), request_json(at=at))

    assert isinstance(answer, Mapping)
    assert answer["decision"] == "deny"
    assert answer["fields"] == dict.fromkeys(("patient.name", "patient.id_no", "lines"), "withhold")


def test_own_partner_asks_unless_another_is_named(
    template: Callable[[str], bytes], request_json: Callable[..., Mapping[str, Json]]
) -> None:
    """Without a partner the agreement's own one asks; a stranger is unknown to it."""
    text = template("pharmacy")
    own = explain_documents(text, request_json(partner="demo-pharmacy"))
    stranger = explain_documents(text, request_json(partner="demo-insurer"))

    assert explain_documents(text, request_json()) == own
    assert isinstance(stranger, Mapping)
    assert stranger["decision"] == "deny"


def test_incomplete_agreement_permits_nothing(
    changed: Callable[..., bytes], request_json: Callable[..., Mapping[str, Json]]
) -> None:
    """A document that could never be applied is explained as a denial with its gaps."""
    answer = explain_documents(
        changed("pharmacy", security_measures=None, supervision=None), request_json()
    )

    assert isinstance(answer, Mapping)
    assert answer["decision"] == "deny"
    reasons = answer["reasons"]
    assert isinstance(reasons, list)
    assert [reason["code"] for reason in reasons] == ["agreement.incomplete"] * 2
