"""What must stand before the demonstration begins?

A home with its own keys, the synthetic hospital in the registry, three agreements
(one of them expired), console passwords, an import file with a few bad lines, and a
simulated provincial platform. A second run finds all of it and makes nothing twice.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import orjson

from jinkui.procedures.agreement_office import apply_agreement
from jinkui.procedures.passwords import set_password
from jinkui.procedures.registry_entry import enter_registry
from jinkui.settings.home import config_text
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.synthetic.institution import CREDIT_CODE, NAME
from jinkui.system_clock import SystemClock
from jinkui.wiring.homes import create
from jinkui.wiring.supervision import Platform, SealedSecrets
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.keys.signing_keys import Sm2Signer, Verifier, generate_sm2
from secure_records.models import Caller
from shared_kernel.errors import Refused
from shared_kernel.instants import CHINA
from supervision.profiles.pipeline import SecretSource
from supervision.simulator.enrolment import Enrolled, SimulatorParts
from supervision.simulator.platform import SimulatedPlatform
from supervision.simulator.server import start_simulator

SEED: Final = 20260301
BAD_LINES: Final = 8
_END: Final = re.compile(r"until: [0-9]{4}-12-31(?= +# through)")
PLATFORM_NAME: Final = "省互联网医疗监管平台（模拟）"
PLATFORM_PORT: Final = 8791
FIRST_CREDENTIAL: Final = "token-demo-pharmacy-01"

INTAKE: Final = "a008"
SECURITY_ADMIN: Final = "a002"
DATA_OFFICER: Final = "a004"
RELEASERS: Final = ("a005", "a006")
PHARMACIST: Final = "x001"
CLAIMS_EXAMINER: Final = "x003"

_AGREEMENTS: Final = ("pharmacy.yaml", "cloud_operator.yaml", "insurer_expired.yaml")
_SIGN_IN: Final = (SECURITY_ADMIN, DATA_OFFICER)
_PASSWORD_BYTES: Final = 9
_EXCHANGE_KEY_BYTES: Final = 16


class NotADemoHome(Refused):
    """The demonstration only plays in a home of the demo profile."""

    code = "demo.not_a_demo_home"
    default_hint = "name another folder with --home; a real home is never touched by the demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that stands."""

    toolkit: Toolkit
    hospital: SyntheticHospital
    input_file: Path
    platform: Platform
    sign_in: dict[str, str]
    """Account to console password, demo only."""
    fresh: bool
    """True: the home was made by this run."""


def prepare(folder: Path, *, patients: int, visits: int) -> tuple[Toolkit, bool]:
    """Open the demo home, or make it; the second value says which.

    Raises:
        NotADemoHome: there is a home of another profile in that folder.
    """
    clock = SystemClock()
    fresh = not (folder / "home.toml").exists()
    if fresh:
        _make(folder, clock, patients=patients, visits=visits)
    toolkit = open_toolkit(folder, None, clock, os.urandom)
    if toolkit.home.profile != "demo":
        toolkit.close()
        raise NotADemoHome(f"{folder} holds a home of the profile {toolkit.home.profile}")
    return toolkit, fresh


def furnish(toolkit: Toolkit, *, fresh: bool) -> Stage:
    """What the demonstration needs of an open demo home; writes the import file anew."""
    home, folder = toolkit.home, toolkit.home.folder
    hospital = _hospital(folder)
    input_file = folder / "input" / "visits.jsonl"
    hospital.write_lines_with_faults(input_file, BAD_LINES)
    return Stage(
        toolkit=toolkit,
        hospital=hospital,
        input_file=input_file,
        platform=Platform(
            base_url=home.text("supervision", "base_url"),
            name=home.text("supervision", "platform"),
            public_key=bytes.fromhex(home.text("supervision", "platform_key")),
        ),
        sign_in=json.loads((folder / "keys" / "console-passwords.json").read_text("ascii")),
        fresh=fresh,
    )


def _make(folder: Path, clock: SystemClock, *, patients: int, visits: int) -> None:
    """Build the home beside its place and move it there whole: a kill leaves none or all.

    Raises:
        NotADemoHome: the folder holds something else.
    """
    building = folder.with_name(f".{folder.name}.making")
    if building.exists():
        shutil.rmtree(building)  # what an interrupted run left; nobody ever used it
    private, public = generate_sm2()
    create(building, _head(), _sections(public.raw), None, clock, os.urandom).close()
    _write_private(building / "simulator" / "platform-key", (private + public.raw).hex())
    start = clock.now().astimezone(CHINA).date().replace(day=1)
    plan = {"patients": patients, "visits": visits, "start": start.isoformat()}
    (building / "input" / "hospital.json").write_text(json.dumps(plan), encoding="ascii")
    with open_toolkit(building, None, clock, os.urandom) as toolkit:
        _enter_people(toolkit, _hospital(building))
        officer = Caller(actor=DATA_OFFICER, role="data_protection_officer")
        for name in _AGREEMENTS:
            text = config_text(f"examples/agreements/{name}")
            # The examples end on a fixed day; the demonstration must not end with them.
            lasting = _END.sub(f"until: {start.year + 2}-12-31", text)
            apply_agreement(toolkit, officer, lasting.encode(), dry_run=False)
        SealedSecrets(toolkit).enter({"exchange_key": toolkit.entropy(_EXCHANGE_KEY_BYTES)})
        toolkit.seal_log()
    try:
        building.rename(folder)
    except OSError as error:
        raise NotADemoHome(f"{folder} holds something else: {error.strerror}") from error


def _hospital(folder: Path) -> SyntheticHospital:
    plan = json.loads((folder / "input" / "hospital.json").read_text("ascii"))
    start = date.fromisoformat(plan["start"])
    return SyntheticHospital(SEED, plan["patients"], plan["visits"], start=start)


def _head() -> dict[str, str]:
    return {
        "institution": CREDIT_CODE,
        "institution_name": NAME,
        "profile": "demo",
        "suite": "gm",
        "origin": f"jinkui.example/{CREDIT_CODE}/audit",
        "default_actor": DATA_OFFICER,
    }


def _sections(platform_key: bytes) -> dict[str, dict[str, str]]:
    return {
        "institution": {
            "address": "示范省示范市示范路 1 号",
            "contact": "信息安全办公室 0000-0000000",
            "systems": "互联网诊疗平台（等级保护三级，示范备案号 SYN-34010000001-00001）",
        },
        "supervision": {
            "base_url": f"http://127.0.0.1:{PLATFORM_PORT}",
            "platform": PLATFORM_NAME,
            "platform_key": platform_key.hex(),
        },
    }


@contextmanager
def provincial_platform(stage: Stage) -> Iterator[Platform]:
    """The simulated platform for the length of a block; on another port if its own is taken."""
    toolkit = stage.toolkit
    raw = bytes.fromhex((toolkit.home.folder / "simulator" / "platform-key").read_text("ascii"))
    secrets: SecretSource = SealedSecrets(toolkit)
    _, sm2 = toolkit.keys.log_signers(toolkit.tenant)
    platform = SimulatedPlatform(
        SimulatorParts(
            platform=stage.platform.name,
            enrolled=(
                Enrolled(
                    institution=toolkit.tenant,
                    public_key=sm2.public_key,
                    exchange_key=secrets.secret("exchange_key"),
                ),
            ),
            signer=Sm2Signer(raw[:32], raw[32:]),
            verifier=Verifier(),
            clock=toolkit.clock,
            entropy=toolkit.entropy,
            state_file=toolkit.home.folder / "simulator" / "received.jsonl",
        )
    )
    try:
        handle = start_simulator(platform, port=PLATFORM_PORT)
    except OSError:
        handle = start_simulator(platform)
    try:
        yield Platform(
            base_url=handle.base_url,
            name=stage.platform.name,
            public_key=stage.platform.public_key,
        )
    finally:
        handle.stop()


def _enter_people(toolkit: Toolkit, hospital: SyntheticHospital) -> None:
    document = orjson.loads(orjson.dumps(hospital.registry_document()))
    for actor in document["actors"]:
        if actor["id"] == PHARMACIST:
            actor["credential_ids"] = [FIRST_CREDENTIAL]
        if actor["id"] == DATA_OFFICER:
            # A newcomer tries every command as one person; these offices may be held together.
            actor["roles"] = [*actor["roles"], "records_officer", "quality_control"]
    data = orjson.dumps(document)
    (toolkit.home.folder / "input" / "registry.json").write_bytes(data)
    enter_registry(toolkit, "demo", data)
    passwords = {account: toolkit.entropy(_PASSWORD_BYTES).hex() for account in _SIGN_IN}
    for account, password in passwords.items():
        set_password(toolkit, "demo", account, password)
    # Demo only: a newcomer must be able to sign in to the console.
    path = toolkit.home.keys_folder / "console-passwords.json"
    _write_private(path, json.dumps(passwords, indent=2))


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="ascii")
    path.chmod(0o600)
