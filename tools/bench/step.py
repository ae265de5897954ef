# SPDX-License-Identifier: Apache-2.0
"""One training step, ours and PyTorch's, at one size and number of threads; and several replicas on two threads."""

import dataclasses
import math
import pathlib
import statistics
import sys

from players import Pace, Player, play, round_seconds

HERE = pathlib.Path(__file__).resolve().parent
TOKENS = 4096
PRECISIONS = ("fp32", "bf16")
PEER_PRECISION = {"eager": "fp32", "compile": "fp32", "autocast": "bf16", "compile-autocast": "bf16", "bf16": "bf16",
                  "compile-bf16": "bf16"}  # fmt: skip
FIRST_LOSS = math.log(256)
FIRST_LOSS_TOLERANCE = 0.5  # normal weights of deviation 0.02 add up to 0.1 at these widths


@dataclasses.dataclass(frozen=True)
class Size:
    name: str
    layers: int
    width: int
    heads: int
    context: int
    tokens: int = TOKENS

    def arguments(self) -> list[str]:
        pairs = (("layers", self.layers), ("width", self.width), ("heads", self.heads), ("context", self.context),
                 ("tokens", self.tokens))  # fmt: skip
        return [word for name, value in pairs for word in (f"--{name}", str(value))]

    def __str__(self) -> str:
        return f"{self.name}: {self.layers} layers x {self.width}, {self.heads} heads, context {self.context}"


SIZES = {size.name: size for size in (Size("S", 4, 128, 4, 64), Size("M", 4, 192, 4, 128), Size("L", 6, 256, 4, 256),
                                      Size("XL", 8, 512, 8, 512))}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Field:
    """Who takes part, where and with what environment."""

    binary: pathlib.Path
    cores: tuple[int, ...]
    peers: tuple[str, ...]
    precisions: tuple[str, ...]
    environment: dict[str, str]

    def ours(self, word: str, precision: str, size: Size, threads: int, *more: str) -> Player:
        """`causeway bench WORD`, pinned to as many cores as it has threads."""
        kind = "products" if word == "products" else "ours"
        name = " ".join(["products" if kind == "products" else "causeway", precision, *more])
        command = [str(self.binary), "bench", word, *size.arguments(), "--precision", precision, "--threads",
                   str(threads), *more]  # fmt: skip
        return Player(name, kind, precision, command, self.cores[-threads:], self.environment)

    def peer(self, variant: str, size: Size, threads: int, *more: str) -> Player:
        command = [sys.executable, str(HERE / "peer_step.py"), "--variant", variant, *size.arguments(), "--threads",
                   str(threads), *more]  # fmt: skip
        return Player(" ".join(["pytorch", variant, *more]), "peer", PEER_PRECISION[variant], command,
                      self.cores[-threads:], self.environment)  # fmt: skip


def players_of(field: Field, size: Size, threads: int) -> list[Player]:
    out = [field.ours(word, precision, size, threads) for precision in field.precisions
           for word in ("step", "products")]  # fmt: skip
    return out + [field.peer(variant, size, threads) for variant in field.peers]


def row_of(player: Player) -> dict:
    row = {"name": player.name, "kind": player.kind, "precision": player.precision}
    if player.failure:
        return row | {"failure": player.failure}
    seconds = statistics.median(round_seconds(player))
    tokens = player.ready["tokens"]
    row |= {
        "median_seconds": seconds,
        "best_seconds": min(min(reply["seconds"]) for reply in player.replies),
        "seconds": [reply["seconds"] for reply in player.replies],
        "start_seconds": player.start_seconds,
    }
    if player.kind == "products":
        return row | {"products_seconds": [reply["products_seconds"] for reply in player.replies],
                      "attention_seconds": [reply["attention_seconds"] for reply in player.replies]}  # fmt: skip
    return row | {
        "parameters": player.ready["parameters"],
        "tokens_per_second": tokens / seconds,
        "gflops": 6e-9 * player.ready["parameters"] * tokens / seconds,
        "peak_bytes": player.peak_bytes,
        "bytes_per_token": max(0, player.peak_bytes - player.ready["memory_bytes"]) / tokens,
        "first_loss": player.first_loss,
        "last_loss": player.last_loss,
    }


def check(players: list[Player], tokens: int) -> None:
    """Turns a player whose work is not the work that is compared into a failed one."""
    working = [p for p in players if not p.failure and p.kind != "products"]
    counts = {p.name: p.ready.get("parameters") for p in working}
    wanted = next((counts[p.name] for p in working if p.kind == "ours"), next(iter(counts.values()), None))
    for player in working:
        if counts[player.name] != wanted:
            player.failure = f"has {counts[player.name]} parameters; wanted {wanted}"
        elif player.ready.get("tokens") != tokens:
            player.failure = f"takes {player.ready.get('tokens')} tokens a step; wanted {tokens}"
        elif not abs(player.first_loss - FIRST_LOSS) < FIRST_LOSS_TOLERANCE:
            player.failure = f"first loss {player.first_loss:.3f}; wanted about {FIRST_LOSS:.3f}"
        elif not player.last_loss < player.first_loss:
            player.failure = f"loss does not fall: {player.first_loss:.4f}, then {player.last_loss:.4f}"


def paired(over: Player, under: Player) -> dict:
    """The ratio of two players' step times, round by round: what slows a round down slows both."""
    ratios = [a / b for a, b in zip(round_seconds(over), round_seconds(under), strict=True)]
    return {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def ratios_of(players: list[Player], precisions: tuple[str, ...]) -> list[dict]:
    """Ours over the quickest peer. A peer that computes more exactly than ours is a fair one too."""
    out = []
    able = [p for p in players if not p.failure]
    for precision in precisions:
        ours = next((p for p in able if p.kind == "ours" and p.precision == precision), None)
        if ours is None:
            continue
        entry = {"precision": precision, "ours": ours.name}
        peers = [p for p in able if p.kind == "peer" and p.precision in ("fp32", precision)]
        if peers:
            best = min(peers, key=lambda peer: statistics.median(round_seconds(peer)))
            entry |= {"best_peer": best.name, "times_as_fast": paired(best, ours)}
        products = next((p for p in able if p.kind == "products" and p.precision == precision), None)
        if products is not None:
            entry["share_of_products"] = paired(products, ours)
        out.append(entry)
    return out


def measure(field: Field, size: Size, threads: int, pace: Pace, progress) -> dict:
    players = players_of(field, size, threads)
    progress.begins(f"{size.name}, {threads} thread{'s' * (threads > 1)}")
    company = play(players, pace, progress)
    check(players, size.tokens)
    return {"size": size.name, "threads": threads, "company": company, **dataclasses.asdict(size), "title": str(size),
            "ratios": ratios_of(players, field.precisions), "rows": [row_of(player) for player in players]}  # fmt: skip


def measure_replicas(field: Field, size: Size, workers: tuple[int, ...], pace: Pace, progress) -> dict:
    """Several replicas stepping on two threads, and what more of them cost or gain."""
    threads = min(2, len(field.cores))
    players = {}
    for precision in field.precisions:
        for count in workers:
            player = field.ours("replicas", precision, size, threads, "--workers", str(count))
            player.name = f"{count} replicas {precision}"
            players[precision, count] = player
    progress.begins(f"replicas, {size.name}")
    company = play(list(players.values()), pace, progress)
    rows = []
    for (precision, count), player in players.items():
        row = {"name": player.name, "precision": precision, "workers": count}
        if player.failure:
            rows.append(row | {"failure": player.failure})
            continue
        seconds = statistics.median(round_seconds(player))
        tokens = player.replies[-1].get("tokens", count * size.tokens)
        row |= {"tokens_per_second": tokens / seconds, "peak_bytes": player.peak_bytes, "median_seconds": seconds}
        fewest = players[precision, workers[0]]
        if not fewest.failure:
            ratio = paired(fewest, player)
            row["times_the_fewest"] = {key: value * count / workers[0] for key, value in ratio.items()}
        rows.append(row)
    return {"size": size.name, "title": str(size), "threads": threads, "company": company,
            "rows": rows}  # fmt: skip
