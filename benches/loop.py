"""A run shaped as many servers do it: asyncio, chunks with a barrier, one output file at the end. No retries, no
checkpoints. Prints seconds.

    python3 benches/loop.py FILE ROUNDS
"""

import asyncio
import json
import sys
import time

CHUNK = 10


async def infer(body):
    await asyncio.sleep(0)
    return {"model": body["model"], "choices": [{"message": {"content": body["messages"][-1]["content"]}}]}


async def one(request):
    body = await infer(request["body"])
    response = {"status_code": 200, "body": body}
    return json.dumps({"custom_id": request["custom_id"], "response": response, "error": None})


async def run(path):
    with open(path, "rb") as file:
        requests = [json.loads(line) for line in file if line.strip()]
    output = []
    for at in range(0, len(requests), CHUNK):
        output += await asyncio.gather(*(one(request) for request in requests[at : at + CHUNK]))
    return "\n".join(output).encode()


for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    asyncio.run(run(sys.argv[1]))
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
