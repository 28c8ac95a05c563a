"""The command line in the process of the tests."""

import sys

import pytest

from pellucid.cli import main


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs a command in this process: (exit code, stdout, stderr)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main.main()
        done = capsys.readouterr()
        return stopped.value.code or 0, done.out, done.err

    return run
