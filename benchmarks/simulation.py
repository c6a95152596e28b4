"""Links cut after any byte, under load, by the thousand: nothing may be lost, repeated or reordered.

    python3 benchmarks/simulation.py [--cuts 10000] [--seed 1] [--each 100] [--networks N]

Runs simulated networks of contexts, --each lost links in each, until --cuts links were lost; what happens in a network
is decided by its seed, --seed for the first one and one more for each next. tests/yotonlike/simulation.py says what is
simulated and what is checked. A failure names its seed and how to see it again; the status is 1 then. Ctrl-C ends it.
"""
from __future__ import absolute_import, division, print_function

import argparse
import os
import sys
import traceback

from measure import ROOT, exit_with, timer

sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "yotonlike")]

import simulation as engine  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=10000, help="links to lose in all (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the first network (default: 1)")
    parser.add_argument("--each", type=int, default=100, help="links to lose in each network (default: 100)")
    parser.add_argument("--networks", type=int, help="how many networks, instead of --cuts")
    options = parser.parse_args()
    begun, totals, seed = timer(), dict.fromkeys(("cuts", "events", "received", "owed", "missed", "answered"), 0), options.seed
    status = 0
    try:
        while seed - options.seed < options.networks if options.networks else totals["cuts"] < options.cuts:
            world = engine.simulate(seed, options.each)
            for name in totals:
                totals[name] += getattr(world, name)
            seed += 1
            if sys.stderr.isatty():
                sys.stderr.write("\r%d links cut in %d networks" % (totals["cuts"], seed - options.seed))
    except KeyboardInterrupt:
        status = 130
    except Exception:
        traceback.print_exc()
        status = 1
    print("%d links cut in %d networks (from seed %d on), %d events, %.0f s" % (
        totals["cuts"], seed - options.seed, options.seed, totals["events"], timer() - begun))
    print("%d messages received, %d of them where none may be missing: %s" % (
        totals["received"], totals["owed"], "something was wrong" if status == 1 else "0 lost, 0 repeated, 0 reordered"))
    print("%d missed by policy or beyond a history, each in a gap of the exact number; %d requests answered, none twice"
          % (totals["missed"], totals["answered"]))
    return status


if __name__ == "__main__":
    exit_with(main)
