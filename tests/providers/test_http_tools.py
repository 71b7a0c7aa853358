"""The call of a business's own tool, against another system that answers what it is told to."""

from collections.abc import Iterator

import pytest

from providers import http_tools
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from providers.http_tools import Call
from tests.counterparts.endpoint import Endpoint

KEY = [("Authorization", "Bearer secret")]


@pytest.fixture(scope="module")
def _pair() -> Iterator[tuple[Endpoint, Endpoint]]:
    with Endpoint() as one, Endpoint() as other:
        yield one, other


@pytest.fixture
def shop(_pair: tuple[Endpoint, Endpoint]) -> Endpoint:
    for one in _pair:
        one.forget()
    return _pair[0]


@pytest.fixture
def other(_pair: tuple[Endpoint, Endpoint], shop: Endpoint) -> Endpoint:
    return _pair[1]


def ask(call: Call, **more: object) -> http_tools.Answer:
    return http_tools.ask(call, private_hosts=["*"], **more)  # type: ignore[arg-type]


def test_a_call_goes_out_as_it_was_made(shop: Endpoint) -> None:
    shop.says("POST /orders", {"id": 7}, status=201)
    body = Call("POST", f"{shop.url}/orders", query=[("q", "a b&c")], headers=KEY, body=b'{"n": 1}')
    answer = ask(body)
    assert (answer.status, answer.json) == (201, {"id": 7})
    assert shop.last.query == {"q": "a b&c"} and shop.last.json() == {"n": 1}
    assert shop.last.headers["authorization"] == "Bearer secret"


def test_a_lookup_follows_to_its_own_host_with_the_key(shop: Endpoint) -> None:
    shop.says("GET /old", status=302, headers={"location": "/new"})
    shop.says("GET /new", {"ok": True})
    assert ask(Call("GET", f"{shop.url}/old", headers=KEY)).json == {"ok": True}
    assert shop.last.headers["authorization"] == "Bearer secret"


def test_another_host_is_followed_to_only_when_it_is_listed_and_without_the_key(
    shop: Endpoint, other: Endpoint
) -> None:
    shop.says("GET /old", status=307, headers={"location": f"{other.url}/new"})
    other.says("GET /new", {"ok": True})
    with pytest.raises(ProviderRejected, match="another host"):
        ask(Call("GET", f"{shop.url}/old", headers=KEY))
    assert other.asked == []
    assert ask(Call("GET", f"{shop.url}/old", headers=KEY), also_hosts=["127.0.0.1"]).json == {"ok": True}
    assert "authorization" not in other.last.headers


def test_what_acts_is_never_sent_on(shop: Endpoint) -> None:
    shop.says("POST /old", status=307, headers={"location": "/new"})
    with pytest.raises(ProviderRejected, match="another address"):
        ask(Call("POST", f"{shop.url}/old"))
    assert shop.asked == ["POST /old"]


def test_circles_end(shop: Endpoint) -> None:
    shop.says("GET /a", status=302, headers={"location": "/a"})
    with pytest.raises(ProviderRejected, match="circles"):
        ask(Call("GET", f"{shop.url}/a"))
    assert len(shop.asked) == http_tools.MOST_REDIRECTS + 1


@pytest.mark.parametrize("method,unknown", [("GET", False), ("POST", True)])
def test_silence_ends_and_says_whether_it_may_have_been_done(
    shop: Endpoint, method: str, unknown: bool
) -> None:
    shop.says(f"{method} /slow", {}, wait=5.0)
    with pytest.raises(ProviderError, match="in time") as failed:
        ask(Call(method, f"{shop.url}/slow"), seconds=0.3)
    assert failed.value.outcome_unknown is unknown


def test_a_cut_connection_may_have_been_an_act_and_a_closed_door_was_none(shop: Endpoint) -> None:
    shop.says("POST /cut", drops=True)
    with pytest.raises(ProviderError) as failed:
        ask(Call("POST", f"{shop.url}/cut"))
    assert failed.value.outcome_unknown
    with pytest.raises(ProviderError, match="Nobody") as closed:
        ask(Call("POST", "http://127.0.0.1:9/"))
    assert not closed.value.outcome_unknown


def test_too_much_is_not_read(shop: Endpoint) -> None:
    shop.says("GET /much", b"x" * (http_tools.MOST_BYTES + 1), kind="text/plain")
    with pytest.raises(ProviderRejected, match="too large"):
        ask(Call("GET", f"{shop.url}/much"))


@pytest.mark.parametrize(
    "status,acts,kind,unknown",
    [
        (401, False, AccountRefused, False),
        (404, False, http_tools.Missing, False),
        (422, True, ProviderRejected, False),
        (429, True, ProviderError, False),
        (500, True, ProviderError, True),
        (500, False, ProviderError, False),
    ],
)
def test_each_refusal_has_its_meaning(status: int, acts: bool, kind: type[Exception], unknown: bool) -> None:
    problem = http_tools.refusal(http_tools.Answer(status, b"", 1), acts=acts)
    assert type(problem) is kind and problem.outcome_unknown is unknown
    assert http_tools.refusal(http_tools.Answer(204, b"", 1), acts=acts) is None


def test_a_header_that_cannot_be_sent_is_refused(shop: Endpoint) -> None:
    with pytest.raises(ProviderRejected):
        ask(Call("GET", f"{shop.url}/", headers=[("X-Key", "a\nHost: b")]))
    assert shop.asked == []
