"""Planted words come out of the house only in the answers to permitted reads."""

# ruff: noqa: ANN401 - keyword changes of any field

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from jinkui.procedures.import_records import import_file
from jinkui.system_clock import SystemClock
from jinkui.wiring.toolkit import open_toolkit
from secure_records.models import Caller

CODE = "12340100490000001M"
NAME, GUARDIAN = "欧阳植标甲", "欧阳植标乙"
ID_NO, GUARDIAN_ID, WRONG_ID = "340100202103171232", "340100198803171234", "340100202103171231"
PHONE, ADDRESS = "13987654321", "植标路九千九百九十九号暗记小区"
EXTERNAL, DIAGNOSIS, TALK = "PLANTED-EXT-7719", "植标性罕见综合征", "植标密语今夜子时"
STRANGER_PHONE, STRANGER_NAME = "13912340987", "查无植标此人"
BORN = "2021-03-17"
PLANTED = {
    "name": NAME,
    "guardian": GUARDIAN,
    "id": ID_NO,
    "guardian id": GUARDIAN_ID,
    "wrong id": WRONG_ID,
    "phone": PHONE,
    "address": ADDRESS,
    "external id": EXTERNAL,
    "diagnosis": DIAGNOSIS,
    "talk": TALK,
    "stranger's phone": STRANGER_PHONE,
    "stranger's name": STRANGER_NAME,
}


def check_digit(first: str) -> str:
    """The last character of a resident number (GB 11643)."""
    weights = [2 ** (17 - index) % 11 for index in range(17)]
    rest = sum(int(c) * w for c, w in zip(first, weights, strict=True)) % 11
    return "10X98765432"[rest]


def spellings(word: str) -> set[bytes]:
    """A word as it could lie around: encodings, escapes, digests are not among them."""
    raw = word.encode()
    found = {
        raw,
        word.encode("utf-16-le"),
        word.encode("gb18030"),
        json.dumps(word)[1:-1].encode(),
        quote(word).encode(),
        binascii.hexlify(raw),
        repr(raw)[2:-1].encode(),
    }
    for shift in range(3):
        # Base 64 inside a longer text: three alignments, without the changing ends.
        coded = base64.b64encode(b"\0" * shift + raw)
        found.add(coded[4 if shift else 0 : len(coded) - 4])
    return {spelling for spelling in found if len(spelling) >= 6}


NEEDLES = {
    name: spellings(word) | (spellings(word[:-1]) if len(word) > 10 else set())
    for name, word in PLANTED.items()
}


def leaks(data: bytes) -> list[str]:
    return [name for name, needles in NEEDLES.items() if any(n in data for n in needles)]


TERMINAL = """
import base64, json, os, sys, traceback
from jinkui.cli.entry import run
orders, answers = sys.stdin, os.fdopen(os.dup(1), "w")
sys.stdin = open(os.devnull)
for order in orders:
    words, paths = json.loads(order)
    files = [os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY) for path in paths]
    os.dup2(files[0], 1), os.dup2(files[1], 2)
    try:
        code = run(words)
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush(), sys.stderr.flush()
    [os.close(file) for file in files]
    print(code, file=answers, flush=True)
"""
"""A terminal that stays: the same command line without starting Python for every command."""


@dataclass
class Premises:
    """One home, driven through the command line only, with everything it ever said."""

    folder: Path
    process: subprocess.Popen[str]
    said: list[tuple[str, bytes]] = field(default_factory=list)
    """Command and its whole output, except answers to permitted reads."""

    def call(self, *words: str, code: int = 0, answer: bool = False) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        paths = [self.folder / "stdout", self.folder / "stderr"]
        order = [["--home", str(self.folder / "home"), *words], [str(path) for path in paths]]
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        left = self.process.stdout.readline().strip()
        out, err = (path.read_bytes() for path in paths)
        assert left == str(code), (words, left, err.decode())
        label = " ".join(words[:6])
        self.said.append((f"{label} (stderr)", err))
        if not answer:
            self.said.append((f"{label} (stdout)", out))
        return out

    def json(self, *words: str, **expected: Any) -> Any:
        return json.loads(self.call(*words, "--json", **expected))


def planted_lines(visits: Path) -> list[dict[str, Any]]:
    """One child's visits in all five kinds, under planted words."""
    every = [orjson.loads(raw) for raw in visits.read_bytes().splitlines()]
    child = next(
        line["subject"]
        for line in every
        if line["kind"] == "prescription" and "guardian" in line["subject"]
    )
    seen: dict[str, dict[str, Any]] = {}
    for line in every:
        if line["subject"] == child:
            seen.setdefault(line["kind"], line)
    lines = list(seen.values())
    assert len(lines) == 5
    for line in lines:
        line["external_id"] = f"{EXTERNAL}-{line['kind']}"
        line["subject"] = {
            **line["subject"],
            "id_no": ID_NO,
            "name": NAME,
            "sex": "1",
            "birth_date": BORN,
            "phone": PHONE,
            "address": ADDRESS,
            "guardian": {"id_no": GUARDIAN_ID, "name": GUARDIAN, "phone": PHONE},
        }
        body = line["body"]
        for place in ("dx", "original_dx"):
            if place in body:
                body[place] = [{**body[place][0], "name": DIAGNOSIS}]
        for message in body.get("messages", ()):
            message["text"] = TALK
    return lines


def bad_lines(good: list[dict[str, Any]]) -> list[bytes]:
    """Lines that each carry planted words into another refusal."""
    by_kind = {line["kind"]: line for line in good}
    rx, visit = by_kind["prescription"], by_kind["outpatient_record"]

    def spoilt(line: dict[str, Any], **changes: Any) -> bytes:
        return orjson.dumps({**line, "external_id": f"{EXTERNAL}-BAD", **changes})

    subject = rx["subject"]
    return [
        orjson.dumps(rx)[:-9],
        b'"' + NAME.encode() + b'"',
        NAME.encode(),
        spoilt(rx, kind=NAME),
        spoilt(rx, subject={**subject, "id_no": WRONG_ID}),
        spoilt(rx, subject={**subject, "sex": NAME}),
        spoilt(rx, subject={**subject, "birth_date": ADDRESS}),
        spoilt(rx, subject={**subject, "phone": NAME}),
        spoilt(rx, subject={**subject, "id_type": DIAGNOSIS}),
        spoilt(rx, subject={**subject, NAME: 1}),
        spoilt(rx, subject={**subject, "guardian": {**subject["guardian"], "id_no": ID_NO}}),
        spoilt(rx, subject=NAME),
        spoilt(rx, institution=NAME),
        spoilt(rx, institution="91340100MA20000010"),
        spoilt(rx, clinician="SYN-D999"),
        spoilt(rx, clinician=NAME),
        spoilt(rx, occurred_at=NAME),
        spoilt(rx, visit=NAME * 60),
        spoilt(rx, media={"path": NAME, "media_type": DIAGNOSIS}),
        spoilt(visit, body={**visit["body"], DIAGNOSIS: DIAGNOSIS}),
        spoilt(visit, body={**visit["body"], "dx": DIAGNOSIS}),
        spoilt(visit, body={**visit["body"], "channel": TALK}),
        orjson.dumps({**visit, "body": {**visit["body"], "chief_complaint": TALK}}),
        b'{"kind":"prescription","kind":"' + NAME.encode() + b'"}',
    ]


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Premises:
    """The story: import, search, read, be refused, assess, have an incident."""
    assert (ID_NO[-1], GUARDIAN_ID[-1]) == (check_digit(ID_NO[:17]), check_digit(GUARDIAN_ID[:17]))
    assert WRONG_ID[-1] != check_digit(WRONG_ID[:17])
    folder = tmp_path_factory.mktemp("premises")
    for name in ("tmp", "nowhere", "outside"):
        (folder / name).mkdir()
    (folder / "passphrase").write_text("correct horse battery staple\n", encoding="ascii")
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "nowhere"),
        "TMPDIR": str(folder / "tmp"),
        "SQLITE_TMPDIR": str(folder / "tmp"),
        "JINKUI_PASSPHRASE_FILE": str(folder / "passphrase"),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", TERMINAL],
        env=surroundings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        house = Premises(folder, process)
        outside = folder / "outside"
        made = house.json(
            "demo", "hospital", "--out", str(outside), "--patients", "12", "--visits", "12"
        )
        house.call("init", "--institution", CODE, "--name", "示范医院", "--profile", "test",
                   "--default-actor", "a004")  # fmt: skip
        house.call("registry", "apply", made["registry"])
        import_and_ask(house, outside, Path(made["visits"]))
        assess_and_report(house, outside)
        assert process.stdin is not None
        process.stdin.close()
    return house


def import_and_ask(house: Premises, outside: Path, visits: Path) -> None:
    good = planted_lines(visits)
    path, bad = outside / "planted.jsonl", outside / "bad.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in good))
    bad.write_bytes(b"\n".join(bad_lines(good)) + b"\n")
    house.json("--as", "a008", "records", "import", str(visits))
    summary = house.json("--as", "a008", "records", "import", str(path))
    assert summary["accepted"] == len(good), summary
    refused = house.json("--as", "a008", "records", "import", str(bad))
    assert refused["accepted"] == 0, refused
    assert refused["refused"] == len(bad_lines(good))
    assert len({row["code"] for row in refused["errors"]}) > 7
    house.call("--as", "a008", "records", "import", str(bad))
    house.call("--as", "a001", "records", "import", str(bad), code=4)

    search = ("--as", "a008", "records", "search", "--purpose", "patient_request", "--by")
    found = house.json(*search, f"id_no={ID_NO}")["records"]
    assert len(found) == len(good)
    house.call(*search, f"phone={PHONE}")
    house.call(*search, f"name_birth={NAME}|{BORN}")
    house.call(*search, f"phone={STRANGER_PHONE}")
    house.call(*search, f"name_birth={STRANGER_NAME}|1990-01-01")
    for wrong in (f"id_no={NAME}", f"phone={NAME}", f"{NAME}={PHONE}", NAME, f"name_birth={NAME}"):
        house.json(*search, wrong, code=2)
    house.json("--as", "a001", "records", "search", "--purpose", "patient_request",
               "--by", f"phone={PHONE}", code=4)  # fmt: skip
    house.json("--as", "a008", "records", "search", "--purpose", NAME, "--by", f"phone={PHONE}",
               code=2)  # fmt: skip
    record = next(row["id"] for row in found if row["kind"] == "prescription")
    get = ("records", "get", record, "--purpose")
    view = house.call("--as", "a008", *get, "patient_request", "--json", answer=True)
    assert {"name", "id", "phone", "address", "diagnosis"} <= set(leaks(view))
    house.json("--as", "a001", *get, "patient_request", code=4)
    house.json("--as", "x001", *get, "dispensing", code=4)
    house.json("records", "inspect", record)
    house.json("records", "get", NAME, "--purpose", "patient_request", code=2)
    house.json("audit", "trail", "--record", record)


def assess_and_report(house: Premises, outside: Path) -> None:
    run = house.json("assess", "run", code=12)["run_id"]
    for form in ("html", "json"):
        house.call("assess", "report", run, "--format", form, "--out", str(outside / f"r.{form}"))
    case = house.json("incident", "open", "--summary", "账号被盗", "--flag", "personal_info_leak")
    case_id = case["case"]
    house.json("incident", "scope", case_id, "--actor", "a008")
    facts = outside / "facts.json"
    facts.write_text('{"pi_leaked_persons": 1}', encoding="ascii")
    house.json("incident", "grade", str(facts), "--case", case_id, "--reason", "初判")
    draft = house.json("incident", "draft", case_id, "--recipient", "individuals")["draft_id"]
    for person in ("a005", "a006"):
        house.json("--as", person, "incident", "release", case_id, draft)
    house.call("incident", "status")
    house.call("doctor")
    house.call("audit", "checkpoint")
    house.call("audit", "trail")
    house.json("audit", "verify")


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_no_file_of_the_home_holds_a_planted_word(premises: Premises) -> None:
    """
    Store, logs beside it, keys, anchor, papers in out/: not a byte of the patient, in any spelling.
    """
    found = {}
    names = set()
    for path in files_of(premises.folder / "home"):
        names.add(path.name)
        found.update({path.name: leak} if (leak := leaks(path.read_bytes())) else {})

    assert {"records.db", "keys.db", "checkpoint", "root.json"} <= names
    assert any(path.suffix == ".html" for path in files_of(premises.folder / "home" / "out"))
    assert found == {}


def test_no_command_said_a_planted_word(premises: Premises) -> None:
    """
    Refusals, searches, trails, assessments and notices name places and counts, never the patient.
    """
    assert len(premises.said) > 60

    assert {label: found for label, said in premises.said if (found := leaks(said))} == {}


def test_no_command_ended_in_a_trace(premises: Premises) -> None:
    """
    Whatever was typed, nothing of the program's inside was printed.
    """
    assert [label for label, said in premises.said if b"Traceback" in said] == []


def test_reports_handed_out_hold_no_planted_word(premises: Premises) -> None:
    """
    Self-assessment reports are about the house, not about its patients.
    """
    for name in ("r.html", "r.json"):
        assert leaks((premises.folder / "outside" / name).read_bytes()) == []


def test_nothing_was_left_in_temporary_folders(premises: Premises) -> None:
    """
    Neither the temporary folder nor the home directory of the account got a file.
    """
    assert files_of(premises.folder / "tmp") == []
    assert files_of(premises.folder / "nowhere") == []


def test_the_files_do_not_open_without_a_key(premises: Premises, tmp_path: Path) -> None:
    """
    Plain SQLite refuses store and key file, and their first bytes say nothing.
    """
    for path in (
        premises.folder / "home" / "records.db",
        premises.folder / "home" / "keys" / "keys.db",
    ):
        copy = tmp_path / path.name
        shutil.copyfile(path, copy)
        assert not copy.read_bytes().startswith(b"SQLite format 3")
        connection = sqlite3.connect(copy)
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            connection.execute("SELECT count(*) FROM sqlite_master")
        connection.close()


def test_the_write_ahead_log_holds_no_planted_word(premises: Premises, tmp_path: Path) -> None:
    """
    While a writer is at work, the files beside the store are as silent as the store itself.
    """
    folder = tmp_path / "copy"
    shutil.copytree(premises.folder / "home", folder / "home")
    shutil.copyfile(premises.folder / "passphrase", folder / "passphrase")
    line = json.loads((premises.folder / "outside" / "planted.jsonl").read_bytes().splitlines()[0])
    line["external_id"] = f"{EXTERNAL}-SECOND"
    path = folder / "second.jsonl"
    path.write_bytes(orjson.dumps(line) + b"\n")
    words = _in_process(folder, path)

    assert {"records.db-wal", "records.db-shm"} <= words.keys()
    assert {name: found for name, found in words.items() if found} == {}


def _in_process(folder: Path, path: Path) -> dict[str, list[str]]:
    """Import with the store kept open, then look at every file before it is closed."""
    home = folder / "home"
    with open_toolkit(home, folder / "passphrase", SystemClock(), os.urandom) as toolkit:
        caller = Caller(actor="a008", role="records_officer")
        summary = import_file(toolkit, caller, path, lambda _done: None)
        assert summary.accepted == 1
        toolkit.vault.search(caller, {"phone": PHONE}, "patient_request")
        return {file.name: leaks(file.read_bytes()) for file in files_of(home)}


def test_the_needles_find_what_is_there() -> None:
    """
    The search itself works: each planted word is found in each of its spellings.
    """
    for name, word in PLANTED.items():
        wrapped = (
            f"x{word}y".encode(),
            orjson.dumps({"a": word}),
            json.dumps({"a": word}).encode(),
            base64.b64encode(f"ab{word}cd".encode()),
            f"x{word}y".encode("utf-16-le"),
        )
        assert all(name in leaks(text) for text in wrapped), name
