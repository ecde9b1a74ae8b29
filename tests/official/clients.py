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
    for resource in ("projects", "datasets", "tasks", "webhooks", "webhook_deliveries", "agents"):
        page = await settled(getattr(client, resource).list())
        check(isinstance(page.items, list), f"{resource}.list", page)


async def reads_rows(client: Any) -> None:
    project = given("AVALA_TEST_PROJECT")
    projects = await every_page(client.projects.list, limit=1)
    check(len(projects) > 1 and project in [row.uid for row in projects], "projects.list has ours", projects)
    fetched = await settled(client.projects.get(project))
    check_equal((fetched.uid, fetched.name, fetched.status), (project, "Judged", "active"), "projects.get")

    tasks = await every_page(client.tasks.list, limit=2)
    ours = [row.uid for row in tasks if row.project == project]
    check(len(tasks) > len(ours) > 0, "tasks.list has tasks of several projects", tasks)
    page = await settled(client.tasks.list(project=project))
    check_equal([row.uid for row in page.items], ours, "tasks.list keeps to a project")
    task = await settled(client.tasks.get(ours[0]))
    check_equal((task.uid, task.type, task.name), (ours[0], "image-annotation", "box"), "tasks.get")
    done = await settled(client.tasks.list(status="completed"))
    wanted = [row.uid for row in tasks if row.status == "completed"]
    check_equal([row.uid for row in done.items], wanted, "tasks.list keeps to a status")
    page = await settled(client.tasks.list(project=ABSENT_UID))
    check_equal(page.items, [], "tasks.list of an absent project is empty")
    for resource in ("projects", "datasets", "tasks"):
        get = getattr(client, resource).get
        await refused(lambda: get(ABSENT_UID), errors.NotFoundError, 404, f"{resource}.get of an absent one")


async def creates_datasets(client: Any) -> None:
    owner, slug = given("AVALA_TEST_ORGANIZATION"), f"judge-{uuid.uuid4()}"
    create = lambda **more: client.datasets.create(name=f"Of {slug}", slug=slug, data_type="lidar", **more)
    config = {"provider": "aws_s3", "s3_secret_access_key": "judge-canary"}
    created = await settled(create(provider_config=config, metadata={"a": 1}))
    check_equal((created.slug, created.item_count, created.status), (slug, 0, "created"), "datasets.create")
    check_equal((created.owner_name, created.data_type), (owner, "lidar"), "datasets.create says whose and what")
    check("judge-canary" not in repr(created), "datasets.create does not repeat credentials")
    by_uid = await settled(client.datasets.get(created.uid))
    by_slug = await settled(client.datasets.get_by_slug(owner, slug))
    check(created == by_uid == by_slug, "a dataset is the same by uid and by slug", (created, by_uid, by_slug))
    waited = await settled(client.datasets.wait(created.uid, timeout=5.0)) if KIND == "sync" else created
    check_equal(waited, created, "datasets.wait need not wait")
    for filters in ({"name": slug.upper()}, {"name": slug, "data_type": "lidar"}, {"name": slug, "status": "created"}):
        page = await settled(client.datasets.list(**filters))
        check_equal([row.uid for row in page.items], [created.uid], f"datasets.list by {', '.join(filters)}")
    page = await settled(client.datasets.list(name=slug, visibility="public"))
    check_equal(page.items, [], "datasets.list keeps to a visibility")
    error = await refused(create, errors.ValidationError, 400, "a slug that is taken")
    check("slug" in str(error.body) and "already exists" in str(error.body), "the refusal names the slug", error.body)
    absent = lambda: create(organization_uid=ABSENT_UID)
    error = await refused(absent, errors.ValidationError, 400, "an absent organization")
    check("organization_uid" in str(error.body), "the refusal names the organization", error.body)
    here = await settled(client.datasets.create(name="B", slug=f"{slug}-b", data_type="mcap", owner_name=owner))
    check_equal(here.owner_name, owner, "datasets.create for an organization")


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


async def changes_storage_configs(client: Any) -> None:
    organization = given("AVALA_TEST_ORGANIZATION")
    created = await settled(
        client.storage_configs.create(
            name=f"judge-{KIND}",
            provider="aws_s3",
            organization=organization,
            s3_bucket_name="recordings",
            s3_bucket_region="eu-central-1",
            s3_auth_method="access_key",
            s3_access_key_id="AKIAJUDGE",
            s3_secret_access_key="judge-secret-access-key",
        )
    )
    check_equal((created.name, created.provider), (f"judge-{KIND}", "aws_s3"), "storage_configs.create")
    check(created.is_verified and created.last_verified_at is not None, "storage_configs.create tries the key", created)
    check("judge-secret" not in repr(created), "storage_configs.create shows no credentials", created)
    fetched = await settled(client.storage_configs.get(created.uid, organization=organization))
    check_equal(fetched.s3_bucket_region, "eu-central-1", "storage_configs.get")
    listed = await settled(client.storage_configs.list(organization=organization))
    check(created.uid in [config.uid for config in listed.items], "storage_configs.list has the new one")
    answer = await settled(client.storage_configs.test(created.uid))
    check_equal(answer["verified"], True, "storage_configs.test says whether the bucket opens")
    info = await settled(client.storage_configs.setup_info(organization=organization))
    check(info.avala_aws_account_id and info.external_id, "storage_configs.setup_info has both values", info)

    role = await settled(
        client.storage_configs.create(
            name=f"judge-{KIND}-role",
            provider="aws_s3",
            s3_bucket_name="recordings",
            s3_bucket_region="eu-central-1",
            s3_auth_method="iam_role",
            s3_role_arn="arn:aws:iam::123456789012:role/judge",
        )
    )
    answer = await settled(client.storage_configs.test(role.uid))
    check_equal(answer["verified"], False, "a bucket that does not open is an answer")
    check(answer["errors"]["s3_role_arn"][0], "storage_configs.test explains itself by field", answer)

    empty = lambda: client.storage_configs.create(name="x", provider="aws_s3")
    error = await refused(empty, errors.ValidationError, 400, "a storage config without a bucket")
    check("s3_bucket_name" in str(error.body), "the refusal names the field", error.body)
    elsewhere = lambda: client.storage_configs.get(created.uid, organization="nobody-has-this")
    await refused(elsewhere, errors.NotFoundError, 404, "a storage config of another organization")
    for uid in (created.uid, role.uid):
        check_equal(await settled(client.storage_configs.delete(uid)), None, "storage_configs.delete")
    await refused(lambda: client.storage_configs.get(created.uid), errors.NotFoundError, 404, "a deleted storage config")


async def changes_inference_providers(client: Any) -> None:
    target = os.environ.get("AVALA_TEST_WEBHOOK_TARGET")
    config = {"endpoint_url": target or UNREACHABLE_TARGET, "auth_header": "judge-credential", "timeout": 5}
    created = await settled(
        client.inference_providers.create(name=f"judge-{KIND}", provider_type="http", config=config, description="first")
    )
    check_equal((created.name, created.description), (f"judge-{KIND}", "first"), "inference_providers.create")
    check("judge-credential" not in repr(created), "inference_providers.create shows no credential", created)
    listed = await settled(client.inference_providers.list())
    check(created.uid in [provider.uid for provider in listed.items], "inference_providers.list has the new one")

    fetched = await settled(client.inference_providers.get(created.uid))
    check_equal(fetched.config["endpoint_url"], config["endpoint_url"], "inference_providers.get")
    updated = await settled(
        client.inference_providers.update(created.uid, config={**fetched.config, "timeout": 4}, description="second")
    )
    check_equal((updated.description, updated.config["timeout"]), ("second", 4), "inference_providers.update")
    check_equal(updated.name, created.name, "inference_providers.update leaves what was not named")

    answer = await settled(client.inference_providers.test(created.uid))
    check({"success", "message", "tested_at", "latency_ms"} <= answer.keys(), "inference_providers.test answers all four")
    check_equal(answer["success"], target is not None, "inference_providers.test says whether the model answered")
    fetched = await settled(client.inference_providers.get(created.uid))
    check_equal(fetched.last_test_success, target is not None, "inference_providers.get has the outcome")

    bare = lambda: client.inference_providers.create(name="x", provider_type="http", config={"url": "https://x", "method": "POST"})
    await refused(bare, errors.ValidationError, 400, "an inference provider without an endpoint")
    check_equal(await settled(client.inference_providers.delete(created.uid)), None, "inference_providers.delete")
    gone = lambda: client.inference_providers.get(created.uid)
    await refused(gone, errors.NotFoundError, 404, "a deleted inference provider")


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
        await reads_rows(client)
        await creates_datasets(client)
        await sees_rate_limit(client)
        await changes_webhooks(client)
        await walks_pages(client)
        await tests_a_webhook(client)
        await changes_agents(client)
        await changes_storage_configs(client)
        await changes_inference_providers(client)
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
