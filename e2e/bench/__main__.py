"""`python3 build bench [names]`: run the benches and print one table; the status is 1 when an aim was missed."""

import importlib
import sys
from pathlib import Path

HELPERS = {"__main__", "measure"}


def main(wanted: list[str]) -> int:
    """Run the benches named (by default, all): each is a module here with `run()`, which yields rows."""
    from bench.measure import Row, table

    rows: list[Row] = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in HELPERS and (not wanted or path.stem in wanted):
            print(f"bocal: measuring {path.stem.replace('_', ' ')}", file=sys.stderr, flush=True)
            rows += importlib.import_module(f"bench.{path.stem}").run()
    print(table(rows))
    return 0 if all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
