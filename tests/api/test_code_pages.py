"""Each code of a refusal has a page at the address that is the refusal's `type`."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus

import pytest

from functions.api.description.codes import REFUSALS
from functions.api.problems import type_of
from tests.api.conftest import Deployment
from tests.support.gateway import Client

CODES = sorted({code for codes in REFUSALS.values() for code in codes})


@pytest.fixture
def anybody(deployment: Deployment) -> Client:
    return Client(deployment.providers, tenant=None)


@pytest.mark.parametrize("code", CODES)
def test_the_page_of_a_code_tells_its_meaning_and_remedy_to_anybody(anybody: Client, code: str) -> None:
    answer = anybody.get(type_of(code))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = re.sub(r"</?code>", "", answer.text).replace("&quot;", '"').replace("&#x27;", "'")
    for status, codes in REFUSALS.items():
        if code in codes:
            assert f"<h2>{status} {HTTPStatus(status).phrase}</h2>" in text
            assert all(words.replace("`", "") in text for words in codes[code])


def test_a_refusal_leads_to_its_page(anybody: Client) -> None:
    refused = anybody.get("/v1/accounts")
    page = anybody.get(refused.json["type"])
    assert (refused.status, page.status) == (401, 200)
    assert "UNAUTHENTICATED" in page.text


def test_a_page_loads_and_runs_nothing(anybody: Client) -> None:
    answer = anybody.get("/problems/POSITION_OPEN")
    policy = answer.headers["content-security-policy"]
    [style] = re.findall(r"<style>(.*?)</style>", answer.text)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert re.findall(r"<[^>]*\b(?:href|src)=[^>]*>", answer.text) == ['<a href="../docs">']
    assert not [word for word in ("<script", "<img", "@import", "url(", "style=", "unsafe") if word in answer.text + policy]


def test_a_page_is_sent_once_to_whoever_keeps_it(anybody: Client) -> None:
    tag = anybody.get("/problems/POSITION_OPEN").headers["etag"]
    again = anybody.send("GET", "/problems/POSITION_OPEN", headers={"if-none-match": tag})
    assert (again.status, again.text) == (304, "")


@pytest.mark.parametrize(
    "path", ["/problems/SOMETHING", "/problems/position_open", "/problems/%3Cscript%3E", "/problems/", "/problems"]
)
def test_a_code_that_there_is_not_has_no_page(anybody: Client, path: str) -> None:
    answer = anybody.get(path)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert "script" not in answer.text
