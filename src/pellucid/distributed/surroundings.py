"""What SLURM, MPI and Kubernetes say of the processes that they start.

In: environment variables. Out: where the first process is, how many there are, and which this is;
None for what is not said.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import NamedTuple

from pellucid.core.errors import ArgumentError

PORT = 7531  # where nothing else is said
_PORTS = 10_000  # from 20,000 on, below those that systems give to connections
_VARIABLES = (  # who starts processes, and its variables for the number of one and of all
    ("SLURM", "SLURM_PROCID", "SLURM_NTASKS"),
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MPI", "PMI_RANK", "PMI_SIZE"),
    ("Kubernetes", "PROCESS_ID", "NUM_PROCESSES"),
    ("Kubernetes", "JOB_COMPLETION_INDEX", "NUM_PROCESSES"),
    ("torchrun", "RANK", "WORLD_SIZE"),
)
_LOCAL = {  # how many processes a host has, and which of them this is
    "SLURM": ("SLURM_STEP_TASKS_PER_NODE", "SLURM_LOCALID"),
    "Open MPI": ("OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    "MPI": ("MPI_LOCALNRANKS", "MPI_LOCALRANKID"),
    "torchrun": ("LOCAL_WORLD_SIZE", "LOCAL_RANK"),
}


class Surroundings(NamedTuple):
    """What the environment says.

    Attributes:
        by: who said it; "" where nobody did.
        address: "host:port" of the first process.
        local: which process of its host this is, where that has several.
    """

    by: str = ""
    address: str | None = None
    processes: int | None = None
    process: int | None = None
    local: int | None = None


def read(environment: Mapping[str, str]) -> Surroundings:
    """What these variables say.

    Raises:
        ArgumentError: for one that is no number.
    """
    for by, own, number in _VARIABLES:
        if own not in environment:
            continue
        if by == "SLURM" and environment.get("SLURM_STEP_NODELIST") is None:
            continue  # in a job, but not started by srun
        process, processes = _integer(environment, own), _integer(environment, number)
        local = _local(environment, by)
        address = _address(environment, by, processes)
        return Surroundings(by, address, processes, process, local)
    return Surroundings()


def _integer(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ArgumentError(
            "distributed",
            f"the variable {name} must be a whole number, got {text!r}",
            "Give address, processes and process yourself.",
        )
    return int(text)


def _local(environment: Mapping[str, str], by: str) -> int | None:
    """Which process of its host this is; None where it is the only one."""
    size, rank = _LOCAL.get(by, ("", ""))
    several = re.match(r"[0-9]{1,9}", environment.get(size, "1"))  # SLURM's are 2(x3),1
    if several is None or int(several.group()) < 2:
        return None
    return _integer(environment, rank)


def _address(environment: Mapping[str, str], by: str, processes: int | None) -> str | None:
    for host, port in (("COORDINATOR_ADDRESS", "COORDINATOR_PORT"), ("MASTER_ADDR", "MASTER_PORT")):
        if host in environment:
            at = environment[host]
            if at.count(":") > 1 and not at.startswith("["):  # IPv6, as torchrun writes it
                at = f"[{at}]"
            if ":" in at.rpartition("]")[2]:
                return at
            return f"{at}:{environment.get(port, PORT)}"
    if by == "SLURM":
        job = environment.get("SLURM_JOB_ID", "0")
        port_of_job = 20_000 + int(job) % _PORTS if job.isdecimal() else PORT
        return f"{first_host(environment['SLURM_STEP_NODELIST'])}:{port_of_job}"
    if by == "Kubernetes" and "JOB_COMPLETION_INDEX" in environment:
        return _first_pod(socket.getfqdn(), environment["JOB_COMPLETION_INDEX"])
    sizes = {environment.get(_LOCAL[by][0])} if by in _LOCAL else set()
    if processes is not None and sizes == {str(processes)}:
        return f"127.0.0.1:{PORT}"  # all on one host
    return None


def _first_pod(name: str, index: str) -> str | None:
    """The name of the first pod of an Indexed Job, by that of another: train-2.pods.…"""
    host, dot, domain = name.partition(".")
    if not host.endswith(f"-{index}") or not dot:
        return None
    return f"{host.removesuffix(index)}0.{domain}:{PORT}"


def first_host(nodes: str) -> str:
    """The first name of a list of SLURM's: "n[007-9,12],m1" is n007."""
    found = re.match(r"([^,\[]+)(?:\[([0-9]+)[^\]]*\])?([^,\[]*)", nodes)
    if found is None:
        return nodes
    return "".join(part or "" for part in found.groups())
