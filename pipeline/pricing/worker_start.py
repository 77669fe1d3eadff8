"""What a worker does before its first unit: it imports the machine and the plug-ins whose names are its arguments, and ends."""

from __future__ import annotations

import sys
from contextlib import suppress

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import run_unit as run_unit
from interloom.pipeline.planning import plugins


def main() -> None:
    for use in sys.argv[1:]:
        with suppress(ConfigError):  # plug-ins beside the recipe are not found here
            plugins.find(use)


if __name__ == "__main__":
    main()
