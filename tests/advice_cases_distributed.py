"""Advice of `pel.distributed` and `--hosts`. In the form of advice_cases.py."""

from __future__ import annotations

from tests.advice_cases import Followed

FOLLOWED: list[Followed] = []
_COMMAND = "of the command line: tests/distributed/test_hosts.py"
_PROCESSES = "takes several processes: tests/distributed"
BY_NATURE = {
    "Write such as --hosts a,b or --hosts a:7531,b.": _COMMAND,
    "Count from 0.": _COMMAND,
    "Write --hosts a,b --host 0.": _COMMAND,
    "Leave --host out: SLURM, MPI and Kubernetes say which one this is.": _COMMAND,
    "Say which one it is: --host 0 for the first.": _COMMAND,
    "Use the group that the first call gave.": _PROCESSES,
    "Write start('host:7531', processes=2, process=0) in the first process, process=1 in the "
    "second; start(processes=1) for all devices of one.": _PROCESSES,
    "Number them from 0.": _PROCESSES,
    "Write such as '10.0.0.1:7531'.": _PROCESSES,
    "Give address, processes and process yourself.": _PROCESSES,
    "Name the host that process 0 runs on, and a port above 1023.": _PROCESSES,
    "Name another one in all processes: address='127.0.0.1:7532'.": _PROCESSES,
    "Write pel.distributed.start(…) at the top of the program.": _PROCESSES,
    "Write device='gpu', or leave it out.": _PROCESSES,
    "Train with more processes, each with fewer rows.": "needs more memory than there is",
    "Name one of these: cpu.": _PROCESSES,
}
