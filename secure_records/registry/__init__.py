"""Who may act here: institution, staff, partners and accounts?

``read_registry_document`` reads a whole registry strictly; the SQL adapter
keeps it; admission and access ask it.
"""

from secure_records.registry.models import (
    Actor,
    Institution,
    Partner,
    RegistryDocument,
    StaffMember,
)
from secure_records.registry.registry_document import read_registry_document

__all__ = [
    "Actor",
    "Institution",
    "Partner",
    "RegistryDocument",
    "StaffMember",
    "read_registry_document",
]
