"""Raw requests to `narrowcast serve` on loopback, and edits of `narrowcast.yaml`."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.fuzz import seeds
from tests.fuzz.damage import Draw, damaged, damaged_value, json_text, odd_text, odd_value, text_bytes
from tests.fuzz.place import Place
from tests.fuzz.record import Input, Outcome

_SECONDS = 60
_MOMENT = 0.5
_CONFIG_COMMANDS = [["status"], ["data", "ledger"], ["data", "imports"], ["prepare", "--dry-run"], ["run",
    "--dry-run"],
                    ["train", "--dry-run"], ["eval", "--dry-run"], ["data", "import", "--locator",
                    "jsonl:rows.jsonl", "--dry-run"]]  # fmt: skip


def config(draw: Draw) -> Input:
    """`narrowcast.yaml`, damaged as text or as a value."""
    import yaml

    text = seeds.YAML
    if draw.random() < 0.6:
        value = damaged_value(draw, yaml.safe_load(text), draw.choice([0.03, 0.1]))
        if isinstance(value, dict) and draw.random() < 0.6:
            part = draw.choice(
                [
                    "task",
                    "sources",
                    "clean",
                    "generate",
                    "judge",
                    "gate",
                    "balance",
                    "prepare",
                    "train",
                    "evaluate",
                    "export",
                ]
            )
            names = [
                "seed",
                "ratios",
                "epochs",
                "base",
                "gates",
                "split",
                "formats",
                "pydantic_model",
                "models",
                "chunk_tokens",
                odd_text(draw),
            ]
            value[part] = {draw.choice(names): odd_value(draw)} if draw.random() < 0.7 else odd_value(draw)
        content = text_bytes(json.dumps(value))  # which is YAML as well
        if draw.random() < 0.5:
            with suppress(RecursionError):  # of a value that is nested more deeply than YAML's writer goes
                content = text_bytes(yaml.safe_dump(_plain(value), allow_unicode=True))
    else:
        odd = [
            "*a",
            "&a [*a]",
            "!!python/object:os.system x",
            "---\n---",
            "a: b: c",
            "\t- x",
            "<<: *x",
            "? x",
            "{" * 900,
            "- " * 900,
            "%YAML 9",
        ]
        lines = text.splitlines()
        lines.insert(draw.randrange(len(lines)), draw.choice([*odd, odd_text(draw)]))
        content = text_bytes("\n".join(lines))
        content = damaged(draw, content) if draw.random() < 0.6 else content
    commands = draw.sample(_CONFIG_COMMANDS, 2)
    return Input(
        "config",
        {"narrowcast.yaml": content, "rows.jsonl": seeds.jsonl(seeds.ROWS["labels"]).encode()},
        commands,
    )


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def request(draw: Draw) -> Input:
    """One request as bytes: its line, its headers, its body, or all of it damaged."""
    body: Any = {
        "model": "model",
        "messages": [{"role": "user", "content": "Where is my card?"}],
        "max_tokens": 2,
    }
    if draw.random() < 0.6:
        extra = ["stop", "n", "stream", "temperature", "top_p", "seed", "tools", "logprobs", "top_logprobs",
            "response_format", "user",
                 "stream_options", "max_tokens", "max_completion_tokens", "logit_bias", "metadata",
                 "messages", "model"]  # fmt: skip
        body = {**body, draw.choice(extra): draw.choice([odd_value(draw), True, [], {}, 0, -1, "x", 2])}
        body = damaged_value(draw, body, draw.choice([0.0, 0.02, 0.1]))
    content = (
        text_bytes(json_text(draw, body))
        if draw.random() < 0.85
        else damaged(draw, json.dumps(body).encode())
    )
    path = draw.choice(
        ["/v1/chat/completions"] * 40
        + ["/v1/models", "/health", "/", "/v1/models/model", "/docs", "/..%2f", "http://x/", "*", "//x"]
    )
    method = draw.choice(
        ["POST"] * 30 + ["GET", "HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT", "pOST", "A" * 300]
    )
    heads = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "Connection": "close",
    }
    if draw.random() < 0.3:
        odd = [("Host", odd_text(draw)), ("Host", "evil.com@127.0.0.1"), ("Content-Length", "-1"),
            ("Content-Length", "9" * 5000),
               ("Origin", odd_text(draw)), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue"),
               ("Content-Type", "x"),
               ("Authorization", "Bearer " + odd_text(draw)), ("X", "y" * 70_000), ("Upgrade", "websocket"),
               ("Range", "bytes=9-1"),
               ("Content-Length", str(max(0, len(content) - 3))), ("Accept-Encoding", "gzip, br"),
               ("Cookie", "a=" + "b" * 9000)]  # fmt: skip
        name, value = draw.choice(odd)
        heads[name] = value.replace("\n", " ").replace("\r", " ")
    lines = [
        f"{method} {path} HTTP/{draw.choice(['1.1'] * 30 + ['1.0', '2', '9.9', ''])}",
        *(f"{name}: {value}" for name, value in heads.items()),
    ]
    raw = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + content
    return Input("request", {"request": damaged(draw, raw) if draw.random() < 0.15 else raw})


class Server:
    """`narrowcast serve` in a process of its own, for all requests of this process."""

    def __init__(self, model: Path, log: Path) -> None:
        self._log = log.open("wb")
        command = [sys.executable, "-m", "narrowcast.cli.main", "serve", "--model", str(model), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.process.pid, resource.RLIMIT_CPU, unlimited)  # it outlives many inputs
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.port = int(line.partition("http://127.0.0.1:")[2].partition("/")[0])
        self.log = log

    def close(self) -> None:
        """Ask it to end, and see that it does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._log.close()

    def cpu(self) -> float:
        """Seconds that it and its child used."""
        found = psutil.Process(self.process.pid)
        return sum(sum(each.cpu_times()[:2]) for each in [found, *found.children(recursive=True)])

    def ask(self, raw: bytes) -> bytes:
        """What it answers to these bytes; a request that is not whole gets a moment, then its end."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            answer = b""
            try:
                connection.sendall(raw)
                connection.settimeout(_SECONDS if _is_whole(raw) else _MOMENT)
                while part := connection.recv(1 << 16):
                    answer += part
            except (ConnectionResetError, BrokenPipeError):
                return answer  # it refused in the middle of the request, and whatever it said before counts
            except TimeoutError:
                if _is_whole(raw):
                    raise
            return answer


def _is_whole(raw: bytes) -> bool:
    """Whether a server knows where the request ends, and has all of it."""
    head, mark, body = raw.partition(b"\r\n\r\n")
    declared = re.findall(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", head)
    return bool(mark) and len(declared) == 1 and len(body) >= int(declared[0]) and b"ransfer-" not in head


def run_request(place: Place, given: Input, outcome: Outcome) -> None:
    """Send it; the answer is an HTTP answer without an internal error, and the server stays healthy."""
    server = place.servers.get("model")
    if not isinstance(server, Server):
        server = place.servers["model"] = Server(place.seeds / "model.gguf", place.root / "serve.log")
    before, logged = server.cpu(), server.log.stat().st_size
    try:
        answer = server.ask(given.files["request"])
    except TimeoutError:
        spent = server.cpu() - before
        outcome.found("hang", f"no answer within {_SECONDS} seconds, {spent:.1f} of the processor")
        answer = b""
    outcome.cpu += server.cpu() - before
    _judge(answer, outcome)
    if b"Traceback" in server.log.read_bytes()[logged:]:
        outcome.found("traceback", server.log.read_bytes()[logged:].decode("utf-8", "replace"))
    if server.process.poll() is not None:
        outcome.found("died", f"the server ended with {server.process.returncode}")
        del place.servers["model"]
    elif outcome.problem and not _is_ready(server):
        outcome.found("died", "the server is not ready any more")


def _judge(answer: bytes, outcome: Outcome) -> None:
    head, _, body = re.sub(rb"^HTTP/1.1 1\d\d .*?\r\n\r\n", b"", answer, flags=re.DOTALL).partition(
        b"\r\n\r\n"
    )
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    outcome.accepted = status == 200
    if status == 200:
        return
    if status == 0:  # a request that was cut off is answered by the end of the connection
        outcome.code = "no answer"
        return
    try:
        outcome.code = str(json.loads(body)["error"]["code"] or status)
    except (ValueError, KeyError, TypeError):
        outcome.code = f"HTTP {status}"
    if status == 500:
        outcome.code = "system_unexpected"
        outcome.found("traceback", answer.decode("utf-8", "replace"))


def _is_ready(server: Server) -> bool:
    for _ in range(50):
        if b"200" in server.ask(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")[:20]:
            return True
        time.sleep(0.2)
    return False
