# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on, and who else was there."""

import importlib.metadata
import os
import pathlib
import platform
import time

SIMD = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16",
        "avx_vnni", "asimd", "bf16", "i8mm", "sve")  # fmt: skip
# glibc keeps large blocks instead of giving them back at each step, which would cost page faults, and asks for large
# pages. All processes get the same.
KEPT_MEMORY = {
    "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:"
                      "glibc.malloc.top_pad=67108864:glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1",
}  # fmt: skip
# glibc gives every large block back when it is freed: the least memory, for where that is what is measured.
RETURNED_MEMORY = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=1048576"}


def field(path: str, name: str) -> str:
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def busy_seconds() -> float:
    """Core seconds that the machine has worked since it began."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def busy_share(seconds: float = 1.0) -> float:
    """The share of one core that is in use now."""
    before = busy_seconds()
    time.sleep(seconds)
    return (busy_seconds() - before) / seconds


def facts() -> dict:
    flags = set((field("/proc/cpuinfo", "flags") or field("/proc/cpuinfo", "Features")).split())
    memory = field("/proc/meminfo", "MemTotal").split()
    return {
        "cpu": field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": 1024 * int(memory[0]) if memory else 0,
        "simd": [name for name in SIMD if name in flags],
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "torch": version("torch"),
        "load_before": os.getloadavg()[0],
        "busy_before": busy_share(),
        "time": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }
