"""What an apply takes in: the files that it was given, beside what earlier applies have kept.

Files are read once; what is kept may change until the unit directory is locked, and is then looked at again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from podunit.cli.files import check, load_documents, locate, translate
from podunit.cli.settings import Settings

if TYPE_CHECKING:
    from podunit.chosen import Engine
    from podunit.controllers import Controllers
    from podunit.load import Document
    from podunit.report import Problem, Report
    from podunit.workload import Workload


class Intake:
    """What files describe: pods, and objects by `KIND.NAME` as they are kept, with their places.

    Problems are printed, and are in the report; an error ends the command with status 1. With `replicas` the files are
    those of kept controllers, which get this number of pods. Without an `engine` podunit.toml says what runs pods that
    name none.
    """

    workload: Workload
    objects: Mapping[str, str]
    places: Mapping[str, str]

    def __init__(
        self,
        settings: Settings,
        choose_files: Callable[[], Iterable[str]],
        report: Report,
        *,
        skip_unsupported: bool = False,
        replicas: int | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._settings = settings
        self._choose_files = choose_files
        self._report = report
        self._skip_unsupported = skip_unsupported
        self._replicas = replicas
        # Of what is kept the engine is known.
        self._choice = settings.choose_engine(engine, report) if replicas is None else None
        self._printed: tuple[Problem, ...] = ()
        # Before it is read: what changes meanwhile is noticed.
        self._sight = self._look()
        self._documents = self._read()
        self._translate()

    def refresh(self) -> None:
        """Go by what is kept now. Whoever calls holds the lock of the unit directory."""
        sight = self._look()
        if sight == self._sight:
            return
        self._sight = sight
        if self._replicas is not None:
            self._documents = self._read()
        self._translate()

    def warn_of_limits(self, controllers: Controllers) -> None:
        """Print which limits of the pods would not be enforced, and have it in the report."""
        from podunit.cli.output import print_report
        from podunit.controllers import warn_of_limits
        from podunit.report import Report

        found = Report()
        asked = (pod for pod in self.workload.pods if pod.name not in self.workload.concerned)
        warn_of_limits(asked, controllers, found)
        print_report(found)
        for problem in found.problems:
            self._report.warning(problem.at, problem.path, problem.message, problem.hint)
        self._printed = self._report.problems

    def _look(self) -> object:
        """What tells whether anything was kept, or installed, since the last look."""
        from podunit.state import StateFolder

        kept = StateFolder(self._settings.state_folder).read_objects()
        folder = self._settings.unit_directory
        units = os.listdir(folder) if folder.is_dir() else ()  # noqa: PTH208 - thousands of names
        return {name: _describe(file) for name, file in kept.items()}, {name for name in units if name[0] != "."}

    def _read(self) -> tuple[Document, ...]:
        return load_documents(
            self._choose_files(),
            self._report,
            skip_unsupported=self._skip_unsupported,
            replicas=self._replicas,
            choice=self._choice,
        )

    def _translate(self) -> None:
        from podunit.documents import dump_document
        from podunit.installed import list_pods
        from podunit.state import StateFolder

        kept = StateFolder(self._settings.state_folder).read_objects()
        installed = {pod.object_key for pod in list_pods(self._settings.read_units()).values()}
        found = translate(self._documents, kept, installed, self._report, self._settings.scope)
        if found is None or self._report.problems != self._printed:
            self._printed = self._report.problems
            found = check(found, self._report)
        self.workload = found
        self.objects = {document.key: dump_document(document.node) for document in self._documents}
        self.places = {document.key: locate(document.node.at) for document in self._documents}


def _describe(file: Path) -> object:
    try:
        status = file.stat()
    except FileNotFoundError:
        # Somebody who holds the lock is about to forget it.
        return None
    return status.st_ino, status.st_size, status.st_ctime_ns
