"""What each command prints with --json is what its published schema says.

One story through all commands, in this process, on a played demo home and a new one;
then every document it produced is held against ``docs/reference/json``.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import click
import pytest

from jinkui.cli.entry import root, run
from jinkui.procedures.demonstration.play import set_the_stage
from jinkui.procedures.demonstration.stage import provincial_platform
from jinkui.system_clock import SystemClock
from shared_kernel.instants import instant_text, parse_instant

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "reference" / "json"
AGREEMENTS = ROOT / "config" / "examples" / "agreements"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
CODE, NAME = "12340100490000001M", "金匮示范互联网医院"

Document: TypeAlias = Any
"""A JSON value, or a schema."""

CONTRACT = {
    "doctor": "ok checks",
    "records-import": "accepted refused already_present errors",
    "records-search": "records next_cursor disclosure_id",
    "records-get": "id kind version body masked disclosure_id",
    "records-media": "id media media_type size start end sm3 sha256 out disclosure_id",
    "records-media-check": "ok recordings checked faults",
    "records-orphans": "orphans removed",
    "agreements-explain": "decision fields obligations reasons",
    "audit-verify": "ok size root first_bad_index checks",
    "audit-trail": "entries next_cursor",
    "retention-until": "retain_until rule citation verified",
    "assess-items": "edition items",
    "assess-run": "run_id facts seconds results coverage verdicts",
    "assess-verdict": "2021 2025",
    "assess-verify": "ok recomputed mismatches",
    "incident-duties": "duties",
    "incident-grade": "severity criteria next",
    "incident-scope": "subjects records fields minors entries proofs_ok bounds partners",
    "supervision-receipts": "receipts",
}
"""Command to the keys that scripts may rely on."""

CONTRACT_ROWS = {
    ("doctor", "checks"): "id ok detail hint",
    ("records-import", "errors"): "line code reason",
    ("records-search", "records"): "id kind version created_at",
    ("agreements-explain", "reasons"): "code clause text",
    ("audit-trail", "entries"): "index at actor action purpose record decision",
    ("assess-items", "items"): "id category control_point automation importance zh en",
    ("assess-run", "results"): "item object outcome observed expected",
    ("incident-duties", "duties"): "rule_id recipient due_at limit_text citation verified content",
    ("incident-grade", "criteria"): "metric threshold value citation verified",
    ("supervision-receipts", "receipts"): "message_id resource state digest received_at",
}


def schema(name: str) -> Document:
    return json.loads((PUBLISHED / f"{name}.schema.json").read_text("utf-8"))


def commands_with_json() -> set[str]:
    """Every command that has --json, its words joined by hyphens."""
    found: set[str] = set()
    with click.Context(root) as context:
        waiting: list[tuple[str, click.Command]] = [("", root)]
        while waiting:
            name, command = waiting.pop()
            if any("--json" in option.opts for option in command.params):
                found.add(name)
            if isinstance(command, click.Group):
                for word in command.list_commands(context):
                    child = command.get_command(context, word)
                    assert child is not None
                    waiting.append((f"{name}-{word}".lstrip("-"), child))
    return found


# --- a checker for exactly the keywords that the schemas use ---------------------------------

KINDS: Mapping[str, Any] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "null": lambda v: v is None,
}
SILENT = {"$schema", "$id", "$defs", "title", "description"}
SPOKEN = {
    "type", "required", "properties", "additionalProperties", "items", "enum", "const",
    "minimum", "maximum", "pattern", "format", "anyOf", "$ref",
}  # fmt: skip


def faults(rule: Document, value: Document, whole: Document, at: str = "$") -> Iterator[str]:
    """Every place where ``value`` breaks ``rule``; an unknown keyword is an error of the schema."""
    unknown = set(rule) - SILENT - SPOKEN
    if unknown:
        raise ValueError(f"the checker does not know {sorted(unknown)} at {at}")
    if "$ref" in rule:
        yield from faults(whole["$defs"][rule["$ref"].removeprefix("#/$defs/")], value, whole, at)
    if "anyOf" in rule and all([*faults(part, value, whole, at)] for part in rule["anyOf"]):
        yield f"{at}: fits no alternative"
    kinds = rule.get("type", [*KINDS])
    if not any(KINDS[kind](value) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{at}: not of type {kinds}"
        return
    if "enum" in rule and value not in rule["enum"]:
        yield f"{at}: not one of {rule['enum']}"
    if "const" in rule and value != rule["const"]:
        yield f"{at}: not {rule['const']}"
    if isinstance(value, str):
        yield from _text_faults(rule, value, at)
    if KINDS["number"](value) and not (
        rule.get("minimum", value) <= value <= rule.get("maximum", value)
    ):
        yield f"{at}: out of range"
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from faults(rule.get("items", {}), item, whole, f"{at}[{place}]")
    if isinstance(value, dict):
        yield from (
            f"{at}: {key} is missing" for key in rule.get("required", ()) if key not in value
        )
        known, rest = rule.get("properties", {}), rule.get("additionalProperties", {})
        for key, item in value.items():
            yield from faults(known.get(key, rest), item, whole, f"{at}.{key}")


def _text_faults(rule: Document, value: str, at: str) -> Iterator[str]:
    if "pattern" in rule and not re.search(rule["pattern"], value):
        yield f"{at}: does not match {rule['pattern']}"
    if rule.get("format") == "date-time":
        try:
            parse_instant(value, at)
        except ValueError:
            yield f"{at}: no instant"
    elif rule.get("format") not in {None, "date"}:
        raise ValueError(f"the checker does not know the format {rule['format']}")
    elif "format" in rule and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        yield f"{at}: no date"


# --- the story -----------------------------------------------------------------------------


@dataclass
class Story:
    """Runs commands and keeps what they said."""

    folder: Path
    home: Path
    said: dict[str, list[Any]] = field(default_factory=dict)

    def tell(self, name: str, *words: str, expect: int = 0, actor: str = "") -> Document:
        """One command; ``name`` is the schema its document belongs to."""
        front = ["--home", str(self.home), *(["--as", actor] if actor else [])]
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([*front, *words, "--json"])
        assert code == expect, (words, code, err.getvalue())
        raw = out.buffer
        assert isinstance(raw, io.BytesIO)
        document = json.loads(raw.getvalue())
        self.said.setdefault(name, []).append(document)
        return document

    def write(self, name: str, value: Document) -> str:
        """A JSON file for a command to read."""
        path = self.folder / name
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        return str(path)


def set_up_a_home(story: Story) -> None:
    """A second home from nothing: init, hospital, registry, import."""
    demo_home, story.home = story.home, story.folder / "new"
    (story.folder / "passphrase").write_text("correct horse battery staple\n", "ascii")
    key = ("--passphrase-file", str(story.folder / "passphrase"))
    head = ("--institution", CODE, "--name", NAME, "--profile", "test", "--default-actor", "a008")
    story.tell("init", *key, "init", *head)
    story.tell("error", *key, "init", *head, expect=4)
    hospital = str(story.folder / "hospital")
    size = ("--patients", "20", "--visits", "40", "--bad-lines", "4")
    files = story.tell("demo-hospital", "demo", "hospital", "--out", hospital, *size)
    story.tell("registry-apply", *key, "registry", "apply", files["registry"])
    story.tell("registry-list", *key, "registry", "list", actor="a002")
    (story.folder / "password").write_text("a long night 2026\n", "ascii")
    password = ("registry", "password", "a002", "--file", str(story.folder / "password"))
    story.tell("registry-password", *key, *password, actor="a002")
    imported = story.tell("records-import", *key, "records", "import", files["visits"])
    assert imported["refused"] == len(files["refusals"])
    story.tell("records-import", *key, "records", "import", files["visits"])
    story.tell("supervision-receipts", *key, "supervision", "receipts", expect=4)
    story.said["error"].append(story.said["supervision-receipts"].pop())
    story.tell("agreements-list", *key, "agreements", "list", actor="a002")
    keep_a_recording(story, key, Path(files["visits"]))
    story.tell("doctor", *key, "doctor")
    story.tell("upgrade", *key, "upgrade", "--dry-run")
    saved, keys = story.folder / "saved", story.folder / "saved-keys"
    story.tell("backup", *key, "backup", str(saved), "--keys-to", str(keys), actor="a002")
    story.tell("backup", *key, "backup", str(story.folder / "alone"), actor="a002")
    anchor = ("--anchor", str(story.home / "anchor" / "checkpoint"))
    story.home = story.folder / "restored"
    story.tell("restore", *key, "restore", str(saved), "--keys", str(keys))
    story.tell("doctor", *key, "doctor")
    story.home = story.folder / "declared"
    back = ("restore", str(saved), "--keys", str(keys), *anchor)
    story.tell("error", *key, *back, expect=3)
    story.tell("restore", *key, *back, "--declare-rollback")
    declare = ("rollback", "--by", "a005", "--by", "a006", "--reason", "由备份恢复")
    story.tell("rollback", *key, *declare, "--dry-run")
    story.tell("rollback", *key, *declare)
    story.tell("doctor", *key, "doctor")
    use_keys(story, key)
    story.home = demo_home


def keep_a_recording(story: Story, key: tuple[str, ...], visits: Path) -> None:
    """A line with a file beside it, fetched by range; the store of recordings looked after."""
    texts = visits.read_text("utf-8").splitlines()
    good = (text for text in texts if "chat_transcript" in text and "SYN-BAD" not in text)
    line = json.loads(next(good))
    line["external_id"] += "-recorded"
    line["media"] = {"path": "a.wav", "media_type": "audio/wav"}
    (story.folder / "a.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE" + bytes(50_000))
    story.tell("records-import", *key, "records", "import", story.write("recorded.jsonl", line))
    stored = story.tell(
        "audit-trail", *key, "audit", "trail", "--newest", "--limit", "1", actor="a004"
    )
    [record] = [entry["record"] for entry in stored["entries"]]
    fetch = ("records", "media", record, "--purpose", "patient_request")
    out = story.folder / "fetched"
    story.tell("records-media", *key, *fetch, "--out", str(out))
    assert out.read_bytes() == (story.folder / "a.wav").read_bytes()
    part = story.tell("records-media", *key, *fetch, "--out", str(out), "--range", "8-11")
    assert (out.read_bytes(), part["start"], part["end"]) == (b"WAVE", 8, 12)
    story.tell("error", *key, *fetch, "--out", str(out), "--range", "11-8", expect=2)
    story.tell("records-media-check", *key, "records", "media-check")
    [sealed] = (story.home / "media").glob("*/*")
    left_over = sealed.with_name("0" * 64)
    left_over.write_bytes(sealed.read_bytes())
    os.utime(left_over, (0, 0))
    sealed.rename(story.folder / "aside")
    story.tell("records-media-check", *key, "records", "media-check", "--whole", expect=3)
    (story.folder / "aside").rename(sealed)
    story.tell("records-orphans", *key, "records", "orphans")
    story.tell("records-orphans", *key, "records", "orphans", "--remove")
    story.tell("records-orphans", *key, "records", "orphans", "--remove")


def use_keys(story: Story, key: tuple[str, str]) -> None:
    """Status, both rotations, lowest version, a new passphrase."""
    admin = "a002"
    story.tell("keys-status", *key, "keys", "status", actor=admin)
    story.tell("keys-rotate", *key, "keys", "rotate", "tenant", "--dry-run", actor=admin)
    for what in ("tenant", "root"):
        assert story.tell("keys-rotate", *key, "keys", "rotate", what, actor=admin)["rows"]
    story.tell("keys-minimum", *key, "keys", "minimum", "tenant", "2", actor=admin)
    story.tell("error", *key, "keys", "minimum", "tenant", "1", actor=admin, expect=4)
    story.tell("error", *key, "keys", "rotate", "root", actor="a008", expect=4)
    (story.folder / "fresh").write_text("a staple is no battery\n", "ascii")
    new = ("--new-file", str(story.folder / "fresh"))
    story.tell("keys-passphrase", *key, "keys", "passphrase", *new, actor=admin)
    story.tell("error", *key, "keys", "status", actor=admin, expect=4)
    fresh = ("--passphrase-file", str(story.folder / "fresh"))
    story.tell("keys-status", *fresh, "keys", "status", actor=admin)
    people = []
    for number in range(3):
        folder = story.folder / f"person-{number}"
        folder.mkdir()
        (folder / "secret").write_text(f"my own passphrase {number}\n", "ascii")
        own = ("--name", f"保管人{number}", "--secret-file", str(folder / "secret"))
        words = ("keys", "shares", "person", *own, "--out", str(folder))
        people.append(story.tell("keys-shares-person", *words))
    circle = (str(person["public"]) for person in people)
    out = ("--out", str(story.folder / "shares"))
    made = story.tell(
        "keys-shares-make", *fresh, "keys", "shares", "make", *circle, *out, actor=admin
    )
    words = ("keys", "shares", "recover", "--new-file", str(story.folder / "passphrase"))
    for person, share in list(zip(people, made["shares"], strict=True))[1:]:
        secret = Path(person["private"]).parent / "secret"
        words += (
            "--share",
            share["path"],
            "--key",
            person["private"],
            "--secret-file",
            str(secret),
        )
    story.tell("keys-shares-recover", *words, actor=admin)
    story.tell("keys-status", *key, "keys", "status", actor=admin)


def use_records(story: Story) -> None:
    """Search, get, inspect; agreements; the log."""
    entries = story.tell("audit-trail", "audit", "trail", "--action", "record.stored")["entries"]
    record = next(e["record"] for e in entries if e["kind"] == "prescription")
    story.tell("audit-trail", "audit", "trail", "--limit", "3", "--newest")
    story.tell("audit-trail", "audit", "trail", "--actor", "nobody")
    story.tell("records-inspect", "records", "inspect", record)
    story.tell(
        "records-get",
        "records", "get", record, "--purpose", "quality_control",
        actor="a007",
    )  # fmt: skip
    story.tell(
        "records-get",
        "records", "get", record, "--purpose", "dispensing",
        actor="x001",
    )  # fmt: skip
    line = (story.home / "input" / "visits.jsonl").read_text("utf-8").splitlines()[0]
    for phone in (json.loads(line)["subject"]["phone"], "13800000000"):
        by = ("--by", f"phone={phone}", "--purpose", "quality_control", "--limit", "2",
              "--kind", "consent", "--from", "2020-01-01T00:00:00+08:00")  # fmt: skip
        story.tell("records-search", "records", "search", *by, actor="a007")
    story.tell("error", "records", "get", record, "--purpose", "dispensing", actor="x003", expect=4)
    leaving = ("--purpose", "supervision", "--format", "archive")
    out = str(story.folder / "all.jsonl")
    story.tell("records-export", "records", "export", out, *leaving, "--dry-run", actor="a008")
    story.tell("records-export", "records", "export", out, *leaving, actor="a008")
    story.tell("error", "records", "export", out, *leaving, actor="a008", expect=4)
    story.tell("error", "records", "get", "rec_" + "0" * 26, "--purpose", "treatment", expect=5)
    story.tell("error", "records", "get", expect=2)
    amend_a_record(story)
    story.tell("records-reindex", "records", "reindex", "phone", actor="a002")
    story.tell("records-reindex", "records", "reindex", "--status", actor="a002")
    story.tell("error", "records", "reindex", "phone", actor="a008", expect=4)
    story.tell("records-leakage", "records", "leakage", actor="a002")
    story.tell("records-canary", "records", "canary", record, actor="a002")
    story.tell("error", "records", "canary", record, actor="a008", expect=4)
    story.tell("records-schema", "records", "schema", "consent")
    story.tell("agreements-list", "agreements", "list", actor="a002")
    new = ("agreements", "apply", str(AGREEMENTS / "medical_alliance.yaml"))
    story.tell("agreements-apply", *new, "--dry-run")
    end = ("agreements", "end", "cloud-operation")
    story.tell("agreements-end", *end, "--dry-run")
    story.tell("agreements-end", *end)
    story.tell("registry-credential", "registry", "credential", "x001")
    request = {
        "actor": "x001",
        "role": "pharmacist",
        "purpose": "dispensing",
        "kind": "prescription",
        "fields": ["patient.name", "lines"],
        "grade": 4,
        "at": "2026-03-01T09:00:00+08:00",
        "subject_consents": [],
        "staff": None,
    }
    pharmacy = str(AGREEMENTS / "pharmacy.yaml")
    asked = story.write("request.json", request)
    story.tell("agreements-explain", "agreements", "explain", pharmacy, asked)
    asked = story.write("request.json", {**request, "role": "thief"})
    story.tell("agreements-explain", "agreements", "explain", pharmacy, asked)
    story.tell("audit-verify", "audit", "verify")
    story.tell("audit-checkpoint", "audit", "checkpoint")
    events = story.write("events.json", [{"event": "visit", "at": "2026-02-28T10:00:00+08:00"}])
    story.tell("retention-until", "retention", "until", "outpatient_record", events)


def amend_a_record(story: Story) -> None:
    """A further version, the same again under its key, what became of the record."""
    lines = (story.home / "input" / "visits.jsonl").read_text("utf-8").splitlines()
    line = next(each for each in map(json.loads, lines) if each["kind"] == "outpatient_record")
    phone = ("--by", f"phone={line['subject']['phone']}", "--purpose", "quality_control")
    found = story.tell("records-search", "records", "search", *phone, actor="a007")["records"]
    get = ("--purpose", "quality_control", "--field", "visit")
    record = next(
        hit["id"]
        for hit in found
        if hit["kind"] == line["kind"]
        and story.tell("records-get", "records", "get", hit["id"], *get, actor="a007")["body"]
        == {"visit": line["visit"]}
    )
    line["body"]["allergy"] = "更正后的过敏史"
    words = ("records", "amend", record, story.write("line.json", line))
    why = ("--expect-version", "1", "--reason", "clerical_error", "--key", "ticket-1")
    for again in (False, True):
        receipt = story.tell("records-amend", *words, *why, actor="a008")
        assert receipt["already_present"] is again
    story.tell("error", *words, *why[:4], actor="a008", expect=4)
    story.tell("error", *words, *why[:4], actor="a002", expect=4)
    purpose = ("--purpose", "patient_request")
    story.tell("records-history", "records", "history", record, *purpose, actor="a008")
    first = ("records", "get", record, *purpose, "--version", "1")
    assert story.tell("records-get", *first, actor="a008")["version"] == 1


def adopt_columns(story: Story) -> None:
    """A platform's table: tried, sealed, put back, sealed again, finished."""
    database = story.folder / "platform.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE contacts (id INTEGER PRIMARY KEY, phone TEXT)")
        connection.execute("INSERT INTO contacts VALUES (1, '13800000001')")
    connection.close()
    address = story.folder / "address"
    address.write_text(f"sqlite:///{database}\n", "utf-8")
    table = {"table": "contacts", "primary_key": ["id"], "columns": [{"column": "phone"}]}
    plan = story.write("plan.yaml", {"schema": "jinkui.adoption/1", "tables": [table]})
    words = (plan, "--database-url-file", str(address))
    tried = story.tell("adopt-run", "adopt", "run", *words, "--dry-run", actor="a002")
    assert tried["columns"][0]["plain"] == 1
    story.tell("adopt-begin", "adopt", "begin", *words, actor="a002")
    story.tell("adopt-run", "adopt", "run", *words, actor="a002")
    story.tell("adopt-revert", "adopt", "revert", *words, "--dry-run", actor="a002")
    story.tell("adopt-revert", "adopt", "revert", *words, actor="a002")
    story.tell("error", "adopt", "finish", *words, actor="a002", expect=4)
    story.tell("error", "adopt", "run", *words, actor="a007", expect=4)
    story.tell("error", "adopt", "run", plan, actor="a002", expect=2)
    story.tell("adopt-run", "adopt", "run", *words, actor="a002")
    story.tell("adopt-status", "adopt", "status", *words, actor="a002")
    done = story.tell("adopt-finish", "adopt", "finish", *words, actor="a002")
    assert (done["sampled"], done["columns"][0]["state"]) == (1, "finished")


def use_assessments(story: Story) -> None:
    """Items, settings, a run, its report, its verification; verdicts of own results."""
    story.tell("assess-items", "assess", "items")
    settings = story.tell("assess-settings", "assess", "settings")["settings"]
    assert settings
    ran = story.tell("assess-run", "assess", "run", expect=12)
    out = str(story.folder / "report.json")
    story.tell("assess-report", "assess", "report", ran["run_id"], "--format", "json", "--out", out)
    story.tell("assess-verify", "assess", "verify", out)
    results = [{"item": "8.1.4.1.a", "object": "host", "outcome": "pass"}]
    story.tell("assess-verdict", "assess", "verdict", story.write("r.json", results))
    results[0]["outcome"] = "not_evaluated"
    story.tell("assess-verdict", "assess", "verdict", story.write("r.json", results), expect=12)
    results[0]["outcome"] = "not_applicable"
    story.tell("assess-verdict", "assess", "verdict", story.write("r.json", results), expect=12)


def use_incidents(story: Story) -> None:
    """Pure answers, then a case from its opening to a filing by hand."""
    aware = ("--aware-at", "2026-03-01T03:00:00+08:00")
    who = ("--operator", "medical_institution", "--operator", "pi_handler")
    severe = ("--severity", "major", "--flag", "personal_info_leak")
    story.tell("incident-duties", "incident", "duties", *who, *severe, *aware)
    facts = story.write("facts.json", {"pi_leaked_persons": 1_200_000})
    story.tell("incident-grade", "incident", "grade", facts)
    facts = story.write("facts.json", {})
    story.tell("incident-grade", "incident", "grade", facts)
    opened = story.tell(
        "incident-open",
        "incident", "open", "--summary", "合作方凭据疑似被盗", "--flag", "personal_info_leak",
    )  # fmt: skip
    case = opened["case"]
    facts = story.write("facts.json", {"pi_leaked_persons": 60})
    story.tell("incident-grade", "incident", "grade", facts, "--case", case, "--reason", "按门槛")
    story.tell("incident-scope", "incident", "scope", case, "--partner", "demo-pharmacy")
    recipient = ("--recipient", "provincial_cac")
    draft = story.tell("incident-draft", "incident", "draft", case, *recipient)["draft_id"]
    for person in ("a005", "a006"):
        story.tell("incident-release", "incident", "release", case, draft, actor=person)
    proof = story.write("proof.json", {"handed": "in"})
    filed = story.tell("incident-file", "incident", "file", case, draft, "--proof", proof)
    kept = ("incident", "evidence", case, filed["proof_digest"])
    story.tell("incident-evidence", *kept, "--out", str(story.folder / "kept.json"))
    story.tell("incident-state", "incident", "state", case, "cause=凭据被盗")
    story.tell("incident-prove", "incident", "prove", case, "CSL-R01-event", proof)
    letter = story.tell("incident-draft", "incident", "draft", case, "--recipient", "individuals")
    for person in ("a005", "a006"):
        words = ("incident", "release", case, letter["draft_id"])
        story.tell("incident-release", *words, actor=person)
    notify = ("incident", "notify", case, letter["draft_id"])
    story.tell("incident-notify", *notify, "--dry-run")
    story.tell("incident-notify", *notify)
    story.tell("incident-timeline", "incident", "timeline", case)
    story.tell("incident-status", "incident", "status")
    story.tell("error", "incident", "close", case, "--reason", "尚欠报告", expect=4)
    release_alone(story)
    end_a_false_alarm(story)
    kept = story.tell("doctor", "doctor")["checks"]
    assert next(check for check in kept if check["id"] == "evidence")["detail"].startswith("4 ")


def release_alone(story: Story) -> None:
    """Near the end of a clock one person may release; another one reviews it."""
    aware = instant_text(SystemClock().now() - timedelta(hours=3, minutes=40))
    words = ("--summary", "夜间发现异常导出", "--flag", "personal_info_leak", "--aware-at", aware)
    case = story.tell("incident-open", "incident", "open", *words)["case"]
    facts = story.write("facts.json", {})
    decided = ("--case", case, "--decide", "relatively_major", "--reason", "从严")
    story.tell("incident-grade", "incident", "grade", facts, *decided)
    recipient = ("--recipient", "provincial_cac")
    draft = story.tell("incident-draft", "incident", "draft", case, *recipient)["draft_id"]
    alone = ("incident", "release", case, draft, "--emergency", "时限将至，无第二人在岗")
    assert story.tell("incident-release", *alone, actor="a005")["released"]
    review = ("incident", "review", case, draft, "--outcome", "内容属实，予以追认")
    story.tell("incident-review", *review, actor="a002")


def end_a_false_alarm(story: Story) -> None:
    """The shortest way from opening to closing."""
    words = ("--summary", "误报核实", "--operator", "other_network_operator")
    case = story.tell("incident-open", "incident", "open", *words)["case"]
    facts = story.write("facts.json", {})
    story.tell("incident-grade", "incident", "grade", facts, "--case", case, "--reason", "误报")
    story.tell("incident-handled", "incident", "handled", case)
    story.tell("incident-close", "incident", "close", case, "--reason", "核实为误报")


def use_supervision(story: Story) -> None:
    """Receipts of the played demonstration; an official result taken in and tried."""
    receipts = story.tell("supervision-receipts", "supervision", "receipts")["receipts"]
    story.tell("supervision-verify", "supervision", "verify", receipts[0]["message_id"])
    out = story.home / "out"
    [description] = out.glob("official-*.json")
    report = description.with_suffix(".pdf")
    again = json.loads(description.read_text("utf-8")) | {"report_number": "SYN-OTHER-【2025版】"}
    changed = story.write("official.json", again)
    taken = story.tell("supervision-official", "supervision", "official", changed, str(report))
    send = ("supervision", "send", taken["evaluation"], "--report", str(report))
    story.tell("supervision-send", *send, "--dry-run")
    (story.folder / "secret").write_bytes(bytes(range(16)))
    settings = story.home / "home.toml"
    toolkit, stage = set_the_stage(story.home, patients=30, visits=120)
    with toolkit, provincial_platform(stage) as platform:
        text = settings.read_text("utf-8").replace(stage.platform.base_url, platform.base_url)
        settings.write_text(text, encoding="utf-8")
        assert story.tell("supervision-send", *send)["outcomes"]
        secret = ("supervision", "secret", "exchange_key", "--file", str(story.folder / "secret"))
        story.tell("supervision-secret", *secret, actor="a002")
        again |= {"report_number": "SYN-THIRD-【2025版】"}
        changed = story.write("official.json", again)
        story.tell("supervision-official", "supervision", "official", changed, str(report))
        send = ("supervision", "send", again["report_number"], "--report", str(report))
        [held] = story.tell("supervision-send", *send, expect=6)["outcomes"]
        decided = ("supervision", "settle", held["message_id"], "give-up", "--reason", "演练")
        story.tell("supervision-settle", *decided)


def serve_once(story: Story) -> None:
    """The daemon says its address in one document, too."""
    words = [sys.executable, "-c", "from jinkui.cli.entry import main; main()"]
    with subprocess.Popen(
        [*words, "--home", str(story.home), "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        story.said["serve"] = [json.loads(process.stdout.read())]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Any]]:
    """Schema name to the documents that were printed."""
    folder = tmp_path_factory.mktemp("schemas")
    story = Story(folder, folder / "demo")
    size = ("--patients", "30", "--visits", "120")
    story.tell("demo", "demo", "--no-serve", *size)
    set_up_a_home(story)
    use_records(story)
    adopt_columns(story)
    use_assessments(story)
    use_incidents(story)
    use_supervision(story)
    serve_once(story)
    return story.said


# --- the rules -----------------------------------------------------------------------------


def test_every_command_with_json_has_a_schema_and_none_is_left_over() -> None:
    """
    Who adds --json to a command publishes its schema; who removes the command removes it.
    """
    published = {path.name.removesuffix(".schema.json") for path in PUBLISHED.glob("*.schema.json")}

    assert {name for name in published if not name.startswith("record-")} == {
        *commands_with_json(),
        "error",
    }


@pytest.mark.parametrize("name", sorted({*commands_with_json(), "error"}))
def test_the_document_is_what_the_schema_says(name: str, said: Mapping[str, list[Any]]) -> None:
    """
    Every document of the story fits, and each schema was tried at least once.
    """
    rule = schema(name)

    assert rule["$schema"] == DIALECT
    assert rule["$id"] == name
    assert said[name]
    assert [fault for document in said[name] for fault in faults(rule, document, rule)] == []


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_the_schema_requires_what_scripts_rely_on(name: str) -> None:
    """
    No key of the contract may become optional.
    """
    assert set(CONTRACT[name].split()) <= set(schema(name)["required"])


@pytest.mark.parametrize("place", sorted(CONTRACT_ROWS), ids="-".join)
def test_the_rows_require_what_scripts_rely_on(place: tuple[str, str]) -> None:
    """
    The same for the rows inside a document.
    """
    name, key = place

    assert set(CONTRACT_ROWS[place].split()) <= set(
        schema(name)["properties"][key]["items"]["required"]
    )


@pytest.mark.parametrize("name", sorted({*commands_with_json(), "error"}))
def test_no_schema_forbids_further_keys(name: str) -> None:
    """
    The contract is extended, never renamed: a reader must accept keys that it does not know.
    """
    assert '"additionalProperties": false' not in json.dumps(schema(name))


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_a_missing_key_would_be_noticed(name: str, said: Mapping[str, list[Any]]) -> None:
    """
    The checker itself: each contract key taken away is named as missing.
    """
    rule, document = schema(name), said[name][0]
    for key in CONTRACT[name].split():
        poorer = {k: v for k, v in document.items() if k != key}
        assert f"$: {key} is missing" in [*faults(rule, poorer, rule)]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"type": "integer"}, True),
        ({"type": ["string", "null"]}, 1),
        ({"enum": ["a"]}, "b"),
        ({"const": 1}, 2),
        ({"minimum": 0}, -1),
        ({"maximum": 5}, 6),
        ({"pattern": "^a$"}, "b"),
        ({"format": "date-time"}, "2026-03-01T09:00:00"),
        ({"format": "date"}, "1.3.2026"),
        ({"items": {"type": "string"}}, [1]),
        ({"properties": {"a": {"type": "string"}}}, {"a": 1}),
        ({"additionalProperties": {"type": "string"}}, {"a": 1}),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, 1),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, 1),
    ],
)
def test_the_checker_finds_what_does_not_fit(rule: Document, value: Document) -> None:
    """
    Each keyword, broken once.
    """
    assert [*faults(rule, value, rule)] != []


def test_the_checker_refuses_a_keyword_that_it_does_not_know() -> None:
    """
    A keyword that nobody checks would be a promise that nobody keeps.
    """
    with pytest.raises(ValueError, match="uniqueItems"):
        list(faults({"uniqueItems": True}, [], {}))
