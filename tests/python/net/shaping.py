# SPDX-License-Identifier: Apache-2.0
"""Sites behind links that the kernel shapes: network namespaces joined by veth pairs with token buckets on both ends.

    with ShapedSites(count=2, rate_mbit=100) as places:
        processes.start("hub", places.hub.inside([causeway, "hub", ..., "--listen", f"{places.hub.address}:0"]))
        processes.start("worker", places.sites[0].inside([causeway, "worker", "--hub", f"{places.hub.address}:{port}"]))

More faithful than the relay, as the ends' own TCP crosses the link; but it wants root, and has rates only: what adds a
delay (netem) is not in every kernel. net.relay adds one, as a program inside a namespace if need be.
"""

import dataclasses
import os
import subprocess

from net.owner import NotPermitted, is_orphan, own_name

QUEUE_MS = 50
BURST_BYTES = 64 << 10
REFUSALS = ("not permitted", "permission denied", "qdisc kind is unknown", "unknown device type", "not supported")


@dataclasses.dataclass(frozen=True)
class Place:
    """A namespace, and the address under which all others reach it."""

    namespace: str
    address: str
    device: str

    def inside(self, command) -> list[str]:
        """The command, to be run there."""
        return ["ip", "netns", "exec", self.namespace, *(os.fspath(part) for part in command)]


def call(*words) -> str:
    try:
        done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        raise NotPermitted(f"cannot shape links: no program {words[0]} (Debian: iproute2)") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip()
    if any(refusal in said.lower() for refusal in REFUSALS):
        raise NotPermitted(f"cannot shape links: {' '.join(map(str, words))}: {said}")
    raise RuntimeError(f"{' '.join(map(str, words))}: {said}")


class ShapedSites:
    """A hub's place and `count` sites' places. Context manager; NotPermitted where that cannot be.

    What killed processes left, the next one takes away. Namespaces keep addresses apart: any number may be in use.
    """

    def __init__(self, count: int, rate_mbit: float):
        assert 1 <= count <= 250
        self._prefix, self._rate_mbit = f"{own_name('net')}-{id(self):x}", rate_mbit
        # The hub's address is on no link, so that no link's end is special.
        self.hub = Place(f"{self._prefix}-hub", "10.77.255.1", "lo")
        self.sites = [Place(f"{self._prefix}-{i}", f"10.77.{i}.2", "wan") for i in range(count)]

    def __enter__(self) -> "ShapedSites":
        sweep()
        try:
            call("ip", "netns", "add", self.hub.namespace)
            call("ip", "-n", self.hub.namespace, "link", "set", "lo", "up")
            call("ip", "-n", self.hub.namespace, "addr", "add", f"{self.hub.address}/32", "dev", "lo")
            call(*self.hub.inside(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]))
            for number, site in enumerate(self.sites):
                self._join(number, site)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _join(self, number: int, site: Place) -> None:
        hub, near = self.hub.namespace, f"site{number}"
        call("ip", "netns", "add", site.namespace)
        call("ip", "-n", site.namespace, "link", "set", "lo", "up")
        call("ip", "-n", hub, "link", "add", "name", near, "type", "veth",
             "peer", "name", site.device, "netns", site.namespace)  # fmt: skip
        call("ip", "-n", hub, "addr", "add", f"10.77.{number}.1/24", "dev", near)
        call("ip", "-n", site.namespace, "addr", "add", f"{site.address}/24", "dev", site.device)
        call("ip", "-n", hub, "link", "set", near, "up")
        call("ip", "-n", site.namespace, "link", "set", site.device, "up")
        call("ip", "-n", site.namespace, "route", "add", "default", "via", f"10.77.{number}.1")
        self._shape("add", number, self._rate_mbit, self._rate_mbit)

    def _shape(self, verb: str, number: int, up_mbit: float, down_mbit: float) -> None:
        ends = ((self.sites[number].namespace, self.sites[number].device, up_mbit),
                (self.hub.namespace, f"site{number}", down_mbit))  # fmt: skip
        for namespace, device, rate_mbit in ends:
            call("tc", "-n", namespace, "qdisc", verb, "dev", device, "root", "tbf",
                 "rate", f"{round(rate_mbit * 1000)}kbit", "burst", BURST_BYTES, "latency", f"{QUEUE_MS}ms")  # fmt: skip

    def set_rate(self, site: int, *, up_mbit: float, down_mbit: float) -> None:
        """Of a site's link, from now on."""
        self._shape("replace", site, up_mbit, down_mbit)

    def set_link(self, site: int, up: bool) -> None:
        """Pulls a site's cable, or plugs it in: packets are lost, nobody is told."""
        call("ip", "-n", self.hub.namespace, "link", "set", f"site{site}", "up" if up else "down")

    def __exit__(self, *_) -> None:
        for place in (*self.sites, self.hub):
            subprocess.run(["ip", "netns", "del", place.namespace], capture_output=True)


def sweep() -> None:
    """Takes away the namespaces of killed processes."""
    for line in call("ip", "netns", "list").splitlines():
        name = line.split()[0] if line.split() else ""
        if name.startswith("causeway-net-") and is_orphan(name):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
