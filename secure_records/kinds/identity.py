"""Who is the patient, in the words every record kind shares?

``subject`` of an import line. The names under which agreements speak of these
values (``patient.name`` …) are derived here, so that they cannot drift apart
from the struct.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, to_builtins

from secure_records.kinds.constraints import Line60, Line200, Phone, Sex
from secure_records.kinds.errors import IdentityRefused
from secure_records.kinds.resident_id import read_resident_id
from shared_kernel.canonical_json import Json

ID_CARD: Final = "01"

DOCUMENT_NUMBER: Final = r"^[0-9A-Z][0-9A-Z()-]{3,17}$(?!\n)"


class Guardian(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The adult who acts for a child."""

    id_no: Annotated[str, Meta(pattern=r"^[0-9]{17}[0-9X]$(?!\n)")]
    """Citizen identity number."""

    name: Line60
    phone: Phone | None = None


class SubjectIdentity(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The patient as the identity document and the registration say."""

    id_type: Literal["01", "02", "03", "04", "05", "06", "07", "99"]
    """CV02.01.101: 01 identity card, 02 household book, 03 passport, 06 Hong Kong and
    Macao permit, 07 Taiwan permit."""

    id_no: Annotated[str, Meta(pattern=DOCUMENT_NUMBER)]
    """Upper case."""

    name: Line60
    sex: Sex
    birth_date: date
    phone: Phone
    address: Line200 | None = None
    ethnic: Annotated[str, Meta(pattern=r"^[0-9]{2}$(?!\n)")] | None = None
    """GB/T 3304, two digits."""

    guardian: Guardian | None = None


_GUARDIAN: Final = "guardian"

identity_fields: Final[tuple[str, ...]] = (
    *(f"patient.{name}" for name in SubjectIdentity.__struct_fields__ if name != _GUARDIAN),
    *(f"patient.guardian_{name}" for name in Guardian.__struct_fields__),
)
"""Names under which agreements and views speak of the identity."""


def require_consistent(identity: SubjectIdentity, path: str) -> None:
    """Check what the shape alone cannot: numbers, and numbers against dates.

    A guardian where the law asks for one is admission's question: it depends on
    the day of the visit.

    Raises:
        IdentityRefused: ``where`` names the value, the message never shows it.
    """
    if identity.guardian is not None:
        read_resident_id(identity.guardian.id_no, f"{path}.guardian.id_no")
        if identity.guardian.id_no == identity.id_no:
            where = f"{path}.guardian.id_no"
            raise IdentityRefused(f"{where}: expected another person than the patient", where=where)
    if identity.id_type != ID_CARD:
        return
    said = read_resident_id(identity.id_no, f"{path}.id_no")
    if said.birth_date != identity.birth_date:
        where = f"{path}.birth_date"
        raise IdentityRefused(f"{where}: expected the date inside the identity number", where=where)
    if identity.sex in {"1", "2"} and said.sex != identity.sex:
        where = f"{path}.sex"
        raise IdentityRefused(f"{where}: expected the sex inside the identity number", where=where)


def identity_values(identity: SubjectIdentity) -> Mapping[str, Json]:
    """The values by agreement name; every name of ``identity_fields``, absent ones as None."""
    plain = to_builtins(identity)
    guardian = plain.pop(_GUARDIAN, None) or {}
    values: dict[str, Json] = dict.fromkeys(identity_fields)
    values |= {f"patient.{name}": value for name, value in plain.items()}
    values |= {f"patient.guardian_{name}": value for name, value in guardian.items()}
    return MappingProxyType(values)
