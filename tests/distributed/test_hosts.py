"""`pellucid train … --hosts`: which host this is, and every mistake in one line."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import pellucid as pel
from pellucid import distributed
from pellucid.cli import hosts
from pellucid.core.errors import ArgumentError
from tests.distributed.processes import free_port
from tests.distributed.test_training import JAX, SLOW

OWN = socket.gethostname()


@pytest.mark.parametrize(
    ("names", "host", "words"),
    [
        ("a", None, "--hosts must be two names or more, or auto, got 'a'"),
        ("a,,b", None, "got 'a,,b'"),
        (None, 1, "--host needs --hosts, got --host 1"),
        ("a,b", 2, "--host must be in [0, 1], got 2"),
        ("auto", 0, "--host belongs to a list of hosts, got --hosts auto --host 0"),
        ("no-such-host.invalid,b.invalid", None, "must name this host once, got none"),
        (f"{OWN},127.0.0.1", None, "must name this host once, got 2 of them"),
        ("a:b,c", 1, "[distributed] address must be 'host:port' of the first process, got 'a:b'"),
    ],
)
def test_mistakes(names: str | None, host: int | None, words: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(words)):
        hosts.joined(names, host)


@pytest.mark.parametrize("own", [OWN, "127.0.0.1", "localhost"])
def test_which_host_this_is(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(
        distributed, "start", lambda address, **more: called.append((address, more))
    )
    hosts.joined(f"first.invalid:99,{own}", None)
    hosts.joined(f"{own}, other.invalid", None)
    hosts.joined("a,b", 1)
    numbers = [("first.invalid:99", 1), (own, 0), ("a", 1)]
    assert called == [(at, {"processes": 2, "process": number}) for at, number in numbers]


@JAX
@SLOW
def test_two_hosts_train_the_network_of_one(tmp_path: Path) -> None:
    def command(*more: str) -> subprocess.Popen[str]:
        arguments = ("train", "digits", "--epochs", "3", *more)
        return subprocess.Popen(
            [sys.executable, "-m", "pellucid.cli.main", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    names = f"127.0.0.1:{free_port()},127.0.0.1"
    several = [command("--hosts", names, "--host", str(number)) for number in range(2)]
    said = [one.communicate(timeout=150) for one in several]
    assert [one.returncode for one in several] == [0, 0], said
    shown = re.search("Test error.*", said[0][0])
    assert shown is not None and "epoch   3/3" in said[0][0]
    assert not re.search("epoch|error", said[1][0]), "the first one prints"
    assert (tmp_path / "digits.png").exists()
    alone = command("--out", "alone.safetensors")
    out, err = alone.communicate(timeout=150)
    assert alone.returncode == 0, err
    assert shown.group() in out
    both = [pel.load(tmp_path / f"{name}.safetensors") for name in ("digits", "alone")]
    for one, other in zip(*(model.get_weights() for model in both), strict=True):
        assert abs(one - other).max() < 1e-3
