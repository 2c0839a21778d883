"""Who works at the synthetic hospital, who are its partners, and who may sign in?

``registry_document`` has the shape that ``secure_records.registry`` reads.
Accounts carry no password: whoever sets up the home gives them credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from types import MappingProxyType
from typing import Final

from jinkui.synthetic.conditions import Subject, conditions, subjects
from jinkui.synthetic.numbers import credit_code, practice_no, resident_id
from jinkui.synthetic.pools import Pools
from shared_kernel.canonical_json import Json

CLINICIANS: Final = 40
PHARMACISTS: Final = 6

NAME: Final = "金匮示范互联网医院"
CREDIT_CODE: Final = "12340100490000001M"
"""Name and code do not depend on the seed: the example agreements name them."""

_AREA: Final = "340100"
_REGISTERED_FOR: Final = timedelta(days=3 * 365)
_PHYSICIAN_TITLES: Final = ("231", "232", "233", "234")
_PHARMACIST_TITLES: Final = ("242", "243", "244")

_OFFICERS: Final = (
    # id, role, what the person does
    ("SYN-A001", "system_admin", "系统管理员"),
    ("SYN-A002", "security_admin", "安全管理员"),
    ("SYN-A003", "audit_admin", "审计管理员"),
    ("SYN-A004", "data_protection_officer", "数据保护负责人"),
    ("SYN-A005", "releaser", "放行人"),
    ("SYN-A006", "releaser", "放行人"),
    ("SYN-A007", "quality_control", "质控员"),
    ("SYN-A008", "records_officer", "病案管理员"),
)
"""The three administrators are three persons: none may hold two of these offices."""

_PARTNERS: Final = (
    # id, name, credit code, kind, roles of its accounts: as in the example agreements
    (
        "demo-pharmacy",
        "康宁示范大药房有限公司",
        "91340100MA20000010",
        "pharmacy",
        ("pharmacist", "courier_desk"),
    ),
    (
        "demo-insurer",
        "安和示范健康保险股份有限公司",
        "91310000MA1FL0002W",
        "insurer",
        ("claims_examiner",),
    ),
    (
        "demo-cloud",
        "长风示范云计算有限公司",
        "91440300MA5F00003G",
        "cloud_vendor",
        ("operator", "incident_handler"),
    ),
)

_EARLIER_HOSPITALS: Final = (
    "示范省人民医院",
    "示范市第一医院",
    "示范大学附属医院",
    "示范市中医医院",
)

_ACCOUNT_ROLES: Final[Mapping[str, str]] = MappingProxyType({"physician": "clinician"})
"""Registered function to role of the account, where the two have different names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """One member of the hospital."""

    id: str
    name: str
    roles: tuple[str, ...]
    title: str | None
    """GB/T 8561 code for clinicians and pharmacists, words for officers."""

    subject: Subject | None
    practice_no: str | None
    id_no: str
    valid_until: date
    certificate_serial: str
    """Of the person's signing certificate; signs nothing."""

    partner: str | None = None
    """Id of the partner that employs the person; None: the hospital."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerOrganisation:
    """An outside organisation with an agreement."""

    id: str
    name: str
    credit_code: str
    kind: str
    roles: tuple[str, ...]
    """Under which its people act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticInstitution:
    """The hospital as an organisation."""

    name: str
    credit_code: str
    province: str
    licence_no: str
    subjects: tuple[Subject, ...]
    clinicians: tuple[Staff, ...]
    pharmacists: tuple[Staff, ...]
    officers: tuple[Staff, ...]
    partners: tuple[PartnerOrganisation, ...]
    partner_staff: tuple[Staff, ...]
    """One person for each role of each partner."""

    earlier_hospitals: tuple[tuple[str, str], ...]
    """Name and credit code of the physical hospitals that made the first diagnoses."""

    @property
    def staff(self) -> tuple[Staff, ...]:
        """Everybody, the partners' people last."""
        return (*self.clinicians, *self.pharmacists, *self.officers, *self.partner_staff)

    def partner_of_kind(self, kind: str) -> PartnerOrganisation:
        """The partner of this kind."""
        return next(partner for partner in self.partners if partner.kind == kind)


def make_institution(draw: Random, pools: Pools, start: date) -> SyntheticInstitution:
    """Draw the hospital; ``start`` is the day the demonstration begins."""
    opened = subjects()
    clinicians = tuple(
        _licensed(draw, pools, start, number=number, subject=subject)
        for number, subject in enumerate(_subject_shares(opened), start=1)
    )
    pharmacists = tuple(
        _licensed(draw, pools, start, number=number, subject=None)
        for number in range(1, PHARMACISTS + 1)
    )
    officers = tuple(
        _person(draw, pools, start, staff_id=staff_id, role=role, title=title)
        for staff_id, role, title in _OFFICERS
    )
    partners = tuple(
        PartnerOrganisation(id=partner, name=name, credit_code=code, kind=kind, roles=roles)
        for partner, name, code, kind, roles in _PARTNERS
    )
    jobs = [(partner.id, role) for partner in partners for role in partner.roles]
    return SyntheticInstitution(
        name=NAME,
        credit_code=CREDIT_CODE,
        province=_AREA[:2],
        licence_no=f"{CREDIT_CODE[8:17]}{_AREA}11A1001",
        subjects=opened,
        clinicians=clinicians,
        pharmacists=pharmacists,
        officers=officers,
        partners=partners,
        partner_staff=tuple(
            _person(draw, pools, start, staff_id=f"SYN-X{n:03d}", role=role, partner=partner)
            for n, (partner, role) in enumerate(jobs, start=1)
        ),
        earlier_hospitals=tuple(
            (name, credit_code(draw, "12", _AREA)) for name in _EARLIER_HOSPITALS
        ),
    )


def registry_document(hospital: SyntheticInstitution) -> Mapping[str, Json]:
    """The document for ``jinkui registry apply``."""
    codes = {row.id: row.credit_code for row in hospital.partners}
    return {
        "institution": {
            "credit_code": hospital.credit_code,
            "name": hospital.name,
            "province": hospital.province,
            "licence_no": hospital.licence_no,
        },
        "staff": [_staff_row(member, codes) for member in hospital.staff],
        "partners": [
            {"id": row.id, "name": row.name, "credit_code": row.credit_code, "kind": row.kind}
            for row in hospital.partners
        ],
        "actors": [_account_row(member) for member in hospital.staff],
    }


def _account_row(member: Staff) -> dict[str, Json]:
    row: dict[str, Json] = {
        "id": account_id(member),
        "person": member.id,
        "roles": [_ACCOUNT_ROLES.get(role, role) for role in member.roles],
    }
    if member.partner is not None:
        row["partner"] = member.partner
    return row


def account_id(member: Staff) -> str:
    """The account of a person: the staff number in small letters, without the mark."""
    return member.id.removeprefix("SYN-").lower()


def _staff_row(member: Staff, codes: Mapping[str, str]) -> dict[str, Json]:
    row: dict[str, Json] = {
        "id": member.id,
        "name": member.name,
        "roles": list(member.roles),
        "valid_until": member.valid_until.isoformat(),
        "id_no": member.id_no,
    }
    if member.title is not None:
        row["title"] = member.title
    if member.partner is not None:
        row["institution"] = codes[member.partner]
    if member.subject is not None:
        row["subject_code"] = member.subject.code
    if member.practice_no is not None:
        row["practice_no"] = member.practice_no
    return row


def _subject_shares(opened: tuple[Subject, ...]) -> list[Subject]:
    """``CLINICIANS`` subjects: two each, the rest by how often a subject is visited."""
    visits = dict.fromkeys((subject.code for subject in opened), 0)
    for condition in conditions():
        visits[condition.subject.code] += condition.weight
    busiest = sorted(opened, key=lambda subject: (-visits[subject.code], subject.code))
    shares = [*opened, *opened]
    while len(shares) < CLINICIANS:
        shares.extend(busiest[: CLINICIANS - len(shares)])
    return shares


def _licensed(
    draw: Random, pools: Pools, start: date, *, number: int, subject: Subject | None
) -> Staff:
    """A physician, or a pharmacist when there is no subject."""
    sex = draw.choice("12")
    born = date(start.year - draw.randint(32, 60), draw.randint(1, 12), draw.randint(1, 28))
    prefix, role, titles = (
        ("SYN-P", "pharmacist", _PHARMACIST_TITLES)
        if subject is None
        else ("SYN-D", "physician", _PHYSICIAN_TITLES)
    )
    return Staff(
        id=f"{prefix}{number:03d}",
        name=pools.name(draw, sex),
        roles=(role,),
        title=draw.choice(titles),
        subject=subject,
        practice_no=None if subject is None else practice_no("1", "10", _AREA, number),
        id_no=resident_id(draw, born, sex),
        valid_until=start + _REGISTERED_FOR,
        certificate_serial=f"5359{prefix[-1]}{number:03d}",
    )


def _person(
    draw: Random,
    pools: Pools,
    start: date,
    *,
    staff_id: str,
    role: str,
    title: str | None = None,
    partner: str | None = None,
) -> Staff:
    """Somebody without a licence to treat or dispense here."""
    sex = draw.choice("12")
    born = date(start.year - draw.randint(30, 58), draw.randint(1, 12), draw.randint(1, 28))
    return Staff(
        id=staff_id,
        name=pools.name(draw, sex),
        roles=(role,),
        title=title,
        subject=None,
        practice_no=None,
        id_no=resident_id(draw, born, sex),
        valid_until=start + _REGISTERED_FOR,
        certificate_serial=f"5359{staff_id.removeprefix('SYN-')}",
        partner=partner,
    )
