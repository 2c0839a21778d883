"""What can be typed after `jinkui`?

The root command: global options, the language, the home, and the one place
where refusals become an exit code. Command groups are imported only when they
are called, so that a small command starts fast.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from jinkui import __version__
from jinkui.cli.exit_codes import UNEXPECTED, USAGE, exit_code
from jinkui.cli.output import LONGEST_MESSAGE, print_defect, print_error, talk
from jinkui.settings.environment import Surroundings
from shared_kernel.errors import BadInput, JinkuiError, UpstreamFailed

COMMANDS: Final = {
    "init": ("jinkui.cli.home", "init"),
    "doctor": ("jinkui.cli.home", "doctor"),
    "upgrade": ("jinkui.cli.home", "upgrade"),
    "backup": ("jinkui.cli.backups", "backup"),
    "restore": ("jinkui.cli.backups", "restore"),
    "rollback": ("jinkui.cli.backups", "rollback"),
    "demo": ("jinkui.cli.demonstration", "demo"),
    "serve": ("jinkui.cli.service", "serve"),
    "registry": ("jinkui.cli.registry", "registry"),
    "records": ("jinkui.cli.records", "records"),
    "adopt": ("jinkui.cli.adopt", "adopt"),
    "retention": ("jinkui.cli.retention", "retention"),
    "agreements": ("jinkui.cli.agreements", "agreements"),
    "keys": ("jinkui.cli.keys", "keys"),
    "audit": ("jinkui.cli.audit", "audit"),
    "assess": ("jinkui.cli.assess", "assess"),
    "supervision": ("jinkui.cli.supervision", "supervision"),
    "incident": ("jinkui.cli.incident", "incident"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What the options before the command said."""

    home: Path
    actor: str
    """Empty: the home's default actor."""
    language: str
    passphrase_file: Path | None
    second_passphrase_file: Path | None
    """The second person's, in a home that needs two."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of a hospital's work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is no command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of the home."
)
@click.option("--as", "actor", default="", help="Account to act as on this terminal.")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language of what people read.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the root passphrase.",
)
@click.option(
    "--second-passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the second person, where two are needed.",
)
@click.version_option(__version__, prog_name="jinkui")
@click.pass_context
def root(
    context: click.Context,
    home: Path | None,
    actor: str,
    lang: str | None,
    passphrase_file: Path | None,
    second_passphrase_file: Path | None,
) -> None:
    """Jinkui 金匮: encrypted health records, executable agreements, MLPS checks, breach reports."""
    around = Surroundings()
    context.obj = Invocation(
        home=(home or around.home).absolute(),
        actor=actor or around.actor,
        language=lang or around.lang,
        passphrase_file=passphrase_file or around.passphrase_file,
        second_passphrase_file=second_passphrase_file or around.second_passphrase_file,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(words))


class UsageWrong(BadInput):
    """The command line itself is not understood."""

    code = "cli.usage"
    default_hint = "add --help to the command to see its arguments"


def run(words: list[str]) -> int:
    """Run one command; refusals become an exit code and two lines on standard error."""
    try:
        return _run(words, as_json="--json" in words)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to say, nor anywhere to say it.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - lives until the process ends
        return UNEXPECTED


def _run(words: list[str], *, as_json: bool) -> int:
    try:
        return _invoke(words)
    except JinkuiError as error:
        print_error(error, as_json=as_json)
        return exit_code(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        if Surroundings().debug:
            raise
        print_defect(error, as_json=as_json)
        return UNEXPECTED


def _invoke(words: list[str]) -> int:
    """Run the command; what click and the machine refuse is refused in our words."""
    if not all(_is_text(word) for word in words):
        raise UsageWrong("an argument is not text in UTF-8")
    try:
        outcome = root.main(args=words, prog_name="jinkui", standalone_mode=False)
    except click.exceptions.Abort:
        talk("jinkui: stopped")
        return USAGE
    except click.ClickException as error:
        raise UsageWrong(_short(error.format_message())) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageUnusable(_reason(error)) from error
    return outcome if isinstance(outcome, int) else 0


class StorageUnusable(UpstreamFailed):
    """The machine refused a file, folder or socket."""

    code = "cli.storage_unusable"
    default_hint = "check that the folder exists and that this user may write there"


def _reason(error: OSError) -> str:
    name = Path(str(error.filename)).name if error.filename else "a file"
    return f"{name}: {error.strerror or type(error).__name__}"


def _is_text(word: str) -> bool:
    """False for bytes that the shell passed and that are no UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _short(text: str) -> str:
    """What was typed is repeated, but not at any length."""
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"
