"""The supervisor's own decisions; that the whole starts is seen in test_up.py."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import pytest

from config import embedded, preparation, remains, supervisor

OPTIONS = supervisor.Options(port=8400, host="127.0.0.1", demo=False)


class TestParts:
    def test_in_development_all_of_them(self, monkeypatch):
        monkeypatch.delenv("EMBEDDING_URL", raising=False)
        names = {part.name for part in supervisor.parts(OPTIONS)}
        assert {"web", "worker", "slow", "beat", "embedder"} <= names

    def test_an_embedder_elsewhere_is_used(self, monkeypatch):
        monkeypatch.setenv("EMBEDDING_URL", "http://embedder.example")
        assert "embedder" not in {part.name for part in supervisor.parts(OPTIONS)}

    def test_the_fake_phone_is_off_in_production(self, monkeypatch):
        monkeypatch.setattr("config.env.production", lambda: True)
        assert "gateway" not in {part.name for part in supervisor.parts(OPTIONS)}


class TestPorts:
    def test_a_busy_port_is_named_with_who_holds_it(self):
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            port = busy.getsockname()[1]
            assert not remains.is_free(port)
            assert f"(process {os.getpid()})" in remains.holder(port)

    def test_a_start_on_a_busy_port_says_so(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FRONTDESK_DATA", str(tmp_path))
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            options = supervisor.Options(port=busy.getsockname()[1], host="127.0.0.1", demo=False)
            run = supervisor.Supervisor(options, data=tmp_path)
            with pytest.raises(supervisor.CannotStart, match=f"Port {options.port} \\(web\\) is taken by"):
                run._clear_the_way()


class TestOnlyOne:
    def test_a_second_start_is_told_of_the_first(self, tmp_path):
        with supervisor._only_one(tmp_path, OPTIONS):
            with pytest.raises(supervisor.CannotStart, match=f"process {os.getpid()}, http://localhost:8400"):
                supervisor._only_one(tmp_path, OPTIONS)
        supervisor._only_one(tmp_path, OPTIONS).close()


class TestRemains:
    def test_what_a_killed_supervisor_left_is_ended(self, tmp_path):
        stubborn = (
            "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
        )
        left = subprocess.Popen(
            [sys.executable, "-c", stubborn], env={remains.MARK: str(tmp_path)}, stdout=subprocess.PIPE
        )
        other = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
        left.stdout.readline(), other.stdout.readline()
        try:
            assert remains.end_remains(tmp_path, patience=0.2) == 1
            assert left.wait(5) == -signal.SIGKILL
            assert other.poll() is None
            assert remains.end_remains(tmp_path) == 0
        finally:
            other.kill()
            other.wait()


class TestKeeping:
    async def test_a_part_that_ends_is_started_again_and_the_pause_grows(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
        run = supervisor.Supervisor(OPTIONS, data=tmp_path)
        short = supervisor.Part("web", (sys.executable, "-c", "print('hello')"))
        keeper = asyncio.create_task(run._keep(short))
        said = ""
        while said.count("hello") < 3:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await run._end("web")
        assert "again in 0.01 s" in said
        assert "again in 0.02 s" in said

    async def test_stopping_takes_what_a_part_had_started_itself(self, tmp_path):
        run = supervisor.Supervisor(OPTIONS, data=tmp_path)
        child = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
        process = await run._spawn("web", (sys.executable, "-c", child))
        await asyncio.sleep(0.3)
        await run._end("web", patience=1)
        assert process.returncode is not None
        for _look in range(100):  # a process that was told to go is still seen for a moment
            if not list(remains._marked(tmp_path)):
                break
            await asyncio.sleep(0.05)
        assert not list(remains._marked(tmp_path))


class TestWords:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (b'HTTP/1.1 200 OK\r\n\r\n{"status": "ok"}', ""),
            (b'HTTP/1.1 503 x\r\n\r\n{"parts": {"beat": "is away", "web": "ok"}}', "beat is away"),
            (b"HTTP/1.1 500 x\r\n\r\noops", "web answers [b'500']"),
        ],
    )
    def test_of_health(self, answer, words):
        assert supervisor._words_of(answer) == words

    def test_of_a_mail(self, tmp_path):
        path = tmp_path / "1.log"
        path.write_bytes(
            b"Content-Type: text/plain\nSubject: Confirm\nTo: ana@example.com\n\n"
            b"Open http://x.localhost/c/1/ now\n"
        )
        assert supervisor._about_mail(path) == "to ana@example.com: Confirm http://x.localhost/c/1/"

    def test_of_an_end(self):
        assert (supervisor._how(3), supervisor._how(-9)) == ("code 3", "SIGKILL")


class TestStamps:
    def test_hold_for_one_database_only(self, tmp_path):
        stamps = preparation.Stamps(tmp_path, "database-1")
        stamps.keep("migrations", "abc")
        assert preparation.Stamps(tmp_path, "database-1").matches("migrations", "abc")
        assert not preparation.Stamps(tmp_path, "database-1").matches("migrations", "abd")
        assert not preparation.Stamps(tmp_path, "database-2").matches("migrations", "abc")


def test_a_child_whose_parent_is_gone_does_not_begin():
    hook = embedded.die_with_parent(signal.SIGTERM)
    assert callable(hook)
