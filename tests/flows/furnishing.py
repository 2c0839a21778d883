"""What does a hospital look like on the morning of a flow test?

A real encrypted home with people, agreements, platform secrets and an import file with
planted bad lines, under a clock that tests move. Homes are made once per session and
copied for each test, so that every test may break its own.
"""

# ruff: noqa: ANN401 - keyword changes of any field

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import yaml

from jinkui.procedures.agreement_office import apply_agreement
from jinkui.procedures.import_records import ImportSummary, import_file
from jinkui.procedures.registry_entry import enter_registry
from jinkui.settings.home import config_text
from jinkui.synthetic.faults import ExpectedRefusal
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.synthetic.institution import CREDIT_CODE, NAME
from jinkui.wiring.homes import create
from jinkui.wiring.supervision import Platform, SealedSecrets
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.audit.trail import TrailEntry, TrailQuery, find_entries
from secure_records.keys.signing_keys import Sm2Signer, Verifier, generate_sm2
from secure_records.models import Caller
from secure_records.vault import Vault
from supervision.simulator.enrolment import Enrolled, SimulatorParts
from supervision.simulator.platform import SimulatedPlatform
from supervision.simulator.server import start_simulator

SEED = 20260301
START = date(2026, 3, 1)
MORNING = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
PATIENTS, VISITS, BAD_LINES = 40, 70, 16
PASSPHRASE = b"correct horse battery staple\n"
PLATFORM_NAME = "省平台（测试）"
CREDENTIAL = "token-demo-pharmacy-01"
EXCHANGE_KEY = bytes(range(16))
AGREEMENTS = ("pharmacy.yaml", "cloud_operator.yaml", "insurer_expired.yaml")

INTAKE = Caller(actor="a008", role="records_officer")
OFFICER = Caller(actor="a004", role="data_protection_officer")
QUALITY = Caller(actor="a007", role="quality_control")
PHARMACY = Caller(actor="x001", role="pharmacist", partner="demo-pharmacy", credential=CREDENTIAL)
COURIER = Caller(actor="x002", role="courier_desk", partner="demo-pharmacy")
INSURER = Caller(actor="x003", role="claims_examiner", partner="demo-insurer")
SECURITY_ADMIN, DATA_OFFICER, RELEASERS = "a002", "a004", ("a005", "a006")


class SteerableClock:
    """Stands still until a test moves it."""

    def __init__(self, instant: datetime = MORNING) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def forward(self, **step: float) -> None:
        self.instant += timedelta(**step)


class SeededEntropy:
    """The same bytes in the same order in every run; fresh ones for every ``name``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls = 0

    def __call__(self, count: int, /) -> bytes:
        self._calls += 1
        out = b""
        while len(out) < count:
            seed = f"{self._name}/{self._calls}/{len(out)}".encode()
            out += hashlib.sha256(seed).digest()
        return out[:count]


@dataclass(kw_only=True)
class House:
    """One open home and what was planted in it."""

    folder: Path
    passphrase: Path
    toolkit: Toolkit
    clock: SteerableClock
    import_file: Path
    expected: tuple[ExpectedRefusal, ...]
    good: Mapping[int, dict[str, Any]]
    """Line number of the import file to the decoded good line."""

    _records: dict[int, str] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        return self.toolkit.vault

    def import_all(self, path: Path | None = None, caller: Caller = INTAKE) -> ImportSummary:
        return import_file(self.toolkit, caller, path or self.import_file, lambda _done: None)

    def entries(self, **query: Any) -> tuple[TrailEntry, ...]:
        with self.toolkit.reading() as unit:
            return find_entries(
                unit.audit_store, TrailQuery(limit=query.pop("limit", 10_000), **query)
            ).entries

    def size(self) -> int:
        with self.toolkit.reading() as unit:
            return unit.log.size()

    def leaves(self) -> bytes:
        """Everything the log holds, as one text."""
        return b"\n".join(orjson.dumps(dict(entry.content)) for entry in self.entries())

    def record_of(self, line: int) -> str:
        """The record that an imported line became, as the log says."""
        if not self._records:
            for entry in self.entries(action="record.stored"):
                details = entry.content["details"]
                self._records[details["line"]] = str(entry.record)
        return self._records[line]

    def planted(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Every imported record of a kind with the line it came from, in file order."""
        return [
            (self.record_of(number), line)
            for number, line in self.good.items()
            if line["kind"] == kind
        ]

    def apply(self, name: str) -> None:
        """Put an example agreement into force."""
        text = config_text(f"examples/agreements/{name}").encode()
        apply_agreement(self.toolkit, OFFICER, text, dry_run=False)

    def vault_with(self, **parts: Any) -> Vault:
        """The same vault with some of its parts wrapped."""
        return Vault(dataclasses.replace(self.toolkit.parts, **parts))

    def platform_key(self) -> bytes:
        return bytes.fromhex((self.folder / "platform-key").read_text("ascii"))

    def simulated(self, **parts: Any) -> SimulatedPlatform:
        raw = self.platform_key()
        _, sm2 = self.toolkit.keys.log_signers(self.toolkit.tenant)
        enrolled = Enrolled(
            institution=self.toolkit.tenant,
            public_key=sm2.public_key,
            exchange_key=EXCHANGE_KEY,
        )
        return SimulatedPlatform(
            SimulatorParts(
                platform=PLATFORM_NAME,
                enrolled=(enrolled,),
                signer=Sm2Signer(raw[:32], raw[32:]),
                verifier=Verifier(),
                clock=self.clock,
                entropy=self.toolkit.entropy,
                **parts,
            )
        )

    @contextmanager
    def province(self, **parts: Any) -> Iterator[tuple[Platform, SimulatedPlatform]]:
        """A running platform on a free port, and its insides."""
        simulated = self.simulated(**parts)
        handle = start_simulator(simulated)
        try:
            yield self.platform_at(handle.base_url), simulated
        finally:
            handle.stop()

    def platform_at(self, base_url: str) -> Platform:
        return Platform(base_url=base_url, name=PLATFORM_NAME, public_key=self.platform_key()[32:])


def agreed_fields(name: str, kind: str, purpose: str, role: str) -> dict[str, str]:
    """What an example agreement grants, read as plain YAML, not by the product."""
    document = yaml.safe_load(config_text(f"examples/agreements/{name}"))
    for grant in document["grants"]:
        if kind in grant["kinds"] and purpose in grant["purposes"] and role in grant["roles"]:
            return dict(grant["fields"])
    return {}


def flat_view(line: Mapping[str, Any]) -> dict[str, Any]:
    """An import line in the names that agreements use."""
    view = {f"patient.{key}": value for key, value in line["subject"].items() if key != "guardian"}
    guardian = line["subject"].get("guardian", {})
    view |= {f"patient.guardian_{key}": value for key, value in guardian.items()}
    view |= {key: line[key] for key in ("visit", "clinician", "occurred_at")}
    return view | line["body"]


def build_home(
    folder: Path,
    suite: str,
    *,
    stocked: bool,
    clock: Any = None,
    start: date = START,
    server: Any = None,
) -> None:
    """Make a furnished home in ``folder/home``; ``stocked``: with records.

    ``server``: the PostgreSQL server in which the records are to lie.
    """
    clock = clock or SteerableClock()
    passphrase = folder / "passphrase"
    passphrase.write_bytes(PASSPHRASE)
    private, public = generate_sm2()
    head = {
        "institution": CREDIT_CODE,
        "institution_name": NAME,
        "profile": "test",
        "suite": suite,
        "origin": f"jinkui.example/{CREDIT_CODE}/audit",
        "default_actor": DATA_OFFICER,
    }
    sections = {
        # No test here cuts the power; the fault tests keep FULL.
        "store": {"synchronous": "NORMAL"},
        "supervision": {
            "base_url": "http://127.0.0.1:9",
            "platform": PLATFORM_NAME,
            "platform_key": public.raw.hex(),
        },
    }
    entropy = SeededEntropy(f"{suite}/making")
    home = folder / "home"
    if server is not None:
        home.mkdir()
        (home / "dsn").touch(mode=0o600)
        (home / "dsn").write_text(server.dsn(server.database()), encoding="ascii")
        sections["store"] |= {"engine": "postgresql", "dsn_file": str(home / "dsn")}
    create(home, head, sections, passphrase, clock, entropy).close()
    (home / "platform-key").write_text((private + public.raw).hex(), encoding="ascii")
    hospital = SyntheticHospital(SEED, PATIENTS, VISITS, start=start)
    with open_toolkit(home, passphrase, clock, entropy) as toolkit:
        document = json.loads(orjson.dumps(hospital.registry_document()))
        for account in document["actors"]:
            if account["id"] == PHARMACY.actor:
                account["credential_ids"] = [CREDENTIAL]
        enter_registry(toolkit, "setup", orjson.dumps(document))
        for name in AGREEMENTS:
            text = config_text(f"examples/agreements/{name}").encode()
            apply_agreement(toolkit, OFFICER, text, dry_run=False)
        SealedSecrets(toolkit).enter({"exchange_key": EXCHANGE_KEY})
        path = home / "input" / "visits.jsonl"
        expected = hospital.write_lines_with_faults(path, BAD_LINES)
        rows = [[row.line, row.fault.value, row.code_family] for row in expected]
        (home / "input" / "expected.json").write_text(json.dumps(rows), encoding="ascii")
        if stocked:
            import_file(toolkit, INTAKE, path, lambda _done: None)
        toolkit.seal_log()


def read_good(path: Path, bad: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Every line but the planted bad ones, by number."""
    with path.open("rb") as file:
        return {
            number: orjson.loads(raw)
            for number, raw in enumerate(file, start=1)
            if number not in bad
        }


@contextmanager
def open_copy(
    template: Path, folder: Path, suite: str, database: Callable[[Path], None] | None = None
) -> Iterator[House]:
    """A copy of a furnished home, open; ``database`` copies what lies outside the folder."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    home, passphrase, clock = folder / "home", folder / "passphrase", SteerableClock()
    settings = home / "home.toml"
    settings.write_text(settings.read_text("utf-8").replace(str(template), str(folder)), "utf-8")
    if database is not None:
        database(home)
    clock.forward(hours=1)
    path = home / "input" / "visits.jsonl"
    rows = json.loads((home / "input" / "expected.json").read_text("ascii"))
    expected = tuple(ExpectedRefusal(line=n, fault=f, code_family=c) for n, f, c in rows)
    entropy = SeededEntropy(f"{suite}/{folder.name}")
    with open_toolkit(home, passphrase, clock, entropy) as toolkit:
        yield House(
            folder=home,
            passphrase=passphrase,
            toolkit=toolkit,
            clock=clock,
            import_file=path,
            expected=expected,
            good=read_good(path, [row.line for row in expected]),
        )


def opens_as_plain_sqlite(path: Path) -> bool:
    """Does the file open without any key?"""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
    return True
