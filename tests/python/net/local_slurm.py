# SPDX-License-Identifier: Apache-2.0
"""A Slurm cluster of one node, this one, in a network namespace of its own: no munge, no accounting, gone with its test.

Debian's packages slurmctld, slurmd and slurm-client, installed, or unpacked in the folder that CAUSEWAY_SLURM_ROOT names.
"""

import os
import pathlib
import shutil
import socket
import subprocess

from net.owner import NotPermitted
from net.processes import Processes, wait_for

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
PluginDir={plugins}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs=64 RealMemory=64000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
# Both daemons, in namespaces of network and processes: with the first process of those ends every step of every job. The
# address beside loopback's is for Slurm's resolver (AI_ADDRCONFIG), which finds no host without one.
DAEMONS = """
set -e
ip link set lo up
ip link add name near type veth peer name far
ip addr add 10.99.0.1/24 dev near
ip link set near up
"$1" -D &
"$2" -D -d "$3" &
wait -n
"""


def find_program(root: pathlib.Path, *names: str) -> str:
    for name in names:
        for folder in ("usr/sbin", "usr/bin"):
            if (root / folder / name).is_file():
                return str(root / folder / name)
    raise NotPermitted(f"no Slurm here: {names[0]} is not installed (Debian: slurmctld, slurmd, slurm-client)")


class LocalSlurm:
    """A context manager. NotPermitted without the packages, or without the rights to make a namespace."""

    def __init__(self, processes: Processes, folder: pathlib.Path):
        self._processes, self._folder = processes, folder
        root = pathlib.Path(os.environ.get("CAUSEWAY_SLURM_ROOT", "/"))
        self._programs = {"slurmctld": find_program(root, "slurmctld-wlm", "slurmctld"),
                          "slurmd": find_program(root, "slurmd-wlm", "slurmd"),
                          "slurmstepd": find_program(root, "slurmstepd-wlm", "slurmstepd")}  # fmt: skip
        find_program(root, "sbatch")
        libraries = root / "usr/lib/x86_64-linux-gnu"
        configuration = folder / "slurm.conf"
        self.environment = os.environ | {
            "SLURM_CONF": str(configuration),
            "LD_LIBRARY_PATH": f"{libraries}/slurm-wlm:{libraries}",
            "PATH": f"{root}/usr/bin:{os.environ['PATH']}"}  # fmt: skip
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        configuration.write_text(CONFIGURATION.format(host=socket.gethostname(), folder=folder,
                                                      plugins=libraries / "slurm-wlm"))  # fmt: skip

    def __enter__(self) -> "LocalSlurm":
        if os.geteuid() != 0 or not shutil.which("ip"):
            raise NotPermitted("a cluster of our own needs root, and iproute2")
        self._daemons = self._processes.start(
            "slurm", ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", DAEMONS, "slurm",
                      self._programs["slurmctld"], self._programs["slurmd"], self._programs["slurmstepd"]],
            env=self.environment, cwd=self._folder)  # fmt: skip
        wait_for(lambda: "idle" in self.call("sinfo", "--noheader", "--format=%t", check=False), "the node to be idle",
                 needs=(self._daemons,))  # fmt: skip
        return self

    def inside(self, command) -> list[str]:
        return ["nsenter", "--net", f"--target={self._daemons.pid}", "--", *map(str, command)]

    def call(self, *command, check: bool = True, **options) -> str:
        """What a command of Slurm's prints."""
        done = subprocess.run(self.inside(command), env=self.environment, capture_output=True, text=True, timeout=120,
                              **options)  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def state(self, job: str) -> str:
        """`PENDING`, `RUNNING`, `COMPLETED` and so on."""
        shown = self.call("scontrol", "show", "job", job)
        return shown.split("JobState=")[1].split()[0]

    def __exit__(self, *_) -> None:
        self._daemons.kill()
