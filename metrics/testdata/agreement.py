"""Scores answers by math-verify and by Inspect's scorers.

Reads one case a line, {"peer", "prediction", "truth", "choices"}, and answers
each with {"right"}, after a first line with the versions. What a peer cannot
read is not right.
"""

import asyncio
import json
import logging
import sys
from importlib.metadata import version

from inspect_ai.model import ChatMessageUser, ModelOutput
from inspect_ai.scorer import CORRECT, Target, choice, match
from inspect_ai.scorer import math as inspect_math
from inspect_ai.solver import TaskState, multiple_choice
from math_verify import parse, verify

# The limits of time are wide, so that a busy machine changes no figure.
SECONDS = 60

logging.disable(logging.CRITICAL)


def state_of(case):
    return TaskState(
        model="none/none",
        sample_id=1,
        epoch=1,
        input="question",
        messages=[ChatMessageUser(content="question")],
        choices=case["choices"],
        output=ModelOutput.from_content("none/none", case["prediction"]),
    )


async def by_math_verify(case):
    # Its pages say that the order matters: the truth first.
    truth = parse(case["truth"], parsing_timeout=SECONDS)
    answer = parse(case["prediction"], parsing_timeout=SECONDS)
    return verify(truth, answer, timeout_seconds=SECONDS)


def by(scorer):
    async def score(case):
        result = await scorer(state_of(case), Target(case["truth"]))
        return result.value == CORRECT

    return score


async def by_inspect_math(case):
    # A truth that it cannot parse is an error of the sample.
    try:
        return await by(inspect_math(timeout=SECONDS))(case)
    except ValueError:
        return False


async def by_inspect_choice(case):
    async def generate(state, **_):
        return state

    state = await multiple_choice()(state_of(case), generate)
    result = await choice()(state, Target(case["truth"]))
    return result.value == CORRECT


PEERS = {
    "math-verify": by_math_verify,
    "inspect math": by_inspect_math,
    "inspect match": by(match(numeric=True)),
    "inspect choice": by_inspect_choice,
}


async def main():
    print(json.dumps({name: version(name) for name in ("math-verify", "inspect-ai")}))
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps({"right": bool(await PEERS[case["peer"]](case))}))


asyncio.run(main())
