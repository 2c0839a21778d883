"""Which agreement does this YAML text say, and does it contradict itself?

Shape by strict structs, then what shapes cannot say: credit codes, the term,
and that no grant reaches beyond the purposes and roles agreed on at the top.
Whether the law is satisfied is asked in ``completeness``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final, NoReturn

import msgspec

from secure_records.access.agreement import Agreement, AgreementDocument
from secure_records.access.errors import AgreementMalformed
from secure_records.access.law import legal_bases
from secure_records.access.strict_yaml import read_yaml
from secure_records.access.vocabulary import purposes
from secure_records.registry.credit_code import read_credit_code
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.digests import sha256
from shared_kernel.errors import BadInput
from shared_kernel.instants import CHINA, in_utc, parse_instant

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_AT_PATH: Final = re.compile(r" - at `(.+)`\Z")


def parse_agreement(text: bytes) -> Agreement:
    """Read one agreement document.

    Raises:
        AgreementMalformed: the first fault, with its path; nothing is guessed.
    """
    source = read_yaml(text, error=AgreementMalformed)
    if not isinstance(source, Mapping):
        _refuse("$", "an agreement is a mapping")
    try:
        document = msgspec.convert(source, AgreementDocument, strict=True)
    except msgspec.ValidationError as fault:
        message = str(fault)
        found = _AT_PATH.search(message)
        path = "$" if found is None else found[1]
        raise AgreementMalformed(f"{path}: {_AT_PATH.sub('', message)}", where=path) from fault
    begins = instant_of(document.term.begins, "$.term.from", end_of_day=False)
    ends = instant_of(document.term.until, "$.term.until", end_of_day=True)
    if ends <= begins:
        _refuse("$.term.until", "lies before the beginning of the term")
    _check_parties(document)
    _check_words(document)
    return Agreement(
        document=document,
        source=source,
        begins=begins,
        ends=ends,
        digest=sha256(canonical_bytes(source)),
    )


def instant_of(text: str, path: str, *, end_of_day: bool) -> datetime:
    """A date of China, or an instant, as UTC.

    A date is midnight at its beginning or, with ``end_of_day``, the midnight after it.

    Raises:
        AgreementMalformed: neither a date nor an instant with offset.
    """
    try:
        if _DATE.match(text) is None:
            return parse_instant(text, path)
        day = date.fromisoformat(text) + timedelta(days=1 if end_of_day else 0)
        return in_utc(datetime.combine(day, time(), tzinfo=CHINA), path)
    except (BadInput, ValueError, OverflowError) as fault:
        message = f"{path}: neither a date (2026-01-31) nor an instant with offset"
        raise AgreementMalformed(message, where=path) from fault


def _check_parties(document: AgreementDocument) -> None:
    codes = (document.discloser.credit_code, document.partner.credit_code)
    for path, code in zip(("$.discloser", "$.partner"), codes, strict=True):
        try:
            written = read_credit_code(code, f"{path}.credit_code").code
        except BadInput as fault:
            raise AgreementMalformed(str(fault), where=fault.where) from fault
        if written != code:
            _refuse(f"{path}.credit_code", "write it in upper case without separators")
    if codes[0] == codes[1]:
        _refuse("$.partner.credit_code", "both parties have the same code")


def _check_words(document: AgreementDocument) -> None:
    _require_known(document.purposes, purposes(), "$.purposes", "known purpose")
    basis = document.consent.basis
    if basis is not None:
        _require_known((basis,), legal_bases(), "$.consent.basis", "known legal basis")
    for index, grant in enumerate(document.grants):
        path = f"$.grants[{index}]"
        _require_known(grant.purposes, document.purposes, f"{path}.purposes", "agreed purpose")
        _require_known(grant.roles, document.roles, f"{path}.roles", "agreed role")
    for index, ban in enumerate(document.prohibitions):
        path = f"$.prohibitions[{index}]"
        # A ban that names nothing would forbid everything by accident.
        if not (ban.kinds or ban.fields or ban.purposes or ban.roles):
            _refuse(path, "names no kind, field, purpose or role")
        # A misspelt ban would silently forbid nothing.
        _require_known(ban.purposes, purposes(), f"{path}.purposes", "known purpose")
        _require_known(ban.roles, document.roles, f"{path}.roles", "agreed role")


def _require_known(words: tuple[str, ...], known: Collection[str], path: str, meaning: str) -> None:
    for word in words:
        if word not in known:
            _refuse(path, f"{word} is no {meaning}")


def _refuse(path: str, message: str) -> NoReturn:
    raise AgreementMalformed(f"{path}: {message}", where=path)
