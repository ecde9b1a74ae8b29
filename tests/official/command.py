"""Judge: the official `avala` command, as a child process."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid
from typing import Any

from judge import ABSENT_UID, TEXT_EXPIRED, TEXT_FORBIDDEN, TEXT_INVALID, check, check_equal, given, ok

# The command of the same virtual environment as this interpreter; not resolved, or the link would lead out of it.
COMMAND = pathlib.Path(sys.executable).parent / "avala"
HOME = tempfile.TemporaryDirectory(prefix="avala-judge-")


def avala(*arguments: str, key: str = "", typed: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command with the key in its environment and `typed` on its standard input."""
    environment = {
        **os.environ,
        "HOME": HOME.name,
        "AVALA_API_KEY": key or given("AVALA_API_KEY"),
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }
    # A session of its own has no terminal, so the hidden prompt reads standard input.
    return subprocess.run(
        [str(COMMAND), *arguments],
        env=environment, input=typed, capture_output=True, text=True, timeout=60, start_new_session=True,
    )


def answered(*arguments: str, **more: str) -> str:
    """Standard output of a call that has to succeed."""
    done = avala(*arguments, **more)
    check_equal((done.returncode, done.stderr), (0, ""), f"avala {' '.join(arguments)}")
    return done.stdout


def listed(*arguments: str) -> list[dict[str, Any]]:
    """The rows of a list in JSON."""
    return json.loads(answered("-o", "json", *arguments))


def refused(*arguments: str, text: str, what: str, key: str = "") -> None:
    """Makes a call that has to fail with `text`."""
    done = avala(*arguments, key=key)
    check_equal(done.returncode, 1, f"{what} ends with status 1")
    check(text in done.stderr, f"{what} is told `{text}`", done.stderr)


def configures() -> None:
    url = given("AVALA_BASE_URL")
    good = avala("configure", typed=f"{given('AVALA_API_KEY')}\n{url}\n")
    check_equal(good.returncode, 0, "configure accepts the key")
    check("Validating API key... OK" in good.stdout, "configure validates the key", good.stdout)
    check(given("AVALA_API_KEY") not in good.stdout + good.stderr, "configure does not print the key")
    bad = avala("configure", typed=f"{given('AVALA_TEST_UNKNOWN_KEY')}\n{url}\nn\n")
    check_equal(bad.returncode, 1, "configure refuses an unknown key")
    check("FAILED" in bad.stdout and TEXT_INVALID in bad.stdout, f"configure says `{TEXT_INVALID}`", bad.stdout)


def changes_webhooks() -> None:
    target = f"https://example.com/{uuid.uuid4()}"
    out = answered("webhooks", "create", "--target-url", target, "--events", "task.completed,dataset.created")
    check("Secret: " in out, "webhooks create shows the secret", out)
    uid = out.split("Webhook created: ")[1].split()[0]
    secret = out.split("Secret: ")[1].split()[0]

    row = next((row for row in listed("webhooks", "list") if row["uid"] == uid), None)
    check(row is not None and row["target_url"] == target, "webhooks list has the new one", row)
    fetched = answered("-o", "json", "webhooks", "get", uid)
    check(uid in fetched and target in fetched, "webhooks get", fetched)
    check(secret not in fetched, "webhooks get does not show the secret again")

    # Both outcomes are an answer; a server that cannot be understood is not.
    test = avala("webhooks", "test", uid)
    check("Traceback" not in test.stderr + test.stdout, "webhooks test is understood", test.stderr)
    listed("webhooks", "deliveries")
    answered("webhooks", "delete", uid, "--yes")
    check(uid not in [row["uid"] for row in listed("webhooks", "list")], "webhooks delete")


def changes_agents() -> None:
    name = f"judge-command-{uuid.uuid4()}"
    out = answered("agents", "create", "--name", name, "--events", "task.completed", "--description", "a judge's")
    uid = out.split("Agent created: ")[1].split()[0]
    check(name in [row["name"] for row in listed("agents", "list")], "agents list has the new one")
    check(name in answered("-o", "json", "agents", "get", uid), "agents get")
    check_equal(listed("agents", "executions", uid), [], "agents executions")
    answered("agents", "delete", uid, "--yes")
    check(uid not in [row["uid"] for row in listed("agents", "list")], "agents delete")


def meets_refusals() -> None:
    refused("webhooks", "list", key=given("AVALA_TEST_UNKNOWN_KEY"), text=TEXT_INVALID, what="an unknown key")
    refused("webhooks", "list", key=given("AVALA_TEST_EXPIRED_KEY"), text=TEXT_EXPIRED, what="an expired key")
    forbidden = f"API error (403): {TEXT_FORBIDDEN}"
    refused("agents", "list", key=given("AVALA_TEST_NARROW_KEY"), text=forbidden, what="a missing scope")
    refused("webhooks", "get", ABSENT_UID, text="API error (404)", what="an absent webhook")
    refused(
        "webhooks", "create", "--target-url", "not a url", "--events", "task.completed",
        text="400", what="a bad target",
    )


if __name__ == "__main__":
    with HOME:
        configures()
        changes_webhooks()
        changes_agents()
        meets_refusals()
        ok("the official command is content")
