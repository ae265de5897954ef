# SPDX-License-Identifier: Apache-2.0
"""./run itself: its words, what it says without root rights, and how it counts."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

WORDS = ["setup", "build", "test", "demo", "oracle", "bench", "fuzz-protocol", "soak", "mutants", "lint", "format", "sanitize",
         "clean"]  # fmt: skip


def shell(command, cwd, env=None):
    return subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)  # fmt: skip


@pytest.fixture
def tree(root, tmp_path):
    """A copy of the scripts and lists, so that no test touches the real build."""
    copy = tmp_path / "tree"
    copy.mkdir()
    shutil.copy(root / "run", copy)
    for folder in ("tools", "packages"):
        shutil.copytree(root / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def machine(tmp_path):
    """An environment whose Debian programs are ours: nothing is installed, and nothing gets installed."""
    programs = tmp_path / "programs"
    programs.mkdir()

    def make(**scripts):
        default = {"dpkg-query": "exit 1", "sudo": "exit 1", "id": "echo 1000", "apt-cache": "exit 0",
                   "apt-get": f'echo "$@" >>{tmp_path}/apt-get.log'}  # fmt: skip
        for name, body in (default | scripts).items():
            program = programs / name
            program.write_text(f"#!/bin/bash\n{body}\n")
            program.chmod(0o755)
        return {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    return make


def section(root: pathlib.Path, name: str) -> list[str]:
    text = (root / "packages" / "debian.txt").read_text()
    body = text.split(f"[{name}]")[1].split("[")[0]
    return [line.split(" ")[0] for line in body.splitlines() if line and not line.startswith("#")]


def test_run_alone_lists_its_words(root):
    done = shell(["./run"], root)
    assert done.returncode == 0
    listed = re.findall(r"^  \./run ([\w-]+)", done.stdout, re.MULTILINE)
    assert listed == WORDS


def test_every_word_has_a_function(root):
    sources = "".join(path.read_text() for path in sorted((root / "tools").glob("*.sh")))
    assert sorted(re.findall(r"^word_([\w-]+)\(\)", sources, re.MULTILINE)) == sorted(WORDS)


def test_unknown_words_and_arguments_are_bad_usage(tree):
    for command in (["tset"], ["clean", "everything"], ["test", "fast"], ["oracle"], ["sanitize", "memory"]):
        done = shell(["./run", *command], tree)
        assert done.returncode == 2, command
        assert command[-1] in done.stderr


def test_without_root_rights_it_names_the_packages_and_stops(root, tree, machine):
    done = shell(["./run", "build"], tree, machine())
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if "apt-get install" in line]
    assert len(lines) == 1
    assert lines[0].split("--no-install-recommends ")[1].split() == section(root, "build")
    assert not (tree / ".venv").exists()


def test_a_stopped_test_run_still_ends_with_its_count(tree, machine):
    done = shell(["./run", "test"], tree, machine())
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed"


def need_packages(tree, environment, name):
    command = f"set -euo pipefail; source tools/phase.sh; source tools/setup.sh; need_packages {name}"
    return shell(["bash", "-c", command], tree, environment)


def test_with_root_rights_it_installs_what_is_missing_and_only_that(tree, machine, tmp_path):
    environment = machine(**{"id": "echo 0", "dpkg-query": '[[ "${@: -1}" == mold ]] || echo installed'})
    assert need_packages(tree, environment, "build").returncode == 0
    calls = (tmp_path / "apt-get.log").read_text().splitlines()
    assert calls == ["update", "install --yes --no-install-recommends mold"]


def test_it_uses_sudo_only_where_that_asks_nothing(tree, machine, tmp_path):
    environment = machine(**{"sudo": '[[ $1 == -n ]] && shift && exec "$@"',
                             "dpkg-query": '[[ "${@: -1}" == mold ]] || echo installed'})  # fmt: skip
    assert need_packages(tree, environment, "build").returncode == 0
    assert "install --yes --no-install-recommends mold" in (tmp_path / "apt-get.log").read_text()


def test_the_other_name_of_a_package_counts_as_installed(tree, machine):
    installed = {"clang", "clang-tidy", "clang-format", "libclang-rt-18-dev", "shellcheck"}
    names = " ".join(sorted(installed))
    environment = machine(**{"dpkg-query": f'[[ " {names} " == *" ${{@: -1}} "* ]] && echo installed'})
    assert need_packages(tree, environment, "check").returncode == 0


def test_the_other_name_is_installed_where_apt_knows_only_that(tree, machine):
    environment = machine(**{"apt-cache": '[[ "$2" != *-19* ]]'})
    done = need_packages(tree, environment, "check")
    assert done.stdout.splitlines()[-1].split("--no-install-recommends ")[1].split() == [
        "clang", "clang-tidy", "clang-format", "libclang-rt-18-dev", "shellcheck"]  # fmt: skip


def phase(tree, command):
    return shell(["bash", "-c", f"set -euo pipefail; source tools/phase.sh; phase name 'a title' {command}"], tree)


def test_a_phase_is_one_line_with_its_seconds(tree):
    done = phase(tree, "echo quiet")
    assert done.returncode == 0
    assert re.fullmatch(r"a title +\d+ s *\n", done.stdout)
    assert (tree / "build/log/name.log").read_text() == "quiet\n"


def test_a_failed_phase_shows_the_end_of_its_log_and_where_it_is(tree):
    done = phase(tree, "bash -c 'seq 100; exit 3'")
    assert done.returncode == 1
    shown = re.findall(r"^  \| (\d+)$", done.stdout, re.MULTILINE)
    assert shown == [str(number) for number in range(71, 101)]
    assert "build/log/name.log" in done.stdout


def test_the_demo_prepares_its_text_once_and_trains(tree):
    (tree / "examples").mkdir()
    (tree / "examples/four-sites.toml").write_text("steps = 1\n")
    (tree / "build/release").mkdir(parents=True)
    causeway = tree / "build/release/causeway"
    causeway.write_text('#!/bin/sh\necho "called with $*"\n')
    causeway.chmod(0o755)
    sources = "for part in phase setup build demo; do source tools/$part.sh; done"
    command = ["bash", "-c", f"set -euo pipefail; {sources}; build_release() {{ :; }}; word_demo"]
    first, second = shell(command, tree), shell(command, tree)
    assert first.returncode == second.returncode == 0
    assert first.stdout.startswith("text of four sites")
    # The same words without the phase's line: the table, then the binary's.
    assert second.stdout == first.stdout.split("\n", 1)[1]
    assert re.search(r"^python .* [\d,]+ +[\d,]+$", second.stdout, re.MULTILINE)
    assert second.stdout.splitlines()[-1].startswith("called with train ")


def test_python_packages_are_pinned_and_name_no_index(root):
    for path in sorted((root / "packages").glob("python-*.txt")):
        for line in path.read_text().splitlines():
            assert line.startswith("#") or re.fullmatch(r"[a-z0-9-]+(\[[a-z0-9]+\])?==[0-9.]+", line), f"{path}: {line}"


CTEST = """<testsuite>
<testcase name="core: A" status="run"/>
<testcase name="core: B" status="fail"><failure message=""/></testcase>
<testcase name="core: C" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
<testcase name="net_NOT_BUILT" status="notrun"><skipped message="Unable to find executable"/></testcase>
</testsuite>"""
PYTEST = """<testsuites><testsuite>
<testcase classname="t" name="a"/><testcase classname="t" name="b"><skipped/></testcase>
<testcase classname="t" name="c"><error/></testcase>
</testsuite></testsuites>"""


def count(root, tmp_path, **reports):
    arguments = []
    for name, text in reports.items():
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        arguments += [f"--{name}", str(path)]
    done = shell(["python3", str(root / "tools/count_tests.py"), *arguments], tmp_path)
    return done.returncode, done.stdout.splitlines()[-1]


def test_the_last_line_is_the_sum(root, tmp_path):
    oracle = "case 1\n40 passed, 2 failed, 3 skipped\n"
    assert count(root, tmp_path, ctest=CTEST, pytest=PYTEST, oracle=oracle) == (1, "42 passed, 5 failed")


def test_all_passed_is_success(root, tmp_path):
    good = '<testsuite><testcase name="a" status="run"/></testsuite>'
    assert count(root, tmp_path, ctest=good, oracle="7 passed, 0 failed, 0 skipped") == (0, "8 passed, 0 failed")


@pytest.mark.parametrize("report", [None, "", "<testsuite/>", "not xml"])
def test_tests_that_did_not_run_did_not_pass(root, tmp_path, report):
    assert count(root, tmp_path, ctest=report) == (1, "0 passed, 1 failed")


@pytest.mark.parametrize("report", [None, "", "crashed\n", "0 passed, 0 failed, 9 skipped\n"])
def test_an_oracle_that_compared_nothing_did_not_pass(root, tmp_path, report):
    assert count(root, tmp_path, oracle=report) == (1, "0 passed, 1 failed")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.cpp", "int x;\n", "SPDX"),
        ("a.h", "// SPDX-License-Identifier: Apache-2.0\n", "#pragma once"),
        ("a.py", "# SPDX-License-Identifier: Apache-2.0\nx = 1 \n", "blanks"),
        ("a.py", "# SPDX-License-Identifier: Apache-2.0\nx = 1", "newline"),
        ("a.cpp", "// SPDX-License-Identifier: Apache-2.0\n\tint x;\n", "tab"),
    ],
)
def test_house_rules_are_checked(root, tmp_path, name, text, said):
    (tmp_path / "fine.cpp").write_text("// SPDX-License-Identifier: Apache-2.0\nint y;\n")
    (tmp_path / name).write_text(text)
    done = shell(["python3", str(root / "tools/check_sources.py"), "."], tmp_path)
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [name]
    assert said in done.stdout


def test_only_production_sources_are_linted(root, tmp_path):
    unit, tests = "build/core.dir/Unity/unity_0.cxx", "build/core_test.dir/Unity/unity_0.cxx"
    names = ["src/core/a.cpp", "src/core/a_test.cpp", "src/core/a_fuzz.cpp", "build/table.cpp", "src/hub/b.cpp", unit, tests]
    entries = ", ".join(f'{{"directory": "{tmp_path}", "file": "{name}"}}' for name in names)
    (tmp_path / "compile_commands.json").write_text(f"[{entries}]")
    done = shell(["python3", str(root / "tools/list_sources.py"), "compile_commands.json", "src"], tmp_path)
    assert done.stdout.split() == [str(tmp_path / name) for name in (unit, "src/core/a.cpp", "src/hub/b.cpp")]
