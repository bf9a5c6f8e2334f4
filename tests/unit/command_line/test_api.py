"""The API as commands call it: the token goes to the API alone, nothing prints it, and no answer is believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from candlecast_cli import api
from candlecast_cli.api import Api, ApiRefused, At
from candlecast_cli.failures import CommandFailed, ExitCode
from infra.local import cloud
from tests.unit.command_line.serving import Server, serving

TOKEN = "header.payload.signature-of-a-person"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLECAST_TOKEN", TOKEN)


def refusal(at: At) -> CommandFailed:
    with pytest.raises(CommandFailed) as refused:
        api.connect(at)
    assert TOKEN not in str(refused.value)
    return refused.value


def test_the_token_of_the_variable_goes_in_the_header_and_into_no_repr(server: Server) -> None:
    server.answer("GET /v1/things", 200, {"n": 1})
    made = api.connect(At(api=server.url + "/"))
    assert made.get("/v1/things", limit=3) == {"n": 1}
    (sent,) = server.requests
    assert (sent.path, sent.headers["authorization"]) == ("/v1/things?limit=3", f"Bearer {TOKEN}")
    assert TOKEN not in repr(made)
    assert TOKEN not in sent.path


def test_the_token_of_a_file_counts_before_the_variable(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("another-token\n", encoding="utf-8")
    assert api.connect(At(api=server.url, token_file=file)).token == "another-token"


@pytest.mark.parametrize("text", ["two words", "one\r\nX-Evil: 1", "sm\xf6rg", "x" * (api.MAX_TOKEN_BYTES + 1), ""])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    refused = refusal(At(api="https://api.example", token_file=file))
    assert (refused.code, refused.exit_code) == ("TOKEN_INVALID", ExitCode.USAGE)
    assert not text or text not in str(refused)


def test_without_a_token_the_command_says_where_one_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CANDLECAST_TOKEN")
    refused = refusal(At(api="https://api.example"))
    assert (refused.code, refused.exit_code) == ("TOKEN_MISSING", ExitCode.MISSING)
    assert "CANDLECAST_TOKEN" in str(refused)
    assert refusal(At(api="https://api.example", token_file=tmp_path / "none")).code == "TOKEN_MISSING"


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example",
        "http://127.0.0.1.api.example",
        "http://10.0.0.1:8080",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "https://",
        "https://me:secret@api.example",
        "https://api.example/?stage=1",
        "https://api.example:port",
        "https://api.example/#x",
    ],
)
def test_an_address_that_the_token_must_not_go_to_is_refused(address: str) -> None:
    refused = refusal(At(api=address))
    assert (refused.code, refused.exit_code) == ("ADDRESS_INVALID", ExitCode.USAGE)
    assert "secret" not in str(refused)


@pytest.mark.parametrize("address", ["https://api.example/prod", "http://localhost:1", "http://127.8.9.1", "http://[::1]:8080"])
def test_tls_and_this_machine_are_taken(address: str) -> None:
    assert api.connect(At(api=address)).base_url == address


def test_a_redirect_is_a_refusal_and_the_token_stays(server: Server) -> None:
    with serving() as elsewhere:
        server.answer("GET /v1/things", 307, b"", Location=f"{elsewhere.url}/v1/things")
        with pytest.raises(ApiRefused) as refused:
            api.connect(At(api=server.url)).get("/v1/things")
        assert refused.value.code == "HTTP_307"
        assert elsewhere.requests == []


def test_a_refusal_keeps_its_code_and_names_wrong_fields(server: Server) -> None:
    wrong = [{"pointer": "/market", "message": "no market"}, "nonsense"]
    server.answer("POST /v1/things", 422, {"code": "INVALID_REQUEST", "detail": "The request is not valid.", "errors": wrong})
    with pytest.raises(ApiRefused) as refused:
        api.connect(At(api=server.url)).post("/v1/things", {"market": "ü"})
    assert str(refused.value) == "INVALID_REQUEST: The request is not valid.; /market: no market"
    assert server.requests[0].json == {"market": "ü"}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, {"message": "Unauthorized"}, "TOKEN_REFUSED"),
        (403, {"message": "Forbidden"}, "HTTP_403"),
        (500, b"<html>", "HTTP_500"),
        (422, {"code": "no code; at all", "detail": "x"}, "HTTP_422"),
        (422, {"code": "PARAMETER_INVALID", "detail": "x"}, "PARAMETER_INVALID"),
    ],
)
def test_every_refusal_has_a_stable_code(server: Server, status: int, body: object, code: str) -> None:
    server.answer("GET /v1/things", status, body)
    with pytest.raises(ApiRefused) as refused:
        api.connect(At(api=server.url)).get("/v1/things")
    assert refused.value.code == code
    assert refused.value.exit_code is (ExitCode.USAGE if code == "PARAMETER_INVALID" else ExitCode.FAILED)


def test_an_answer_that_repeats_the_token_is_printed_without_it(server: Server) -> None:
    server.answer("GET /v1/things", 400, {"code": "BAD", "detail": f"what is {TOKEN}?", "errors": [{"pointer": TOKEN}]})
    with pytest.raises(ApiRefused) as refused:
        api.connect(At(api=server.url)).get("/v1/things")
    assert TOKEN not in str(refused.value)
    assert "(the token)" in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"7", b"[" * 100_000])
def test_a_success_that_is_no_object_is_not_believed(server: Server, body: bytes) -> None:
    server.answer("GET /v1/things", 200, body)
    with pytest.raises(CommandFailed) as refused:
        api.connect(At(api=server.url)).get("/v1/things")
    assert refused.value.code == "ANSWER_UNREADABLE"


def test_a_listing_is_read_to_its_end(server: Server) -> None:
    server.answer("GET /v1/things", 200, {"items": [{"n": 1}], "next_cursor": "c/1"})
    server.answer("GET /v1/things", 200, {"items": [{"n": 2}], "next_cursor": None})
    assert api.connect(At(api=server.url)).pages("/v1/things") == [{"n": 1}, {"n": 2}]
    assert [it.path for it in server.requests] == ["/v1/things?limit=100", "/v1/things?limit=100&cursor=c%2F1"]


def test_a_listing_without_an_end_is_left(server: Server) -> None:
    server.answer("GET /v1/things", 200, {"items": [], "next_cursor": "again"})
    assert api.connect(At(api=server.url)).pages("/v1/things") == []
    assert len(server.requests) == api.MAX_PAGES


def test_a_host_that_does_not_answer_is_said_with_what_may_have_happened() -> None:
    gone = Api("http://127.0.0.1:9", TOKEN, api.connect(At(api="http://127.0.0.1:9")).https)
    with pytest.raises(CommandFailed) as read:
        gone.get("/v1/things")
    with pytest.raises(CommandFailed) as written:
        gone.post("/v1/things")
    assert {read.value.code, written.value.code} == {"API_UNREACHABLE"}
    assert "before you repeat" not in str(read.value)
    assert "before you repeat" in str(written.value)


def test_words_of_a_path_are_escaped() -> None:
    assert api.path("strategies", "../x?y", "versions", 3) == "/v1/strategies/..%2Fx%3Fy/versions/3"


def test_without_an_address_the_embedded_cloud_is_asked_in_the_name_of_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class FakeCloud:
        outputs: ClassVar = {"ApiUrl": "http://127.0.0.1:8080/"}

        def user(self, email: str) -> SimpleNamespace:
            return SimpleNamespace(token=f"token-of-{email}")

        @staticmethod
        def attach(name: str) -> FakeCloud:
            asked.append(name)
            return FakeCloud()

    monkeypatch.setattr(cloud, "Cloud", FakeCloud)
    assert api.connect(At(name="second")).token == TOKEN
    monkeypatch.delenv("CANDLECAST_TOKEN")
    made = api.connect(At(name="second"))
    assert (made.base_url, made.token) == ("http://127.0.0.1:8080", "token-of-trader@example.com")
    assert asked == ["second", "second"]
