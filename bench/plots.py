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


def gnuplot(folder, name, script):
    """Keep the script, run it. None, or why there is no plot."""
    (pathlib.Path(folder) / f"{name}.gp").write_text(script)
    done = subprocess.run(["gnuplot", "-"], input=script, text=True, capture_output=True, check=False)
    return f"{name}: {done.stderr.strip()}" if done.returncode else None


def draw(folder, name, head, series):
    """series: (title, style, points). 0, or why there is no plot."""
    series = [s for s in series if s[2]]
    if not series:
        return f"{name}: no measurements"
    plot = ", ".join(f"$d{n} using 1:2 with {style} title '{title}'" for n, (title, style, _) in enumerate(series))
    script = f"{STYLE}{head}\n{blocks([s[2] for s in series])}set output '{folder}/{name}.png'\nplot {plot}\n"
    return gnuplot(folder, name, script)


def points(rows, x, y, **want):
    return sorted((x(r), y(r)) for r in rows if all(r.get(k) == v for k, v in want.items()))


def cost(r):
    return r["cycles"] / r["segments"]


def size(r):
    return r["bytes"]


def targets(r):
    return r["targets"]


# Slices of the timeline, in the order of the data (docs/architecture.md).
WAY = ("doorbell", "entry fetch", "payload read", "log append", "replication", "segment", "BATCH record", "ACK")


def draw_way(folder, timeline):
    """When a batch is in which stage: the slices of its timeline, a row for each kind."""
    slices = [e for e in timeline["traceEvents"] if e["ph"] == "X" and e["name"] in WAY]
    rung = [e["ts"] for e in slices if e["name"] == "doorbell"]
    if not rung:
        return "batch: no doorbell in the timeline"
    rows = len(WAY)
    points = [(e["ts"] - rung[0], rows - WAY.index(e["name"]), max(e["dur"], 0.06)) for e in slices]
    tics = ", ".join(f"'{name}' {rows - i}" for i, name in enumerate(WAY))
    script = (f"{STYLE}set title 'a batch: 10 x 1,448 B to 20 connections'\nset yrange [0.4:{rows + 0.6}]\n"
              f"set ytics ({tics})\nset xlabel 'microseconds since the doorbell'\nunset key\n{blocks([points])}"
              f"set output '{folder}/batch.png'\nplot $d0 using 1:2:3:(0) with vectors nohead lw 8 lc 'web-blue'\n")
    return gnuplot(folder, "batch", script)


def draw_stages(folder, rows):
    """What each stage does with the cycles, for each size of segment."""
    chosen = {r["bytes"]: r for r in rows if r["case"] == "segments" and not r["acks"] and not r["paced"]}
    if not chosen:
        return "stages: no measurements"
    sizes = sorted(chosen, reverse=True)
    names = list(chosen[sizes[0]]["stages"])
    lines = []
    for name in names:
        parts = []
        for size_ in sizes:
            span = chosen[size_]["first_cycles"] + chosen[size_]["cycles"]
            parts += [100 * part / span for part in chosen[size_]["stages"][name]]
        lines.append(f"{name} " + " ".join(f"{p:.4g}" for p in parts))
    data = "$d << EOD\n" + "\n".join(lines) + "\nEOD\n"
    plot, labels = [], []
    for i, size_ in enumerate(sizes):
        labels.append(f"set label '{size_:,} B' at {i * (len(names) + 1) + (len(names) - 1) / 2}, graph -0.17 center\n")
        plot.append(f"newhistogram at {i * (len(names) + 1)}, $d using {2 + 2 * i}:xtic(1) lc 'web-blue' "
                    f"{'notitle' if i else 'title ' + repr('busy')}")
        plot.append(f"$d using {3 + 2 * i} lc 'orange' {'notitle' if i else 'title ' + repr('blocked')}")
    script = (f"{STYLE}set style data histograms\nset style histogram rowstacked\nset bmargin 7\n"
              "set style fill solid\nset boxwidth 0.8\nset xtics rotate by -60 font ',9'\nset yrange [0:100]\n"
              f"set key outside top center horizontal\n{''.join(labels)}"
              f"set ylabel '% of the cycles, to 1,000 connections; MAC always ready'\n{data}"
              f"set output '{folder}/stages.png'\nplot {', '.join(plot)}\n")
    return gnuplot(folder, "stages", script)


def draw_all(folder, rows, timeline):
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
        draw_stages(folder, rows),
        draw_way(folder, timeline) if timeline else "batch: the run for the timeline failed",
    ) if why]
