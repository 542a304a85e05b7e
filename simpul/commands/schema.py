"""`simpul schema`: checks the shared schemas against what was published, and publishes new ones.

What counts as a breaking change is decided in `schemas.compat`.
"""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Shared schemas: check them against what was published, publish new ones.", no_args_is_help=True)


@app.command()
def check(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Also refuse published files that were changed or removed since this Git revision."
        ),
    ] = None,
) -> None:
    """Refuse a change to a shared schema that would break whoever uses its version; exit status 1."""
    from schemas import compat, registry  # noqa: PLC0415 - keeps `simpul --help` fast

    problems = [str(problem) for problem in compat.check()]
    if since is not None:
        problems += [
            f"{name}: was changed or removed since {since}. A published file never changes: restore it."
            for name in _touched_since(since, compat.PUBLISHED)
        ]
    _refuse(problems)
    typer.echo(f"All {len(registry.CONTRACTS)} schemas are what was published.")


@app.command()
def publish() -> None:
    """Freeze schemas that are new. A published file is never overwritten."""
    from schemas import compat  # noqa: PLC0415 - keeps `simpul --help` fast

    written = compat.publish()
    for path in written:
        typer.echo(f"published {path.name}")
    _refuse(map(str, compat.check()))
    if not written:
        typer.echo("Nothing to publish.")


def _refuse(problems: Iterable[str]) -> None:
    sentences = list(problems)
    for sentence in sentences:
        typer.echo(f"✗ {sentence}", err=True)
    if sentences:
        raise typer.Exit(1)


def _touched_since(revision: str, folder: Path) -> list[str]:
    """Names of files in a folder that Git finds changed, renamed or deleted since a revision; new ones do not count."""
    git = shutil.which("git")
    if git is None:
        raise typer.BadParameter("--since needs git, which is not installed")
    command = [git, "-C", str(folder), "diff", "--no-renames", "--diff-filter=a", "--name-only", "--relative"]
    command += ["--end-of-options", revision, "--", "."]  # a revision cannot pass for an option
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if found.returncode != 0:
        raise typer.BadParameter(f"--since: git does not know the revision {revision}")
    return found.stdout.splitlines()
