"""The command line's door: answers --version before the commands are imported."""

from __future__ import annotations

import sys

from cfngen._version import VERSION


def main() -> None:
    """Run cfngen. Exit status: 0 done, 1 findings or files that cannot be written, 2 wrong input, 130 interrupted."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"cfngen {VERSION}\n")
        return
    try:
        from cfngen.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
