"""What scripts may rely on: one JSON document, promised keys, exit codes, refusals with a hint."""

from __future__ import annotations

import json
import re
import shutil
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine, Said, Site

PHARMACY = "pharmacy.yaml"
NOBODY = "rec_" + "0" * 26
NO_CASE = "inc_" + "0" * 26
NO_RUN = "run_" + "0" * 26
REQUEST = {
    "actor": "x001",
    "role": "pharmacist",
    "purpose": "dispensing",
    "kind": "prescription",
    "fields": ["patient.name", "lines", "history"],
    "grade": 4,
    "at": "2026-03-01T08:00:00+08:00",
    "subject_consents": [],
    "staff": None,
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")


def write(path: Path, value: Any) -> Path:  # noqa: ANN401 - any JSON
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def refused(said: Said, code: int, name: str | None = None) -> dict[str, Any]:
    """A refusal in the promised form: exit code, one document, ``hint:`` last, no trace."""
    assert said.code == code, said.told()
    assert "Traceback" not in said.err, said.told()
    error = said.document["error"]
    assert {"code", "message", "where", "hint"} <= error.keys(), said.told()
    assert error["message"], said.told()
    assert error["hint"], said.told()
    assert said.err.rstrip().splitlines()[-1].startswith("hint:"), said.told()
    if name is not None:
        assert error["code"] == name, said.told()
    return dict(error)


# Pure commands: no home, an empty HOME


def test_explain_answers_without_a_home(bare: CommandLine, site: Site) -> None:
    """
    decision, fields, obligations and reasons with code, clause and text; agreed and not agreed.
    """
    asked = write(bare.folder / "request.json", REQUEST)
    other = write(bare.folder / "other.json", {**REQUEST, "kind": "chat_transcript"})
    agreement = site.folder / PHARMACY
    yes, no = (
        said.must()
        for said in bare.many(
            [("agreements", "explain", agreement, path, "--json") for path in (asked, other)]
        )
    )
    for answer in (yes, no):
        assert {"decision", "fields", "obligations", "reasons"} <= answer.keys()
        assert answer["reasons"]
        assert all({"code", "clause", "text"} <= row.keys() for row in answer["reasons"])
    assert yes["decision"] == "permit"
    assert yes["fields"] == {"patient.name": "mask", "lines": "clear", "history": "withhold"}
    assert (no["decision"], set(no["fields"].values())) == ("deny", {"withhold"})


@pytest.mark.parametrize(
    ("kind", "event", "at", "until"),
    [
        ("outpatient_record", "visit", "2026-03-01T10:00:00+08:00", "2041-03-01"),
        ("outpatient_record", "visit", "2024-02-29T10:00:00+08:00", "2039-02-28"),
        ("chat_transcript", "visit_end", "2026-03-01T23:30:00Z", "2029-03-02"),
        ("inpatient_record", "discharge", "2026-01-31T10:00:00+08:00", "2056-01-31"),
        ("prescription_ordinary", "issued", "2026-03-01T10:00:00+08:00", "2027-03-01"),
        ("prescription_class2_psychotropic", "issued", "2026-03-01T10:00:00+08:00", "2028-03-01"),
        ("prescription_narcotic", "issued", "2026-03-01T10:00:00+08:00", "2029-03-01"),
        ("impact_assessment", "completed", "2026-03-01T10:00:00+08:00", "2029-03-01"),
    ],
)
def test_retention_counts_as_the_civil_code_counts(
    bare: CommandLine, kind: str, event: str, at: str, until: str
) -> None:
    """
    The corresponding day in China time, or the last of its month; with rule and citation.
    """
    events = write(bare.folder / "events.json", [{"event": event, "at": at}])

    answer = bare.json("retention", "until", kind, events)

    assert {"retain_until", "rule", "citation", "verified"} <= answer.keys()
    assert answer["retain_until"] == until
    assert isinstance(answer["verified"], bool)


def test_assess_items_lists_the_whole_catalogue(bare: CommandLine) -> None:
    """
    211 general items with id, category, control point, automation, importance and both texts.
    """
    answer = bare.json("assess", "items")

    rows = answer["items"]
    keys = {"id", "category", "control_point", "automation", "importance", "zh", "en"}
    assert answer["edition"]
    assert all(keys <= row.keys() for row in rows)
    assert {row["automation"] for row in rows} <= {"auto", "part", "manual"}
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) == 211
    assert "8.1.4.1.a" in ids


@pytest.mark.parametrize(
    ("outcomes", "conclusion", "code"),
    [
        (["pass"] * 10, "符合", 0),
        (["pass"] * 9 + ["fail"], "基本符合", 10),
        (["pass"] * 6 + ["fail"] * 4, "不符合", 11),
        (["pass"] + ["not_evaluated"] * 9, None, 12),
    ],
)
def test_verdict_of_results_and_its_exit_code(
    bare: CommandLine, outcomes: list[str], conclusion: str | None, code: int
) -> None:
    """
    0 conform, 10 partly, 11 not, 12 gaps; the base is exactly the items given.
    """
    items = [row["id"] for row in bare.json("assess", "items")["items"]]
    results = [
        {"item": item, "object": "host", "outcome": outcome}
        for item, outcome in zip(items, outcomes, strict=False)
    ]

    answer = bare.json("assess", "verdict", write(bare.folder / "r.json", results), code=code)

    assert {"score", "grade", "technical", "management"} <= answer["2021"].keys()
    assert {"rate_low", "rate_high", "major_risks", "conclusion"} <= answer["2025"].keys()
    if conclusion is not None:
        assert answer["2025"]["conclusion"] == conclusion
    assert 0 <= answer["2025"]["rate_low"] <= answer["2025"]["rate_high"] <= 1


def test_duties_name_recipient_limit_citation_and_content(bare: CommandLine) -> None:
    """
    Every duty carries the promised keys; the four-hour report is due four hours after awareness.
    """
    answer = bare.json(
        "incident", "duties", "--operator", "other_network_operator", "--operator", "pi_handler",
        "--severity", "relatively_major", "--flag", "personal_info_leak",
        "--aware-at", "2026-03-01T22:00:00+08:00",
    )  # fmt: skip

    keys = {"rule_id", "recipient", "due_at", "limit_text", "citation", "verified", "content"}
    assert answer["duties"]
    assert all(keys <= row.keys() for row in answer["duties"])
    due = {row["rule_id"]: row["due_at"] for row in answer["duties"]}
    assert due["NCIR-R03-other"] == "2026-03-01T18:00:00Z"
    assert all(INSTANT.match(at) for at in due.values() if at is not None)


def test_grade_names_criteria_and_the_next_level(bare: CommandLine) -> None:
    """
    severity, the thresholds that gave it, and how far the next level is.
    """
    facts = write(bare.folder / "f.json", {"pi_leaked_persons": 1_200_000})

    answer = bare.json("incident", "grade", facts)

    assert answer["severity"] == "relatively_major"
    keys = {"metric", "threshold", "value", "citation", "verified"}
    assert answer["criteria"]
    assert all(keys <= row.keys() for row in answer["criteria"])
    assert {"severity", "distance"} <= answer["next"].keys()


def test_pure_commands_leave_nothing_behind(bare: CommandLine) -> None:
    """
    Neither HOME nor the working folder gets a file from a command that needs no home.
    """
    facts = write(bare.folder / "f.json", {"pi_leaked_persons": 1})
    orders = [
        ("assess", "settings"),
        ("incident", "grade", facts),
        ("records", "schema", "consent"),
    ]
    for said in bare.many(
        [(*words, "--json")[: len(words) + (words[1] != "schema")] for words in orders]
    ):
        assert said.code == 0, said.told()
        assert said.document
    assert list(bare.nowhere.iterdir()) == []


def test_the_installed_script_is_this_command_line(bare: CommandLine, site: Site) -> None:
    """
    The script that the package installs answers byte for byte like the entry point it names.
    """
    facts = write(bare.folder / "f.json", {"pi_leaked_persons": 1_200_000})
    broken = bare.folder / "broken.json"
    broken.write_bytes(b"[" * 100)
    for words in (
        ("assess", "items", "--json"),
        ("incident", "grade", facts, "--at", "2026-03-01T08:00:00Z", "--json"),
        ("incident", "grade", broken, "--json"),
        ("doctor", "--json"),
        ("no-such-command", "--json"),
    ):
        script, entry = bare.installed(*words), bare.run(*words)
        assert (script.code, script.out, script.err) == (entry.code, entry.out, entry.err)
    note = site.line.installed("audit", "checkpoint")
    assert (note.code, note.out) == (0, (site.home / "anchor" / "checkpoint").read_bytes())
    assert site.line.installed("doctor", "--json").must()["ok"] is True


# With a home


def test_setting_up_says_what_was_made(site: Site) -> None:
    """
    init, registry, agreements and import answer with one document each.
    """
    assert site.made["init"]["institution"] == "12340100490000001M"
    assert site.made["agreements apply"]["applied"] is True
    summary = site.made["records import"]
    assert {"accepted", "refused", "already_present", "errors"} <= summary.keys()
    assert summary["accepted"] == len(site.lines)
    expected = {row["line"]: row["code"] for row in site.made["hospital"]["refusals"]}
    assert {row["line"] for row in summary["errors"]} == expected.keys()
    for row in summary["errors"]:
        assert row["code"].startswith(expected[row["line"]])
        assert row["reason"]


def test_doctor_lists_its_checks(site: Site) -> None:
    """
    ok, and every check with id, ok, detail and hint.
    """
    answer = site.line.json("doctor")

    assert answer["ok"] is True, answer
    assert all({"id", "ok", "detail", "hint"} <= row.keys() for row in answer["checks"])


def test_records_search_get_and_inspect(site: Site) -> None:
    """
    A found record can be read and inspected; each answer has its promised keys.
    """
    line = next(row for row in site.lines if row["kind"] == "prescription")
    clerk = ("--as", "a008")
    purpose = ("--purpose", "patient_request")
    number = line["subject"]["id_no"]
    found = site.line.json(*clerk, "records", "search", "--by", f"id_no={number}", *purpose)
    assert {"records", "next_cursor", "disclosure_id"} <= found.keys()
    assert all({"id", "kind", "version", "created_at"} <= row.keys() for row in found["records"])
    mine = [row for row in site.lines if row["subject"]["id_no"] == number]
    assert len(found["records"]) == len(mine)
    record = next(row["id"] for row in found["records"] if row["kind"] == "prescription")

    read, masked, seen, empty = (
        said.must()
        for said in site.line.many(
            [
                (*clerk, "records", "get", record, *purpose, "--json"),
                ("--as", "x001", "records", "get", record, "--purpose", "dispensing", "--json"),
                ("records", "inspect", record, "--json"),
                (*clerk, "records", "search", "--by", "phone=13999999999", *purpose, "--json"),
            ]
        )
    )
    for view in (read, masked):
        assert {"id", "kind", "version", "body", "masked", "disclosure_id"} <= view.keys()
    assert read["body"]["patient.name"] == line["subject"]["name"]
    assert masked["body"]["patient.name"] != line["subject"]["name"]
    assert {"patient.name", "patient.id_no"} <= set(masked["masked"])
    assert seen["suite"] == "gm"
    assert line["subject"]["name"] not in json.dumps(seen, ensure_ascii=False)
    assert (empty["records"], empty["next_cursor"]) == ([], None)
    assert empty["disclosure_id"]


def test_agreements_list_names_what_is_in_force(site: Site) -> None:
    """
    Applied versions with partner, digest and who applied them.
    """
    (row,) = site.line.json("agreements", "list")["agreements"]

    assert (row["id"], row["partner"], row["ended_at"]) == (
        "pharmacy-dispensing", "demo-pharmacy", None,
    )  # fmt: skip


def test_audit_checkpoint_verify_and_trail(site: Site) -> None:
    """
    The checkpoint is the bare C2SP note; verify and trail have their keys and agree on the size.
    """
    note = site.line.run("audit", "checkpoint")
    assert note.code == 0
    text = note.out.decode()
    origin, size, root = text.split("\n")[:3]
    assert origin.endswith("/audit")
    assert [line[:2] for line in text.split("\n\n")[1].splitlines()] == ["— ", "— "]

    verdict = site.line.json("audit", "verify")
    assert {"ok", "size", "root", "first_bad_index", "checks"} <= verdict.keys()
    assert (verdict["ok"], verdict["first_bad_index"]) == (True, None)
    assert (verdict["size"], verdict["root"]) == (int(size), root)

    page = site.line.json("audit", "trail", "--action", "record.stored", "--limit", "3")
    assert {"entries", "next_cursor"} <= page.keys()
    keys = {"index", "at", "actor", "action", "purpose", "record", "decision"}
    assert all(keys <= row.keys() for row in page["entries"])
    assert (len(page["entries"]), page["next_cursor"] is not None) == (3, True)


@pytest.fixture(scope="session")
def assessed(site: Site) -> tuple[dict[str, Any], Path]:
    """One self-assessment and its signed report."""
    answer = site.line.run("assess", "run", "--json").must(12)
    path = site.folder / "report.json"
    site.line.json("assess", "report", answer["run_id"], "--format", "json", "--out", path)
    return answer, path


def test_assess_run_report_and_verify(
    site: Site, bare: CommandLine, assessed: tuple[dict[str, Any], Path]
) -> None:
    """
    Run has its keys and exits 12 for gaps; its report verifies without a home.
    """
    answer, path = assessed
    keys = {"run_id", "facts", "seconds", "results", "coverage", "verdicts"}
    assert keys <= answer.keys()
    assert all(
        {"item", "object", "outcome", "observed", "expected"} <= row.keys()
        for row in answer["results"]
    )
    assert {"2021", "2025"} <= answer["verdicts"].keys()

    found = bare.json("assess", "verify", path)
    assert (found["ok"], found["mismatches"]) == (True, [])
    assert found["recomputed"] == len(answer["results"])

    page = site.folder / "report.html"
    site.line.json("assess", "report", answer["run_id"], "--format", "html", "--out", page)
    assert "自查" in page.read_text(encoding="utf-8")


def test_a_changed_report_exits_3(bare: CommandLine, assessed: tuple[dict[str, Any], Path]) -> None:
    """
    One changed outcome: ok is false, the place is named, exit code 3.
    """
    raw = assessed[1].read_bytes()
    place = raw.index(b'"outcome":"fail"') + len(b'"outcome":"')
    changed = bare.folder / "changed.json"
    changed.write_bytes(raw[:place] + b"pass" + raw[place + 4 :])

    found = bare.json("assess", "verify", changed, code=3)

    assert found["ok"] is False
    assert found["mismatches"]


def test_an_incident_from_open_to_filed(site: Site) -> None:
    """
    open, status, scope, grade, draft, release, file: each answers with its keys.
    """
    line = site.line
    case = line.json(
        "--as", "a002", "incident", "open", "--summary", "演练", "--flag", "personal_info_leak"
    )
    assert {"case", "state", "aware_at", "clocks"} <= case.keys()
    case_id = case["case"]
    clock_keys = {"rule_id", "recipient", "due_at", "limit_text", "state", "citation", "verified"}
    status = line.json("incident", "status")
    assert all(clock_keys <= row.keys() for row in (*case["clocks"], *status["clocks"]))

    scope = line.json("incident", "scope", case_id, "--partner", "demo-pharmacy")
    keys = {"subjects", "records", "fields", "minors", "entries", "proofs_ok", "bounds", "partners"}
    assert keys <= scope.keys()
    assert {"low", "high"} <= scope["bounds"].keys()
    assert scope["proofs_ok"] is True
    again = line.json("incident", "scope", case_id)
    assert again["records"] == scope["records"]

    facts = write(site.folder / "facts.json", {"pi_leaked_persons": 3})
    graded = line.json("incident", "grade", facts, "--case", case_id, "--decide",
                       "relatively_major", "--reason", "演练")  # fmt: skip
    assert graded["case"]["severity"] == "relatively_major"

    draft = line.json("incident", "draft", case_id, "--recipient", "provincial_cac")
    assert {"draft_id", "digest", "unknown", "papers"} <= draft.keys()
    draft_id = draft["draft_id"]
    own = line.run("--as", "a004", "incident", "release", case_id, draft_id, "--json")
    refused(own, 4)
    first = line.json("--as", "a005", "incident", "release", case_id, draft_id)
    assert (first["released"], first["approvals"]) == (False, ["a005"])
    second = line.json("--as", "a006", "incident", "release", case_id, draft_id)
    assert second["released"] is True

    proof = site.folder / "proof.txt"
    proof.write_text("盖章回执", encoding="utf-8")
    filing = line.json("incident", "file", case_id, draft_id, "--proof", proof)
    assert {"draft_id", "digest", "channel", "submitted_at", "proof_digest"} <= filing.keys()
    assert filing["digest"] == draft["digest"]
    twice = line.run("incident", "file", case_id, draft_id, "--proof", proof, "--json")
    refused(twice, 4, "incident.filing_refused")
    clocks = line.json("incident", "status")["clocks"]
    mine = {row["rule_id"]: row["state"] for row in clocks if row["case"] == case_id}
    assert mine["NCIR-R03-other"] == "discharged"


def test_a_proof_for_an_unknown_rule_exits_2(site: Site) -> None:
    """
    A mistyped rule id is bad input, and the timeline does not know of it.
    """
    line = site.line
    case = line.json("--as", "a002", "incident", "open", "--summary", "演练")["case"]
    proof = site.folder / "act.txt"
    proof.write_text("留证", encoding="utf-8")
    before = line.json("incident", "timeline", case)

    said = line.run("incident", "prove", case, "NOPE", proof, "--json")

    assert refused(said, 2, "incident.unknown_word")["where"] == "rule_id"
    assert line.json("incident", "timeline", case) == before


def test_a_platform_that_is_not_there_exits_6(site: Site) -> None:
    """
    A report that could not be delivered is an upstream failure, and nothing is filed.
    """
    line = site.line
    case = line.json("--as", "a002", "incident", "open", "--summary", "演练")["case"]
    facts = write(site.folder / "facts6.json", {"pi_leaked_persons": 3})
    line.json("incident", "grade", facts, "--case", case, "--reason", "演练")
    draft = line.json("incident", "draft", case, "--recipient", "health_commission")["draft_id"]
    for person in ("a005", "a006"):
        line.json("--as", person, "incident", "release", case, draft)

    refused(line.run("incident", "file", case, draft, "--platform", "--json"), 6)

    receipts = line.json("supervision", "receipts")
    assert isinstance(receipts["receipts"], list)


def test_supervision_send_and_receipts(site: Site) -> None:
    """
    Nothing due sends nothing; receipts are a list, and rows have the promised keys.
    """
    sent = site.line.json("supervision", "send", "--dry-run")
    assert (sent["submitted"], sent["outcomes"]) == (None, [])
    rows = site.line.json("supervision", "receipts")["receipts"]
    keys = {"message_id", "resource", "state", "digest", "received_at"}
    assert all(keys <= row.keys() for row in rows)


def test_the_demonstration_keeps_its_four_promises(bare: CommandLine) -> None:
    """
    Demo --no-serve --json: one document, four paths, all as promised.
    """
    said = bare.run(
        "--home", bare.folder / "demo", "demo", "--no-serve", "--json",
        "--patients", "40", "--visits", "100",
    )  # fmt: skip
    answer = said.must()

    assert answer["ok"] is True
    assert [path["ok"] for path in answer["paths"]] == [True] * 4
    assert INSTANT.match(answer["at"])


# Refusals


def test_usage_errors_exit_2_in_the_promised_form(site: Site, bare: CommandLine) -> None:
    """
    Unknown commands and options, missing and impossible values: code 2 and the same form.
    """
    orders: list[tuple[str, ...]] = [
        ("no-such-command",),
        ("records", "no-such-command"),
        ("records", "search", "--purpose", "treatment"),
        ("records", "get"),
        ("audit", "trail", "--limit", "0"),
        ("audit", "trail", "--no-such-option"),
        ("incident", "duties", "--severity", "major"),
        ("assess", "report", NO_RUN, "--format", "pdf2", "--out", "x"),
        ("demo", "--no-serve", "--patients", "1"),
        ("records", "import", "no-such-file"),
    ]
    for said in bare.many([(*words, "--json") for words in orders]):
        refused(said, 2)
    refused(site.line.run("incident", "file", NO_CASE, "dft_x", "--json"), 2)


def test_bad_values_exit_2(site: Site, bare: CommandLine) -> None:
    """
    Words that no rule knows and instants without offset are bad input, named by place.
    """
    duties = ("incident", "duties", "--operator", "pi_handler", "--severity")
    at = ("--aware-at", "2026-03-01T08:00:00Z")
    empty = write(bare.folder / "empty.json", [])
    for said in bare.many(
        [
            (*duties, "gigantic", *at, "--json"),
            (*duties, "major", "--aware-at", "2026-03-01T08:00:00", "--json"),
            (*duties, "major", "--aware-at", "yesterday", "--json"),
            (*duties, "major", *at, "--flag", "bad_weather", "--json"),
            ("retention", "until", "horoscope", empty, "--json"),
            ("retention", "until", "outpatient_record", empty, "--json"),
            ("assess", "verdict", empty, "--setting", "nonsense=1", "--json"),
            ("assess", "verdict", empty, "--setting", "at_90=perhaps", "--json"),
            ("init", "--institution", "12345", "--name", "x", "--json"),
        ]
    ):
        refused(said, 2)
    purpose = ("--purpose", "patient_request")
    for said in site.line.many(
        [
            ("--as", "a008", "records", "search", "--by", "name=x", *purpose, "--json"),
            ("--as", "a008", "records", "search", "--by", "phone", *purpose, "--json"),
            ("--as", "a008", "records", "get", NOBODY, "--purpose", "curiosity", "--json"),
            ("--as", "a008", "records", "get", "rec_1", *purpose, "--json"),
            ("--as", "nobody", "records", "get", NOBODY, *purpose, "--json"),
            ("audit", "trail", "--since", "2026-03-01", "--json"),
            ("audit", "trail", "--cursor", "x", "--json"),
            ("incident", "scope", "inc_1", "--actor", "x001", "--json"),
        ]
    ):
        refused(said, 2)


def test_every_refusal_leaves_one_entry_and_none_of_its_words(site: Site) -> None:
    """
    Code and command of what was refused stand in the log; made-up words and names do not.
    """
    purpose = ("--purpose", "patient_request")
    broken = write(site.folder / "planted" / "broken.yaml", {"planted-word": 1})
    asked = (
        ("--as", "a008", "records", "search", "--by", "phone=planted-word", *purpose),
        ("--as", "a008", "records", "get", "rec_planted-word", *purpose),
        ("--as", "planted-word", "records", "get", NOBODY, *purpose),
        ("--as", "a004", "agreements", "apply", broken),
        ("--as", "a002", "incident", "scope", NO_CASE, "--actor", "planted-word"),
    )
    newest = ("audit", "trail", "--newest", "--limit", "1")
    for words in asked:
        [before] = site.line.json(*newest)["entries"]
        said = site.line.run(*words, "--json")
        error = refused(said, said.code)
        [entry] = site.line.json(*newest)["entries"]

        # Between them stands the entry of the first look at the trail itself.
        assert entry["index"] == before["index"] + 2, said.told()
        assert entry["entry"]["outcome"] == error["code"]
        assert entry["decision"] in {"deny", "failed"}
        assert "planted-word" not in json.dumps(entry)


def test_refusals_exit_4_and_absences_5(site: Site, bare: CommandLine, tmp_path: Path) -> None:
    """
    Not allowed is 4; not there is 5; to a partner both are the same 4.
    """
    record = site.line.json("audit", "trail", "--action", "record.stored", "--limit", "1")
    known = record["entries"][0]["record"]
    purpose = ("--purpose", "patient_request")
    dispensing = ("--purpose", "dispensing")
    visits = site.made["hospital"]["visits"]
    admin, pharmacy, strange, forbidden, role, absent, scope, report, again = site.line.many(
        [
            ("--as", "a001", "records", "get", known, *purpose, "--json"),
            ("--as", "x001", "records", "get", known, *dispensing, "--json"),
            ("--as", "x001", "records", "get", NOBODY, *dispensing, "--json"),
            ("--as", "a001", "records", "import", visits, "--json"),
            ("--as", "a008", "records", "get", known, *purpose, "--role", "clinician", "--json"),
            ("--as", "a008", "records", "get", NOBODY, *purpose, "--json"),
            ("incident", "scope", NO_CASE, "--actor", "x001", "--json"),
            ("assess", "report", NO_RUN, "--out", tmp_path / "r.html", "--json"),
            ("init", "--institution", "12340100490000001M", "--name", "x", "--profile", "test",
             "--json"),
        ]
    )  # fmt: skip
    for said in (admin, forbidden, role, again):
        refused(said, 4)
    for said in (absent, scope, report):
        refused(said, 5)
    assert refused(pharmacy, 4) == refused(strange, 4)
    assert not (tmp_path / "r.html").exists()
    refused(bare.run("doctor", "--json"), 5, "home.not_found")


def test_a_tampered_home_exits_3(site: Site, tmp_path: Path) -> None:
    """
    An older anchor's size, a cut store or a swapped root: verification failed, said plainly.
    """
    copies = []
    for name in ("anchor", "store", "root", "passphrase"):
        folder = tmp_path / name
        shutil.copytree(site.home, folder / "home")
        shutil.copyfile(site.folder / "passphrase", folder / "passphrase")
        copies.append(folder)
    anchor, store, root, passphrase = copies
    note = anchor / "home" / "anchor" / "checkpoint"
    lines = note.read_text(encoding="utf-8").split("\n")
    lines[1] = str(int(lines[1]) + 5)
    note.write_text("\n".join(lines), encoding="utf-8")
    records = store / "home" / "records.db"
    with records.open("r+b") as file:
        file.seek(records.stat().st_size // 2)
        file.write(b"\0" * 64)
    text = (root / "home" / "keys" / "root.json").read_text(encoding="ascii")
    descriptor = json.loads(text)
    sealed = descriptor["sealed_root"]
    descriptor["sealed_root"] = sealed[:-2] + ("00" if sealed[-2:] != "00" else "11")
    write(root / "home" / "keys" / "root.json", descriptor)
    (passphrase / "passphrase").write_text("another passphrase\n", encoding="ascii")

    lines_of = [site.line.beside(folder, folder / "home") for folder in copies]
    verdict = lines_of[0].run("audit", "verify", "--json")
    assert verdict.must(3)["ok"] is False
    checked = lines_of[1].run("doctor", "--json")
    assert checked.code == 3, checked.told()
    assert "Traceback" not in checked.err
    for line in lines_of[2:]:
        said = line.run("doctor", "--json")
        assert said.code in {3, 4}, said.told()
        refused(said, said.code)


# Hostile files

HOSTILE = ("binary", "utf16", "huge", "deep", "deep_object", "number", "wrong", "bom", "empty",
           "floats", "missing", "folder")  # fmt: skip


WORST = ("binary", "huge", "deep", "deep_object", "wrong", "empty", "missing")
"""The ones that commands with a home are tried with."""


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that no command was made for."""
    folder = tmp_path_factory.mktemp("hostile")
    contents = {
        "binary": Random(3).randbytes(4096),
        "utf16": '{"a": "金匮"}'.encode("utf-16"),
        "deep": b"[" * 100_000,
        "deep_object": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
        "number": b"42",
        "wrong": b'{"event": {"at": [null, true]}, "item": 7, "pi_leaked_persons": "many"}',
        "bom": b'\xef\xbb\xbf[{"event": "visit", "at": "2026-03-01T08:00:00Z"}]',
        "empty": b"",
        "floats": b'{"pi_leaked_persons": 1e999, "x": NaN}',
    }
    paths = {name: folder / name for name in contents}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    paths["huge"] = folder / "huge"
    with paths["huge"].open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    paths["missing"] = folder / "missing"
    paths["folder"] = folder
    assert set(paths) == set(HOSTILE)
    return paths


def unclear(said: Said, allowed: set[int]) -> str | None:
    """What is wrong with this answer to a hostile file; None: it is one clear error."""
    try:
        document = said.document
    except ValueError:
        return "standard output is not one JSON document"
    if said.code not in allowed:
        return f"exit code {said.code}: {said.err.strip()[-200:]}"
    faults = {
        "a trace": "Traceback" in said.err,
        "a flood of words": len(said.err) > 2000,
        "no message": said.code != 0 and not document.get("error", {}).get("message"),
        "no hint on standard error": said.code != 0
        and not (said.err.rstrip().splitlines() or [""])[-1].startswith("hint:"),
    }
    return next((name for name, wrong in faults.items() if wrong), None)


def troubles(
    names: tuple[str, ...], answers: list[Said], allowed: dict[str, set[int]] | None = None
) -> dict[str, str]:
    """Hostile file to what went wrong with it."""
    found = {}
    for name, said in zip(names, answers, strict=True):
        trouble = unclear(said, (allowed or {}).get(name, {2}))
        if trouble is not None:
            found[name] = trouble
    return found


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        (("retention", "until", "outpatient_record"), (), {"bom"}),
        (("assess", "verdict"), (), set()),
        (("assess", "verify"), (), set()),
        (("incident", "grade"), (), set()),
        (("agreements", "explain"), ("REQUEST",), set()),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, tuple) else None,
)
def test_pure_commands_survive_hostile_files(
    bare: CommandLine,
    hostile: dict[str, Path],
    before: tuple[str, ...],
    after: tuple[str, ...],
    good: set[str],
) -> None:
    """
    Whatever the file holds: exit 2, one sentence, one document, no trace.
    """
    request = write(bare.folder / "request.json", REQUEST)
    tail = [request if word == "REQUEST" else word for word in after]
    orders = [(*before, hostile[name], *tail, "--json") for name in HOSTILE]
    allowed = {name: {0, 2} for name in good}
    assert troubles(HOSTILE, bare.many(orders), allowed) == {}


def test_explain_survives_hostile_requests(
    bare: CommandLine, site: Site, hostile: dict[str, Path]
) -> None:
    """
    A request that is no request is refused like an agreement that is none.
    """
    orders = [
        ("agreements", "explain", site.folder / PHARMACY, hostile[name], "--json")
        for name in HOSTILE
    ]
    assert troubles(HOSTILE, bare.many(orders)) == {}


@pytest.mark.parametrize(
    ("actor", "before", "after"),
    [
        ("a004", ("agreements", "apply"), ()),
        ("a001", ("registry", "apply"), ()),
        ("a004", ("supervision", "official"), ("REPORT",)),
    ],
    ids=["agreements", "registry", "official"],
)
def test_commands_with_a_home_survive_hostile_files(
    site: Site,
    hostile: dict[str, Path],
    actor: str,
    before: tuple[str, ...],
    after: tuple[str, ...],
) -> None:
    """
    Refused whole with one sentence; agreements, people and evaluations stay as they were.
    """
    tail = [site.folder / "passphrase" if word == "REPORT" else word for word in after]
    orders = [("--as", actor, *before, hostile[name], *tail, "--json") for name in WORST]
    assert troubles(WORST, site.line.many(orders)) == {}
    assert len(site.line.json("agreements", "list")["agreements"]) == 1


def test_import_survives_hostile_files(site: Site, hostile: dict[str, Path]) -> None:
    """
    Lines that are no records are refused one by one; nothing of such a file is stored.
    """
    orders = [("--as", "a008", "records", "import", hostile[name], "--json") for name in HOSTILE]
    answers = site.line.many(orders)
    allowed = {name: {0, 2} for name in HOSTILE if name not in {"missing", "folder"}}
    assert troubles(HOSTILE, answers, allowed) == {}
    taken = [said.document["accepted"] for said in answers if said.code == 0]
    assert taken == [0] * len(taken)


def test_words_that_are_no_text_are_refused(site: Site) -> None:
    """
    Bytes that are no UTF-8, control characters and very long words give one clear error.
    """
    odd: list[bytes] = [b"\xff\xfe", b"\x1b[31mred", "金匮".encode() * 5000]
    orders: list[tuple[str | bytes, ...]] = []
    for word in odd:
        orders += [
            ("--as", "a008", "records", "search", "--by", b"phone=" + word, "--purpose",
             "patient_request", "--json"),
            ("--as", "a008", "records", "get", word, "--purpose", "patient_request", "--json"),
            ("--as", word, "records", "get", NOBODY, "--purpose", word, "--json"),
            ("assess", "report", word, "--out", "r.html", "--json"),
            ("incident", "open", "--summary", "x", "--flag", word, "--json"),
            ("incident", "scope", word, "--actor", "x001", "--json"),
        ]  # fmt: skip
    found = []
    for said in site.line.many(orders):
        trouble = unclear(said, {2, 4, 5})
        if trouble is not None or "\x1b" in said.err:
            found.append((said.words[:4], trouble or "control characters on the terminal"))
    assert found == []


def test_a_damaged_home_is_one_clear_error(site: Site, tmp_path: Path) -> None:
    """
    Settings, root descriptor or passphrase that are rubbish: no trace, and what to do.
    """
    damages = {
        "settings_binary": ("home/home.toml", b"\xff\xfe\x00"),
        "settings_words": ("home/home.toml", b"[home]\nsuite = 7\n"),
        "root_binary": ("home/keys/root.json", b"\xff\xfe"),
        "root_array": ("home/keys/root.json", b"[]"),
        "root_deep": ("home/keys/root.json", b"[" * 100_000),
        "no_store": ("home/records.db", b""),
        "short_passphrase": ("passphrase", b""),
        "binary_passphrase": ("passphrase", bytes(range(256))),
        "anchor_binary": ("home/anchor/checkpoint", b"\xff\xfe"),
    }
    orders = []
    for name, (place, content) in damages.items():
        folder = tmp_path / name
        shutil.copytree(site.home, folder / "home")
        shutil.copyfile(site.folder / "passphrase", folder / "passphrase")
        (folder / place).write_bytes(content)
        orders.append(
            ("--home", folder / "home", "--passphrase-file", folder / "passphrase", "audit",
             "verify", "--json")
        )  # fmt: skip
    answers = site.line.beside(tmp_path).many(orders)
    allowed = {name: {2, 3, 4, 5} for name in damages}
    allowed["anchor_binary"] = {3}
    found = troubles(tuple(damages), answers, allowed)
    if answers[-1].code == 3 and answers[-1].document.get("ok") is False:
        found.pop("anchor_binary", None)
    assert found == {}
