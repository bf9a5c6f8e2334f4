"""The embedded cloud answers tools of this machine, and no page in a browser."""

from __future__ import annotations

import pytest

from infra.local.emulator.server import is_of_a_web_page


def scope(**headers: str) -> dict[str, object]:
    return {"type": "http", "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}


@pytest.mark.parametrize(
    "host", ["127.0.0.1:4566", "127.0.0.1", "localhost:4566", "LOCALHOST", "bucket.localhost:4566", "[::1]:4566", "[::1]"]
)
def test_tools_of_this_machine_are_answered(host: str) -> None:
    assert not is_of_a_web_page(scope(host=host, user_agent="Boto3", authorization="AWS4-HMAC-SHA256 ..."))
    assert not is_of_a_web_page(scope())


def test_an_address_that_a_person_types_is_answered() -> None:
    assert not is_of_a_web_page(scope(host="127.0.0.1:4566", sec_fetch_site="none"))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8000"])
def test_a_page_is_refused_by_its_origin(origin: str) -> None:
    assert is_of_a_web_page(scope(host="127.0.0.1:4566", origin=origin))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_an_image_of_a_page_is_refused_although_it_names_no_origin(site: str) -> None:
    assert is_of_a_web_page(scope(host="127.0.0.1:4566", sec_fetch_site=site))


@pytest.mark.parametrize(
    "host", ["evil.example:4566", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", ":80", ""]
)
def test_another_name_of_this_address_is_refused(host: str) -> None:
    """As a page has that gives its own name this machine's address, once it is loaded."""
    assert is_of_a_web_page(scope(host=host))
