"""Three implementations agree on which SM2 signatures hold, and most of all on which do not."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import gmalg
import pytest

from secure_records.errors import KeyMalformed
from secure_records.keys.signing_keys import Sm2Signer, Verifier
from shared_kernel.signatures import SM2_SM3, PublicKey, SignatureInvalid

FOLDER = Path(__file__).parent
DOCUMENT = json.loads((FOLDER / "sm2_negative.json").read_text("ascii"))
TESTS: list[dict[str, Any]] = DOCUMENT["tests"]
IDENTITY = bytes.fromhex(DOCUMENT["id"])

ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
"""AlgorithmIdentifier of an EC key on the curve SM2."""


def spki(public: bytes) -> bytes:
    """SubjectPublicKeyInfo around an uncompressed point of any length below 100 bytes."""
    bits = bytes((3, len(public) + 2, 0, 4)) + public
    return bytes((0x30, len(ALGORITHM) + len(bits))) + ALGORITHM + bits


def holds_here(test: dict[str, Any]) -> bool:
    """Our verifier."""
    key = PublicKey(algorithm=SM2_SM3, raw=bytes.fromhex(test["public"]))
    try:
        Verifier().verify(key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
    except SignatureInvalid:
        return False
    return True


def read_der(signature: bytes) -> tuple[int, int] | None:
    """Two INTEGERs of a SEQUENCE in strict DER; None: it is none. For ``gmalg``, which has no DER."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] > 127:
        return None
    body = signature[2:]
    if len(body) != signature[1]:
        return None
    numbers = []
    for _ in range(2):
        if len(body) < 3 or body[0] != 2 or not 1 <= body[1] <= len(body) - 2 or body[1] > 127:
            return None
        content, body = body[2 : 2 + body[1]], body[2 + body[1] :]
        if len(content) > 1 and content[0] == 0 and content[1] < 128:
            return None
        numbers.append(int.from_bytes(content, "big", signed=True))
    return None if body else (numbers[0], numbers[1])


def holds_in_gmalg(test: dict[str, Any]) -> bool:
    """A second implementation in Python."""
    numbers = read_der(bytes.fromhex(test["sig"]))
    if numbers is None or min(numbers) < 0:
        return False
    r, s = (value.to_bytes(max(32, (value.bit_length() + 7) // 8), "big") for value in numbers)
    public = bytes.fromhex(test["public"])
    if len(public) != 64:
        return False
    try:
        verifier = gmalg.SM2(uid=IDENTITY, pk=b"\x04" + public)
        return bool(verifier.verify(bytes.fromhex(test["msg"]), r, s))
    except (gmalg.errors.GMAlgError, ValueError):
        return False


def holds_in_openssl(test: dict[str, Any], folder: Path) -> bool:
    """The command line of OpenSSL."""
    (folder / "key.der").write_bytes(spki(bytes.fromhex(test["public"])))
    (folder / "message").write_bytes(bytes.fromhex(test["msg"]))
    (folder / "signature").write_bytes(bytes.fromhex(test["sig"]))
    done = subprocess.run(
        ["openssl", "dgst", "-sm3", "-sigopt", f"distid:{IDENTITY.decode()}", "-keyform", "DER",
         "-verify", "key.der", "-signature", "signature", "message"],
        cwd=folder, capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode == 0) == (done.stdout == b"Verified OK\n"), done
    return done.returncode == 0


def test_there_are_enough_of_each_sort() -> None:
    """
    At least 200 that do not hold, of every layer, and enough that do.
    """
    assert len(TESTS) == DOCUMENT["numberOfTests"]
    assert [test["tcId"] for test in TESTS] == list(range(1, len(TESTS) + 1))
    sorts = Counter(test["layer"] for test in TESTS)
    assert sum(test["result"] == "invalid" for test in TESTS) >= 400
    assert {"encoding", "value", "equation", "key"} <= {s for s, n in sorts.items() if n >= 50}
    assert sorts["valid"] == sum(test["result"] == "valid" for test in TESTS) >= 20
    seen = {(test["public"], test["msg"], test["sig"]) for test in TESTS}
    assert len(seen) == len(TESTS)


def test_our_verifier_gives_every_verdict() -> None:
    """
    What must be refused is refused, what holds is accepted; no error but the one refusal.
    """
    assert [t["tcId"] for t in TESTS if holds_here(t) != (t["result"] == "valid")] == []


def test_our_verifier_never_troubles_the_library_with_malformed_input(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """
    Encodings, values and keys are refused before the C library, which would speak aloud.
    """
    for test in TESTS:
        if test["layer"] in {"encoding", "value", "key"}:
            assert not holds_here(test)
    assert capfd.readouterr() == ("", "")


def test_a_key_that_is_no_point_signs_nothing() -> None:
    """
    The signer refuses the same public keys as the verifier.
    """
    for test in TESTS:
        if test["layer"] == "key":
            with pytest.raises(KeyMalformed):
                Sm2Signer(b"\x01" * 32, bytes.fromhex(test["public"]))


def test_a_second_implementation_agrees() -> None:
    """
    ``gmalg``, behind a strict reader of DER, gives the same verdicts.
    """
    assert [t["tcId"] for t in TESTS if holds_in_gmalg(t) != (t["result"] == "valid")] == []


def test_openssl_agrees(tmp_path: Path) -> None:
    """
    The command line of OpenSSL gives the same verdicts; in CI it must be there.
    """
    if shutil.which("openssl") is None:
        if os.environ.get("CI"):
            pytest.fail("no openssl on this machine, and CI may skip nothing")
        pytest.skip("no openssl on this machine; install the package openssl (3.0 or newer)")
    wrong = [t["tcId"] for t in TESTS if holds_in_openssl(t, tmp_path) != (t["result"] == "valid")]
    assert wrong == []


def test_the_file_is_what_the_generator_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nobody edited the vectors by hand: the same seed gives the same bytes.
    """
    spec = importlib.util.spec_from_file_location("sm2_negative", FOLDER / "make_sm2_negative.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)

    assert module.document() == (FOLDER / "sm2_negative.json").read_text("ascii")
