"""Requests take turns in the event loop."""

import asyncio
import itertools

from twinlm.serve.turns import Turns


def test_one_begins_a_round_and_those_that_left_are_passed_over():
    turns, seen = Turns(), []

    async def work(name):
        await turns.wait()
        seen.append(name)

    async def watch():
        for _ in range(12):
            seen.append("round")
            await asyncio.sleep(0)

    async def run():
        tasks = [asyncio.create_task(work(name)) for name in "abcd"]
        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait([*tasks, watching])
        await turns.wait()  # a later one finds nobody before it

    asyncio.run(run())
    order = "".join("|" if name == "round" else name for name in seen)
    assert order.replace("|", "") == "acd"
    assert not {"ac", "cd"} & {*map("".join, itertools.pairwise(order))}
