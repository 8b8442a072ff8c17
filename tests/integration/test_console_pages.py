"""The console's files as the backend serves them: without a token, under a strict policy, and from nowhere else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import backend
from tests.integration.backend_app import client_of

FOLDER = Path(backend.__file__).parent / "console"
FILES = sorted(path.name for path in FOLDER.iterdir())
SCRIPTS = [name for name in FILES if name.endswith(".js")]


@pytest.fixture(scope="module")
def client():
    return client_of().client


class Page(HTMLParser):
    """Notes every address that the page loads or leads to, and every attribute that a policy would have to allow."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.inline = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        self.addresses += [names[name] for name in ("href", "src", "action") if name in names]
        self.inline += [name for name in names if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.inline.append(tag)


def policy_of(response):
    return dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize("path", ["/", *(f"/console/{name}" for name in FILES)])
def test_every_file_is_served_without_a_token_and_under_the_policy(client, path):
    response = client.get(path)
    assert response.status_code == 200
    policy = policy_of(response)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    response.close()


@pytest.mark.parametrize(
    ("name", "kind"),
    [(n, {".js": "javascript", ".css": "css", ".svg": "svg", ".html": "html"}[Path(n).suffix]) for n in FILES],
)
def test_files_say_what_they_are(client, name, kind):
    with client.get(f"/console/{name}") as response:  # nosniff: a browser believes this and nothing else
        assert kind in response.content_type


def test_the_page_loads_only_files_of_its_own_and_holds_nothing_inline(client):
    with client.get("/") as response:
        page = Page(response.get_data(as_text=True))
    assert page.inline == []
    loaded = [address for address in page.addresses if not address.startswith("#")]
    assert loaded
    for address in loaded:
        with client.get(address) as response:
            assert response.status_code == 200, address


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_host(name):
    text = (FOLDER / name).read_text()
    found = re.findall(r"[a-z]+:?//[\w.-]+[^\s\"')]*", text.replace("http://www.w3.org/2000/svg", ""))
    assert found == []  # a namespace is a name, not an address
    assert "@import" not in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_import_is_a_file_beside_it(name):
    imported = re.findall(r'from "(.+?)"', (FOLDER / name).read_text())
    assert all((FOLDER / path).is_file() and path.startswith("./") for path in imported)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_put_nothing_into_the_page_but_text(name):
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser")
    assert forbidden.search((FOLDER / name).read_text()) is None


@pytest.mark.parametrize(
    "path", ["/console/../app.py", "/console/%2e%2e/app.py", "/console//etc/passwd", "/console/", "/console/none.js"]
)
def test_nothing_else_is_served(client, path):
    assert client.get(path, follow_redirects=True).status_code == 404


def test_the_page_is_only_read(client):
    assert client.post("/").status_code == 405
