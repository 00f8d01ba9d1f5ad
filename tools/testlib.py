# SPDX-License-Identifier: Apache-2.0
"""Run test programs one test at a time and read what they say (see tests/README.md)."""
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

PASS, FAIL, SKIP = "passed", "failed", "skipped"
NEEDS = re.compile(r"\[needs: (.+)\]\s*$")
SIZE = re.compile(r"\[size: .+\]\s*$")
SIZED = False  # a build of another size than that of `make test`


@dataclasses.dataclass
class Result:
    program: str
    name: str
    state: str
    seconds: float = 0.0
    text: str = ""  # why it failed or was skipped


def command(args, limit, env=None):
    """Run args; (exit status, None when the limit passed; output; seconds). Nothing is left running."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as out:
        with subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                              start_new_session=True, env=env) as child:
            try:
                code = child.wait(limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        out.seek(0)
        return code, out.read().decode(errors="replace"), time.monotonic() - start


def is_script(program):
    return program.endswith((".py", ".sh"))


def listing(program):
    """Names (suite/test) of a criterion program's tests; a script is one unit of unknown tests."""
    if is_script(program):
        return [""]
    code, text, _ = command([program, "--list"], 20)
    if code != 0:
        raise RuntimeError(f"{program} --list failed:\n{text}")
    names, suite = [], ""
    for line in text.splitlines():
        head = re.match(r"(\w+): \d+ tests?$", line)
        if head:
            suite = head[1]
            continue
        row = re.match(r"\W+(\w+)$", line)
        if row and suite:
            names.append(f"{suite}/{row[1]}")
    return names


def skip_result(program, name, seconds, why):
    """A skip names what it needs as [needs: COMMAND]; it is a failure when COMMAND succeeds. [size: WHAT] is no failure
    on an engine of another size."""
    need = NEEDS.search(why)
    if SIZED and SIZE.search(why):
        return Result(program, name, SKIP, seconds, why)
    if not need:
        return Result(program, name, FAIL, seconds, f"skipped without [needs: COMMAND]: {why}")
    if subprocess.run(["bash", "-c", need[1]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, timeout=20, check=False).returncode == 0:
        return Result(program, name, FAIL, seconds, f"skipped although what it needs is here: {why}")
    return Result(program, name, SKIP, seconds, why)


def read_tap(program, tap, wanted):
    """Results of a TAP text; wanted is 'suite/test' of a criterion program, or '' for all."""
    found = []
    for line in tap.splitlines():
        hit = re.match(r"(not ok|ok)\b(?: \d+)?(?: -)? ?(.*?)(?:\s*# (SKIP|skip)\b\s*(.*))?$", line)
        if not hit:
            continue
        name = re.sub(r"\s+\(\d+\.\d+s\)$", "", hit[2])
        if wanted:
            name = name.split(" ")[0].replace("::", "/")
            if name != wanted:
                continue
        if hit[3]:
            found.append(skip_result(program, name, 0.0, hit[4]))
        else:
            found.append(Result(program, name, PASS if hit[1] == "ok" else FAIL))
    return found


def run_unit(program, name, limit):
    """Run one criterion test, or a whole script; its results."""
    try:
        return try_unit(program, name, limit)
    except OSError as err:
        return [Result(program, name or pathlib.Path(program).stem, FAIL, 0.0, f"cannot be run: {err}")]


def try_unit(program, name, limit):
    if not name:
        code, text, seconds = command([str(pathlib.Path(program))], limit)
        found = read_tap(program, text, "")
        plan = re.search(r"^1\.\.(\d+)", text, re.M)
        planned = int(plan[1]) if plan else -1
    else:
        with tempfile.NamedTemporaryFile(mode="r", suffix=".tap") as tap:
            code, text, seconds = command([program, "--filter", name, "--jobs", "1", f"--tap={tap.name}"], limit)
            found = read_tap(program, tap.read(), name)
        planned = len(found)
    label = name or pathlib.Path(program).stem
    if code is None:
        return [Result(program, label, FAIL, seconds, f"still running after {limit} s\n{text}")]
    if not found or planned != len(found):
        return [Result(program, label, FAIL, seconds, f"exit status {code}, not every test reported\n{text}")]
    if code and all(r.state != FAIL for r in found):
        return [Result(program, label, FAIL, seconds, f"all tests pass but exit status is {code}\n{text}")]
    for result in found:
        result.seconds = seconds / len(found)
        if result.state == FAIL and not result.text:
            result.text = text
    return found
