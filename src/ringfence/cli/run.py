"""`ringfence run`: run a file of code in the sandbox, and show what became of it."""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ringfence.call import Outcome
    from ringfence.policy.model import Profile

EXAMPLE = "Example: ringfence run report.py --input '{\"rows\": [1, 2]}' --json"
_FAILED = 1
_AS_FOLDER = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_LANGUAGES = {".py": "python", ".js": "javascript", ".mjs": "javascript"}


def run(  # noqa: PLR0913 - one for each option
    file: Annotated[str, typer.Argument(help="The file, or - for standard input.", metavar="FILE")],
    *,
    language: Annotated[
        str | None, typer.Option(help="python or javascript. Default: by the file's name, else python.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy file that has the profile.", metavar="FILE")
    ] = None,
    profile: Annotated[str, typer.Option(help="The name of a profile of the policy.")] = "default",
    input: Annotated[  # noqa: A002 - the option's name
        str,
        typer.Option(help="Inputs, as a JSON object: variables of the code. @FILE reads them from a file."),
    ] = "{}",
    attach: Annotated[
        list[Path] | None, typer.Option(help="A file to put into input/; may be repeated.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="A folder to put what the code left in output/ into.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Less time than the profile's, in seconds.", min=0.01)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Run code in the sandbox, under a profile. Nothing is scanned first: `ringfence scan` does that.

    What the code prints goes to stdout and stderr; its value and what it used are told on stderr.
    Exit code 0: it ran to its end. 1: it failed, was stopped, or could not be run here. 2: wrong usage.
    """
    from ringfence.cli.output import print_json
    from ringfence.sandbox import Sandbox

    source = _source(file)
    written = language or _LANGUAGES.get(Path(file).suffix, "python")
    if written not in ("python", "javascript"):
        raise typer.BadParameter(f"expected python or javascript, got {written!r}", param_hint="--language")
    granted = _profile(policy, profile, seconds)
    with Sandbox(granted) as box:
        try:
            outcome = box.run(source, written, _inputs(input), _files(attach or []))
        except (TypeError, ValueError) as error:
            raise typer.BadParameter(str(error)) from error
    if json:
        print_json(facts(outcome))
    else:
        _print(outcome)
    failed = [] if output is None else _put_out(outcome, output)
    for what in failed:
        _complain(what)
    raise typer.Exit(0 if outcome.success and not failed else _FAILED)


def _complain(what: str) -> None:
    from ringfence.cli.output import console, safe

    console(stderr=True).print(f"[red]error:[/red] {safe(what)}", soft_wrap=True)


def _source(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}: {file}", param_hint="FILE") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"it is no UTF-8 text: {file}", param_hint="FILE") from error


def _inputs(text: str) -> dict[str, object]:
    import json

    try:
        value = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}: {text[1:]}", param_hint="--input") from error
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"no JSON: {error}", param_hint="--input") from error
    if not isinstance(value, dict):
        raise typer.BadParameter('expected a JSON object such as {"rows": [1, 2]}', param_hint="--input")
    return value


def _files(paths: list[Path]) -> dict[str, bytes]:
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        raise typer.BadParameter("two files have the same name", param_hint="--attach")
    try:
        return {path.name: path.read_bytes() for path in paths}
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}: {error.filename}", param_hint="--attach") from error


def _profile(policy: Path | None, name: str, seconds: float | None) -> Profile:
    from dataclasses import replace

    from ringfence.errors import UnknownName
    from ringfence.policy.file import load_sound_policy
    from ringfence.policy.model import Profile
    from ringfence.policy.profiles import wall_seconds

    profiles = {"default": Profile()}
    if policy is not None:
        profiles |= load_sound_policy(policy).profiles
    if name not in profiles:
        raise UnknownName("profile", name, profiles, "--profile")
    found = profiles[name]
    return found if seconds is None else replace(found, wall_seconds=min(seconds, wall_seconds(found)))


def _put_out(outcome: Outcome, folder: Path) -> list[str]:
    """Write the files that were collected below a folder, and return what could not be written, in words.

    Their names came from the code, and it may have put links where they go: each part is opened from its parent's descriptor, and none is followed.
    """
    failed = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        top = os.open(folder, _AS_FOLDER)
    except OSError as error:
        return [f"{folder}: {error.strerror}"]
    try:
        for name, content in outcome.output.contents.items():
            try:
                _put(top, name.split("/"), content)
            except (OSError, ValueError) as error:
                failed.append(f"{name}: {getattr(error, 'strerror', None) or error}")
    finally:
        os.close(top)
    return failed


def _put(top: int, parts: list[str], content: bytes) -> None:
    """Write one file below an open folder: anew, and then in place of what was there."""
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError("its name leads elsewhere")
    within = os.dup(top)
    try:
        for part in parts[:-1]:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=within)
            below = os.open(part, _AS_FOLDER, dir_fd=within)
            os.close(within)
            within = below
        fresh = f".{secrets.token_hex(8)}"
        file = os.open(
            fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=within
        )
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
        try:
            os.rename(fresh, parts[-1], src_dir_fd=within, dst_dir_fd=within)
        except OSError:
            os.unlink(fresh, dir_fd=within)
            raise
    finally:
        os.close(within)


def facts(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for machines."""
    from ringfence.sandbox import frames

    try:
        value: object = outcome.value
        frames.encode(value)
        shown = value if _is_json(value) else repr(value)
    except frames.NotPlain:
        shown = repr(outcome.value)
    output, usage = outcome.output, outcome.usage
    return {
        "id": outcome.call_id,
        "success": outcome.success,
        "executed": outcome.executed,
        "reason": None if outcome.reason is None else str(outcome.reason),
        "detail": outcome.detail,
        "value": shown,
        "stdout": output.stdout,
        "stderr": output.stderr,
        "return_code": output.return_code,
        "files": {name: len(content) for name, content in output.contents.items()},
        "tier": str(outcome.tier),
        "layers": list(outcome.layers),
        "usage": None if usage is None else usage._asdict(),
    }


def _is_json(value: object) -> bool:
    import json

    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _print(outcome: Outcome) -> None:
    from ringfence.cli.output import console, safe
    from ringfence.cli.terminal import visible

    for stream, text in ((sys.stdout, outcome.output.stdout), (sys.stderr, outcome.output.stderr)):
        for line in text.splitlines():
            stream.write(f"{visible(line.replace(chr(9), '    '))}\n")
        stream.flush()
    err = console(stderr=True)
    if outcome.success:
        if outcome.value is not None:
            err.print(f"[green]value:[/] {safe(repr(outcome.value))}", soft_wrap=True)
        for name, content in outcome.output.contents.items():
            err.print(f"[green]output:[/] {safe(name)} ({len(content):,} bytes)", soft_wrap=True)
    else:
        err.print(f"[red]{outcome.reason}:[/] {safe(outcome.detail)}", soft_wrap=True)
    usage = outcome.usage
    if usage is not None:
        cpu = (usage.cpu_user_seconds or 0) + (usage.cpu_system_seconds or 0)
        memory = f", {(usage.peak_memory_bytes or 0) / 1e6:.1f} MB" if usage.peak_memory_bytes else ""
        text = f"{usage.wall_seconds * 1000:.1f} ms, CPU {cpu * 1000:.1f} ms{memory}; {', '.join(outcome.layers)}"
        err.print(f"[dim]{text}[/dim]", soft_wrap=True)
