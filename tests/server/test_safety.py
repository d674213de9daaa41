"""Who may ask, and what happens when the model's process or the server dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time

import httpx
import openai
import psutil
import pytest
from fastapi import FastAPI

from narrowcast.models.gguf.writer import write_gguf
from narrowcast.ops.serve import Served
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.server.app import ChatServer
from narrowcast.server.errors import ApiError
from narrowcast.server.host import ModelHost
from narrowcast.server.llama_model import LlamaModel, answered_by
from narrowcast.server.queue import FairQueue
from narrowcast.server.stops import StopFilter
from narrowcast.testing.tiny import build_tiny_model
from tests.server.conftest import LABELS
from tests.support.records import set_current_run

pytestmark = pytest.mark.nightly


def child_of(server) -> psutil.Process:
    found = [
        each
        for each in psutil.Process(server.process.pid).children(recursive=True)
        if "narrowcast.models.llama_worker" in each.cmdline()
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "",
        "evil.com@127.0.0.1",
        "127.0.0.1/evil.com",
        "127.0.0.1?x",
        "127.0.0.1#x",
        "127.0.0.1:80:80",
        "127.0.0.1\\@evil.com",
    ],
)
def test_a_rebound_name_is_refused(plain, host):
    answer = httpx.get(f"{plain.url}/models", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[bad", "http://localhost.evil.example"]
)
def test_a_page_of_another_origin_is_refused(plain, origin):
    answer = httpx.get(f"{plain.url}/models", headers={"Origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_names_of_this_machine_are_welcome(plain, name):
    headers = {"Host": f"{name}:1234", "Origin": f"http://{name}:3000"}
    assert httpx.get(f"{plain.url}/models", headers=headers).status_code == 200


def test_a_token_is_asked_for(start, plain_gguf):
    with start("--model", plain_gguf, "--token", "s3cret") as server:
        assert [model.id for model in server.client("s3cret").models.list()] == ["tiny"]
        for wrong in ("other", "s3cre", "s3cret2"):
            with pytest.raises(openai.AuthenticationError):
                server.client(wrong).models.list()
        assert httpx.get(f"{server.url}/models").status_code == 401
        assert httpx.get(server.url.replace("/v1", "/health")).json()["status"] == "ok"


def test_beyond_loopback_a_token_is_demanded(cli, plain_gguf):
    done = cli("serve", "--model", plain_gguf, "--host", "0.0.0.0", code=2)
    assert "token" in done.stderr


def test_an_address_in_use_is_said(cli, plain, plain_gguf):
    port = plain.url.split(":")[-1].removesuffix("/v1")
    done = cli("serve", "--model", plain_gguf, "--port", port, code=2)
    assert "cannot be bound" in done.stderr
    assert "next: narrowcast serve --port 8090" in done.stderr


def test_a_file_that_was_changed_after_its_proof_is_not_served(cli, bundled_gguf, tmp_path):
    for name in ("bundle.json", bundled_gguf.name):
        (tmp_path / name).write_bytes((bundled_gguf.parent / name).read_bytes())
    with (tmp_path / bundled_gguf.name).open("ab") as file:
        file.write(b"\0")
    done = cli("serve", "--model", tmp_path / bundled_gguf.name, code=1)
    assert "not the one that passed parity" in done.stderr


def test_a_bundle_whose_prompt_or_labels_were_edited_is_not_served(cli, bundled_gguf, tmp_path):
    model = tmp_path / bundled_gguf.name
    model.write_bytes(bundled_gguf.read_bytes())
    written = (bundled_gguf.parent / "bundle.json").read_text()
    for before, after in (('"instruction": ""', '"instruction": "Say yes."'), (f'"{LABELS[0]}"', '"other"')):
        assert before in written
        (tmp_path / "bundle.json").write_text(written.replace(before, after))
        done = cli("serve", "--model", model, code=1)
        assert "the manifest was edited after the export" in done.stderr


def test_a_killed_child_fails_its_request_and_the_next_one_works(start, tmp_path):
    path = tmp_path / "tiny.gguf"
    write_gguf(build_tiny_model(tmp_path / "model", context=8192), path, "f16")
    with start("--model", path) as server:
        client, dead = server.client(), child_of(server)
        question = {"model": "tiny", "messages": [{"role": "user", "content": "Where is my card?"}]}
        expected = client.chat.completions.create(**question, max_tokens=8)
        # greedy, these weights never end a turn: seconds of tokens are left when the first one is seen
        stream = client.chat.completions.create(**question, max_tokens=8000, temperature=0, stream=True)
        next(iter(stream))
        os.kill(dead.pid, signal.SIGKILL)
        with pytest.raises(openai.APIError, match="process died"):
            list(stream)
        again = client.chat.completions.create(**question, max_tokens=8)
        assert again.choices[0].message.content == expected.choices[0].message.content
        assert child_of(server).pid != dead.pid
        assert httpx.get(server.url.replace("/v1", "/health")).json()["restarts"] == 1


def test_a_request_in_flight_gets_a_503(start, plain_gguf):
    with start("--model", plain_gguf) as server:
        child = child_of(server)
        os.kill(child.pid, signal.SIGSTOP)  # the request is certainly in flight when the child dies
        with httpx.Client(timeout=60) as http:
            body = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 4}

            async def both():
                loop = asyncio.get_running_loop()
                answer = loop.run_in_executor(
                    None, lambda: http.post(f"{server.url}/chat/completions", json=body)
                )
                await asyncio.sleep(0.5)
                child.kill()
                return await answer

            answer = asyncio.run(both())
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "worker_died"
        assert answer.headers["retry-after"] == "1"


def test_stopping_the_server_ends_the_child(start, plain_gguf):
    with start("--model", plain_gguf) as server:
        child = child_of(server)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


def test_a_killed_server_leaves_no_child(start, plain_gguf):
    with start("--model", plain_gguf) as server:
        child = child_of(server)
        server.process.kill()
        gone, _ = psutil.wait_procs([child], timeout=10)
        assert gone == [child]


def test_serving_a_project_is_in_its_trail(start, settings, bundled_gguf, tmp_path):
    project = Project.create(
        settings.model_copy(update={"home": tmp_path / "home"}), "cards", tmp_path / "cards"
    )
    try:
        folder = project.paths.gguf / "exp-0000000000"
        folder.mkdir(parents=True)
        for name in ("bundle.json", bundled_gguf.name):
            (folder / name).write_bytes((bundled_gguf.parent / name).read_bytes())
        set_current_run(project.paths, "exp-0000000000")
        with start("--project", tmp_path / "cards") as server:
            os.kill(child_of(server).pid, signal.SIGKILL)
            question = [{"role": "user", "content": "Where is my card?"}]
            answer = server.client().chat.completions.create(model="cards-f16", messages=question)
            assert answer.choices[0].message.content
        codes = [event.reason_code for event in project.trail.events(stage=StageName.DEPLOYMENT)]
        assert codes == ["deployment_serve_started", "deployment_worker_restarted"]
    finally:
        project.close()


def test_the_queue_is_fair_and_bounded():
    async def scenario() -> tuple[list[int], int]:
        queue, order, refused = FairQueue(3), [], 0

        async def one(number: int) -> None:
            async with queue.turn():
                order.append(number)
                await asyncio.sleep(0.01)

        tasks = []
        for number in range(4):
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(0)
        try:
            await one(99)
        except ApiError as error:
            refused = error.status
        await asyncio.gather(*tasks)
        return order, refused

    assert asyncio.run(scenario()) == ([0, 1, 2, 3], 503)


@pytest.mark.parametrize(
    ("pieces", "stops", "expected"),
    [
        (["abc", "def"], ["cd"], "ab"),
        (["a", "b", "c"], ["bc"], "a"),
        (["ab", "x", "c"], ["abc"], "abxc"),
        (["aaa", "ab"], ["aab"], "aa"),
        (["hello"], [], "hello"),
        (["one two", " three"], ["three", "two"], "one "),
    ],
)
def test_stop_sequences_across_pieces(pieces, stops, expected):
    found = StopFilter(stops)
    text = "".join(found.push(piece) for piece in pieces) + ("" if found.stopped else found.end())
    assert text == expected


def test_a_child_that_dies_while_idle_is_restarted_without_a_request(start, plain_gguf):
    with start("--model", plain_gguf) as server:
        url, dead = server.url.replace("/v1", "/health"), child_of(server)
        os.kill(dead.pid, signal.SIGKILL)
        deadline, restarts, seen = time.monotonic() + 60, 0, set()
        while not restarts and time.monotonic() < deadline:
            answer = httpx.get(url)
            seen.add((answer.status_code, answer.json()["ready"]))
            assert answer.json()["live"]
            assert httpx.get(f"{url}/live").status_code == 200
            restarts = answer.json()["restarts"]
            time.sleep(0.02)
        assert (503, False) in seen
        assert httpx.get(f"{url}/ready").json() == httpx.get(url).json()
        assert httpx.get(url).json()["ready"]
        assert child_of(server).pid != dead.pid


def test_an_error_that_nobody_foresaw_has_the_shape_of_the_others(start, plain_gguf):
    every = "".join(map(chr, range(0xE000, 0xF900)))  # no character is left to conceal special tokens with
    body = {"model": "tiny", "messages": [{"role": "user", "content": every}], "max_tokens": 4}
    with start("--model", plain_gguf) as server:
        answer = httpx.post(f"{server.url}/chat/completions", json=body, timeout=60)
        assert answer.status_code in (400, 500)
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        server.process.send_signal(signal.SIGTERM)
        assert "Traceback" not in server.process.communicate(timeout=30)[1]


def test_a_stop_while_a_request_arrives_is_an_answer_and_no_traceback(start, plain_gguf):
    with start("--model", plain_gguf) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as client:
            head = ["POST /v1/chat/completions HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Length: 99"]
            client.sendall("\r\n".join([*head, "", "{"]).encode())
            httpx.get(f"http://127.0.0.1:{port}/health")  # the half request was read before this one
            server.process.send_signal(signal.SIGTERM)
            answer = client.makefile("rb").read()
        assert b"503" in answer.splitlines()[0]
        assert b"server_stopping" in answer
        said = server.process.communicate(timeout=30)[1]
    assert "Traceback" not in said
    assert server.process.returncode == 0


def test_a_file_that_cannot_be_loaded_is_tried_less_and_less_often(plain_gguf, tmp_path, caplog):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(plain_gguf.read_bytes())
    served = Served(path=path, model_id="tiny")

    async def scenario() -> list[tuple[float, str]]:
        host = ModelHost(lambda: LlamaModel(path), on_restart=lambda _: None)
        server = ChatServer(served, host, answered_by, waiting=1)
        try:
            async with server.watching(FastAPI()):
                path.write_bytes(b"no model")
                os.kill(host.pid, signal.SIGKILL)
                while len(caplog.records) < 3:
                    await asyncio.sleep(0.05)
                failed = [(record.created, record.getMessage()) for record in caplog.records]
                path.write_bytes(plain_gguf.read_bytes())
                while not host.alive:
                    await asyncio.sleep(0.05)
            return failed
        finally:
            host.close()

    with caplog.at_level("WARNING", "narrowcast.server.app"):
        failed = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert [message.rpartition(" in ")[2] for _, message in failed] == ["1 s", "2 s", "4 s"]
    assert failed[1][0] - failed[0][0] >= 1
    assert failed[2][0] - failed[1][0] >= 2
