"""Prints the ids of all batches and all files of purpose `evals`, as the official Python client pages through them."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="any key", max_retries=0)
batches = [batch.id for batch in client.batches.list(limit=40)]
files = [file.id for file in client.files.list(limit=60, purpose="evals")]
print(json.dumps({"batches": batches, "files": files}))
