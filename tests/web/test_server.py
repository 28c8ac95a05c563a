"""The server against what strangers send: raw requests, handshakes and frames."""

import argparse
import base64
import contextlib
import json
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("websockets")

from pellucid.core.errors import PellucidError
from pellucid.web import guard
from pellucid.web.choices import hello
from pellucid.web.commands import COMMANDS, read
from pellucid.web.playing import Playing, play
from pellucid.web.server import MOST_PAGES, Server, files
from pellucid.web.session import Session

STATIC = Path(files.__code__.co_filename).parent / "static"


class Silent:
    """Takes commands and does nothing, so that only the server is looked at."""

    def __init__(self):
        self.taken = []

    def submit(self, name, arguments):
        self.taken.append((name, arguments))
        return len(self.taken) < 100_000


@pytest.fixture(scope="module")
def server():
    taker = Silent()
    one = Server(taker.submit, hello(), (60, 60))
    one.taker = taker
    one.start()
    yield one
    one.close()
    assert one.ended.wait(5)


def ask(server, request):
    """The answer to raw bytes."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as one:
        one.sendall(request)
        one.settimeout(10)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while part := one.recv(65536):
                found += part
        return found


def get(server, path="/", **changed):
    headers = {"Host": server.authority, "Connection": "close", **changed}
    lines = [f"{k.replace('_', '-')}: {v}" for k, v in headers.items() if v is not None]
    return ask(server, "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


class Socket:
    """A socket of the page, spoken by hand."""

    def __init__(self, server, origin="own", host=None, site=None, path="/socket"):
        self.raw = socket.create_connection(("127.0.0.1", server.port), 10)
        self.raw.settimeout(10)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host or server.authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        if origin is not None:
            lines.append(f"Origin: {'http://' + server.authority if origin == 'own' else origin}")
        if site:
            lines.append(f"Sec-Fetch-Site: {site}")
        self.raw.sendall("\r\n".join([*lines, "", ""]).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            part = self.raw.recv(4096)
            if not part:
                break
            self.buffer += part
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = status(head)

    def send(self, data, opcode=1, mask=True, length=None, fin=True):
        payload = data.encode() if isinstance(data, str) else data
        n = len(payload) if length is None else length
        head = bytes([(0x80 if fin else 0) | opcode])
        flag = 0x80 if mask else 0
        if n < 126:
            head += bytes([flag | n])
        elif n < 65536:
            head += bytes([flag | 126]) + struct.pack(">H", n)
        else:
            head += bytes([flag | 127]) + struct.pack(">Q", n)
        key = os.urandom(4) if mask else b""
        if mask:
            payload = bytes(b ^ key[i % 4] for i, b in enumerate(payload[:200_000]))
        self.raw.sendall(head + key + payload)

    def frame(self):
        """(opcode, payload) of the next frame; (8, b"") where there is none."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while True:
                if len(self.buffer) >= 2:
                    n, at = self.buffer[1] & 127, 2
                    if n > 125:
                        size = 2 if n == 126 else 8
                        n, at = int.from_bytes(self.buffer[2 : 2 + size]), 2 + size
                    if len(self.buffer) >= at + n:
                        opcode, payload = self.buffer[0] & 15, self.buffer[at : at + n]
                        self.buffer = self.buffer[at + n :]
                        return opcode, payload
                part = self.raw.recv(65536)
                if not part:
                    break
                self.buffer += part
        return 8, b""

    def close(self):
        self.raw.close()


def admitted(server):
    one = Socket(server)
    assert one.status == 101
    one.send(json.dumps({"token": server.token}))
    opcode, payload = one.frame()
    assert opcode == 1 and json.loads(payload)["kind"] == "hello"
    return one


def closed_with(one):
    opcode, payload = one.frame()
    while opcode != 8:
        opcode, payload = one.frame()
    return int.from_bytes(payload[:2]) if payload else 0


# -- pages ------------------------------------------------------------------------------------


def test_it_listens_on_the_loopback_alone(server):
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    port = f":{server.port:04X} "
    own = [line.split()[1] for line in table.splitlines() if port in line and " 0A " in line]
    assert own == [f"0100007F:{server.port:04X}"]


def test_the_pages_and_their_headers(server):
    for path in ["/", *(f"/{one.name}" for one in STATIC.iterdir())]:
        answer = get(server, path)
        assert status(answer) == 200, path
        head, _, body = answer.partition(b"\r\n\r\n")
        name = "index.html" if path == "/" else path[1:]
        assert body == (STATIC / name).read_bytes()
        for header, value in guard.HEADERS.items():
            assert f"{header}: {value}".encode() in head
        assert b"Set-Cookie" not in head and b"Access-Control" not in head


def test_the_policy_is_the_strictest_that_works():
    policy = guard.HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy and "http" not in policy


def test_the_page_asks_nothing_of_the_network_and_evaluates_nothing():
    for one in STATIC.iterdir():
        text = one.read_text()
        assert "://" not in text.replace("ws://${location.host}", "").replace(
            "http://www.w3.org/2000/svg", ""
        ), one.name
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "eval(",
            "Function(",
            "document.write",
        ):
            assert word not in text, (one.name, word)
        assert not re.search(r"<script(?! type=\"module\" src=)|style=\"|\son\w+=\"", text), (
            one.name
        )


def test_a_favicon_is_nothing_and_no_error(server):
    assert status(get(server, "/favicon.ico")) == 204


@pytest.mark.parametrize(
    "host",
    [
        *("localhost:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", "evil.example:{port}"),
        *("127.0.0.1:{port}.evil.example", "127.1:{port}", "2130706433:{port}", "", None),
        "evil.example",
    ],
)
def test_another_host_is_refused(server, host):
    """A name that an attacker makes point here: rebinding."""
    own = None if host is None else host.format(port=server.port)
    assert status(get(server, "/", Host=own)) in (400, 421)
    if own:
        one = Socket(server, host=own, origin=f"http://{own}")
        assert one.status in (400, 421)
        one.close()


def test_two_hosts_are_refused(server):
    request = f"GET / HTTP/1.1\r\nHost: {server.authority}\r\nHost: evil.example\r\n\r\n"
    assert status(ask(server, request.encode())) in (400, 421)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything", ""])
def test_requests_that_other_sites_make_are_refused(server, site):
    assert status(get(server, "/", Sec_Fetch_Site=site)) == 403
    assert status(get(server, "/main.js", Sec_Fetch_Site=site)) == 403


def test_requests_of_a_person_and_of_the_page_are_answered(server):
    assert status(get(server, "/", Sec_Fetch_Site="none")) == 200
    assert status(get(server, "/main.js", Sec_Fetch_Site="same-origin")) == 200
    assert status(get(server, "/", Origin=f"http://{server.authority}")) == 200
    assert status(get(server, "/", Origin="http://evil.example")) == 403
    assert status(get(server, "/", Origin="null")) == 403


@pytest.mark.parametrize(
    "path",
    [
        *("/../server.py", "/static/main.js", "/%2e%2e/server.py", "//main.js", "/main.js/"),
        *("/main.js?x=1", "/index.html%00.js", "/..\\server.py", "/etc/passwd", "/MAIN.JS", "*"),
        *("http://127.0.0.1/main.js", "/socket", "/.", "/__init__.py", "/main.js#x"),
    ],
)
def test_only_named_files_are_served(server, path):
    answer = get(server, path)
    assert status(answer) in (0, 400, 403, 404)
    assert b"import" not in answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH"])
def test_there_is_no_other_method(server, method):
    request = f"{method} / HTTP/1.1\r\nHost: {server.authority}\r\nContent-Length: 0\r\n\r\n"
    assert status(ask(server, request.encode())) in (0, 400, 405)


# -- the handshake and the token --------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", "https://127.0.0.1:{port}", "http://localhost:{port}",
     "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1", "file://"],
)  # fmt: skip
def test_a_handshake_of_another_origin_is_refused(server, origin):
    one = Socket(server, origin=origin and origin.format(port=server.port))
    assert one.status == 403
    one.close()


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_handshake_that_no_page_of_ours_makes_is_refused(server, site):
    one = Socket(server, site=site)
    assert one.status == 403
    one.close()


def test_the_socket_is_at_one_path(server):
    for path in ("/", "/socket2", "/socket?x", "/main.js"):
        one = Socket(server, path=path)
        assert one.status != 101
        one.close()


def test_the_token_has_256_bits_and_stands_behind_the_hash(server):
    assert len(base64.urlsafe_b64decode(server.token + "=")) == 32
    assert server.address == f"http://127.0.0.1:{server.port}/#token={server.token}"
    assert guard.new_token() != guard.new_token()


def test_tokens_are_compared_in_constant_time(monkeypatch):
    seen = []
    real = guard.hmac.compare_digest
    monkeypatch.setattr(guard.hmac, "compare_digest", lambda *a: seen.append(a) or real(*a))
    assert guard.is_token("abc", "abc") and not guard.is_token("abc", "abd")
    for odd in (None, 3, ["abc"], {"abc": 1}, "abc\0", "ab", "abcabc", "\ud800", "x" * 10**6):
        assert not guard.is_token("abc", odd)
    assert len(seen) == 11


def _first(token):
    return [
        "", "null", "[]", "{}", "1", token, json.dumps(token), json.dumps([token]),
        json.dumps({"token": None}), json.dumps({"token": ""}), json.dumps({"token": token[:-1]}),
        json.dumps({"token": token + "x"}), json.dumps({"token": token.lower()}),
        json.dumps({"token": [token]}), json.dumps({"Token": token}), "{" * 3000,
        json.dumps({"do": "play"}), json.dumps({"token": "x" * 40_000}),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(18))
def test_a_first_message_without_the_token_ends_the_socket(server, number):
    before = len(server.taker.taken)
    one = Socket(server)
    one.send(_first(server.token)[number])
    assert closed_with(one) == 1008
    assert len(server.taker.taken) == before
    one.close()


def test_bytes_as_a_first_message_end_the_socket(server):
    one = Socket(server)
    one.send(json.dumps({"token": server.token}).encode(), opcode=2)
    assert closed_with(one) == 1008
    one.close()


def test_nothing_is_told_before_the_token(server):
    one = Socket(server)
    one.raw.settimeout(0.3)
    assert one.frame() == (8, b"")  # silence
    one.close()


def test_pages_are_bounded(server):
    several = [admitted(server) for _ in range(MOST_PAGES)]
    late = Socket(server)
    assert late.status == 503
    for one in [*several, late]:
        one.close()
    deadline = time.monotonic() + 5
    while server.pages and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not server.pages


# -- messages ---------------------------------------------------------------------------------


def test_a_message_over_one_mebibyte_ends_the_socket(server):
    one = admitted(server)
    one.send(b"x", length=(1 << 20) + 1)
    assert closed_with(one) == 1009
    one.close()


ODD = [
    "", "null", "[]", "1", '"play"', "{}", '{"do": 1}', '{"do": "exec"}', '{"do": "__class__"}',
    '{"do": "play", "x": 1}', '{"do": "step"}', '{"do": "step", "epochs": 0}',
    '{"do": "step", "epochs": 1e99}', '{"do": "step", "epochs": "1"}',
    '{"do": "step", "epochs": true}',
    '{"do": "step", "epochs": 99999999999}', '{"do": "step", "epochs": NaN}',
    '{"do": "at", "x1": Infinity, "x2": 0}', '{"do": "at", "x1": 1e400, "x2": 0}',
    '{"do": "at", "x1": null, "x2": []}', '{"do": "set", "values": {}}',
    '{"do": "set", "values": []}',
    '{"do": "set", "values": {"path": "/etc/passwd"}}', '{"do": "set", "values": {"data": 1}}',
    '{"do": "set", "values": {"layers": [{"type": "Conv2D", "filters": 1}]}}',
    '{"do": "set", "values": {"layers": [{"type": "function", "graph": "x"}]}}',
    '{"do": "set", "values": {"layers": [{"type": "Dense", "units": 0}]}}',
    '{"do": "set", "values": {"layers": [{"type": "Dense", "units": {"type": "os"}}]}}',
    '{"do": "set", "values": {"layers": "Dense(4)"}}', '{"do": "set", "values": {"rows": 1e9}}',
    '{"do": "set", "values": {"rows": 100001}}', '{"do": "set", "values": {"stop": {"kind": "x"}}}',
    '{"do": "set", "values": {"optimizer": {"type": "SGD", "learning_rate": "x"}}}',
    '{"do": "set", "values": {"optimizer": {"type": "SGD", "path": "x"}}}',
    '{"do": "weight", "name": "dense_1.W", "index": [0, 0, 0], "value": 1}',
    '{"do": "weight", "name": "dense_1.W", "index": [-1], "value": 1}',
    '{"do": "draw", "points": [[1, 2]]}', '{"do": "draw", "points": [[1, 2, "x"]]}',
    '{"do": "csv", "text": 1, "more": false}', '{"do": "csv", "text": "a"}',
    '{"do": "load", "content": 3, "more": false}', '{"do": "load", "content": "", "more": 1}',
    '{"do": "compare", "values": 3}', '{"do": "compare", "values": {"epochs": 3}}',
    '{"do": "units", "column": 1e9, "pair": [0, 1]}', '{"do": "units", "column": 0, "pair": [0]}',
    '{"do": "picture", "values": [NaN]}', '{"do": "picture", "values": [2]}',
    '{"do": "picture", "values": "0000"}', '{"do": "save", "path": "/tmp/x"}',
    '{"do": "program", "text": 1}',
    "{" * 100_000, "[" * 100_000, '{"do": "play"', "\\u0000", '{"do": "pla\\ud800y"}',
    '{"do": "program", "text": "\\ud800"}', '{"do": "show", "do": 3}',
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ODD)))
def test_what_is_no_command_is_refused_in_one_line(number):
    with pytest.raises(PellucidError) as caught:
        read(ODD[number])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1500


def test_commands_take_no_path_and_nothing_else_is_a_command(server):
    words = [*COMMANDS, *(key for one in COMMANDS.values() for key in one.arguments)]
    assert not {"path", "file", "url", "command", "code", "module"} & set(words)
    one = admitted(server)
    for message in ODD[:12]:
        one.send(message)
        opcode, payload = one.frame()
        assert opcode == 1 and json.loads(payload)["kind"] == "error"
    one.close()


def test_ten_thousand_malformed_frames(server):
    """No crash, no memory kept; the server answers afterwards as before."""
    draw = random.Random(0)

    def odd(count):
        sent = 0
        while sent < count:
            one = admitted(server) if draw.random() < 0.5 else Socket(server)
            with contextlib.suppress(OSError):
                for _ in range(25):
                    kind = draw.randrange(6)
                    if kind == 0:
                        one.raw.sendall(draw.randbytes(draw.randrange(1, 60)))
                    elif kind == 1:
                        one.send(draw.randbytes(20), opcode=draw.randrange(16))
                    elif kind == 2:
                        one.send("x" * 5, mask=False)
                    elif kind == 3:
                        one.send(b"\xff\xfe\xfd", opcode=1)
                    elif kind == 4:
                        one.send(ODD[draw.randrange(43)])
                    else:
                        one.send("seen")
                    sent += 1
            one.close()

    odd(1000)  # what is made once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    odd(9_000)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 16_000, f"{grown} KiB"
    assert status(get(server)) == 200
    admitted(server).close()


def test_a_page_that_does_not_read_is_dropped(server):
    one = admitted(server)
    for _ in range(5000):
        server.send({"kind": "note", "text": "x" * 2000})
    deadline = time.monotonic() + 10
    while server.pages and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not server.pages
    one.close()


# -- the whole ----------------------------------------------------------------------------------


def test_a_session_over_the_socket_from_hello_to_the_end():
    with Playing(Session, idle=(30, 0.2)) as made:
        one = admitted(made._server)
        kinds = []
        while kinds.count("screen") < 1 or "frame" not in kinds:
            opcode, payload = one.frame()
            if opcode == 1:
                kinds.append(json.loads(payload)["kind"])
            elif opcode == 2:
                (length,) = struct.unpack_from("<I", payload)
                kinds.append(json.loads(payload[4 : 4 + length])["kind"])
        one.send(json.dumps({"do": "play"}))
        deadline = time.monotonic() + 20
        while made.session.epoch < 50 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert made.session.epoch >= 50
        one.close()  # the last page goes: server and training end
        assert made._server.ended.wait(30)
    assert "pellucid-play" not in [one.name for one in threading.enumerate()]


def test_it_ends_when_no_page_ever_comes():
    one = Server(lambda name, arguments: True, hello(), (0.3, 0.1))
    one.start()
    assert one.ended.wait(5)


@pytest.mark.slow
def test_the_command_serves_until_ctrl_c():
    command = [sys.executable, "-m", "pellucid.cli.main", "play", "#data=xor", "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        line = run.stdout.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/#token=[\w-]{43}$", line)[1])
        one = argparse.Namespace(port=port, authority=f"127.0.0.1:{port}")
        assert status(get(one)) == 200
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0 and not run.stderr.read()


def test_without_websockets_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "websockets", None)
    with pytest.raises(PellucidError, match=r"pip install 'pellucid\[web\]'"):
        play(browser=False)
