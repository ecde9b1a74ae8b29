"""Peer: the official Python client, unmodified, calling `webhooks.list` at AVALA_BASE_URL.

    official.py --calls 1000 --in-flight 32

Prints one JSON object: seconds per call, and how it was called. With more than one call in flight it measures
threads and asyncio, and reports the better of the two.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import importlib.metadata
import json
import platform
import time

import avala

WARM_UP_CALLS = 50


def sequentially(calls: int) -> float:
    """Seconds per call, one after the other on one connection."""
    with avala.Client() as client:
        for _ in range(WARM_UP_CALLS):
            client.webhooks.list()
        started = time.perf_counter()
        for _ in range(calls):
            client.webhooks.list()
        return (time.perf_counter() - started) / calls


def by_threads(calls: int, in_flight: int) -> float:
    """Seconds per call with one client shared by as many threads as calls in flight."""
    with avala.Client() as client, concurrent.futures.ThreadPoolExecutor(in_flight) as pool:

        def lane(count: int) -> None:
            for _ in range(count):
                client.webhooks.list()

        def run(count: int) -> None:
            for done in [pool.submit(lane, count // in_flight) for _ in range(in_flight)]:
                done.result()

        run(max(WARM_UP_CALLS, in_flight))
        started = time.perf_counter()
        run(calls)
        return (time.perf_counter() - started) / (calls // in_flight * in_flight)


async def by_tasks(calls: int, in_flight: int) -> float:
    """Seconds per call with one client shared by as many tasks as calls in flight."""
    async with avala.AsyncClient() as client:

        async def lane(count: int) -> None:
            for _ in range(count):
                await client.webhooks.list()

        async def run(count: int) -> None:
            await asyncio.gather(*(lane(count // in_flight) for _ in range(in_flight)))

        await run(max(WARM_UP_CALLS, in_flight))
        started = time.perf_counter()
        await run(calls)
        return (time.perf_counter() - started) / (calls // in_flight * in_flight)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--calls", type=int, required=True)
    arguments.add_argument("--in-flight", type=int, default=1)
    given = arguments.parse_args()
    if given.in_flight == 1:
        measured = {"one after the other": sequentially(given.calls)}
    else:
        measured = {
            "threads": by_threads(given.calls, given.in_flight),
            "asyncio": asyncio.run(by_tasks(given.calls, given.in_flight)),
        }
    how = min(measured, key=measured.__getitem__)
    print(
        json.dumps({
            "seconds_per_call": measured[how],
            "how": how,
            "versions": f"avala {importlib.metadata.version('avala')}, "
            f"httpx {importlib.metadata.version('httpx')}, Python {platform.python_version()}",
        })
    )


if __name__ == "__main__":
    main()
