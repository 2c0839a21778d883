"""The number that the institution files is the number that the platform signed."""

from __future__ import annotations

from typing import Any

import pytest

from shared_kernel.errors import VerificationFailed
from supervision.errors import ReceiptInvalid
from supervision.receipts.receipt import ReceiptContext, platform_number, receipt_document
from supervision.receipts.receipt import sign_receipt as sign
from supervision.receipts.verification import Witnesses, verify_receipt

Rig = Any  # the rig of conftest.py, which cannot be imported by name


def test_a_receipt_with_another_number_is_refused(rig: Rig, samples: dict[str, Any]) -> None:
    """
    Not even the institution's own key makes a receipt with a number the platform never gave.
    """
    body, provenance = samples["follow_up"](), samples["provenance"]
    message_id = rig.desk.submit("follow_up", body, provenance=provenance)
    rig.desk.deliver_due()
    with rig.ledgers.begin() as ledger:
        entry = ledger.outbox.entry(message_id)
        [attempt] = ledger.outbox.attempts(message_id)
        [genuine] = ledger.outbox.receipts(message_id)
    parts = rig.parts
    trust = Witnesses(
        verifier=parts.verifier,
        sm3=parts.sm3,
        institution=parts.institution,
        institution_key=parts.signer.public_key,
        platform=parts.environment.platform,
        profile_id=parts.profile.id,
        platform_key=parts.environment.platform_key,
    )
    verify_receipt(genuine, entry, attempt, trust)
    assert platform_number(genuine.document) is not None

    for number in ("ANOTHER-1", None):
        context = ReceiptContext(
            institution=trust.institution,
            platform=trust.platform,
            profile_id=trust.profile_id,
            number=number,
        )
        document = receipt_document(entry, attempt, context, parts.sm3)
        forged = sign(document, entry, attempt, parts.signer, parts.sm3)
        with pytest.raises(ReceiptInvalid, match="not the one it signed") as refused:
            verify_receipt(forged, entry, attempt, trust)
        assert isinstance(refused.value, VerificationFailed)
