"""`pel.distributed.start`: who takes part, by arguments and by the environment's variables."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.distributed import _host_and_port, surroundings
from pellucid.runtime.joining import Address
from tests.wrong_values import WRONG

SLURM = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_NODELIST": "gpu[003-004,7],login1",
    "SLURM_NTASKS": "3",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "0",
    "SLURM_STEP_TASKS_PER_NODE": "1(x3)",
}


@pytest.mark.parametrize(
    ("variables", "address", "processes", "process", "local"),
    [
        (SLURM, "gpu003:24711", 3, 1, None),
        (
            {**SLURM, "SLURM_STEP_TASKS_PER_NODE": "2(x2),1", "SLURM_LOCALID": "1"},
            "gpu003:24711",
            3,
            1,
            1,
        ),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, None, None, None, None),  # sbatch's shell
        (
            {
                "OMPI_COMM_WORLD_RANK": "3",
                "OMPI_COMM_WORLD_SIZE": "4",
                "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
                "OMPI_COMM_WORLD_LOCAL_RANK": "3",
            },
            "127.0.0.1:7531",
            4,
            3,
            3,
        ),
        ({"PMI_RANK": "0", "PMI_SIZE": "2", "MASTER_ADDR": "n1"}, "n1:7531", 2, 0, None),
        (
            {"PROCESS_ID": "2", "NUM_PROCESSES": "4", "COORDINATOR_ADDRESS": "job-0:1234"},
            "job-0:1234",
            4,
            2,
            None,
        ),
        (
            {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "::1", "MASTER_PORT": "5"},
            "[::1]:5",
            2,
            1,
            None,
        ),
        (
            {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "[fd00::2]:9"},
            "[fd00::2]:9",
            2,
            0,
            None,
        ),
        ({}, None, None, None, None),
    ],
)
def test_what_the_environment_says(
    variables: dict[str, str], address: Any, processes: Any, process: Any, local: Any
) -> None:
    found = surroundings.read(variables)
    assert found[1:] == (address, processes, process, local)
    if address is not None:
        host, port = _host_and_port(found.address)  # as `start` reads it
        assert str(Address(host, port)) == address


def test_the_first_pod_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda: "train-12.pods.ns.svc.cluster.local")
    found = surroundings.read({"JOB_COMPLETION_INDEX": "12", "NUM_PROCESSES": "16"})
    assert found.address == "train-0.pods.ns.svc.cluster.local:7531"
    assert found[2:4] == (16, 12)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("n1", "n1"),
        ("n1,n2", "n1"),
        ("n[1-3]", "n1"),
        ("n[007,9]", "n007"),
        ("a[1-2]-ib,b", "a1-ib"),
    ],
)
def test_the_first_of_slurms_nodes(nodes: str, first: str) -> None:
    assert surroundings.first_host(nodes) == first


def test_a_variable_that_is_no_number() -> None:
    with pytest.raises(ArgumentError, match="the variable SLURM_PROCID must be a whole number"):
        surroundings.read({**SLURM, "SLURM_PROCID": "x"})


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ({}, {}, "got no processes and no process and no address. At"),
        ({"processes": 2}, {}, "got no process and no address"),
        (
            {},
            {"JOB_COMPLETION_INDEX": "1"},
            "got no processes and no address: the variables of Kubernetes do not say it",
        ),
        ({"address": "a:b"}, {}, "address must be 'host:port' of the first process, got 'a:b'"),
        ({"address": "a:99999"}, {}, "got 'a:99999'"),
        ({"address": 7531}, {}, "got 7531"),
        ({"processes": 0}, {}, "processes must be in [1, 65536], got 0"),
        ({"process": -1}, {}, "process must be at least 0, got -1"),
        ({"timeout": 0}, {}, "timeout must lie in (0, 86400], got 0"),
        (
            {"address": "a", "processes": 2, "process": 2},
            {},
            "process must be below processes (2), got 2",
        ),
        ({"world_size": 2}, {}, "Here it is called 'processes'"),
        ({"local_device_ids": [0]}, {}, "trains on all devices that JAX sees there"),
    ],
)
def test_wrong_arguments(
    arguments: dict[str, Any],
    variables: dict[str, str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for names in (*surroundings._VARIABLES, *surroundings._LOCAL.values()):
        for name in names:
            monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ArgumentError) as told:
        pel.distributed.start(**arguments)
    assert words in str(told.value)


def test_names_of_other_libraries() -> None:
    with pytest.raises(AttributeError, match="Here it is called 'start'"):
        pel.distributed.init_process_group()
    with pytest.raises(AttributeError, match=r"group\.process"):
        pel.distributed.get_rank()


def test_jax_is_not_imported_without_being_asked_for() -> None:
    code = (
        "import sys, pellucid as pel\n"
        "pel.distributed.Group\n"
        "try:\n    pel.distributed.start()\n"
        "except pel.ArgumentError: pass\n"
        "assert not {name.split('.')[0] for name in sys.modules} & {'jax', 'jaxlib'}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["address", "processes", "process", "timeout"])
def test_any_wrong_argument_is_refused_in_our_form(name: str) -> None:
    """Process 2 of two is none, so that nothing is started by what is a right one."""
    for make in WRONG.values():
        right: dict[str, Any] = {"address": "a:7531", "processes": 2, "process": 2, "timeout": 1.0}
        if name == "process":
            right["processes"] = 1
            right["timeout"] = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the values alone
            wrong = make()
        with pytest.raises(PellucidError):
            pel.distributed.start(**{**right, name: wrong})
