"""bespokelabs-curator makes batches of seven rows, waits for them and puts their answers together: one sentence if that held."""

import os
import sys
import tempfile

base_url = sys.argv[1]
os.environ.update(
    OPENAI_API_KEY="any key",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    TELEMETRY_ENABLED="false",
    CURATOR_VIEWER="0",
    CURATOR_CACHE_DIR=tempfile.mkdtemp(),
    HF_HUB_OFFLINE="1",
)

from bespokelabs import curator  # noqa: E402


class Echo(curator.LLM):
    def prompt(self, input):
        # Such a character tears lines apart for those that read them with splitlines, as curator does.
        return f"row {input['n']}\u2028end"

    def parse(self, input, response):
        return {"n": input["n"], "said": response}


params = {"base_url": base_url, "api_key": "any key", "batch_size": 7, "batch_check_interval": 1}
echo = Echo(model_name="echo-1", backend="openai", batch=True, backend_params=params)
found = echo([{"n": n} for n in range(20)])
rows = sorted((row["n"], row["said"]) for row in found.dataset)
assert rows == [(n, f"row {n}\u2028end") for n in range(20)], rows
print("ok curator has an answer for each row")
