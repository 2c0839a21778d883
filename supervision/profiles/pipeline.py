"""Which exact request does this profile make of this message?

Runs the profile's steps in order over slots. Deterministic: variables, secrets,
random bytes and the signer come in as arguments.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, assert_never

from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.identifiers import Entropy
from shared_kernel.signatures import Signer
from supervision.errors import PipelineFailed, SecretMissing
from supervision.messages.message import Attachment
from supervision.profiles.algorithms import (
    DIGESTS,
    NONCE_BYTES,
    aes_ecb_encrypt,
    encoded,
    keyed_digest,
    sm4_cbc_encrypt,
    sm4_gcm_seal,
)
from supervision.profiles.document import Profile
from supervision.profiles.operations import (
    AesEcbStep,
    DigestStep,
    HeadersStep,
    HmacStep,
    JsonStep,
    PackageStep,
    SecretKey,
    SignHeadersStep,
    Sm2SignStep,
    Sm4CbcStep,
    Sm4GcmStep,
    Step,
)

_VARIABLE: Final = re.compile(r"\$([a-z_][a-z0-9_]*)")
_HEADER_TEXT: Final = re.compile(r"[\x20-\x7e]*\Z")


class SecretSource(Protocol):
    """Where a profile's secrets come from."""

    def secret(self, name: str) -> bytes:
        """The secret called ``name``.

        Raises:
            SecretMissing: there is none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineInputs:
    """What is to be packed."""

    rows: tuple[Mapping[str, Json], ...]
    """Platform rows, for profiles that send rows."""

    message: bytes
    """Canonical message bytes, for profiles that send the message whole."""

    attachments: tuple[Attachment, ...]
    variables: Mapping[str, str]
    """``uuid4``, ``epoch_ms``, ``method``, ``message_id``, ``institution``, ``platform``, …"""


@dataclass(slots=True, kw_only=True)
class Packed:
    """The slots after the run."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    slots: dict[str, bytes] = field(default_factory=dict)


def run_pipeline(
    profile: Profile,
    inputs: PipelineInputs,
    secrets: SecretSource,
    signer: Signer | None,
    entropy: Entropy,
) -> Packed:
    """Run every step.

    Raises:
        PipelineFailed: a slot, variable or signer is missing.
        SecretMissing: a secret is missing or of the wrong shape.
    """
    run = _Run(profile, inputs, secrets, signer, entropy)
    for step in profile.pipeline:
        run.step(step)
    return run.packed


def header_text(headers: Mapping[str, str], names: list[str], join: str) -> str:
    """``lower-case-name:value`` of the chosen headers, sorted by name and joined.

    Raises:
        PipelineFailed: a header is not there.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in names if name.lower() not in lower]
    if missing:
        raise PipelineFailed(f"header {missing[0]} is not there")
    return join.join(f"{name}:{lower[name]}" for name in sorted(name.lower() for name in names))


class _Run:
    """The slots while the steps run."""

    def __init__(
        self,
        profile: Profile,
        inputs: PipelineInputs,
        secrets: SecretSource,
        signer: Signer | None,
        entropy: Entropy,
    ) -> None:
        self._profile = profile
        self._inputs = inputs
        self._secrets = secrets
        self._signer = signer
        self._entropy = entropy
        self.packed = Packed()

    def step(self, step: Step) -> None:  # one branch per member of the closed set
        match step:
            case JsonStep():
                self._write(step.target, self._json(step))
            case PackageStep():
                self._write(step.target, self._package(step))
            case Sm4CbcStep():
                sealed = sm4_cbc_encrypt(
                    self._key(step.key), self._key(step.iv), self._read(step.of), step.padding
                )
                self._write(step.target, encoded(sealed, step.out))
            case AesEcbStep():
                sealed = aes_ecb_encrypt(self._key(step.key), self._read(step.of), step.padding)
                self._write(step.target, encoded(sealed, step.out))
            case Sm4GcmStep():
                sealed = sm4_gcm_seal(
                    self._key(step.key),
                    self._entropy(NONCE_BYTES),
                    self._read(step.of),
                    header_text(self.packed.headers, step.bind, "\n").encode(),
                )
                self._write(step.target, encoded(sealed, step.out))
            case DigestStep():
                found = DIGESTS[step.algo](self._read(step.of))
                self._write(step.target, encoded(found, step.out))
            case HmacStep():
                found = keyed_digest(step.algo, self._key(step.key), self._read(step.of))
                self._write(step.target, encoded(found, step.out))
            case HeadersStep():
                for name, value in step.set.items():
                    self._header(name, _VARIABLE.sub(self._variable, value))
            case SignHeadersStep():
                self._sign_headers(step)
            case Sm2SignStep():
                self._write(step.target, encoded(self._sign(self._read(step.of)), step.out))
            case _:
                assert_never(step)

    def _json(self, step: JsonStep) -> bytes:
        if step.of == "slots":
            members = {name: self._text(slot) for name, slot in step.members.items()}
            return canonical_bytes(members)
        rows: Json = list(self._inputs.rows)
        if self._profile.wrap == "none":
            if len(self._inputs.rows) != 1:
                raise PipelineFailed("this profile sends exactly one row")
            rows = self._inputs.rows[0]
        return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()

    def _package(self, step: PackageStep) -> bytes:
        files: list[Json] = [
            {
                "name": item.name,
                "media_type": item.media_type,
                "content": base64.b64encode(item.content).decode(),
            }
            for item in self._inputs.attachments
        ]
        # The receiver is inside what is signed: a platform cannot pass the message on as ours.
        return canonical_bytes(
            {
                "format": step.format,
                "from": self._inputs.variables["institution"],
                "to": self._inputs.variables["platform"],
                "message": self._inputs.message.decode(),
                "attachments": files,
            }
        )

    def _sign_headers(self, step: SignHeadersStep) -> None:
        text = header_text(self.packed.headers, step.include, step.join).encode()
        if step.algo == "sm3":
            found = DIGESTS["sm3"](text)
        elif step.algo == "sm2":
            found = self._sign(text)
        elif step.key is None:
            raise PipelineFailed(f"sign_headers with {step.algo} needs a key")
        else:
            found = keyed_digest(step.algo.removeprefix("hmac_"), self._key(step.key), text)
        self._write(step.target, encoded(found, step.out))
        if step.list_as is not None:
            self._write(step.list_as, ",".join(sorted(step.include, key=str.lower)).encode())

    def _sign(self, data: bytes) -> bytes:
        if self._signer is None:
            raise PipelineFailed("this profile signs, and no signer was given")
        return self._signer.sign(data)

    def _key(self, key: SecretKey) -> bytes:
        if key.secret not in self._profile.secrets:
            raise SecretMissing(f"the profile does not declare the secret {key.secret!r}")
        value = self._secrets.secret(key.secret)
        if key.encoding != "hex":
            return value
        try:
            return bytes.fromhex(value.decode("ascii"))
        except ValueError as error:
            raise SecretMissing(f"the secret {key.secret!r} is no hexadecimal text") from error

    def _variable(self, found: re.Match[str]) -> str:
        name = found[1]
        if name in self._inputs.variables:
            return self._inputs.variables[name]
        if name in self._profile.secrets:
            return self._secrets.secret(name).decode("utf-8", "strict")
        raise PipelineFailed(f"${name} is neither a variable nor a declared secret")

    def _read(self, slot: str) -> bytes:
        kind, _, name = slot.partition(".")
        if slot == "body":
            return self.packed.body
        if kind == "slot" and name in self.packed.slots:
            return self.packed.slots[name]
        if kind == "header" and name in self.packed.headers:
            return self.packed.headers[name].encode()
        raise PipelineFailed(f"{slot} is empty")

    def _text(self, slot: str) -> str:
        try:
            return self._read(slot).decode()
        except UnicodeDecodeError as error:
            raise PipelineFailed(f"{slot} is no text") from error

    def _write(self, slot: str, value: bytes) -> None:
        kind, _, name = slot.partition(".")
        if slot == "body":
            self.packed.body = value
        elif kind == "slot" and name:
            self.packed.slots[name] = value
        elif kind == "header" and name:
            self._header(name, value.decode())
        else:
            raise PipelineFailed(f"{slot} is no slot")

    def _header(self, name: str, value: str) -> None:
        if _HEADER_TEXT.match(value) is None:  # a line break would smuggle in a second header
            raise PipelineFailed(f"header {name} would hold a sign that headers may not carry")
        self.packed.headers[name] = value
