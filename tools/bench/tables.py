# SPDX-License-Identifier: Apache-2.0
"""What was measured, as text for people."""

import sync as sync_rows

MEGA = 1e6
COMPANY_MAX = 0.1  # cores; more than that disturbs


class Paint:
    """Colours, or none."""

    def __init__(self, on: bool):
        self.on = on

    def _with(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.on else text

    def title(self, text: str) -> str:
        return self._with("1", text)

    def faint(self, text: str) -> str:
        return self._with("2", text)

    def failure(self, text: str) -> str:
        return self._with("31", text)

    def ratio(self, value: float, text: str) -> str:
        return self._with("32" if value >= 1 else "33", text)


def columns(rows: list[list[str]], faint=lambda text: text) -> str:
    """The first column and text to the left, figures to the right. A row of fewer cells ends in free text."""
    widths = [max((len(row[i]) for row in rows if i < len(row) - (len(row) < len(rows[0]))), default=0)
              for i in range(len(rows[0]))]  # fmt: skip
    lines = []
    for number, row in enumerate(rows):
        whole = len(row) == len(rows[0])
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width) if whole or i < len(row) - 1 else cell
                 for i, (cell, width) in enumerate(zip(row, widths))]  # fmt: skip
        line = "  ".join(cells).rstrip()
        lines.append(faint(line) if number == 0 else line)
    return "\n".join(lines)


def machine(facts: dict, paint: Paint) -> str:
    gigabytes = facts["memory_bytes"] / (1 << 30)
    return "\n".join([
        paint.title("machine"),
        f"  {facts['cpu']}, {facts['cores']} cores, {gigabytes:.0f} GiB; {' '.join(facts['simd'])}",
        f"  Linux {facts['kernel']}, {facts['libc']}, Python {facts['python']}, PyTorch {facts['torch'] or 'not found'}",
        f"  before: load {facts['load_before']:.2f}, {facts['busy_before']:.2f} cores in use; {facts['time']} UTC",
    ])  # fmt: skip


def failed(row: dict, paint: Paint) -> list[str]:
    return [row["name"], paint.failure(f"failed: {row['failure']}")]


def verdict(entry: dict, paint: Paint) -> str:
    parts = []
    if "best_peer" in entry:
        ratio = entry["times_as_fast"]
        text = f"{ratio['median']:.2f} times as fast"
        parts.append(f"{paint.ratio(ratio['median'], text)} as {entry['best_peer']} "
                     f"({ratio['least']:.2f} to {ratio['most']:.2f} by round)")  # fmt: skip
    if "share_of_products" in entry:
        parts.append(f"{100 * entry['share_of_products']['median']:.0f} % of its time in products and attention")
    return f"  {entry['ours']}: " + "; ".join(parts) if parts else ""


def company(found: dict, paint: Paint) -> list[str]:
    if found["company"] < COMPANY_MAX:
        return []
    text = f"  other programs used {found['company']:.2f} cores meanwhile: measure again on a quiet machine"
    return [paint.failure(text)]


def steps(found: dict, paint: Paint) -> str:
    head = ["", "tokens/s", "GF/s", "step ms", "peak MB", "bytes/token", "ready s"]
    rows = [head]
    for row in found["rows"]:
        if "failure" in row:
            rows.append(failed(row, paint))
        elif row["kind"] == "products":
            rows.append([row["name"], "", "", f"{1e3 * row['median_seconds']:.1f}", "", "", ""])
        else:
            rows.append([row["name"], f"{row['tokens_per_second']:,.0f}", f"{row['gflops']:.1f}",
                         f"{1e3 * row['median_seconds']:.1f}", f"{row['peak_bytes'] / MEGA:,.0f}",
                         f"{row['bytes_per_token']:,.0f}", f"{row['start_seconds']:.1f}"])  # fmt: skip
    count = next((row["parameters"] for row in found["rows"] if "parameters" in row), 0)
    threads = f"{found['threads']} thread{'s' * (found['threads'] > 1)}"
    title = f"{found['title']}; {count:,} parameters, {found['tokens']:,} tokens a step, {threads}"
    lines = [paint.title(title), columns(rows, paint.faint)]
    lines += [line for line in (verdict(entry, paint) for entry in found["ratios"]) if line]
    return "\n".join(lines + company(found, paint))


def memory(found: dict, paint: Paint) -> str:
    gibibytes = found["limit_bytes"] >> 30
    rows = [["", *(f"MB at {context}" for context in found["contexts"]), "bytes/token", f"context in {gibibytes} GiB"]]
    for row in found["rows"]:
        if "failure" in row:
            rows.append(failed(row, paint))
            continue
        rows.append([row["name"], *(f"{peak / MEGA:,.0f}" for peak in row["peak_bytes"]),
                     f"{row['bytes_per_token']:,.0f}", f"{row['context_max']:,}"])  # fmt: skip
    size = found["title"].rsplit(",", 1)[0]
    return "\n".join([paint.title(f"longest context, one row of text; {size}"), columns(rows, paint.faint),
                      "  the last column is a straight line through the two measured ones, not a run"])  # fmt: skip


def replicas(found: dict, paint: Paint) -> str:
    rows = [["", "tokens/s", "peak MB", "beside the fewest"]]
    for row in found["rows"]:
        if "failure" in row:
            rows.append(failed(row, paint))
            continue
        ratio = row.get("times_the_fewest", {}).get("median")
        rows.append([row["name"], f"{row['tokens_per_second']:,.0f}", f"{row['peak_bytes'] / MEGA:,.0f}",
                     f"{ratio:.2f}" if ratio else ""])  # fmt: skip
    title = f"replicas on {found['threads']} threads; {found['title']}"
    return "\n".join([paint.title(title), columns(rows, paint.faint), *company(found, paint)])


def sync(found: dict, paint: Paint) -> str:
    rows = [["", "causeway", "pytorch", "ratio", "of limit", "unit", "how in pytorch"]]
    for row in sync_rows.beside(found):
        if "failure" in row:
            rows.append(failed(row | {"name": "causeway bench sync"}, paint))
            continue
        theirs = row.get("peer_value")
        limit = f"{100 * row['ratio']:.0f} % {row['limit_name']}" if "ratio" in row else ""
        rows.append([row["what"], f"{row['value']:.1f}", f"{theirs:.1f}" if theirs else "",
                     f"{row['value'] / theirs:.2f}" if theirs else "", limit, row["unit"], row.get("peer", "")])  # fmt: skip
    rows += [failed({"name": peer.get("how", "peer_sync.py"), "failure": peer["failure"]}, paint)
             for peer in found["peers"] if "failure" in peer]  # fmt: skip
    return "\n".join([paint.title("fold, outer step, codecs; one thread"), columns(rows, paint.faint)])
