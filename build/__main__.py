"""`python3 build run` and `python3 build test`: everything a fresh machine needs, then the command.

This file and `environment.py` run on whatever `python3` the machine has (3.9 or newer) and on nothing but the standard
library. They make `.venv` from the locks in `build/requirements/` and hand over to it; the rest of `build/` runs there.
"""

import argparse
import sys
from pathlib import Path

import environment

ROOT = Path(__file__).resolve().parent.parent


def run(options: argparse.Namespace) -> int:
    """Build `dist/` where something changed, then serve it until interrupted."""
    import assemble
    import server

    assemble.build_dist(ROOT)
    return server.serve(ROOT / "dist", options.port)


def dist(_options: argparse.Namespace) -> int:
    """Build `dist/` and stop: any static host can serve it."""
    import assemble

    assemble.build_dist(ROOT)
    return 0


def test(options: argparse.Namespace) -> int:
    """Lint, type-check, check the arrows between rooms, then run every test; pytest's summary comes last."""
    import assemble
    import checks

    environment.need_programs(environment.BROWSER, environment.EMSCRIPTEN)
    assemble.build_dist(ROOT)
    return checks.run_all(ROOT, options.pytest)


def model(options: argparse.Namespace) -> int:
    """Make the built-in model anew: the library always, the weights only with a trained checkpoint."""
    import guide_model

    environment.need_programs(environment.EMSCRIPTEN)
    guide_model.make(ROOT, options.checkpoint)
    return 0


def shots(options: argparse.Namespace) -> int:
    """Take pictures of every screen, in both themes, both languages and two widths, into `screenshots/`."""
    import assemble
    import checks

    environment.need_programs(environment.BROWSER)
    assemble.build_dist(ROOT)
    return checks.take_screenshots(ROOT, options.pytest)


def bench(options: argparse.Namespace) -> int:
    """Measure Bocal against plain code that moves the same bytes, and print one table of ratios."""
    import assemble
    import checks

    environment.need_programs(environment.BROWSER, environment.EMSCRIPTEN)
    assemble.build_dist(ROOT)
    return checks.measure(ROOT, options.benches)


def lock(_options: argparse.Namespace) -> int:
    """Resolve every dependency anew and write the lock files."""
    environment.write_locks(ROOT)
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text} is no port: they go from 0 to 65535")
    return port


def parser() -> argparse.ArgumentParser:
    """The command line: one sub-command a purpose."""
    line = argparse.ArgumentParser(prog="python3 build", description="Build, run and test Bocal.")
    commands = line.add_subparsers(required=True, metavar="command")
    groups = {run: "run", dist: "run", test: "test", model: "test", shots: "test", bench: "test", lock: "lock"}
    for function, group in groups.items():
        command = commands.add_parser(function.__name__, help=(function.__doc__ or "").splitlines()[0])
        command.set_defaults(function=function, group=group)
        if function is run:
            command.add_argument("--port", type=_port, default=8000, help="first port to try (default: 8000)")
        if function in (test, shots):
            command.add_argument("pytest", nargs="*", help="arguments handed to pytest, after --")
        if function is bench:
            command.add_argument("benches", nargs="*", help="names of benches, such as warm_load (default: all)")
        if function is model:
            command.add_argument("--checkpoint", type=Path, help="folder with weights.npz and tokenizer.json")
    return line


def main() -> int:
    """Run one command in the project's own environment; the exit status is the command's."""
    options = parser().parse_args()
    try:
        environment.enter(ROOT, options.group)
        environment.need_node()
        return int(options.function(options))
    except environment.MissingError as missing:
        print(f"bocal: {missing}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
