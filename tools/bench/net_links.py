# SPDX-License-Identifier: Apache-2.0
"""Places with narrow links between hub and workers, and what a plain socket gets through such a link."""

import json
import pathlib
import subprocess
import sys

from net_process import RunFailed
from net_runs import Loopback

from net.owner import NotPermitted
from net.processes import read_usage
from net.shaping import ShapedSites

HERE = pathlib.Path(__file__).resolve().parent
RELAY = HERE.parents[1] / "tests" / "python" / "net" / "relay.py"
SOCKET = HERE / "plain_socket.py"
SOCKET_SECONDS_MAX = 300
HUB_ADDRESS = "10.77.255.1"  # Of ShapedSites; the hub's certificate must have it.


class Shaped(Loopback):
    """Network namespaces, joined by links that the kernel shapes at both ends. No delay is added."""

    how = "kernel's token buckets between network namespaces"

    def __init__(self, count: int, rate_mbit: float):
        self._sites = ShapedSites(count=count, rate_mbit=rate_mbit)

    def __enter__(self):
        self._sites.__enter__()
        self.host = self._sites.hub.address
        return self

    def __exit__(self, *_) -> None:
        self._sites.__exit__()

    def hub_inside(self, command: list) -> list:
        return self._sites.hub.inside(map(str, command))

    def worker_inside(self, number: int, command: list) -> list:
        return self._sites.sites[number].inside(map(str, command))


class Relayed(Loopback):
    """A program between hub and workers that lets bytes through at a rate, each after a delay."""

    how = "relay in user space"

    def __init__(self, count: int, rate_mbit: float, delay_s: float):
        self._count, self._way = count, {"rate_mbit": rate_mbit, "delay_s": delay_s}
        self._relay: subprocess.Popen | None = None
        self._ports: dict[str, int] = {}

    def __exit__(self, *_) -> None:
        if self._relay:
            self._relay.stdin.close()
            try:
                self._relay.wait(10)
            except subprocess.TimeoutExpired:
                self._relay.kill()
                self._relay.wait()
            self._relay.stdout.close()
            self._relay = None

    def listens(self, port: int) -> None:
        self.__exit__()
        names = [f"{number}" for number in range(self._count)]
        command = [sys.executable, RELAY, *(word for name in names for word in ("--link", f"{name}={self.host}:{port}"))]
        self._relay = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ports = {name: json.loads(self._relay.stdout.readline())["port"] for name in names}
        for name in names:
            self._relay.stdin.write(json.dumps({"link": name, "up": self._way, "down": self._way}) + "\n")
            self._relay.stdin.flush()
            answer = json.loads(self._relay.stdout.readline())
            if "error" in answer:
                raise RunFailed(f"the relay: {answer['error']}")

    def address(self, number: int, port: int) -> str:
        return f"{self.host}:{self._ports[str(number)]}"

    def cpu_s(self) -> float:
        return read_usage(self._relay.pid).cpu_s


def place_of(count: int, rate_mbit: float, delay_s: float) -> Loopback:
    """The most faithful that this machine permits."""
    if delay_s > 0:
        return Relayed(count, rate_mbit, delay_s)
    try:
        with Shaped(count, rate_mbit):
            pass
        return Shaped(count, rate_mbit)
    except NotPermitted:
        return Relayed(count, rate_mbit, 0.0)


def plain_mbit(place: Loopback, count_bytes: int) -> tuple[float, float]:
    """Payload that a plain socket gets through a link of the place, up and down: one after the other."""
    listen = [sys.executable, SOCKET, "hub", place.host, str(count_bytes)]
    hub = subprocess.Popen(place.hub_inside(listen), stdout=subprocess.PIPE, text=True)
    site = None
    try:
        port = json.loads(hub.stdout.readline())["port"]
        place.listens(port)
        command = [sys.executable, SOCKET, "site", place.address(0, port), str(count_bytes)]
        site = subprocess.Popen(place.worker_inside(0, command), stdout=subprocess.PIPE, text=True)
        up, down = (json.loads(end.communicate(timeout=SOCKET_SECONDS_MAX)[0]) for end in (hub, site))
        return up["mbit"], down["mbit"]
    except (ValueError, KeyError, subprocess.TimeoutExpired) as error:
        raise RunFailed(f"a plain socket got nothing through the link: {error}") from error
    finally:
        for end in (hub, site):
            if end:
                end.kill()
                end.wait()
                end.stdout.close()
