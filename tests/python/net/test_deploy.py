# SPDX-License-Identifier: Apache-2.0
"""examples/deploy: what systemd and Slurm make of its files."""

import configparser
import os
import re
import shutil
import signal
import subprocess

import pytest

from net.local_slurm import LocalSlurm
from net.owner import NotPermitted
from net.processes import wait_for

SCRIPTS = ["hub.sbatch", "worker.sbatch"]
UNITS = ["causeway-hub.service", "causeway-worker@.service"]

# A causeway that says what it was called with, then ends as it is told: at once, or when it gets SIGTERM the first time.
PROGRAM = """#!/bin/bash
echo "called with $* in start ${SLURM_RESTART_COUNT:-0}"
[[ $CODE == wait && ${SLURM_RESTART_COUNT:-0} == 0 ]] || exit $(( ${CODE/wait/0} ))
trap 'echo told to leave; exit 75' TERM
for _ in {1..3000}; do sleep 0.1 & wait $!; done
exit 1
"""


@pytest.fixture
def deploy(root):
    return root / "examples" / "deploy"


@pytest.fixture
def programs(tmp_path):
    """A folder of programs: causeway, and srun and scontrol that pass it on and keep what they were told."""
    folder = tmp_path / "programs"
    folder.mkdir()
    scripts = {"causeway": PROGRAM,
               "srun": '#!/bin/bash\nwhile [[ $1 == -* ]]; do shift; done\nexec "$@"\n',
               "scontrol": f'#!/bin/bash\necho "$@" >>{tmp_path}/scontrol.log\n'}  # fmt: skip
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def slurm_environment(programs, **more) -> dict:
    return os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "CAUSEWAY_HUB": "hub.example.org:7437",
                         "SLURM_JOB_ID": "42", "SLURM_ARRAY_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "2"} | more  # fmt: skip


def requeued(tmp_path) -> list[str]:
    log = tmp_path / "scontrol.log"
    return log.read_text().splitlines() if log.exists() else []


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_clean(deploy, name):
    assert subprocess.run(["bash", "-n", deploy / name]).returncode == 0
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck")
    done = subprocess.run(["shellcheck", deploy / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_slurm_sees_all_options(deploy, name):
    # It stops looking at the first line that is neither empty nor a comment.
    lines = (deploy / name).read_text().splitlines()
    first_command = next(at for at, line in enumerate(lines) if line and not line.startswith("#"))
    options = [at for at, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert options and max(options) < first_command
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", lines[at]) for at in options)


CALLS = {
    "hub.sbatch": "called with hub run.toml --listen 0.0.0.0:7437 --http 127.0.0.1:7438 --out runs/hub"
                  " --cert certs/hub.crt in start ",
    "worker.sbatch": "called with worker --hub hub.example.org:7437 --worker 2 --folder worker-2"
                     " --cert certs/site.crt --sites sites.toml in start ",
}  # fmt: skip
JOBS = {"hub.sbatch": "requeue 42", "worker.sbatch": "requeue 40_2"}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(("code", "start", "again"), [(0, 0, False), (75, 99, True), (2, 0, False), (3, 0, False),
                                                      (1, 0, True), (137, 9, True), (137, 10, False)])  # fmt: skip
def test_the_exit_code_says_whether_a_job_comes_back(deploy, programs, tmp_path, name, code, start, again):
    environment = slurm_environment(programs, CODE=str(code), SLURM_RESTART_COUNT=str(start))
    done = subprocess.run(["bash", deploy / name], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code
    assert done.stdout.splitlines()[0] == CALLS[name] + str(start)
    assert requeued(tmp_path) == ([JOBS[name]] if again else [])


def test_a_worker_without_a_hub_is_not_started(deploy, programs, tmp_path):
    environment = slurm_environment(programs)
    del environment["CAUSEWAY_HUB"]
    done = subprocess.run(["bash", deploy / "worker.sbatch"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "HOST:PORT" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_that_is_told_waits_for_its_program(deploy, programs, processes, tmp_path, name):
    job = processes.start("job", ["bash", deploy / name], env=slurm_environment(programs, CODE="wait"), cwd=tmp_path)
    job.wait_line("called with")
    os.killpg(job.pid, signal.SIGTERM)  # Script and step, as Slurm may do it.
    assert job.wait() == 75
    assert "told to leave" in job.text()
    assert requeued(tmp_path) == [JOBS[name]]


def test_on_a_cluster_a_job_that_is_preempted_comes_back(deploy, programs, processes, tmp_path):
    try:
        slurm = LocalSlurm(processes, tmp_path / "slurm")
        slurm.__enter__()
    except NotPermitted as error:
        pytest.skip(str(error))
    try:
        jobs = []
        for name, index in [("hub.sbatch", ""), ("worker.sbatch", "_3")]:
            variables = f"ALL,CODE=wait,CAUSEWAY={programs}/causeway,CAUSEWAY_HUB=node7:7437"
            options = ["--parsable", f"--export={variables}", f"--chdir={tmp_path}", *(["--array=3"] if index else [])]
            jobs.append(slurm.call("sbatch", *options, deploy / name).strip() + index)

        def log(job: str) -> str:
            return "".join(path.read_text() for path in tmp_path.glob(f"causeway-*-{job}.log"))

        for job in jobs:
            wait_for(lambda job=job: "in start 0" in log(job), f"job {job} to run")
            slurm.call("scancel", "--signal=TERM", job)  # As at the end of its time: to its steps.
        for job in jobs:
            wait_for(lambda job=job: "back into the queue" in log(job), f"job {job} to leave")

        def is_completed(job: str) -> bool:
            # Slurm lets a job that came back wait for two minutes; here it need not.
            if slurm.state(job) == "PENDING":
                slurm.call("scontrol", "update", f"JobId={job}", "StartTime=now", check=False)
            return slurm.state(job) == "COMPLETED"

        for job in jobs:
            wait_for(lambda job=job: is_completed(job), f"job {job} to be completed")
            assert "told to leave" in log(job)
            assert "in start 1" in log(job)
    finally:
        slurm.__exit__()


@pytest.fixture
def analyze(deploy, tmp_path):
    """`systemd-analyze` on a unit whose program is here; what it complains about."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze (Debian: systemd)")

    def call(*words, unit: str, change=lambda text: text) -> str:
        text = (deploy / unit).read_text()
        (tmp_path / unit).write_text(change(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M)))
        done = subprocess.run(["systemd-analyze", *words, tmp_path / unit], capture_output=True, text=True)
        return done.stderr if done.returncode == 0 else done.stderr + done.stdout + f"exit code {done.returncode}"

    return call


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_has_nothing_to_say_against_the_units(analyze, unit):
    assert analyze("verify", "--man=no", unit=unit) == ""
    # The linter does look.
    assert "NoNewPrivilegs" in analyze("verify", "--man=no", unit=unit,
                                       change=lambda text: text.replace("NoNewPrivileges", "NoNewPrivilegs"))  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_the_services_are_confined(analyze, unit):
    # systemd's own measure, 0 to 10.0 in tenths; a service without any of this has 9.6.
    assert analyze("security", "--offline=true", "--threshold=20", unit=unit) == ""
    assert "exit code 1" in analyze("security", "--offline=true", "--threshold=20", unit=unit,
                                    change=lambda text: re.sub(r"^(Protect|Private|Restrict)\w+=.*", "", text, flags=re.M))  # fmt: skip


def read_unit(path) -> configparser.SectionProxy:
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=", comment_prefixes="#")
    unit.optionxform = str
    unit.read_string(path.read_text().replace("\\\n", ""))
    return unit["Service"]


@pytest.mark.parametrize("unit", UNITS)
def test_the_exit_codes_are_those_of_the_program(root, deploy, unit):
    code = dict(re.findall(r"k(\w+) = (\d+),", (root / "src/cli/command.h").read_text()))
    service = read_unit(deploy / unit)
    assert service["RestartPreventExitStatus"] == f"{code['BadUsage']} {code['Refused']}"
    assert service["RestartForceExitStatus"] == service["SuccessExitStatus"] == code["LeftEarly"]
    assert service["Restart"] == "on-failure"
    for script in SCRIPTS:
        text = (deploy / script).read_text()
        assert f"\n  {code['LeftEarly']})\n" in text
        assert f"\n  {code['BadUsage']} | {code['Refused']})" in text
