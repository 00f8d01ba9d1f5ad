#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: run the measurements, say which bars are reached, write JSON and plots.

Exit status: 0: every bar; 1: one falls short or a measurement failed; 2: bad input.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import host  # pylint: disable=wrong-import-position
import plots  # pylint: disable=wrong-import-position
import report  # pylint: disable=wrong-import-position

# The default build's cases, in parts that run side by side; the large build's.
PARTS = (("segments", "latency"), ("sweep",), ("gather", "append", "pcie", "fanout"))
LARGE = ("flat",)


def passed_on(args):
    """Run a program, pass its lines on; its exit status."""
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        for line in child.stdout:
            print("  " + line, end="", flush=True)
    return child.returncode


class Job:
    """Cases of bench/line."""

    def __init__(self, program, cases, options):
        self.name = " ".join(cases)
        self.out = pathlib.Path(options.out) / f"{'-'.join(cases)}.json"
        self.out.unlink(missing_ok=True)
        self.args = [program, *cases, f"--seed={options.seed}", f"--out={self.out}"]
        if options.quick:
            self.args.append("--quick")
        self.failed = False

    def run(self):
        self.failed = passed_on(self.args) != 0

    def rows(self):
        if self.failed:
            return []
        return json.loads(self.out.read_text())


def run_all(jobs):
    """As many at once as there are processors."""
    waiting = list(jobs)
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                job = waiting.pop(0)
            job.run()

    threads = [threading.Thread(target=work) for _ in range(os.cpu_count() or 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def model_speed(o):
    """What bench/modelspeed found, {} if it failed."""
    out = pathlib.Path(o.out) / "modelspeed.json"
    out.unlink(missing_ok=True)
    args = [o.model, f"--seed={o.seed}", f"--out={o.out}", f"--rounds={3 if o.quick else 5}"]
    return json.loads(out.read_text()) if passed_on(args) == 0 else {}


def timeline(o):
    """Of one batch, {} if the run failed."""
    out = pathlib.Path(o.out) / "batch.json"
    out.unlink(missing_ok=True)
    feed = pathlib.Path(o.out) / "feed"
    feed.write_bytes(bytes(range(256)) * 64)
    args = [o.runner, "--net=peers", "--clients=20", "--messages=10", "--batch=10", f"--feed={feed}",
            "--framing=fixed:1448", f"--seed={o.seed}", f"--out={o.out}/batch", f"--perfetto={out}",
            "--perfetto-batches=0:0"]
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        return {}
    return json.loads(out.read_text())


def number(text):
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("line", help="bench/line, built with the default engine")
    p.add_argument("large", help="bench/line, built with 16,384 connections")
    p.add_argument("publish", help="bench/publish")
    p.add_argument("card", help="fantail-sim with the default engine")
    p.add_argument("model", help="bench/modelspeed, built with the default engine")
    p.add_argument("runner", help="fantail-run with the default engine")
    p.add_argument("--seed", type=number, default=1)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--out", default="build/bench")
    return p.parse_args()


def main():
    o = options()
    pathlib.Path(o.out).mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    # The long ones first.
    jobs = [Job(o.large, LARGE, o), *(Job(o.line, cases, o) for cases in PARTS)]
    run_all(jobs)
    rows = [row for job in jobs for row in job.rows()]
    # Times of the processor: nothing of ours beside them.
    costs, unsaid = host.measure(o, passed_on)
    speed = model_speed(o)
    if not speed:
        unsaid.append("modelspeed failed")
    found = [*report.bars(rows), *report.host_bars(costs), *report.model_bars(speed)]
    print("\n" + report.table(found))
    missing = unsaid + plots.draw_all(o.out, rows, timeline(o))
    for why in missing:
        print(f"bench: {why}", file=sys.stderr)
    result = pathlib.Path(o.out) / "bench.json"
    result.write_text(json.dumps({
        "seed": o.seed, "quick": o.quick, "seconds": time.monotonic() - start, "bars": report.as_json(found),
        "measurements": rows, "publishers": costs, "model": speed, "missing": missing}, indent=1) + "\n")
    print(f"\nseed {o.seed}, {time.monotonic() - start:.0f} s; results and plots: {o.out}/")
    failed = [job.name for job in jobs if job.failed]
    if failed:
        print(f"bench: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed or any(b.state != "pass" for b in found) else 0


if __name__ == "__main__":
    sys.exit(main())
