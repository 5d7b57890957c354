"""The rules of a batch file in plain Python: what a server without the library would write. Prints seconds and errors.

    python3 benches/rules.py FILE ROUNDS
"""

import json
import sys
import time

ENDPOINT = "/v1/chat/completions"


def check(line, seen):
    try:
        request = json.loads(line)
    except ValueError:
        return ["invalid_json_line"]
    if not isinstance(request, dict):
        return ["invalid_request"]
    errors = []
    for name, kind in (("custom_id", str), ("method", str), ("url", str), ("body", dict)):
        if name not in request:
            errors.append("missing_required_parameter")
        elif not isinstance(request[name], kind):
            errors.append("invalid_request")
    if errors:
        return errors
    body = request["body"]
    if request["method"] != "POST":
        errors.append("invalid_value")
    if request["url"] != ENDPOINT:
        errors.append("invalid_url")
    if body.get("stream") is True:
        errors.append("streaming_unsupported")
    if not isinstance(body.get("model"), str) or not isinstance(body.get("messages"), list):
        errors.append("invalid_request")
    if request["custom_id"] in seen:
        errors.append("duplicate_custom_id")
    seen.add(request["custom_id"])
    return errors


def main(path, rounds):
    for _ in range(rounds):
        start = time.perf_counter()
        seen, errors = set(), 0
        with open(path, "rb") as file:
            for line in file:
                if line.strip():
                    errors += len(check(line, seen))
        print(json.dumps({"seconds": time.perf_counter() - start, "errors": errors}), flush=True)


main(sys.argv[1], int(sys.argv[2]))
