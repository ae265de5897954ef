# SPDX-License-Identifier: Apache-2.0
"""What `./run bench net` has measured, as text for people."""

import net_peers
import tables
from memory import line_through

MEGA = 1e6


def seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def others(row: dict) -> str:
    return f"{row['company']:.2f}" if "company" in row else ""


def verdict(value: float, target: float | None, less_is_better: bool = True) -> str:
    """Nothing without a target."""
    if target is None:
        return ""
    part = value / target if less_is_better else target / value
    return "met" if part <= 1 else f"missed by {100 * (part - 1):.0f} %" if part < 2 else f"missed {part:.1f} times"


def rounds(rows: list[dict], paint: tables.Paint) -> str:
    head = ["seconds a round", "min", "median", "up", "down", "target", "aim", "min / target", "wire MB", "hub MB",
            "hub cpu s", "worker cpu s", "others"]  # fmt: skip
    lines = [head]
    for row in rows:
        if "failure" in row:
            lines.append(tables.failed(row, paint))
            continue
        target = row.get("target_s")
        lines.append([row["name"], seconds(row["min_s"]), seconds(row["median_s"]), seconds(row["up_s"]), seconds(row["down_s"]),
                      f"{target:g}" if target else "", f"{row['aim_s']:g}" if row.get("aim_s") else "",
                      f"{row['min_s'] / target:.2f}" if target else "",
                      f"{(row['wire_up_bytes'] + row['wire_down_bytes']) / MEGA:.1f}",
                      f"{row['hub_peak_bytes'] / MEGA:.0f}", f"{row['hub_cpu_s']:.3f}", f"{row['worker_cpu_s']:.3f}",
                      others(row)])  # fmt: skip
    return tables.columns(lines, paint.faint)


def peers(rows: list[dict], paint: tables.Paint) -> str:
    lines = [["beside peers", "peer", "min", "median", "peer / ours, min", "median"]]
    for row in rows:
        for peer in row.get("peers", ()):
            if "failure" in peer:
                lines.append([row["name"], paint.failure(f"{peer['peer']}: {peer['failure']}")])
                continue
            ratio = net_peers.ratios(row, peer)
            lines.append([row["name"], peer["peer"], seconds(peer["min_s"]), seconds(peer["median_s"]), f"{ratio['min']:.2f}",
                          f"{ratio['median']:.2f}"])  # fmt: skip
    return tables.columns(lines, paint.faint) if len(lines) > 1 else ""


def memory(rows: list[dict], paint: tables.Paint) -> str:
    lines = [["hub's memory", "peak MB", "of no file", "fixed MB", "peak / model", "less fixed", "target", "", "round s", "others"]]
    for row in rows:
        if "failure" in row:
            lines.append(tables.failed(row, paint))
            continue
        less = (row["hub_peak_bytes"] - row["fixed_bytes"]) / row["model_bytes"]
        lines.append([row["name"], f"{row['hub_peak_bytes'] / MEGA:.0f}", f"{row['hub_anonymous_bytes'] / MEGA:.0f}",
                      f"{row['fixed_bytes'] / MEGA:.0f}", f"{row['ratio']:.2f}", f"{less:.2f}", f"{row['target']:g}",
                      verdict(row["ratio"], row["target"]), seconds(row["min_s"]), others(row)])  # fmt: skip
    return "\n".join([tables.columns(lines, paint.faint), *lines_through(rows)])


def lines_through(rows: list[dict]) -> list[str]:
    """What of the peak grows with the model, where as many workers were seen with two of them."""
    out = []
    good = [row for row in rows if "failure" not in row]
    for workers in dict.fromkeys(row["workers"] for row in good):
        found = sorted((row["model_bytes"], row["hub_peak_bytes"]) for row in good if row["workers"] == workers)
        if len(found) == 2 and found[0][0] < found[1][0]:
            fixed, slope = line_through(found)
            out.append(f"  {workers} workers: the line through the two is {fixed / MEGA:.0f} MB and {slope:.2f} models")
    return out


def links(rows: list[dict], paint: tables.Paint) -> str:
    lines = [["100 Mbit/s", "plain up", "down", "round s", "up s", "down s", "of 100", "up", "down", "of plain", "target", "", "sent twice",
              "others"]]  # fmt: skip
    notes = []
    for row in rows:
        if "failure" in row:
            lines.append(tables.failed(row, paint))
            continue
        lines.append([row["name"], f"{row['plain_up_mbit']:.1f}", f"{row['plain_down_mbit']:.1f}", seconds(row["min_s"]),
                      seconds(row["up_s"]), seconds(row["down_s"]), percent(row["share"]), percent(row["share_up"]),
                      percent(row["share_down"]), percent(row["share_of_plain"]), percent(row["target"]),
                      verdict(row["share_of_plain"], row["target"], less_is_better=False), percent(row["sent_twice"]), others(row)])  # fmt: skip
        notes.append(f"  {row['name']}: {row['how']}")
    return "\n".join([tables.columns(lines, paint.faint), *notes])


def kills(rows: list[dict], paint: tables.Paint) -> str:
    lines = [["hub killed and started", "times", "usual round s", "listens s", "min", "median", "max", "target", ""]]
    for row in rows:
        if "failure" in row:
            lines.append(tables.failed(row, paint))
            continue
        lines.append([row["name"], str(len(row["kills"])), seconds(row["usual_s"]), seconds(row["listening_s"]), seconds(row["min_s"]),
                      seconds(row["median_s"]), seconds(row["max_s"]), f"{row['target_s']:g}",
                      verdict(row["max_s"], row["target_s"])])  # fmt: skip
    return tables.columns(lines, paint.faint)


def overlap(rows: list[dict], paint: tables.Paint) -> str:
    lines = [["100 Mbit/s, 50 ms each way", "period s", "exchange s", "stalled", "target", "", "others"]]
    for row in rows:
        if "failure" in row:
            lines.append(tables.failed(row, paint))
            continue
        target = row["target"]
        lines.append([row["name"], seconds(row["period_s"]), seconds(row["exchange_s"]), percent(row["stalled"]), percent(target),
                      verdict(row["stalled"], target), others(row)])  # fmt: skip
    return tables.columns(lines, paint.faint)


TABLES = {"small": rounds, "large": rounds, "int8": rounds, "memory": memory, "links": links, "kill": kills, "overlap": overlap}


def part(name: str, rows: list[dict], paint: tables.Paint) -> str:
    """The tables of one part's rows."""
    company = max((row.get("company", 0) for row in rows), default=0)
    texts = [TABLES[name](rows, paint), peers(rows, paint)]
    if company > tables.COMPANY_MAX:
        texts.append(paint.failure(f"  other programs used up to {company:.2f} cores meanwhile: measure again on a quiet machine"))
    return "\n".join(text for text in texts if text)
