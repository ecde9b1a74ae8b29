"""Judge: what the official Python client makes of our refusals. It hides what looks like a key; we give it nothing to
hide, so that whoever reads an error reads all of it."""

from __future__ import annotations

import io
import json
import logging
import os
import traceback
import urllib.error
import urllib.request
from typing import Any, Callable

import avala
from avala import errors

from judge import ABSENT_UID, check, check_equal, fail, given, ok

LOG = io.StringIO()


def answered(method: str, path: str, key: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    """What the server says, as it stands on the wire."""
    request = urllib.request.Request(
        given("AVALA_BASE_URL") + path,
        method=method,
        headers={"X-Avala-Api-Key": key, "Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            fail(f"{method} {path} should be refused, but was answered {answer.status}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def told(error: BaseException) -> str:
    """Everything that a program or a person gets to see of an error."""
    members = {name: getattr(error, name, None) for name in dir(error) if not name.startswith("__")}
    frames = "".join(traceback.format_exception(error))
    return "\n".join([str(error), repr(error), repr(error.args), repr(members), frames])


def judge(what: str, key: str, call: Callable[[Any], Any], method: str, path: str, body: Any = None) -> None:
    status, said = answered(method, path, key, body)
    with avala.Client(key) as client:
        try:
            call(client)
        except errors.AvalaError as error:
            seen, message, kept = told(error), str(error), getattr(error, "body", None)
            check_equal(error.status_code, status, f"{what}: the status")
        else:
            fail(f"{what} should be refused")
    if "detail" in said:
        check(said["detail"] in message, f"{what}: the text arrives as it was sent", (said, message))
    if isinstance(kept, dict):
        check_equal(kept, said, f"{what}: nothing of the body was hidden")
    for secret in SECRETS:
        for part in (secret, secret[22:], secret[22:54]):
            check(part not in seen, f"{what}: no key in the error")
            check(part not in json.dumps(said), f"{what}: no key in the answer")


FULL = os.environ["AVALA_API_KEY"]
UNKNOWN, EXPIRED = given("AVALA_TEST_UNKNOWN_KEY"), given("AVALA_TEST_EXPIRED_KEY")
REVOKED, NARROW = given("AVALA_TEST_REVOKED_KEY"), given("AVALA_TEST_NARROW_KEY")
SECRETS = [FULL, UNKNOWN, EXPIRED, REVOKED, NARROW]


def main() -> None:
    logging.basicConfig(stream=LOG, level=logging.DEBUG, force=True)
    cut = FULL[:-1]
    legacy = "0123456789abcdef" * 2 + "01234567"
    for what, key in [
        ("an unknown key", UNKNOWN),
        ("an expired key", EXPIRED),
        ("a revoked key", REVOKED),
        ("a key without the scope", NARROW),
        ("half a key", cut),
        ("forty digits", legacy),
        ("a placeholder", "avk_your_api_key"),
    ]:
        judge(what, key, lambda client: client.datasets.list(), "GET", "/datasets/")
        judge(f"{what}, writing", key, lambda client: client.agents.create(name="a"), "POST", "/agents/", {"name": "a"})
    judge("nothing there", FULL, lambda client: client.datasets.get(ABSENT_UID), "GET", f"/datasets/{ABSENT_UID}/")
    body = {"target_url": "ftp://x", "events": ["task.completed"]}
    judge(
        "a bad field",
        FULL,
        lambda client: client.webhooks.create(target_url="ftp://x", events=["task.completed"]),
        "POST",
        "/webhooks/",
        body,
    )
    judge("a key in the path", FULL, lambda client: client.tasks.get(UNKNOWN), "GET", f"/tasks/{UNKNOWN}/")
    log = LOG.getvalue()
    check(len(log) > 0, "the client's log was on")
    for secret in (FULL, EXPIRED, REVOKED, NARROW):
        check(secret[22:54] not in log, "no key in the client's log")
    ok("nothing was left to hide")


main()
