"""A run shaped as servers in Python do it: the whole file checked, then chunks of 50 requests, ten at once, each chunk
awaited to its end before the next begins, and the output written at the end. No retries, no checkpoints. Prints seconds.

    python3 benches/loop.py FILE ROUNDS
"""

import asyncio
import json
import sys
import time

CHUNK = 50
LANES = 10
ENDPOINT = "/v1/chat/completions"
FIELDS = (("custom_id", str), ("method", str), ("url", str), ("body", dict))


def validate(path):
    requests = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            request = json.loads(line)
            for name, kind in FIELDS:
                if not isinstance(request.get(name), kind):
                    raise ValueError(f"line {number}: {name}")
            body = request["body"]
            if request["url"] != ENDPOINT or body.get("stream") or not isinstance(body.get("messages"), list):
                raise ValueError(f"line {number}")
            requests.append(request)
    return requests


async def infer(body):
    await asyncio.sleep(0)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
    }


async def one(lanes, request):
    async with lanes:
        body = await infer(request["body"])
    response = {"status_code": 200, "request_id": "req", "body": body}
    return {"id": "batch_req", "custom_id": request["custom_id"], "response": response, "error": None}


async def run(path):
    requests = validate(path)
    lanes = asyncio.Semaphore(LANES)
    output = []
    for at in range(0, len(requests), CHUNK):
        results = await asyncio.gather(*(one(lanes, request) for request in requests[at : at + CHUNK]))
        output += [json.dumps(result) for result in results]
    return "\n".join(output).encode()


for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    asyncio.run(run(sys.argv[1]))
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
