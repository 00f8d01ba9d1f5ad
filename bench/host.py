# SPDX-License-Identifier: Apache-2.0
"""What a delivered payload costs its publisher: bench/publish by the kernel and by the card, and under callgrind."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

NOT_HERE = 3  # exit status of bench/publish
CLIENTS = 1000
PAYLOADS = 10
STARTS_S = 60  # for fantail-sim to serve


class Card:
    """fantail-sim with peers, as long as the context lasts."""

    def __init__(self, program, seed):
        self.folder = tempfile.TemporaryDirectory(prefix="fantail-bench-")
        self.socket = pathlib.Path(self.folder.name) / "card.sock"
        # Connections at a pace that a model on a busy machine keeps up with.
        net = f"peers:?count={CLIENTS}&connects_per_ms=5"
        self.args = [program, str(self.socket), f"--net={net}", f"--seed={seed}", "--patience-ms=60000",
                     f"--stats={self.folder.name}/stats.json"]

    def __enter__(self):
        self.process = subprocess.Popen(self.args, stdout=subprocess.DEVNULL)  # pylint: disable=consider-using-with
        end = time.monotonic() + STARTS_S
        while not self.socket.exists() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        return f"vfio-user:{self.socket}"

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def measure(options, passed_on):
    """Costs by sender: us of processor and, with valgrind, instructions for a delivered payload; what is missing."""
    costs, missing = {}, []
    rounds = 10 if options.quick else 30

    def run(sender, *more):
        out = pathlib.Path(options.out) / f"publish-{sender}.json"
        out.unlink(missing_ok=True)
        status = passed_on([options.publish, f"--sender={sender}", f"--clients={CLIENTS}", f"--rounds={rounds}",
                            f"--out={out}", *more])
        if status:
            missing.append(f"{sender}: {'not on this machine' if status == NOT_HERE else 'failed'}")
            return
        cost = json.loads(out.read_text())
        costs[sender] = {**cost, "us": 1e6 * cost["median_round_seconds"] / (CLIENTS * PAYLOADS)}

    def count(sender, *more):
        if sender not in costs:
            return
        out = pathlib.Path(options.out) / f"callgrind-{sender}.out"
        out.unlink(missing_ok=True)
        few = 5
        status = passed_on(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}",
                            "--toggle-collect=publish_round", options.publish, f"--sender={sender}",
                            f"--clients={CLIENTS}", f"--rounds={few}", *more])
        total = re.search(r"^totals: (\d+)", out.read_text(), re.M) if out.exists() else None
        if status or not total or int(total[1]) == 0:
            missing.append(f"instructions of {sender}: callgrind failed")
            return
        costs[sender]["instructions"] = int(total[1]) / (few * CLIENTS * PAYLOADS)

    for sender in ("send", "writev", "uring"):
        run(sender)
    with Card(options.card, options.seed) as uri:
        run("card", f"--uri={uri}")
    if not shutil.which("valgrind"):
        missing.append("valgrind is not there: no instructions counted (apt-get install valgrind)")
        return costs, missing
    count("writev")
    with Card(options.card, options.seed) as uri:
        count("card", f"--uri={uri}")
    return costs, missing
