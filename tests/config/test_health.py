"""GET /health: 200, or the part that is not ready and why."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from config import health


@pytest.fixture
def all_well(monkeypatch):
    """Every part is ready, until a test says otherwise."""

    def well() -> None:
        return None

    monkeypatch.setattr(health, "CHECKS", dict.fromkeys(health.CHECKS, well))
    return health.CHECKS


@pytest.mark.django_db
class TestHealth:
    def test_says_ok(self, client, all_well):
        answer = client.get("/health")
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok", "parts": dict.fromkeys(health.CHECKS, "ok")}
        assert "no-store" in answer["Cache-Control"]

    def test_names_the_part(self, client, all_well):
        def away() -> None:
            raise health.NotReady("has not been heard of")

        all_well["beat"] = away
        answer = client.get("/health")
        assert answer.status_code == 503
        assert answer.json()["parts"]["beat"] == "has not been heard of"
        assert answer.json()["status"] == "not ready"

    def test_answers_on_every_host(self, client, all_well):
        for host in ("nobody.localhost", "alpha.localhost", "[::1]:8000"):
            assert client.get("/health", headers={"host": host}).status_code == 200

    def test_needs_no_database_to_say_that_it_is_away(self, client, all_well, monkeypatch):
        all_well["database"] = health._database
        monkeypatch.setattr(health, "_connect", _refused)
        answer = client.get("/health")
        assert answer.json()["parts"]["database"] == "does not answer (OperationalError)"


def _refused() -> None:
    import psycopg

    raise psycopg.OperationalError("connection to user=secret failed")


@pytest.mark.django_db(transaction=True)
class TestChecks:
    def test_database_and_migrations(self):
        health._database()
        health._migrations()

    def test_a_migration_that_lacks_is_named(self, monkeypatch):
        monkeypatch.setattr(health, "_wanted", lambda: frozenset({("tenants", "9999_future")}))
        with pytest.raises(health.NotReady, match=r"tenants\.9999_future"):
            health._migrations()

    def test_redis_and_broker(self):
        health._redis()
        health._broker()

    def test_every_thread_sends_tasks_to_our_broker(self):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(health._broker).result()


class TestHeartbeats:
    def test_silence_is_told(self):
        health._client().delete(health._key("slow"))
        with pytest.raises(health.NotReady, match="not been heard of"):
            health._beats("slow")()

    def test_a_worker_speaks_for_the_queues_that_it_serves(self, monkeypatch):
        health._client().delete(health._key("fast"), health._key("slow"))
        monkeypatch.setattr(health, "_served", {"slow"})
        health._worker_lives()
        health._beats("slow")()
        with pytest.raises(health.NotReady):
            health._beats("fast")()

    def test_beat_lives_while_its_task_is_sent(self):
        health._client().delete(health._key("beat"))
        health._beat_has_sent(sender="another.task")
        with pytest.raises(health.NotReady):
            health._beats("beat")()
        health._beat_has_sent(sender=health.beat_alive.name)
        health._beats("beat")()
