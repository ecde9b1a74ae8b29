"""What the judges of this folder share: their environment, and how a check is reported.

A judge drives an unmodified official client against the server at AVALA_BASE_URL. It prints `ok <what>` for
each check that holds and ends with a non-zero status at the first one that does not.

    AVALA_BASE_URL                  http://127.0.0.1:PORT/api/v1
    AVALA_ALLOW_INSECURE_BASE_URL   true
    AVALA_API_KEY                   a full key
    AVALA_TEST_UNKNOWN_KEY          a well-formed key that the server never issued
    AVALA_TEST_EXPIRED_KEY          a key past its expiry
    AVALA_TEST_REVOKED_KEY          a revoked key
    AVALA_TEST_NARROW_KEY           a key whose only scope is webhooks.read
    AVALA_TEST_ORGANIZATION         slug of an organization that the full key sees
    AVALA_TEST_PROJECT              uid of the project `Judged`, which has one task and is not the only one (rows.json)
    AVALA_TEST_AUTO_LABEL_JOB       uid of a running auto-label job that nobody carries out
    AVALA_TEST_WEBHOOK_TARGET       optional: a listening target; the test delivery must then arrive
    AVALA_TEST_AGENT                runner only: name of an agent with one pending execution
    AVALA_TEST_EVENT                runner only: event type of that execution
    AVALA_TEST_EXECUTION            runner only: uid of that execution
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

TEXT_INVALID = "Invalid API key."
TEXT_EXPIRED = "API key has expired."
TEXT_FORBIDDEN = "You do not have permission to perform this action."
ABSENT_UID = "00000000-0000-4000-8000-000000000000"

# A proxy of the machine must not carry loopback traffic away.
for _name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)


def given(name: str) -> str:
    """The value of an environment variable that the caller has to set."""
    value = os.environ.get(name)
    if not value:
        fail(f"the caller of this judge must set {name}")
    return value


def ok(what: str) -> None:
    """Reports a check that holds."""
    print(f"ok {what}", flush=True)


def fail(why: str) -> NoReturn:
    """Ends the judge with the reason."""
    print(f"FAILED {why}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def check(holds: bool, what: str, seen: Any = None) -> None:
    """Reports `what` when it holds; otherwise ends the judge, showing what was seen instead."""
    if not holds:
        fail(f"{what}: saw {seen!r}")
    ok(what)


def check_equal(seen: Any, wanted: Any, what: str) -> None:
    """Reports `what` when both are equal."""
    check(seen == wanted, what, f"{seen!r} instead of {wanted!r}")
