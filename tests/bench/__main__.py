"""Measure on both engines and print the figures.

.venv/bin/python -m tests.bench                      everything
.venv/bin/python -m tests.bench --engine sqlite      on one engine
.venv/bin/python -m tests.bench --rows 200 --notices 100     less of everything
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from pathlib import Path

from tests.bench.hand_over import hand_over
from tests.bench.rows import rows_of_a_file
from tests.support.engines import SERVER_VARIABLE, Engines, start_postgresql

ENGINES = ("sqlite", "postgresql")


def main() -> None:
    """Parse what is wanted, measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, add_help=True)
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--rows", type=int, default=1000, help="rows of a file, of each kind")
    parser.add_argument("--notices", type=int, default=1000, help="notices to hand over")
    wanted = parser.parse_args()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    began, server = time.monotonic(), None
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    print(f"{cores} cores, load {load:.1f}" + (" (busy: the figures are too high)" if load > cores / 2 else ""))
    if wanted.engine != "sqlite":
        server, os.environ[SERVER_VARIABLE] = start_postgresql()
    try:
        engines = Engines(Path(tempfile.mkdtemp(prefix="countersign-bench-")))
        for engine in [wanted.engine] if wanted.engine else ENGINES:
            print(f"\n{engine}")
            for kind in ("invitations", "attestations"):
                with engines.seat(engine) as seat:
                    print("  " + rows_of_a_file(seat.application(), kind, wanted.rows), flush=True)
            with engines.seat(engine) as seat, tempfile.TemporaryDirectory() as directory:
                print("  " + hand_over(seat.application(), seat.url, Path(directory), wanted.notices), flush=True)
    finally:
        if server is not None:
            server.cleanup()
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
