"""Who is answered, and what is refused."""

import http.client
import json
import socket

import pytest

from micro_features.app.safety import MAX_BODY_BYTES

SESSION = "/api/session"


def refused(answer, status):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error
    assert "\n" not in error
    return error


def test_whoever_knows_the_token_is_answered(page):
    assert page.get(SESSION).status_code == 200
    assert page.get("/", params={"token": page.headers["X-Token"]}, headers={"X-Token": ""}).status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "right-tokenx", "right-toke", "ä", "right-token, right-token"])
def test_a_wrong_token_opens_nothing(page, token):
    for path in (SESSION, "/api/pictures/0/thumbnail", "/api/jobs/x"):
        assert "token" in refused(page.get(path, headers={"X-Token": token.encode()}), 403)
    assert "token" in refused(page.put("/api/settings", json={}, headers={"X-Token": token.encode()}), 403)


def test_a_token_in_the_address_opens_the_page_alone(page):
    token = page.headers["X-Token"]
    refused(page.get(SESSION, params={"token": token}, headers={"X-Token": ""}), 403)
    refused(page.get("/", params={"token": "wrong"}), 403)
    refused(page.get("/"), 403)  # a page that is opened can not send a header


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", "[::1]:80"])
def test_another_host_name_is_refused(page, host):
    """A name that its owner points to this machine brings his page along."""
    refused(page.get(SESSION, headers={"Host": host}), 403)


def test_localhost_is_this_machine(page):
    assert page.get(SESSION, headers={"Host": f"localhost:{page.base_url.port}"}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_a_foreign_origin_is_refused(page, origin):
    headers = {"Origin": origin.format(port=page.base_url.port)}
    refused(page.get(SESSION, headers=headers), 403)
    refused(page.post("/api/jobs", json={"kind": "flags"}, headers=headers), 403)
    refused(page.get("/static/index.html", headers=headers), 403)


def test_the_own_origin_is_not_foreign(page):
    own = str(page.base_url).rstrip("/")
    assert page.get(SESSION, headers={"Origin": own, "Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_requests_that_another_site_causes_are_refused(page, site):
    refused(page.get(SESSION, headers={"Sec-Fetch-Site": site}), 403)
    refused(page.get("/", params={"token": page.headers["X-Token"]}, headers={"Sec-Fetch-Site": site}), 403)


def test_two_hosts_in_one_request_are_refused(page):
    with socket.create_connection(("127.0.0.1", page.base_url.port)) as wire:
        own = f"127.0.0.1:{page.base_url.port}"
        wire.sendall(f"GET {SESSION} HTTP/1.1\r\nHost: {own}\r\nHost: evil\r\nX-Token: right-token\r\n\r\n".encode())
        assert wire.recv(100).split()[1] in (b"400", b"403")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_forms_of_other_pages_are_refused(page, kind):
    """What a page may send elsewhere without being asked is never JSON."""
    refused(page.post("/api/jobs", content=b'{"kind": "flags"}', headers={"Content-Type": kind}), 415)


def test_a_large_body_is_refused_by_its_header(page):
    connection = http.client.HTTPConnection("127.0.0.1", page.base_url.port, timeout=10)
    connection.putrequest("POST", "/api/jobs")
    for name, value in (("X-Token", "right-token"), ("Content-Type", "application/json")):
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()  # and not a byte of it
    assert connection.getresponse().status == 413
    connection.close()


def test_a_large_body_is_refused_while_it_comes(page):
    """Nobody needs to say how large it will be."""

    def endless():
        for _ in range(MAX_BODY_BYTES // 1000 + 100):
            yield b" " * 1000

    headers = {"Content-Type": "application/json"}
    answer = page.post("/api/jobs", content=endless(), headers=headers)
    assert str(MAX_BODY_BYTES) in refused(answer, 413)
    fits = b'{"kind": "' + b" " * (MAX_BODY_BYTES - 12) + b'"}'
    assert len(fits) == MAX_BODY_BYTES
    assert "letters" in refused(page.post("/api/jobs", content=fits, headers=headers), 400)


@pytest.mark.parametrize(
    "name",
    [
        "../server.py",
        "..%2fserver.py",
        "%2e%2e/server.py",
        "js/../../server.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "..\\server.py",
        "index.html%00.js",
        "js",
        "",
        ".",
    ],
)
def test_nothing_but_the_page_is_served(page, name):
    connection = http.client.HTTPConnection("127.0.0.1", page.base_url.port, timeout=10)
    connection.putrequest("GET", f"/static/{name}", skip_host=True)  # as it is, not tidied by a browser
    connection.putheader("Host", f"127.0.0.1:{page.base_url.port}")
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 404, content[:200]
    assert b"import" not in content
    assert b"root:" not in content


def test_the_page_itself_is_served_without_the_token(page):
    answer = page.get("/static/index.html", headers={"X-Token": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 403), ("/static/index.html", 200), (SESSION, 200), ("/api/pictures/99", 404), ("/nowhere", 404)],
)
def test_every_answer_forbids_what_the_page_does_not_need(page, path, status):
    answer = page.get(path)
    assert answer.status_code == status
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers


@pytest.mark.parametrize("index", ["3", "-1", "99999999999999999999", "a.png", "..%2f..%2fa", "0x1", "1.0", "²"])
def test_pictures_are_known_by_their_number_alone(page, index):
    refused(page.get(f"/api/pictures/{index}"), 404)
    refused(page.get(f"/api/pictures/{index}/thumbnail"), 404)
    refused(page.post(f"/api/pictures/{index}/preview", json={"tab": "a"}), 404)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pores.threshold": 7}, "pores.threshold = 7"),
        ({"pores.threshold": "much"}, "pores.threshold"),
        ({"pores.threshold": None}, "pores.threshold"),
        ({"pores.threshold": {}}, "pores.threshold"),
        ({"pores": {"threshold": 0.5}}, "not known"),
        ({"pores.nothing": 1}, "not known"),
        ({"__class__": 1}, "not known"),
        ({"": 1}, "not known"),
        ({"grains.model": "/etc"}, "choose among boundary-xgboost"),
        ({"pores.model": "boundary-xgboost"}, "choose among pore-xgboost"),
    ],
)
def test_settings_are_checked_like_a_file_s(page, settings, told):
    for method, path in (("POST", "/api/pictures/0/preview"), ("PUT", "/api/settings"), ("POST", "/api/jobs")):
        answer = page.request(method, path, json={"tab": "a", "settings": settings, "revision": "", "kind": "flags"})
        assert told in refused(answer, 400)


@pytest.mark.parametrize(
    "body",
    [
        b'{"settings": {"pores.threshold": NaN}}',
        b'{"settings": {"pores.threshold": Infinity}}',
        b'{"settings": {"pores.threshold": 1e999}}',
        b'{"view": {"row": -Infinity}}',
        b'{"view": {"row": 0.5}}',
        b'{"view": {"row": "0"}}',
        b'{"view": {"row": true}}',
        b'{"view": {"row": ' + b"9" * 5000 + b"}}",
        b'{"view": {"row": ' + b"9" * 400 + b"}}",
        b'{"view": [1]}',
        b'{"settings": [1]}',
        b'{"corrections": {"kind": "erase"}}',
        b'{"corrections": [1]}',
        b'{"tab": 5}',
        b'{"tab": "' + b"a" * 1000 + b'"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_request_is_told_in_one_line(page, body):
    with_tab = body.replace(b"{", b'{"tab": "t", ', 1) if body.startswith((b'{"s', b'{"v', b'{"c')) else body
    headers = {"Content-Type": "application/json"}
    refused(page.post("/api/pictures/0/preview", content=with_tab, headers=headers), 400)
    assert page.get(SESSION).status_code == 200


def test_unknown_ways_to_ask(page):
    refused(page.post(SESSION, json={}), 405)
    refused(page.delete("/api/pictures/0"), 405)
    refused(page.get("/api/pictures"), 404)
    refused(page.get("/api/jobs/unknown"), 404)


def test_a_defect_is_told_and_the_next_request_answered(serving, monkeypatch, capfd):
    from micro_features.app import engine

    page = serving()
    monkeypatch.setattr(engine.Bench, "preview", lambda *_: 1 / 0)
    answer = page.post("/api/pictures/0/preview", json={"tab": "a"})
    assert "defect of the program: ZeroDivisionError" in refused(answer, 500)
    assert "Traceback" in capfd.readouterr().err
    assert page.get(SESSION).status_code == 200


def test_answers_are_json_that_browsers_read(page):
    json.loads(page.get(SESSION).content, parse_constant=pytest.fail)
