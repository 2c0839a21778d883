"""A home keeps recordings where its settings say, and says so when it cannot."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from jinkui.procedures.doctor import Finding, examine
from jinkui.procedures.fetch_media import write_view
from jinkui.procedures.import_records import ImportSummary, import_file
from jinkui.settings.home import SettingsRefused, read_home, write_home
from jinkui.settings.media import media_settings
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.synthetic.institution import CREDIT_CODE, NAME
from jinkui.wiring.media import home_prefix
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.envelope.suites import GM
from secure_records.media.errors import MediaRefused
from secure_records.models import Caller
from secure_records.vault_media_care import find_orphans

OFFICER = Caller(actor="a008", role="records_officer")
FAR = datetime(2100, 1, 1, tzinfo=UTC)
CONTENT = b"RIFF\x00\x00\x00\x00WAVE" + os.urandom(700_000)


def configure(folder: Path, **settings: str | int) -> None:
    """Write the section [media] of the home."""
    lines = ["", "[media]"]
    lines += [
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
        for key, value in settings.items()
    ]
    with (folder / "home.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def credential(folder: Path, server: Any) -> str:  # noqa: ANN401
    path = folder / "keys" / "objects.toml"
    path.write_text(
        f'access_key_id = "{server.access_key_id}"\n'
        f'secret_access_key = "{server.secret_access_key}"\n',
        encoding="utf-8",
    )
    path.chmod(0o600)
    return "keys/objects.toml"


@pytest.fixture
def on_s3(request: pytest.FixtureRequest, toolkit: Toolkit, folder: Path) -> Iterator[Toolkit]:
    """The home of the other tests, with its recordings on a real server."""
    server = request.getfixturevalue("object_server")
    configure(
        folder,
        store="s3",
        endpoint=server.endpoint,
        bucket=server.bucket,
        credentials_file=credential(folder, server),
    )
    with open_toolkit(folder, None, toolkit.clock, os.urandom) as opened:
        yield opened


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with settings and nothing else."""
    head = {
        "institution": CREDIT_CODE,
        "institution_name": NAME,
        "profile": "demo",
        "suite": "gm",
        "origin": "jinkui.test/log",
        "default_actor": "",
    }
    write_home(tmp_path / "bare", head)
    return tmp_path / "bare"


def import_recorded(toolkit: Toolkit, folder: Path, number: int = 0) -> ImportSummary:
    """One dialogue of the hospital with a recording beside the line."""
    lines = SyntheticHospital(3, 12, 20, start=datetime(2026, 3, 2, tzinfo=UTC).date()).lines()
    dialogues = [line for line in map(dict, lines) if line["kind"] == "chat_transcript"]
    line = dialogues[number] | {"media": {"path": "a.wav", "media_type": "audio/wav"}}
    (folder / "input" / "a.wav").write_bytes(CONTENT)
    (folder / "input" / "one.jsonl").write_bytes(orjson.dumps(line))
    return import_file(toolkit, OFFICER, folder / "input" / "one.jsonl", lambda _: None)


def stored_record(toolkit: Toolkit) -> str:
    media = toolkit.parts.media
    assert media is not None
    with toolkit.reading() as unit:
        return media.rows(unit.connection).page(toolkit.tenant, "", 10)[0].record


def findings(toolkit: Toolkit) -> dict[str, Finding]:
    return {finding.id: finding for finding in examine(toolkit)}


def fetched(toolkit: Toolkit, out: Path) -> bytes:
    record = stored_record(toolkit)
    with toolkit.vault.read_media(OFFICER, record, "patient_request") as view:
        write_view(view, out, lambda _done, _total: None)
    return out.read_bytes()


def test_new_home_keeps_recordings_in_a_folder_of_its_own(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """Nothing has to be set up; doctor knows them."""
    assert import_recorded(toolkit, folder).errors == ()

    [path] = [p for p in (folder / "media").rglob("*") if p.is_file()]
    assert path.read_bytes().startswith(b"JKM\x01")
    assert fetched(toolkit, tmp_path / "out.wav") == CONTENT
    assert stat.S_IMODE((tmp_path / "out.wav").stat().st_mode) == 0o600
    assert findings(toolkit)["media"].ok
    assert findings(toolkit)["media_orphans"].ok


def test_home_that_keeps_none_refuses_the_line(toolkit: Toolkit, folder: Path) -> None:
    """And doctor says that it keeps none."""
    configure(folder, store="none")
    with open_toolkit(folder, None, toolkit.clock, os.urandom) as opened:
        [error] = import_recorded(opened, folder).errors
        assert error.code == "media.not_available"
        assert "no recordings" in findings(opened)["media"].detail


def test_recordings_go_to_the_server_and_come_back(
    on_s3: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """Nothing of them lies in the home; the prefix does not name the institution."""
    assert import_recorded(on_s3, folder).errors == ()

    assert fetched(on_s3, tmp_path / "out.wav") == CONTENT
    assert not (folder / "media").exists()
    prefix = home_prefix(on_s3.home, on_s3.keys, GM)
    assert len(prefix) == 32
    assert on_s3.tenant not in prefix
    assert findings(on_s3)["media"].ok
    assert find_orphans(on_s3.parts, FAR) == ()
    [again] = [import_recorded(on_s3, folder)]
    assert (again.accepted, again.already_present) == (0, 1)


def test_missing_object_and_orphan_are_findings(toolkit: Toolkit, folder: Path) -> None:
    """With what to do next."""
    import_recorded(toolkit, folder)
    [path] = [p for p in (folder / "media").rglob("*") if p.is_file()]
    moved = path.with_name("0" * 62 + path.name[:2])
    path.rename(moved)
    os.utime(moved, (0, 0))

    found = findings(toolkit)

    assert not found["media"].ok
    assert "media.object_missing" in found["media"].detail
    assert not found["media_orphans"].ok
    assert "1 objects" in found["media_orphans"].detail
    assert "orphans --remove" in found["media_orphans"].hint


def test_server_out_of_reach_is_a_finding_not_a_crash(toolkit: Toolkit, folder: Path) -> None:
    """Everything else is still looked at."""
    (folder / "keys" / "objects.toml").write_text(
        'access_key_id = "a"\nsecret_access_key = "b"\n', "utf-8"
    )
    (folder / "keys" / "objects.toml").chmod(0o600)
    configure(
        folder,
        store="s3",
        endpoint="http://127.0.0.1:9",
        bucket="b",
        credentials_file="keys/objects.toml",
    )
    with open_toolkit(folder, None, toolkit.clock, os.urandom) as opened:
        found = findings(opened)
    assert not found["media"].ok
    assert found["log"].ok


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"store": "tape"}, "media.store"),
        ({"largest_mebibytes": 0}, "media.largest_mebibytes"),
        ({"largest_mebibytes": 1_000_000}, "media.largest_mebibytes"),
        ({"store": "s3"}, "media.endpoint"),
        ({"store": "s3", "endpoint": "http://192.0.2.7"}, "media.endpoint"),
        ({"store": "s3", "endpoint": "ftp://127.0.0.1"}, "media.endpoint"),
        ({"store": "s3", "endpoint": "https://a:b@host"}, "media.endpoint"),
        ({"store": "s3", "endpoint": "https://host"}, "media.bucket"),
        ({"store": "s3", "endpoint": "https://host", "bucket": "b"}, "media.credentials_file"),
    ],
)
def test_setting_that_does_not_hold_is_refused(
    bare: Path, settings: dict[str, str | int], where: str
) -> None:
    """By the name of the setting."""
    configure(bare, **settings)
    with pytest.raises(SettingsRefused) as fault:
        media_settings(read_home(bare))
    assert fault.value.where == where


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        ('access_key_id = "a"\nsecret_access_key = "b"', 0o640),
        ('access_key_id = "a"\nsecret_access_key = "b"', 0o604),
        ('access_key_id = "a"', 0o600),
        ('access_key_id = "a"\nsecret_access_key = ""', 0o600),
        ('access_key_id = "a"\nsecret_access_key = 7', 0o600),
        ("PLANTED", 0o600),
        ("\xff", 0o600),
    ],
)
def test_credential_that_lies_open_or_is_none_is_refused(
    bare: Path, content: str, mode: int
) -> None:
    """Without a word of the file."""
    path = bare / "keys" / "objects.toml"
    path.write_bytes(content.encode("latin-1"))
    path.chmod(mode)
    configure(
        bare,
        store="s3",
        endpoint="https://host",
        bucket="b",
        credentials_file="keys/objects.toml",
    )
    with pytest.raises(SettingsRefused) as fault:
        media_settings(read_home(bare))
    assert fault.value.where == "media.credentials_file"
    assert "PLANTED" not in str(fault.value)


def test_secret_is_not_in_the_representation(bare: Path) -> None:
    """Of the settings; a representation ends up in logs."""
    path = bare / "keys" / "objects.toml"
    path.write_text('access_key_id = "a"\nsecret_access_key = "PLANTED"\n', "utf-8")
    path.chmod(0o600)
    configure(
        bare,
        store="s3",
        endpoint="https://host",
        bucket="b",
        credentials_file="keys/objects.toml",
    )
    settings = media_settings(read_home(bare))
    assert settings.object_store is not None
    assert settings.object_store.secret_access_key == "PLANTED"
    assert "PLANTED" not in repr(settings)


def test_home_with_a_setting_that_does_not_hold_does_not_open(
    toolkit: Toolkit, folder: Path
) -> None:
    """Recordings would be refused one by one, and nobody would know why."""
    configure(folder, store="s3")
    with pytest.raises(SettingsRefused):
        open_toolkit(folder, None, toolkit.clock, os.urandom)


def test_altered_recording_leaves_the_old_file_and_nothing_else(
    toolkit: Toolkit, folder: Path, tmp_path: Path
) -> None:
    """What was written before the alteration was found does not stay."""
    import_recorded(toolkit, folder)
    [path] = [p for p in (folder / "media").rglob("*") if p.is_file()]
    raw = bytearray(path.read_bytes())
    raw[400_000] ^= 1
    path.write_bytes(raw)
    out = tmp_path / "fetched" / "out.wav"
    out.parent.mkdir()
    out.write_bytes(b"before")

    with pytest.raises(MediaRefused):
        fetched(toolkit, out)

    assert out.read_bytes() == b"before"
    assert [each.name for each in out.parent.iterdir()] == ["out.wav"]
