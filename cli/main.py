"""The command line. Whatever goes wrong in an expected way is one line and exit code 2."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from cli.local.places import Places

_COMMANDS = {
    "demo": "cli.demo",
    "serve": "cli.serve",
    "worker": "cli.worker",
    "flow": "cli.flow",
    "rehearse": "cli.rehearse",
    "deal": "cli.deal",
    "approval": "cli.approval",
    "people": "cli.people",
    "absence": "cli.absence",
    "admin": "cli.admin",
}

# Looked up by name, so that no command pays for libraries it does not use.
_EXPECTED = (
    "cli.local.places:StartFailed",
    "connectors.settings:SettingsError",
    "connectors.temporal:TemporalUnreachable",
    "typer:BadParameter",
    "typer:TyperException",
)
_UNREACHABLE = ("psycopg:OperationalError", "sqlalchemy.exc:OperationalError", "sqlalchemy.exc:TimeoutError")


class Commands(TyperGroup):
    """Sub-commands that are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return [name for name, module in _COMMANDS.items() if importlib.util.find_spec(module)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = typer.main.get_command(importlib.import_module(_COMMANDS[cmd_name]).app)
        command.name = cmd_name
        return command


app = typer.Typer(cls=Commands, add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def throughline() -> None:
    """Carry deals from the CRM to delivered work."""
    places = Places.of_this_clone()
    if places.environment.exists():  # without a demo there is nothing to reach, so nothing to import for it
        from cli.local.stack import adopt_running_demo

        adopt_running_demo(places)


def main() -> None:
    """Run the command line and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code: 2 for every expected error, 70 for a fault of ours."""
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="throughline", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        _complain("stopped")
        return 130
    except BrokenPipeError:
        return 141
    except Exception as wrong:  # noqa: BLE001 - the outermost place: a person is reading
        return _explain(wrong)
    return code if isinstance(code, int) else 0


def _explain(wrong: Exception) -> int:
    if _is_one_of(wrong, _EXPECTED):
        text = wrong.format_message() if hasattr(wrong, "format_message") else str(wrong)
        text = text.replace(": Value error, ", ": ", 1)  # how pydantic begins what is said of a choice
        context = getattr(wrong, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        # Asked for nothing, a group shows its help; that is the whole answer.
        if type(wrong).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(f"{text}\n")
        else:
            _complain(f"{text}{hint}")
        return 2
    if _is_one_of(wrong, _UNREACHABLE):
        _complain(f"the database does not answer ({_first_line(wrong)}); see that PostgreSQL runs at DATABASE_URL")
        return 2
    log = Places.of_this_clone().log / "fault.log"
    with log.open("a") as out:
        traceback.print_exception(wrong, file=out)
    _complain(f"a fault of ours: {type(wrong).__name__}: {_first_line(wrong)}; please report it with {log}")
    return 70


def _is_one_of(wrong: Exception, names: tuple[str, ...]) -> bool:
    for name in names:
        module, _, kind = name.partition(":")
        if module in sys.modules and isinstance(wrong, getattr(sys.modules[module], kind)):
            return True
    return False


def _first_line(wrong: Exception) -> str:
    return next((line.strip() for line in str(wrong).splitlines() if line.strip()), "no details")[:300]


def _complain(text: str) -> None:
    sys.stderr.write(f"throughline: {' '.join(text.split())}\n")
