#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A site's all_reduce with two processes on this machine's loopback, beside torch.distributed's Gloo and beside plain
sockets that carry as many bytes both ways and add nothing, in turns. Results are checked.

    group.py [--build build/release] [--values 25000000] [--calls 5] [--turns 3]

GB/s: bytes of the values, once, by the seconds of one call, which is the later of the two processes. The fastest and
the middle one of all calls.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import socket
import statistics
import subprocess
import threading
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(probe.getsockname()[1], 65000)


def values_of(rank: int, count: int) -> numpy.ndarray:
    """As value_at of src/site/group_example.cpp."""
    mixed = (numpy.arange(count, dtype=numpy.int64) * 2654435761 + (rank + 1) * 40503) & 0xFFFFFFFF
    whole = ((mixed >> 8) - (1 << 23)).astype(numpy.float32)
    return whole / (1 << (23 + mixed % 8)).astype(numpy.float32)


def ours(build: pathlib.Path, count: int, calls: int) -> list[float]:
    port = free_port()
    processes = [subprocess.Popen([build / "group_example", "60000", f"time:{count}:{calls}"], text=True, stdout=subprocess.PIPE,
                                  env=os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                                                    "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": str(port)})
                 for rank in (0, 1)]  # fmt: skip
    lines = [[json.loads(line) for line in process.communicate()[0].splitlines()] for process in processes]
    assert all(process.returncode == 0 for process in processes), lines
    assert len({line["digest"] for rank in lines for line in rank[1:]}) == 1
    return [max(pair[0]["seconds"], pair[1]["seconds"]) for pair in zip(*(rank[1:] for rank in lines))]


def torch_rank(rank: int, port: int, count: int, calls: int, queue):
    import torch
    import torch.distributed

    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    wanted = values_of(0, count) + values_of(1, count)
    seconds = []
    for _ in range(calls):
        values = torch.from_numpy(values_of(rank, count))
        start = time.perf_counter()
        torch.distributed.all_reduce(values)
        seconds.append(time.perf_counter() - start)
        assert (values.numpy() == wanted).all()
    queue.put(seconds)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def loopback_rank(rank: int, port: int, count: int, calls: int, queue):
    if rank == 0:
        with socket.create_server(("127.0.0.1", port)) as server:
            link = server.accept()[0]
    else:
        give_up = time.monotonic() + 60
        while True:
            try:
                link = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                assert time.monotonic() < give_up
                time.sleep(0.05)
    out, into = memoryview(bytearray(4 * count)), memoryview(bytearray(4 * count))

    def receive():
        done = 0
        while done < len(into):
            done += link.recv_into(into[done : done + (1 << 20)])

    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        reader = threading.Thread(target=receive)
        reader.start()
        link.sendall(out)
        reader.join()
        seconds.append(time.perf_counter() - start)
    queue.put(seconds)


def pair(target, count: int, calls: int) -> list[float]:
    context = multiprocessing.get_context("spawn")
    queue, port = context.Queue(), free_port()
    processes = [context.Process(target=target, args=(rank, port, count, calls, queue)) for rank in (0, 1)]
    for process in processes:
        process.start()
    results = [queue.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return [max(both) for both in zip(*results)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--values", type=int, default=25_000_000)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    contestants = {
        "ours": lambda: ours(options.build, options.values, options.calls),
        "torch gloo": lambda: pair(torch_rank, options.values, options.calls),
        "plain sockets": lambda: pair(loopback_rank, options.values, options.calls),
    }
    seconds = {name: [] for name in contestants}
    for _ in range(options.turns):
        for name, run in contestants.items():
            # The first call pays for memory that is touched for the first time.
            seconds[name] += run()[1:]
    gigabytes = 4e-9 * options.values
    print(f"{gigabytes:.3f} GB, 2 processes, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':14} {'fastest':>18} {'middle':>18}")
    for name, all_seconds in seconds.items():
        cells = [f"{value:.3f} s {gigabytes / value:5.2f} GB/s" for value in (min(all_seconds), statistics.median(all_seconds))]
        print(f"{name:14} {cells[0]:>18} {cells[1]:>18}")
    for name in ("torch gloo", "plain sockets"):
        ratios = [statistics.median(seconds[name]) / statistics.median(seconds["ours"]), min(seconds[name]) / min(seconds["ours"])]
        print(f"ours / {name}: {ratios[1]:.2f} (fastest), {ratios[0]:.2f} (middle)")


if __name__ == "__main__":
    main()
