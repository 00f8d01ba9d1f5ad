# SPDX-License-Identifier: Apache-2.0
"""Bars, what they ask for, and what the measurements of bench/line say of each. See bench/README.md."""
import dataclasses

ROUND_TRIP = 150  # cycles of a read over the modelled PCIe link, 600 ns
READ_TRIPS = 2
ENGINE_CYCLES = 60


@dataclasses.dataclass
class Bar:
    name: str
    figure: float = None
    limit: float = None
    unit: str = ""
    floor: str = ""  # what no engine can beat, or a peer
    least: bool = False  # the figure must be the limit or more
    why: str = ""  # there is no figure
    stage: str = ""  # what limits: the busiest stage of the engine, and its part of the cycles

    @property
    def state(self):
        if self.figure is None or self.limit is None:
            return "not run"
        # Figures are ratios of counts: no rounding in the engine's favour.
        good = self.figure >= self.limit if self.least else self.figure <= self.limit
        return "pass" if good else "falls short"


def chosen(rows, case, **want):
    return [r for r in rows if r["case"] == case and all(r.get(k) == v for k, v in want.items())]


def per_segment(row):
    return row["cycles"] / row["segments"]


def line_rate(row):
    """Share of the line that was used, by what the MAC could have sent and was not given."""
    return row["wire_bytes"] / (row["wire_bytes"] + row["unused"])


def per_wire(row):
    return row["cycles"] / row["wire_bytes"]


def worst(values, least=False):
    values = list(values)
    if not values:
        return None
    return min(values) if least else max(values)


def part_busy(row, stage):
    """Of the batch's cycles, doorbell to last beat."""
    return row["stages"][stage][0] / (row["first_cycles"] + row["cycles"])


def limiting(rows, cost):
    """The busiest stage of the measurement that costs most: the last of them, those before it work at its pace."""
    if not rows:
        return ""
    row = max(rows, key=cost)
    busy, _, stage = max((part_busy(row, name), i, name) for i, name in enumerate(row["stages"]))
    return f"{stage} {100 * busy:.1f} %"


def worst_text(rows, stage, blocked, span):
    """What a stage that is known to limit does in a span of the longest batch."""
    if not rows:
        return ""
    row = max(rows, key=lambda r: r[span])
    return f"{stage}{' waits' if blocked else ''} {100 * row['stages'][stage][blocked] / row[span]:.1f} %"


def slower(rows, case, cost, **want):
    """How much the worst of each kind costs more with ACKs, in per cent; None without measurements."""
    kinds = {}
    for r in chosen(rows, case, **want):
        kinds.setdefault((r["bytes"], r["paced"]), {}).setdefault(r["acks"], []).append(cost(r))
    return worst(100 * (max(k[True]) / max(k[False]) - 1) for k in kinds.values() if len(k) == 2)


def segments(rows):
    for size, limit, floor in ((1448, 24.3, "floor 24"), (200, 5.3, "floor 5"), (64, 3.08, "100 GbE 3.08")):
        of_size = chosen(rows, "segments", bytes=size, acks=False, paced=False)
        yield Bar(f"cycles per segment, {size} B to 1,000", limit=limit, floor=floor,
                  figure=worst(map(per_segment, of_size)), stage=limiting(of_size, per_segment))
    paced = [r for case in ("sweep", "segments") for r in chosen(rows, case, acks=False, paced=True)]
    yield Bar("100 GbE, all sizes", limit=100, unit="%", least=True, floor="line rate",
              figure=worst((100 * line_rate(r) for r in paced), least=True), stage=limiting(paced, per_wire))
    yield Bar("  slower with an ACK for each segment", limit=2, unit="%",
              figure=slower(rows, "segments", per_segment))
    yield Bar("  the same over all sizes at 100 GbE", limit=2, unit="%", figure=slower(rows, "sweep", per_segment))
    acked = [r for case in ("sweep", "segments") for r in chosen(rows, case, acks=True, paced=True)]
    yield Bar("  100 GbE with the ACKs, all sizes", limit=100, unit="%", least=True, floor="line rate",
              figure=worst((100 * line_rate(r) for r in acked), least=True), stage=limiting(acked, per_wire))


def append_cost(rows):
    costs = []
    for lists in (False, True):
        walks = sorted(chosen(rows, "append", lists=lists), key=lambda r: r["payloads"])
        if len(walks) == 2:
            few, many = walks
            costs.append((many["batch_cycles"] - few["batch_cycles"])
                         / ((many["payloads"] - few["payloads"]) * many["targets"]))
    return worst(costs)


def fan_out(rows):
    yield Bar("gathered, ten of 100 B, p = 1/2, to their beats", limit=1.10, unit="x", floor="1.0", figure=worst(
        r["cycles"] / r["packed_beats"] for r in chosen(rows, "gather")),
              stage=limiting(chosen(rows, "gather"), lambda r: r["cycles"] / r["packed_beats"]))
    yield Bar("appending, cycles per target", limit=1.1, floor="1.0", figure=append_cost(rows),
              stage=worst_text(chosen(rows, "append"), "fanout", 0, "batch_cycles"))
    yield Bar("payload bytes over PCIe to those due", limit=1.0, unit="x", floor="1.0", figure=worst(
        r["pcie_payload_bytes"] / (64 * r["lines"]) for r in chosen(rows, "pcie")))
    yield Bar("doorbell to first beat, to 256 B to one, cycles", limit=READ_TRIPS * ROUND_TRIP + ENGINE_CYCLES,
              floor=f"{READ_TRIPS * ROUND_TRIP}, round trips",
              figure=worst(r["first_cycles"] for r in chosen(rows, "latency") if r["bytes"] <= 256),
              stage=worst_text(chosen(rows, "latency"), "read", 1, "first_cycles"))
    yield Bar("fan-out of 1,000 to its wire time", limit=1.02, unit="x", floor="1.0", figure=worst(
        r["cycles"] / (r["wire_bytes"] / 50) for r in chosen(rows, "single")),
              stage=limiting(chosen(rows, "single"), per_wire))
    flat = [per_segment(r) for r in chosen(rows, "flat")]
    yield Bar("16 to 16,384 targets, spread of cycles per segment", limit=3, unit="%",
              figure=100 * (max(flat) / min(flat) - 1) if len(flat) == 4 else None,
              stage=limiting(chosen(rows, "flat"), per_segment))


def bars(rows):
    return [*segments(rows), *fan_out(rows)]


def host_bars(costs):
    """costs: of senders by name, see host.py."""
    best = min((costs[n]["us"], n) for n in ("writev", "uring") if n in costs) if "writev" in costs else None
    card = costs.get("card", {})
    yield Bar("publisher's CPU per delivered payload, us", figure=card.get("us"),
              limit=best[0] / 50 if best else None, why="" if best else "no writev to compare with",
              floor=f"{best[1]} {best[0]:.3f}" if best else "")
    yield Bar("its instructions per delivered payload", figure=card.get("instructions"), limit=0.2,
              floor=f"writev {costs['writev']['instructions']:.1f}" if "instructions" in costs.get("writev", {}) else "")


def model_bars(speed):
    """speed: modelspeed.json."""
    yield Bar("the model while sending, MB/s of wire", least=True, floor="Corundum by SimBricks",
              figure=speed.get("wire_bytes_per_second", 0) / 1e6 if speed else None,
              limit=speed.get("wire_bytes_per_second_bar", 0) / 1e6 if speed else None)
    yield Bar("the model, one idle virtual second, ms", limit=10,
              figure=1e3 * speed["idle_second_seconds"] if speed else None)


def text(bar):
    if bar.figure is None:
        return "-"
    if bar.figure < 0.1 and not bar.unit:
        return f"{bar.figure:.5f}"
    return f"{bar.figure:.3f}{' ' + bar.unit if bar.unit else ''}"


def table(found):
    lines = [f"{'':52} {'figure':>12}  {'bar':>12}  {'limit':22} {'busiest stage':16}"]
    for b in found:
        sign = ">=" if b.least else "<="
        limit = f"{sign} {b.limit:.3g}{' ' + b.unit if b.unit else ''}" if b.limit is not None else "-"
        lines.append(f"{b.name:52} {text(b):>12}  {limit:>12}  {b.floor:22} {b.stage:16} {b.state}{': ' + b.why if b.why else ''}")
    return "\n".join(lines)


def as_json(found):
    return [{**dataclasses.asdict(b), "state": b.state} for b in found]
