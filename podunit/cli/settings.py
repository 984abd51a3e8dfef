"""What the global options say: which systemd, which directory, how much is printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podunit.record import record
from podunit.scope import Scope, default_directory, generated_directory, spec_folder

if TYPE_CHECKING:
    from podunit.chosen import Choice, Engine
    from podunit.report import Report


@record
class Settings:
    """The global options of one command; `root` is the tree that is meant, with all paths below it."""

    scope: Scope
    unit_dir: Path | None
    quiet: bool
    verbose: bool
    root: Path | None = None

    @classmethod
    def default(cls) -> Settings:
        """Without any option."""
        return cls(Scope.default(), None, False, False)

    @property
    def unit_directory(self) -> Path:
        """Where the generated units are."""
        return self._place(self.unit_dir or default_directory(self.scope))

    @property
    def usual_directory(self) -> Path:
        """Where they are without --unit-dir."""
        return self._place(default_directory(self.scope))

    @property
    def state_folder(self) -> Path:
        """Where podunit keeps what units do not hold."""
        from podunit.state import find_state_folder

        return self._place(find_state_folder(self.scope))

    @property
    def spec_folder(self) -> Path:
        """Where the pods of this machine, this user, or the tree, are described."""
        return self._place(spec_folder(self.scope))

    @property
    def defaults_file(self) -> Path:
        """What it says there of pods that do not say otherwise."""
        return self.spec_folder / "podunit.toml"

    def choose_engine(self, engine: Engine | None, report: Report) -> Choice | None:
        """What runs pods that name no engine: that of the option or the file, None for podunit's own default."""
        from podunit.defaults import choose_by_option, read_default

        default = read_default(str(self.defaults_file), report)
        return choose_by_option(engine) if engine else default

    def _place(self, path: Path) -> Path:
        return path if self.root is None else self.root / path.relative_to(path.anchor)

    def read_units(self) -> dict[str, str]:
        """The unit files that podunit has written there, by name."""
        from podunit.install import UnitDirectory

        return UnitDirectory(self.unit_directory).read()

    def read_generated_units(self) -> dict[str, str]:
        """The unit files of pods that podunit-generator has made, by name."""
        from podunit.install import UnitDirectory

        return {} if self.root else UnitDirectory(generated_directory(self.scope)).read()

    def read_all_units(self) -> dict[str, str]:
        """The unit files of all pods, whoever has put them there, by name."""
        return {**self.read_generated_units(), **self.read_units()}

    def print_success(self, text: str) -> None:
        """Print a line that says that something was done, unless nobody wants to know."""
        if not self.quiet:
            print(text)

    def print_progress(self, text: str) -> None:
        """Print a line about what is still going on, where standard output does not have it, unless nobody wants to."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)
