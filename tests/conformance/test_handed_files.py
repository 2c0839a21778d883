"""What a person hands over or names wrongly is refused whole, and changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine, Said, Site

SECRET = ("--as", "a002", "supervision", "secret")
PASSWORD = ("--as", "a002", "registry", "password", "a004")
HUGE = '{"pi_leaked_persons": 99999999999999999999999999}'


def refused(said: Said, code: int, name: str) -> dict[str, Any]:
    assert said.code == code, said.told()
    error = dict(said.document["error"])
    assert error["code"] == name, said.told()
    assert error["hint"]
    return error


def newest(line: CommandLine) -> dict[str, Any]:
    page = line.json("audit", "trail", "--newest", "--limit", "1")
    return dict(page["entries"][0])


def case_of(line: CommandLine) -> str:
    flag = ("--flag", "personal_info_leak")
    return str(line.json("incident", "open", "--summary", "演练", *flag)["case"])


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("exchange_key", b"k" * 17, "profile.secret_refused"),
        ("exchange_key", b"", "profile.secret_refused"),
        ("exchange_key", b"k" * 6000, "file.too_large"),
        ("nope", b"k" * 16, "profile.secret_missing"),
    ],
)
def test_a_wrong_secret_never_replaces_the_right_one(
    site: Site, name: str, content: bytes, code: str
) -> None:
    """
    Wrong length, no bytes, too many, another name: refused, noted, and the kept one stays.
    """
    file = site.folder / "secret"
    kept = site.line.home / "keys" / "platform-secrets.json" if site.line.home else file
    file.write_bytes(b"k" * 16)
    site.line.json(*SECRET, "exchange_key", "--file", file)
    before = kept.read_bytes()
    file.write_bytes(content)

    refused(
        site.line.run(*SECRET, name, "--file", file, "--json"), 5 if name == "nope" else 2, code
    )

    assert kept.read_bytes() == before
    assert newest(site.line)["action"] == "command.refused"


def test_a_number_beyond_every_count_decides_nothing(site: Site) -> None:
    """
    The level is refused before the case hears of it.
    """
    case = case_of(site.line)
    facts = site.folder / "huge.json"
    facts.write_text(HUGE, encoding="utf-8")
    before = site.line.json("incident", "timeline", case)

    words = ("incident", "grade", facts, "--case", case, "--reason", "演练", "--json")
    refused(site.line.run("incident", "grade", facts, "--json"), 2, "incident.fact")
    refused(site.line.run(*words), 2, "incident.fact")

    assert site.line.json("incident", "timeline", case) == before


def test_a_folder_for_papers_is_asked_for_before_the_draft(site: Site) -> None:
    """
    Papers that cannot be written leave no draft behind, and the log says what failed.
    """
    case = case_of(site.line)
    before = site.line.json("incident", "timeline", case)
    recipient = ("--recipient", "provincial_cac", "--out", "/proc/nope")

    said = site.line.run("incident", "draft", case, *recipient, "--json")

    refused(said, 6, "cli.storage_unusable")
    assert site.line.json("incident", "timeline", case) == before
    assert newest(site.line)["action"] == "command.refused"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfe\xfa abc", "file.not_utf8"),
        (b"a" * 300, "account.password_too_long"),
        (b"a" * 5000, "file.too_large"),
    ],
)
def test_a_file_that_is_no_password_sets_none(site: Site, content: bytes, code: str) -> None:
    """
    Other bytes than UTF-8 and other lengths are refused, never cut, and noted.
    """
    file = site.folder / "password"
    file.write_bytes(content)

    refused(site.line.run(*PASSWORD, "--file", file, "--json"), 2, code)

    assert newest(site.line)["action"] == "command.refused"


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (("--partner", "demo-pharmacyy"), 5, "incident.suspect_unknown"),
        (("--actor", "zzz"), 5, "incident.suspect_unknown"),
        (("--credential", "tok_nobody"), 5, "incident.suspect_unknown"),
        (("--partner", ""), 2, "incident.scope_question_malformed"),
        (("--since", "2026-01-01T00:00:00Z"), 2, "incident.scope_question_malformed"),
    ],
)
def test_a_mistyped_suspect_is_never_nobody_affected(
    site: Site, words: tuple[str, ...], exit_code: int, code: str
) -> None:
    """
    A name that nobody ever entered is refused, and the case does not remember the question.
    """
    case = case_of(site.line)

    refused(site.line.run("incident", "scope", case, *words, "--json"), exit_code, code)

    refused(site.line.run("incident", "scope", case, "--json"), 5, "incident.no_scope_yet")


def test_a_known_suspect_who_reached_nothing_is_an_answer(site: Site) -> None:
    """
    An account on the register without accesses: nobody is affected, provably.
    """
    found = site.line.json("incident", "scope", case_of(site.line), "--actor", "a006")

    assert (found["subjects"], found["proofs_ok"]) == (0, True)


def released(line: CommandLine, folder: Path) -> tuple[str, str]:
    """A case and a draft that two persons released."""
    case = case_of(line)
    facts = folder / "none.json"
    facts.write_text("{}", encoding="utf-8")
    decided = ("--decide", "relatively_major", "--reason", "演练")
    line.json("incident", "grade", facts, "--case", case, *decided)
    draft = line.json("incident", "draft", case, "--recipient", "provincial_cac")["draft_id"]
    for person in ("a005", "a006"):
        line.json("--as", person, "incident", "release", case, draft)
    return case, str(draft)


def test_nothing_is_no_proof_and_a_proof_is_kept(site: Site) -> None:
    """
    An empty file files nothing; what was handed in comes back byte by byte, sealed meanwhile.
    """
    line = site.line
    case, draft = released(line, site.folder)
    proof = site.folder / "receipt.pdf"
    proof.write_bytes(b"")
    refused(line.run("incident", "file", case, draft, "--proof", proof, "--json"), 2, "file.empty")
    proof.write_bytes(b"%PDF- stamped by the office " * 1000)

    digest = line.json("incident", "file", case, draft, "--proof", proof)["proof_digest"]
    content = proof.read_bytes()
    proof.unlink()
    back = site.folder / f"back-{case}"
    line.json("incident", "evidence", case, digest, "--out", back)

    assert back.read_bytes() == content
    assert newest(line)["action"] == "incident.proof_read"
    again = line.run("incident", "evidence", case, digest, "--out", back, "--json")
    refused(again, 4, "file.taken")
    assert line.home is not None
    kept = [path for path in (line.home / "evidence").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"stamped by the office" in path.read_bytes() for path in kept)


def test_a_damaged_proof_is_found(site: Site) -> None:
    """
    One changed byte: not handed out, and the doctor names it.
    """
    line = site.line
    case, draft = released(line, site.folder)
    proof = site.folder / "receipt.txt"
    proof.write_text(f"当面递交 {case}", encoding="utf-8")
    digest = line.json("incident", "file", case, draft, "--proof", proof)["proof_digest"]
    assert line.home is not None
    [kept] = (line.home / "evidence").rglob(f"{digest.removeprefix('sha256:')}.sealed")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))

    said = line.run("incident", "evidence", case, digest, "--out", site.folder / "x", "--json")
    refused(said, 3, "incident.proof_damaged")
    checks = line.json("doctor", code=3)["checks"]

    kept.write_bytes(whole)
    [evidence] = [check for check in checks if check["id"] == "evidence"]
    assert not evidence["ok"]
    assert digest in evidence["detail"]


@pytest.mark.parametrize(
    "words",
    [
        ("agreements", "explain", "FILE", "FILE"),
        ("assess", "verdict", "FILE"),
        ("assess", "verify", "FILE"),
        ("incident", "grade", "FILE"),
        ("--as", "a008", "records", "import", "FILE"),
        ("--as", "a002", "registry", "apply", "FILE"),
    ],
)
@pytest.mark.parametrize("file", ["/dev/zero", "pipe"])
def test_a_device_or_pipe_is_no_file(site: Site, words: tuple[str, ...], file: str) -> None:
    """
    Neither ends: it is refused before the first byte is read.
    """
    if file == "pipe":
        file = str(site.folder / "pipe")
        if not os.path.exists(file):  # noqa: PTH110 - a pipe
            os.mkfifo(file)
    typed = [file if word == "FILE" else word for word in words]

    refused(site.line.run(*typed, "--json"), 2, "file.not_regular")


def test_a_criterion_given_twice_is_refused(site: Site) -> None:
    """
    The first one would be dropped without a word.
    """
    twice = ("--by", "phone=13800000000", "--by", "phone=13900000000")

    said = site.line.run("records", "search", *twice, "--purpose", "treatment", "--json")

    refused(said, 2, "search.criterion_malformed")
