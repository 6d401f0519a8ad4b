"""The `hiphinge` command: errors that say what, where and what to do, and exit codes that programs can rely on.

A command's file is imported when the command runs, so that help and mistakes in the command line answer at once.
Exit codes: 0 done; 1 an error, reported in one line on standard error; 2 a wrong command line; 70 a fault of the program,
whose traceback HIPHINGE_TRACEBACK=1 shows; 129, 130 and 143 stopped by a closed terminal (SIGHUP), by Ctrl-C and by
SIGTERM; 141 the reader of the output has gone.
"""

from __future__ import annotations

import gc
import keyword
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from hiphinge.live.screen_writer import close_screens, speak_plainly
from hiphinge.session.interruption import ending_signals


def _told_what_is_missing(error: ImportError) -> bool:
    """Whether the error comes from missing packages; if so it has been reported, in the words of `hiphinge doctor`."""
    from hiphinge.checkup.installation import installation

    lacking = [f"NOT {what}: {found}" for what, well, found in installation() if not well]
    if lacking:
        print(*lacking, f"hiphinge: cannot start ({error}): install hiphinge again", sep="\n", file=sys.stderr)
    return bool(lacking)


try:
    import typer
    from typer.core import TyperGroup

    from hiphinge.commands.command import HELP_NAMES, Command, as_written
except ImportError as _error:
    if not _told_what_is_missing(_error):
        raise
    sys.exit(1)

COMMANDS = {
    "demo": "Run a simulated session with virtual sensors; write a session folder and a report.",
    "scan": "List the sensors in range, and put yours into a kit.",
    "live": "Stream and record the sensors of a kit; show angles and repetitions live.",
    "retest": "Measure again what was chosen before a treatment, and say whether it changed.",
    "sessions": "List sessions by athlete and day, with their quality and whether they were sent.",
    "mark": "Add, move or remove a mark after the session: a forgotten calibration, a note, pain.",
    "review": "Open sessions in the browser: compare sets, correct kinds, marks and pain.",
    "report": "Write the report of a session as one HTML file.",
    "compare": "Compare before and after a treatment with what the measurement can tell; pin a baseline.",
    "repeatability": "How repeatable your measurements are: ICC, SEM and MDC of people measured several times.",
    "norms": "Limits of the hip screen from your own pain-free athletes.",
    "collect": "Collect all sessions into a cohort, one file an athlete; again: what changed.",
    "query": "Ask a cohort of sessions in SQL, or one of the ready questions.",
    "push": "Send the results of sessions to InfluxDB.",
    "grafana": "Write the Grafana dashboards as files, or install them in a running Grafana.",
    "import": "Convert a recording of another program to a plain session.",
    "export": "Write results and samples for other programs: CSV, OpenSim, C3D, Foxglove, FHIR, BIDS.",
    "replay": "Compute angles, repetitions and rhythm from a recording.",
    "reanalyse": "Compute many sessions again, on this machine or on a cluster.",
    "athletes": "List athletes; rename one, or merge two ids of one person.",
    "forget": "Delete everything about an athlete: in InfluxDB, session folders and outboxes.",
    "decode": "Show what the bytes of a sensor mean, packet by packet.",
    "doctor": "Check the installation, finish sessions that were not closed, try InfluxDB.",
}
"""The help text of each command. A command is the function, or the command group, of its name in `hiphinge.commands`."""
STORED = frozenset(
    {"sessions", "mark", "review", "report", "compare", "repeatability", "norms", "push", "export", "athletes", "forget"}
)
"""The commands whose modules are in `hiphinge.commands.stored`."""
MANY = frozenset({"reanalyse", "collect", "query"})
"""The commands whose modules are in `hiphinge.commands.many`."""
READER_GONE = 128 + 13
"""Exit code when the reader of the output has gone, the same as the shell's for SIGPIPE."""
PROGRAM_FAULT = 70
"""Exit code of a fault of the program: EX_SOFTWARE of sysexits.h."""
TRACEBACK = "HIPHINGE_TRACEBACK"
"""If this environment variable is set, a fault of the program shows its traceback."""
ABOUT = "What the hips did and what the lumbar spine did: record, replay, review."
EXIT_CODES = (
    "Exit codes: 0 done; 1 an error, explained on standard error; 2 the command line cannot be understood; "
    "70 a fault of the program; 129 the terminal was closed; 130 Ctrl-C; 141 the reader of the output has gone; 143 SIGTERM."
)


class CommandsOnDemand(TyperGroup):
    """A group whose entries stand for commands that are imported only to be run."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Typer would treat a broken pipe like any other error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise typer.Exit(READER_GONE) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` names, and what is left of `args`."""
        name, found, rest = super().resolve_command(ctx, args)
        # none: shell completion asks with half a name
        return name, None if name is None or found is None else _command(name), rest


def module_of(name: str) -> str:
    """The module of a command."""
    python_name = f"{name}_" if keyword.iskeyword(name) else name
    folder = "stored." if name in STORED else "many." if name in MANY else ""
    return f"hiphinge.commands.{folder}{python_name}"


def _loaded(name: str) -> Any:
    """The module of a command. What is imported stays: no search for garbage looks through it, now or later."""
    module = module_of(name)
    if module not in sys.modules:
        gc.disable()
        try:
            import_module(module)
        finally:
            gc.freeze()
            gc.enable()
    return sys.modules[module]


def _command(name: str) -> Any:
    function = getattr(_loaded(name), module_of(name).rpartition(".")[2])
    if isinstance(function, typer.Typer):
        return as_written(typer.main.get_command(function))
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name, cls=Command)(function)
    return as_written(typer.main.get_command(alone))


app = typer.Typer(
    cls=CommandsOnDemand,
    name="hiphinge",
    help=ABOUT,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings=HELP_NAMES,
    pretty_exceptions_enable=False,
)
for _name, _words in COMMANDS.items():
    app.command(_name, help=_words)(lambda: None)


def _version(wanted: bool) -> None:
    if wanted:
        from hiphinge.version import software

        print(software())
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show the log on standard error; put this before the command."),
) -> None:
    """What the hips did and what the lumbar spine did: record, replay, review."""
    # here and not above: help needs no log
    from hiphinge import logbook

    logbook.begin(verbose=verbose)
    ctx.call_on_close(logbook.end)


def main() -> None:
    """Entry point: an error becomes one line on standard error and exit code 1."""
    speak_plainly()
    for number in ending_signals():
        signal.signal(number, _stop)
    try:
        _run()
    except Exception as error:
        sys.exit(_told(error))
    finally:
        close_screens()


def _told(error: Exception) -> int:
    """Report an error in one line on standard error; returns the exit code. A fault of the program is raised on demand."""
    if isinstance(error, BrokenPipeError):
        # the reader of our output has gone, e.g. `| head`
        _write_nowhere()
        return READER_GONE
    if isinstance(error, ImportError) and _told_what_is_missing(error):
        return 1
    # here and not above: help needs no room
    from body_signals import HiphingeError, one_line

    if isinstance(error, HiphingeError):
        _say(str(error))
        return 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        _say(one_line(f"{where}{error.strerror or error}. Check path, permissions and free space"))
        _write_nowhere()
        return 1
    # an unforeseen fault: the program says so, and shows the traceback on demand
    if os.environ.get(TRACEBACK):
        raise error
    words = f"a fault of the program: {type(error).__name__}: {error}"
    _say(one_line(f"{words}. Run it again with {TRACEBACK}=1, and report what it says then"))
    return PROGRAM_FAULT


def _run() -> None:
    """Run the command. Typer ends every command by SystemExit; an error while flushing its output still counts."""
    try:
        app(prog_name="hiphinge")
    except SystemExit as end:
        # typer would end with 1 when the reader of the help has gone
        if end.code == READER_GONE or isinstance(end.__context__, BrokenPipeError):
            _write_nowhere()
            end.code = READER_GONE
        sys.stdout.flush()
        raise


def _stop(number: int, _: object) -> None:
    """Exit in order: half-written files are removed."""
    sys.exit(128 + number)


def _say(text: str) -> None:
    with suppress(OSError):  # the reader has gone: the exit code has to say it
        print(f"hiphinge: {text}", file=sys.stderr, flush=True)


def _write_nowhere() -> None:
    """Discard the buffers of streams that cannot be written, so that they cause no further error at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
    os.close(null)
