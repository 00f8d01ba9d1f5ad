# SPDX-License-Identifier: Apache-2.0
"""Plots of the measurements, by gnuplot. See bench/README.md."""
import pathlib
import shutil
import subprocess

HEADERS = 90  # of a segment on the wire: headers, preamble, gap, FCS
BYTES_PER_CYCLE = 50  # 100 GbE at 250 MHz

STYLE = """set terminal pngcairo size 1000,650 noenhanced
set grid
set key top left
"""


def blocks(series):
    """Each series as a block of gnuplot's inline data."""
    out = []
    for n, points in enumerate(series):
        rows = "\n".join(" ".join(f"{v:.6g}" for v in p) for p in points)
        out.append(f"$d{n} << EOD\n{rows}\nEOD\n")
    return "".join(out)


def draw(folder, name, head, series):
    """series: (title, style, points). 0, or why there is no plot."""
    series = [s for s in series if s[2]]
    if not series:
        return f"{name}: no measurements"
    plot = ", ".join(f"$d{n} using 1:2 with {style} title '{title}'" for n, (title, style, _) in enumerate(series))
    script = f"{STYLE}{head}\n{blocks([s[2] for s in series])}set output '{folder}/{name}.png'\nplot {plot}\n"
    (pathlib.Path(folder) / f"{name}.gp").write_text(script)
    done = subprocess.run(["gnuplot", "-"], input=script, text=True, capture_output=True, check=False)
    return f"{name}: {done.stderr.strip()}" if done.returncode else None


def points(rows, x, y, **want):
    return sorted((x(r), y(r)) for r in rows if all(r.get(k) == v for k, v in want.items()))


def cost(r):
    return r["cycles"] / r["segments"]


def size(r):
    return r["bytes"]


def targets(r):
    return r["targets"]


def draw_all(folder, rows):
    """Plots to folder. A list of what is missing, and why."""
    if not shutil.which("gnuplot"):
        return ["gnuplot is not there: no plots (apt-get install gnuplot-nox)"]
    line = [(b, (HEADERS + b) / BYTES_PER_CYCLE) for b in range(64, 1449, 4)]
    floor = [(b, -(-(66 + b) // 64)) for b in range(64, 1449)]
    gbit = [r for r in rows if r["case"] == "fanout"]
    return [why for why in (
        draw(folder, "segments", "set xlabel 'payload, bytes'\nset ylabel 'cycles per segment'", [
            ("100 GbE line rate", "lines", line),
            ("beats of 64 bytes: the floor", "steps", floor),
            ("engine, MAC at 100 GbE", "points pt 1", points(rows, size, cost, case="sweep", acks=False)),
            ("with an ACK for each", "points pt 2", points(rows, size, cost, case="sweep", acks=True)),
            ("MAC always ready", "points pt 7", points(rows, size, cost, case="segments", acks=False, paced=False)),
        ]),
        draw(folder, "throughput", "set logscale x\nset yrange [0:]\nset xlabel 'targets'\n"
             "set ylabel 'payload, Gbit/s at 250 MHz'", [
                 ("1,448 B, MAC always ready", "linespoints pt 7",
                  points(gbit, targets, lambda r: r["payload_bytes"] * 8 / (r["cycles"] * 4))),
             ]),
        draw(folder, "pcie", "set logscale xy\nset xlabel 'targets'\nset ylabel 'PCIe bytes per byte on the wire'", [
            ("payload reads", "linespoints pt 7",
             points(gbit, targets, lambda r: r["pcie_payload_bytes"] / r["wire_bytes"])),
            ("all reads and writes", "linespoints pt 5",
             points(gbit, targets, lambda r: (r["pcie_read_bytes"] + r["pcie_write_bytes"]) / r["wire_bytes"])),
        ]),
        draw(folder, "latency", "set xlabel 'payload, bytes'\nset yrange [0:]\n"
             "set ylabel 'doorbell to first beat, cycles'", [
                 ("two round trips over PCIe", "lines", [(1, 300), (1448, 300)]),
                 ("one connection", "linespoints pt 7",
                  points(rows, size, lambda r: r["first_cycles"], case="latency")),
             ]),
    ) if why]
