"""Prefect with its threads."""

from __future__ import annotations

import contextlib
from typing import Any

from bench.peers import stages
from bench.peers.prefect_server import prefect_server
from bench.peers.stages import Store


class PrefectThreads:
    """One server; two tasks at a time, as there are cores."""

    def __init__(self) -> None:
        self._exits = contextlib.ExitStack()
        self._store = Store()
        self._exits.enter_context(prefect_server())
        from bench.peers import prefect_tasks  # Prefect reads its settings as it is imported

        self._flows = prefect_tasks
        self._runner = self._make_runner()

    def _make_runner(self) -> Any:
        from prefect.task_runners import ThreadPoolTaskRunner

        return ThreadPoolTaskRunner(max_workers=8)

    def _run(self, name: str, paths: list[str]) -> Any:
        return getattr(self._flows, name).with_options(task_runner=self._runner)(paths)

    def video(self, paths: list[str]) -> dict[str, Any]:
        """Of `prefect_tasks`."""
        said, seen = self._run("video", paths)
        return self._store.write(speech=said, frames=seen)

    def image(self, paths: list[str]) -> dict[str, Any]:
        """Of `prefect_tasks`."""
        return self._store.write(images=self._run("image", paths))

    def pdf(self, paths: list[str]) -> dict[str, Any]:
        """Of `prefect_tasks`."""
        return self._store.write(pages=self._run("pdf", paths))

    def close(self) -> None:
        """Ends store and server."""
        self._store.close()
        self._exits.close()


if __name__ == "__main__":
    stages.main(PrefectThreads)
