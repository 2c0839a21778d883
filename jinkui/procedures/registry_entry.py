"""How do institution, staff, partners and accounts enter the home?"""

from __future__ import annotations

from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.registry.models import RegistryDocument
from secure_records.registry.registry_document import read_registry_document
from shared_kernel.digests import sha256
from shared_kernel.errors import Refused


class ForeignRegistry(Refused):
    """The document describes another institution than the home's."""

    code = "registry.foreign_institution"
    default_hint = "one home serves one institution; make another home for another one"


def enter_registry(toolkit: Toolkit, actor: str, data: bytes) -> RegistryDocument:
    """Check a registry document whole, then enter it with its audit entry.

    Raises:
        RegistryRefused: shape, repeated ids, references to nobody.
        NumberRefused: a number fails its check.
        ForeignRegistry: another institution.
    """
    document = read_registry_document(data)
    if document.institution.credit_code != toolkit.tenant:
        raise ForeignRegistry("the document describes another institution", where="institution")
    with toolkit.transaction() as unit:
        unit.registry.enter(document)
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=actor,
                action="registry.enter",
                decision="done",
                details={
                    "digest": str(sha256(data)),
                    "staff": len(document.staff),
                    "partners": len(document.partners),
                    "actors": len(document.actors),
                },
            )
        )
    return document
