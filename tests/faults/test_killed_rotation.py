"""A rotation killed at any step leaves every key readable, and run again it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson
import pytest

from jinkui.procedures.registry_entry import enter_registry
from jinkui.procedures.upgrade_home import upgrade_home
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.system_clock import SystemClock
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.intake import parse_line
from secure_records.keys.argon2_costs import TESTING
from secure_records.keys.models import KeyKind
from secure_records.keys.root_descriptor import seal_root
from secure_records.keys.root_providers import PassphraseProvider
from secure_records.models import Caller, StoreReceipt

OFFICER = Caller(actor="a008", role="records_officer")
PEOPLE = [f"sub_{number:026d}" for number in range(120)]
ROWS_AT_ONCE = 60

VICTIM = """
import os, signal, sys
from pathlib import Path
from jinkui.system_clock import SystemClock
from jinkui.wiring.toolkit import open_toolkit
import secure_records.keys.rotation as rotation

home, passphrase, what, place, number, rows = sys.argv[1:]
left = int(number)

def at(here):
    global left
    if here == place:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def before(name, real):
    def call(*words, **names):
        at(name)
        return real(*words, **names)
    return call

with open_toolkit(Path(home), Path(passphrase), SystemClock(), os.urandom) as toolkit:
    rotation.rewrap = before("rewrap", rotation.rewrap)
    os.fsync = before("fsync", os.fsync)
    Path.replace = before("rename", Path.replace)
    told = lambda step, done, total: at(step)
    if what == "tenant":
        toolkit.key_room.rotate_tenant(toolkit.tenant, "a002", told, int(rows))
    else:
        toolkit.key_room.rotate_root("a002", told)
print("lived")
"""

READER = """
import json, os, sys
from pathlib import Path
from jinkui.system_clock import SystemClock
from jinkui.wiring.toolkit import open_toolkit
from secure_records.models import Caller

home, passphrase, records = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
officer = Caller(actor="a008", role="records_officer")
clock = SystemClock()
first = open_toolkit(home, passphrase, clock, os.urandom)
for order in sys.stdin:
    # One toolkit opened before the rotation, one in the middle of it: memories full and empty.
    with open_toolkit(home, passphrase, clock, os.urandom) as fresh:
        for toolkit in (first, fresh):
            for record in records:
                view = toolkit.vault.read(officer, record, "patient_request")
                assert view.body["patient.name"]
            person = "sub_" + order.strip().rjust(26, "9")
            toolkit.keys.dek(toolkit.tenant, person, "outpatient_record")
            toolkit.keys.flush()
    print("read", flush=True)
"""


@dataclass(frozen=True)
class Site:
    """A home with records and many patients' keys; each test works on a copy."""

    folder: Path
    records: tuple[str, ...]
    secrets: dict[str, str]
    """Key id to data key, hex: what every later reader must still find."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def passphrase(self) -> Path:
        return self.folder / "passphrase"

    def toolkit(self) -> Toolkit:
        return open_toolkit(self.home, self.passphrase, SystemClock(), os.urandom)

    def copied(self, folder: Path) -> Site:
        shutil.copytree(self.folder, folder)
        return Site(folder, self.records, self.secrets)

    def start(self, script: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script, str(self.home), str(self.passphrase), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def killed(self, what: str, place: str, number: int) -> None:
        with self.start(VICTIM, what, place, str(number), str(ROWS_AT_ONCE)) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, (out, err)

    def require_whole(self) -> None:
        """Everything opens, by the records' door and by the keys' own, and the log is in order."""
        with self.toolkit() as toolkit:
            for key_id, secret in self.secrets.items():
                assert toolkit.keys.dek_by_id(toolkit.tenant, key_id).hex() == secret
            for record in self.records:
                assert toolkit.vault.read(OFFICER, record, "patient_request").body["patient.name"]
            toolkit.seal_log()
            assert toolkit.verify_log().ok

    def require_ended(self, *, tenant: int, root: int) -> None:
        """One tenant key, one root, nothing unfinished, nothing left lying about."""
        with self.toolkit() as toolkit:
            room = toolkit.key_room
            ages = {age.kind: age for age in room.ages(toolkit.tenant)}
            assert room.unfinished() is None
            assert ages[KeyKind.TENANT].count == 1
            assert ages[KeyKind.TENANT].versions == (tenant, tenant)
            assert ages[KeyKind.TENANT].parents == (root, root)
            assert ages[KeyKind.DATA].parents == ages[KeyKind.AUDIT].parents == (tenant, tenant)
            assert room.root_state().generation == root
        names = {path.name for path in (self.home / "keys").iterdir()}
        assert names <= {"keys.db", "keys.db-wal", "keys.db-shm", "root.json", "rotation.lock"}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Made once."""
    folder = tmp_path_factory.mktemp("rotated")
    passphrase = folder / "passphrase"
    passphrase.write_text("correct horse battery staple\n", encoding="ascii")
    hospital = SyntheticHospital(20260301, patients=10, visits=10, start=date(2026, 3, 1))
    head = {
        "institution": hospital.institution.credit_code,
        "institution_name": "示范互联网医院",
        "profile": "test",
        "suite": "gm",
        "origin": "jinkui.example/audit",
        "default_actor": "a004",
    }
    files = create(folder / "home", head, {}, passphrase, SystemClock(), os.urandom)
    files.close()
    # The home is opened a hundred times: its first descriptor costs next to nothing to open.
    cheap = PassphraseProvider(passphrase.read_bytes().strip(), TESTING, profile="test")
    root = files.root_file.open()
    files.root_file.write(seal_root(root, cheap, os.urandom, SystemClock().now()))
    with open_toolkit(folder / "home", passphrase, SystemClock(), os.urandom) as toolkit:
        enter_registry(toolkit, "test", orjson.dumps(hospital.registry_document()))
        lines = [line for line, _ in zip(hospital.lines(), range(4), strict=False)]
        parsed = [parse_line(orjson.dumps(line), number) for number, line in enumerate(lines, 1)]
        outcomes = toolkit.vault.store(OFFICER, parsed, "test")
        records = tuple(o.record for o in outcomes if isinstance(o, StoreReceipt))
        assert len(records) == 4
        made = [toolkit.keys.dek(toolkit.tenant, person, "outpatient_record") for person in PEOPLE]
        for person in PEOPLE:
            toolkit.keys.audit_key(toolkit.tenant, person)
        toolkit.keys.flush()
        toolkit.seal_log()
    return Site(folder, records, {key_id: secret.hex() for key_id, secret in made})


@pytest.fixture
def site(original: Site, tmp_path: Path) -> Site:
    return original.copied(tmp_path / "copy")


def silent(_step: str, _done: int, _total: int) -> None:
    """Nobody is told."""


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("begun", 1),  # the new key is committed, nothing is rewrapped
        ("rewrap", 1),  # inside the first batch
        ("rewrapped", 2),  # one batch is committed
        ("rewrap", 3 * ROWS_AT_ONCE + 5),  # inside a later batch
        ("rewrapped", 4),  # later still
        ("ended", 1),  # the old key is destroyed
    ],
)
def test_killed_tenant_rotation_goes_on(site: Site, place: str, number: int) -> None:
    """
    Kill -9 at this step: everything opens at once, and the same command ends the work.
    """
    site.killed("tenant", place, number)
    site.require_whole()

    ended = place == "ended"
    with site.toolkit() as toolkit:
        held = toolkit.key_room.unfinished()
        assert (held is None) is ended
        outcome = toolkit.key_room.rotate_tenant(toolkit.tenant, "a002", silent)
    assert outcome.rotation.new == (3 if ended else 2)
    site.require_whole()
    site.require_ended(tenant=outcome.rotation.new, root=1)


@pytest.mark.parametrize(
    ("place", "number", "settled"),
    [
        ("begun", 1, False),
        ("fsync", 1, False),  # half a descriptor beside
        ("rename", 1, False),  # a whole one, not yet the coming one
        ("prepared", 1, False),
        ("rewrap", 2, False),  # inside the transaction of the rows
        ("rewrapped", 1, False),  # the rows hang on the new root, root.json is the old one
        ("rename", 2, False),
        ("fsync", 3, False),  # root.json is the new one
        ("replaced", 1, False),
        ("ended", 1, True),
    ],
)
def test_killed_root_rotation_goes_on(
    site: Site, place: str, number: int, *, settled: bool
) -> None:
    """
    Whichever of the two descriptors is the right one after the kill, it is found.
    """
    site.killed("root", place, number)
    site.require_whole()

    with site.toolkit() as toolkit:
        assert (toolkit.key_room.unfinished() is None) is settled
        outcome = toolkit.key_room.rotate_root("a002", silent)
    assert outcome.rotation.new == (3 if settled else 2)
    site.require_whole()
    site.require_ended(tenant=1, root=outcome.rotation.new)


def test_no_read_fails_while_keys_are_rotated(site: Site) -> None:
    """
    Another process reads records and makes keys after every step of both rotations.
    """
    with site.start(READER, *site.records) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        steps: list[str] = []

        def told(step: str, _done: int, _total: int) -> None:
            steps.append(step)
            assert reader.stdin is not None
            assert reader.stdout is not None
            reader.stdin.write(f"{len(steps)}\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == "read\n", reader.stderr and reader.stderr.read()

        with site.toolkit() as toolkit:
            toolkit.key_room.rotate_tenant(toolkit.tenant, "a002", told, 100)
            toolkit.key_room.rotate_root("a002", told)
            toolkit.key_room.rotate_tenant(toolkit.tenant, "a002", told, 100)
        reader.stdin.close()
        assert reader.wait(60) == 0

    assert steps.count("rewrapped") > 8
    site.require_whole()
    site.require_ended(tenant=3, root=2)


def test_a_second_rotation_at_the_same_time_is_refused(site: Site) -> None:
    """
    The lock is the system's: held while a rotation runs, free after it was killed.
    """
    refusals: list[str] = []

    def told(step: str, _done: int, _total: int) -> None:
        if step != "begun":
            return
        for what in ("tenant", "root"):
            with site.start(VICTIM, what, "nowhere", "1", "60") as other:
                out, err = other.communicate(timeout=60)
            assert out == ""
            refusals.append(err)

    with site.toolkit() as toolkit:
        toolkit.key_room.rotate_tenant(toolkit.tenant, "a002", told)

    assert ["RotationRunning" in refusal for refusal in refusals] == [True, True]
    site.require_ended(tenant=2, root=1)


def test_what_was_replaced_is_gone_from_the_files(site: Site) -> None:
    """
    After both rotations the old wrapped keys are neither in rows nor in the write-ahead log.
    """
    old_root = json.loads((site.home / "keys" / "root.json").read_text("utf-8"))
    with site.toolkit() as toolkit:
        toolkit.key_room.rotate_tenant(toolkit.tenant, "a002", silent)
        toolkit.key_room.rotate_root("a002", silent)
        log = site.home / "keys" / "keys.db-wal"
        assert not log.exists() or log.stat().st_size == 0

    text = "".join(
        path.read_text("utf-8", errors="replace") for path in (site.home / "keys").iterdir()
    )
    assert old_root["sealed_root"] not in text


@pytest.fixture
def old_homes(tmp_path: Path) -> dict[str, Path]:
    """Homes as an earlier version left them."""
    source = Path(__file__).parents[1] / "vectors" / "homes"
    target = tmp_path / "homes"
    shutil.copytree(source, target)
    return {suite: target / f"root-1-{suite}" for suite in ("gm", "intl")}


@pytest.mark.parametrize("suite", ["gm", "intl"])
def test_a_home_of_an_earlier_version_opens_and_rotates(
    old_homes: dict[str, Path], suite: str
) -> None:
    """
    The first layout: derived key of the key file, no column for the parent. All of it goes on.
    """
    home = old_homes[suite]
    passphrase = home.parent / "passphrase"
    upgrade_home(home, passphrase, SystemClock(), os.urandom, dry_run=False)

    def names(toolkit: Toolkit) -> list[object]:
        with toolkit.reading() as unit:
            rows = unit.connection.exec_driver_sql("SELECT record FROM records").scalars().all()
        assert len(rows) == 6
        view = [toolkit.vault.read(OFFICER, row, "patient_request") for row in rows]
        return [one.body["patient.name"] for one in view]

    for turn in (1, 2):
        with open_toolkit(home, passphrase, SystemClock(), os.urandom) as toolkit:
            before = names(toolkit)
            assert toolkit.key_room.root_state().generation == turn
            assert toolkit.key_room.root_state().apart is (turn > 1)
            toolkit.key_room.rotate_tenant(toolkit.tenant, "a002", silent)
            toolkit.key_room.rotate_root("a002", silent)
            assert names(toolkit) == before
        with open_toolkit(home, passphrase, SystemClock(), os.urandom) as toolkit:
            assert names(toolkit) == before
            assert toolkit.verify_log().ok
