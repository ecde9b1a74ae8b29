"""Judge: the official Python clients, `clients.py sync` and `clients.py async`, through one story."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import sys
import urllib.request
import uuid
from typing import Any, AsyncIterator

import avala
from avala import errors

from judge import ABSENT_UID, TEXT_EXPIRED, TEXT_FORBIDDEN, TEXT_INVALID, check, check_equal, fail, given, ok

KIND = sys.argv[1] if len(sys.argv) == 2 else ""
# Never resolves (RFC 2606), so a test delivery to it fails without leaving the machine.
UNREACHABLE_TARGET = "https://receiver.invalid/avala"


async def settled(answer: Any) -> Any:
    """The answer of either client: the blocking one has it already."""
    return await answer if inspect.isawaitable(answer) else answer


@contextlib.asynccontextmanager
async def connected(api_key: str | None = None) -> AsyncIterator[Any]:
    """A client of the judged kind; without a key it takes the one of the environment."""
    if KIND == "async":
        async with avala.AsyncClient(api_key) as client:
            yield client
    else:
        with avala.Client(api_key) as client:
            yield client


async def refused(call: Any, kind: type[errors.AvalaError], status: int, what: str) -> errors.AvalaError:
    """Makes a call that has to be refused, and checks the class and status of the refusal."""
    try:
        answer = await settled(call())
    except errors.AvalaError as error:
        check(type(error) is kind, f"{what} raises {kind.__name__}", error)
        check_equal(error.status_code, status, f"{what} has status {status}")
        return error
    fail(f"{what} should raise {kind.__name__}, but was answered {answer!r}")


async def every_page(list_call: Any, limit: int) -> list[Any]:
    """All items of a list, page by page, by the cursor the server hands out."""
    items, cursor, cursors = [], None, set()
    while True:
        page = await settled(list_call(limit=limit, cursor=cursor))
        check(len(page.items) <= limit, f"a page has at most {limit} items", len(page.items))
        items += page.items
        cursor = page.next_cursor
        if not page.has_more:
            check(cursor is None, "the last page has no cursor", cursor)
            return items
        check(cursor is not None and cursor not in cursors, "the cursor moves on", cursor)
        cursors.add(cursor)


async def sweeps_lists(client: Any) -> None:
    slug = given("AVALA_TEST_ORGANIZATION")
    organizations = await settled(client.organizations.list())
    check(slug in [o.slug for o in organizations.items], "organizations.list has ours", organizations.items)
    organization = await settled(client.organizations.get(slug))
    check_equal(organization.slug, slug, "organizations.get")
    for resource in ("webhooks", "webhook_deliveries", "agents"):
        page = await settled(getattr(client, resource).list())
        check(isinstance(page.items, list), f"{resource}.list", page)


async def sees_rate_limit(client: Any) -> None:
    info = client.rate_limit_info
    check(all(str(info[name]).isdigit() for name in ("limit", "remaining", "reset")), "rate_limit_info", info)
    check(int(info["remaining"]) < int(info["limit"]), "the rate limit counts this client's calls", info)


async def changes_webhooks(client: Any) -> None:
    created = await settled(
        client.webhooks.create(target_url="https://example.com/avala", events=["task.completed", "dataset.created"])
    )
    check(len(created.secret or "") >= 32, "webhooks.create shows the secret")
    check(created.is_active and created.created_at is not None, "webhooks.create answers the whole row", created.uid)
    fetched = await settled(client.webhooks.get(created.uid))
    check_equal(fetched.secret, None, "webhooks.get does not show the secret again")
    check_equal(fetched.events, ["task.completed", "dataset.created"], "webhooks.get")

    updated = await settled(
        client.webhooks.update(created.uid, target_url="https://example.com/moved", is_active=False)
    )
    check_equal((updated.target_url, updated.is_active), ("https://example.com/moved", False), "webhooks.update")
    check_equal(updated.events, fetched.events, "webhooks.update leaves what was not named")
    check(updated.updated_at >= updated.created_at, "webhooks.update moves updated_at", updated.updated_at)

    check_equal(await settled(client.webhooks.delete(created.uid)), None, "webhooks.delete")
    await refused(lambda: client.webhooks.get(created.uid), errors.NotFoundError, 404, "a deleted webhook")

    own_secret = await settled(
        client.webhooks.create(target_url="https://example.com/own", events=["export.failed"], secret="s" * 40)
    )
    check_equal(own_secret.secret, "s" * 40, "webhooks.create keeps a chosen secret")
    await settled(client.webhooks.delete(own_secret.uid))


async def walks_pages(client: Any) -> None:
    wanted = []
    for number in range(5):
        url = f"https://example.com/page/{number}"
        wanted.append((await settled(client.webhooks.create(target_url=url, events=["task.completed"]))).uid)
    listed = await every_page(client.webhooks.list, limit=2)
    uids = [webhook.uid for webhook in listed]
    check_equal(len(uids), len(set(uids)), "paging repeats no webhook")
    check_equal([uid for uid in uids if uid in wanted], wanted[::-1], "paging misses none, newest first")
    check(all(webhook.secret is None for webhook in listed), "webhooks.list shows no secret")
    for uid in wanted:
        await settled(client.webhooks.delete(uid))


async def tests_a_webhook(client: Any) -> None:
    target = os.environ.get("AVALA_TEST_WEBHOOK_TARGET")
    webhook = await settled(
        client.webhooks.create(target_url=target or UNREACHABLE_TARGET, events=["task.completed"])
    )
    answer = await settled(client.webhooks.test(webhook.uid))
    check({"success", "message", "delivered", "status_code"} <= answer.keys(), "webhooks.test answers all four", answer)
    arrives = target is not None
    check_equal((answer["success"], answer["delivered"]), (arrives, arrives), "webhooks.test says whether it arrived")
    check(isinstance(answer["message"], str) and answer["message"], "webhooks.test explains itself", answer)
    if arrives:
        check(200 <= answer["status_code"] < 300, "webhooks.test has the receiver's status", answer)

    deliveries = await settled(client.webhook_deliveries.list())
    ours = [delivery for delivery in deliveries.items if delivery.subscription == webhook.uid]
    check_equal(len(ours), 1, "the test delivery is listed")
    check(ours[0].attempts >= 1, "the test delivery counts its attempt", ours[0])
    fetched = await settled(client.webhook_deliveries.get(ours[0].uid))
    check_equal(fetched.uid, ours[0].uid, "webhook_deliveries.get")
    if arrives:
        check_equal(fetched.status, "delivered", "the test delivery is delivered")
    await settled(client.webhooks.delete(webhook.uid))


async def changes_agents(client: Any) -> None:
    name = f"judge-{KIND}-{uuid.uuid4()}"
    created = await settled(
        client.agents.create(name=name, events=["task.completed"], description="first", task_types=["box"])
    )
    check_equal((created.name, created.description), (name, "first"), "agents.create")
    again = await settled(client.agents.create(name=name, events=["task.completed", "result.submitted"]))
    check_equal(again.uid, created.uid, "agents.create with a known name updates that agent")

    fetched = await settled(client.agents.get(created.uid))
    check_equal(fetched.events, ["task.completed", "result.submitted"], "agents.get")
    updated = await settled(client.agents.update(created.uid, description="second", is_active=False))
    check_equal((updated.description, updated.is_active), ("second", False), "agents.update")
    check_equal(updated.name, name, "agents.update leaves what was not named")

    listed = await settled(client.agents.list())
    check(created.uid in [agent.uid for agent in listed.items], "agents.list has the new one")
    executions = await settled(client.agents.list_executions(created.uid))
    check_equal(executions.items, [], "agents.list_executions of a new agent is empty")
    check_equal(await settled(client.agents.delete(created.uid)), None, "agents.delete")
    await refused(lambda: client.agents.get(created.uid), errors.NotFoundError, 404, "a deleted agent")


async def meets_refusals() -> None:
    for variable, text in (
        ("AVALA_TEST_UNKNOWN_KEY", TEXT_INVALID),
        ("AVALA_TEST_REVOKED_KEY", TEXT_INVALID),
        ("AVALA_TEST_EXPIRED_KEY", TEXT_EXPIRED),
    ):
        kind = variable.removeprefix("AVALA_TEST_").removesuffix("_KEY").lower()
        async with connected(given(variable)) as client:
            error = await refused(client.webhooks.list, errors.AuthenticationError, 401, f"the {kind} key")
            check_equal(error.message, text, f"the {kind} key is told `{text}`")
    async with connected("not-a-key-at-all") as client:
        error = await refused(client.agents.list, errors.AuthenticationError, 401, "a malformed key")
        check_equal(error.message, TEXT_INVALID, f"a malformed key is told `{TEXT_INVALID}`")

    async with connected(given("AVALA_TEST_NARROW_KEY")) as client:
        page = await settled(client.webhooks.list())
        check(isinstance(page.items, list), "a narrow key may do what its scope says", page)
        error = await refused(client.agents.list, errors.ForbiddenError, 403, "a missing scope")
        check_equal(error.message, TEXT_FORBIDDEN, f"a missing scope is told `{TEXT_FORBIDDEN}`")
        create = lambda: client.webhooks.create(target_url="https://example.com/x", events=["task.completed"])
        await refused(create, errors.ForbiddenError, 403, "writing with a reading scope")


async def meets_bad_requests(client: Any) -> None:
    await refused(lambda: client.webhooks.get(ABSENT_UID), errors.NotFoundError, 404, "an absent webhook")
    await refused(lambda: client.agents.get(ABSENT_UID), errors.NotFoundError, 404, "an absent agent")
    await refused(lambda: client.agents.get("not-a-uid"), errors.NotFoundError, 404, "a uid that is none")
    for target in ("not a url", "ftp://example.com/x"):
        create = lambda: client.webhooks.create(target_url=target, events=["task.completed"])
        error = await refused(create, errors.ValidationError, 400, f"the target `{target}`")
        check("target_url" in str(error.body), "the refusal names the field", error.body)


async def exports_a_project(client: Any) -> None:
    project = given("AVALA_TEST_PROJECT")
    made = await settled(client.exports.create(project=project))
    check_equal((made.status, made.download_url), ("requested", None), "exports.create")
    done = await settled(client.exports.wait(made.uid, interval=0.1, timeout=30.0))
    check_equal((done.uid, done.status), (made.uid, "exported"), "exports.wait sees the end")
    with urllib.request.urlopen(done.download_url, timeout=10) as answer:
        tasks = json.load(answer)["tasks"]
    check_equal([task["project"] for task in tasks], [project], "the link leads to the project's one task, without a key")
    page = await settled(client.exports.list(limit=1))
    check_equal([row.uid for row in page.items], [made.uid], "exports.list has the newest first")
    await refused(lambda: client.exports.create(), errors.ValidationError, 400, "an export of nothing")
    await refused(lambda: client.exports.create(project=ABSENT_UID), errors.ValidationError, 400, "an absent project")
    await refused(lambda: client.exports.get(ABSENT_UID), errors.NotFoundError, 404, "an absent export")


async def labels_a_project(client: Any) -> None:
    project = given("AVALA_TEST_PROJECT")
    made = await settled(client.auto_label_jobs.create(project, model_type="sam3", labels=["car"], dry_run=True))
    check_equal((made.status, made.model_type, made.labels), ("pending", "sam3", ["car"]), "auto_label_jobs.create")
    job = made
    for _ in range(100):
        job = await settled(client.auto_label_jobs.get(made.uid))
        if job.status not in ("pending", "running"):
            break
        await asyncio.sleep(0.1)
    check_equal((job.status, job.total_items), ("completed", 1), "a dry run comes to its end")
    page = await settled(client.auto_label_jobs.list(project=project))
    check(made.uid in [row.uid for row in page.items], "auto_label_jobs.list has it", page.items)
    await refused(lambda: client.auto_label_jobs.cancel(made.uid), errors.AvalaError, 409, "cancelling what has ended")
    running = given("AVALA_TEST_AUTO_LABEL_JOB")
    check_equal(await settled(client.auto_label_jobs.cancel(running)), None, "auto_label_jobs.cancel")
    job = await settled(client.auto_label_jobs.get(running))
    check_equal(job.status, "cancelled", "a cancelled job says so")
    await refused(lambda: client.auto_label_jobs.create(ABSENT_UID), errors.NotFoundError, 404, "an absent project")


async def signs_up(client: Any) -> None:
    ours = await settled(client.webhooks.create(target_url="https://example.com/ours", events=["task.completed"]))
    email, password = f"judge-{uuid.uuid4()}@example.com", f"Long enough {uuid.uuid4()}"
    call = avala.async_signup if KIND == "async" else avala.signup
    account = await settled(call(email=email, password=password, first_name="Ada", last_name="Judge"))
    check_equal((account.user.email, account.user.first_name), (email, "Ada"), "signup answers the user")
    async with connected(account.api_key) as stranger:
        page = await settled(stranger.webhooks.list())
        check_equal(page.items, [], "the key of signup works at once, and lists nobody else's webhooks")
        await refused(lambda: stranger.webhooks.get(ours.uid), errors.NotFoundError, 404, "somebody else's webhook")
    again = lambda: call(email=email, password=password)
    await refused(again, errors.ValidationError, 400, "signing up twice")
    await settled(client.webhooks.delete(ours.uid))


async def story() -> None:
    async with connected() as client:
        await sweeps_lists(client)
        await sees_rate_limit(client)
        await changes_webhooks(client)
        await walks_pages(client)
        await tests_a_webhook(client)
        await changes_agents(client)
        await exports_a_project(client)
        await labels_a_project(client)
        await meets_bad_requests(client)
        await signs_up(client)
    await meets_refusals()
    ok(f"the official {KIND} client is content")


if __name__ == "__main__":
    if KIND not in ("sync", "async"):
        fail("usage: clients.py sync|async")
    asyncio.run(story())
