#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The register generator: committed outputs are fresh, and every kind of fault in the source is told."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path("rtl/regs/fantail.toml").read_text(encoding="utf-8")
OUTPUTS = ["rtl/regs/fantail_regs_pkg.sv", "driver/fantail_regs.h", "driver/fantail_reg_table.h",
           "docs/registers.md"]
# name, text to replace once, replacement, what must be told
FAULTS = [
    ("overlapping registers", 'offset = 0x004', 'offset = 0x000', "overlaps"),
    ("unaligned register", 'offset = 0x004', 'offset = 0x006', "not aligned to 4"),
    ("unaligned wide register", 'offset = 0x040', 'offset = 0x044', "not aligned to 8"),
    ("register beyond the page", 'offset = 0x06C', 'offset = 0x1000', "beyond the page"),
    ("counters over registers", 'base = 0x100', 'base = 0x060', "overlaps"),
    ("unknown access", 'access = "ro"', 'access = "r"', "no such access"),
    ("unknown page", 'page = "device"\nname', 'page = "devise"\nname', "no such page"),
    ("unknown parameter", 'reset = "Connections"', 'reset = "Conections"', "Conections"),
    ("field beyond 32 bits", '["ENABLE", 0, 0,', '["ENABLE", 32, 0,', "not within [31:0]"),
    ("overlapping fields", '["FAULT", 1, 1,', '["FAULT", 1, 0,', "overlaps another field"),
    ("reset outside the fields", 'reset = 10\n', 'reset = 32\n', "outside the fields"),
    ("gap in a layout", '["flags",     1, "u8",', '["flags",     2, "u8",', "the field before ends at 1"),
    ("layout of a wrong size", 'bytes = 64', 'bytes = 72', "fields end at 64"),
    ("unknown type", '["op",        0, "u8",', '["op",        0, "u9",', "no such type"),
    ("code twice", '["PUBLISH",      1,', '["PUBLISH",      0,', "twice"),
    ("code too wide", '["PUBLISH",      1,', '["PUBLISH",      256,', "does not fit 8 bits"),
    ("misspelt key", 'volatile = true', 'volatil = true', "unknown key 'volatil'"),
    ("not TOML", '[meta]', '[meta', "Expected"),
]


def regs(*args):
    done = subprocess.run([sys.executable, "tools/regs.py", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def fresh():
    code, text = regs("--check")
    return code == 0, text


def drift(folder):
    """A copy of the tree is clean; changing the source or an output is noticed, `make regs` mends it."""
    root = pathlib.Path(folder)
    for name in OUTPUTS + ["rtl/regs/fantail.toml"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, root / name)
    args = ["--check", "--root", folder]
    good = regs(*args)[0] == 0
    (root / "rtl/regs/fantail.toml").write_text(SOURCE.replace('doc = "groups"', 'doc = "grouples"'),
                                                encoding="utf-8")
    code, text = regs(*args)
    good = good and code == 1 and all(name in text for name in (OUTPUTS[0], OUTPUTS[1], OUTPUTS[3]))
    good = good and regs("--root", folder)[0] == 0 and regs(*args)[0] == 0
    (root / OUTPUTS[2]).unlink()
    code, text = regs(*args)
    return good and code == 1 and OUTPUTS[2] in text, text


def fault(folder, old, new, told):
    if SOURCE.count(old) < 1:
        return False, f"the source no longer holds {old!r}"
    file = pathlib.Path(folder) / "bad.toml"
    file.write_text(SOURCE.replace(old, new, 1), encoding="utf-8")
    code, text = regs("--check", "--source", str(file))
    return code == 2 and told in text and "Traceback" not in text, f"exit {code}: {text}"


def main():
    print(f"1..{len(FAULTS) + 2}")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        cases = [("outputs are fresh", fresh), ("drift is noticed", lambda: drift(folder))]
        cases += [(name, lambda f=row: fault(folder, *f)) for name, *row in FAULTS]
        for name, case in cases:
            good, text = case()
            print(f"{'ok' if good else 'not ok'} - {name}")
            if not good:
                print("# " + text.rstrip().replace("\n", "\n# "))
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
