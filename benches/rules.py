"""The rules of a batch file in plain Python, in two shapes. Prints seconds and errors of each round as JSON.

    python3 benches/rules.py FILE ROUNDS

`server`: as a server without the library does it between upload and run, the reference provider among them. The file
comes as bytes from a store and is decoded; each line is stripped, parsed and checked; the model is asked of a registry
behind an await; the good requests are kept, for they are what runs next.

`stream`: the least there is in Python: lines as they come from the file, parsed and checked, nothing awaited or kept.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

ENDPOINT = "/v1/chat/completions"
FIELDS = (("custom_id", str), ("method", str), ("url", str), ("body", dict))
BODY_FIELDS = (("model", str), ("messages", list))


@dataclass
class BatchError:
    code: str
    line: int
    message: str
    param: str | None = None


@dataclass
class BatchRequest:
    line: int
    custom_id: str
    method: str
    url: str
    body: dict[str, Any]


class Models:
    """Models that exist, behind a call as to another part of the server."""

    def __init__(self, names):
        self.names = set(names)

    async def has(self, name):
        return name in self.names


def check(number, line, seen):
    """The request of a line if it is an object, and what is wrong with it."""
    try:
        request = json.loads(line)
    except ValueError:
        return None, [BatchError("invalid_json_line", number, "This line is not parseable as valid JSON.")]
    if not isinstance(request, dict):
        return None, [BatchError("invalid_request", number, "Each line must be a JSON dictionary object")]
    errors = []
    for name, kind in FIELDS:
        if name not in request:
            message = f"Missing required parameter: {name}"
            errors.append(BatchError("missing_required_parameter", number, message, name))
        elif not isinstance(request[name], kind):
            errors.append(BatchError("invalid_request", number, f"{name.capitalize()} has the wrong type", name))
    if request.get("method") != "POST":
        errors.append(BatchError("invalid_value", number, "Method must be POST", "method"))
    if request.get("url") != ENDPOINT:
        errors.append(BatchError("invalid_url", number, "URL does not match the batch endpoint", "url"))
    body = request.get("body")
    if isinstance(body, dict):
        if body.get("stream"):
            errors.append(BatchError("streaming_unsupported", number, "Streaming is not supported", "body.stream"))
        for name, kind in BODY_FIELDS:
            if name not in body:
                errors.append(BatchError("invalid_request", number, f"{name} is required", f"body.{name}"))
            elif not isinstance(body[name], kind):
                errors.append(BatchError("invalid_request", number, f"{name} has the wrong type", f"body.{name}"))
    custom_id = request.get("custom_id")
    if isinstance(custom_id, str):
        if custom_id in seen:
            errors.append(BatchError("duplicate_custom_id", number, "Custom_id is used more than once", "custom_id"))
        seen.add(custom_id)
    return request, errors


async def server(content, models):
    errors, requests, seen = [], [], set()
    for number, line in enumerate(content.decode("utf-8").split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        request, found = check(number, line, seen)
        if request is not None and isinstance(request.get("body"), dict):
            model = request["body"].get("model")
            if isinstance(model, str) and not await models.has(model):
                found.append(BatchError("model_not_found", number, f"Model '{model}' does not exist", "body.model"))
        errors += found
        if not found:
            body = request["body"]
            requests.append(BatchRequest(number, request["custom_id"], request["method"], request["url"], body))
    return errors, requests


def stream(path):
    errors, seen = [], set()
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                errors += check(number, line, seen)[1]
    return errors


def timed(shape, run):
    start = time.perf_counter()
    errors = run()
    seconds = time.perf_counter() - start
    print(json.dumps({"shape": shape, "seconds": seconds, "errors": len(errors)}), flush=True)


def main(path, rounds):
    with open(path, "rb") as file:
        content = file.read()
    models = Models(["echo-1"])
    for _ in range(rounds):
        timed("server", lambda: asyncio.run(server(content, models))[0])
        timed("stream", lambda: stream(path))


main(sys.argv[1], int(sys.argv[2]))
