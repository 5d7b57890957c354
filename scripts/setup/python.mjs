// The clients for Python.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, root } from "../lib/env.mjs";
import { Failure, run, say, seconds, tryRun } from "../lib/process.mjs";

/** Python clients which tests drive the Worker with, each list of them in a virtual environment of its own. */
export function pythonClients() {
  const lists = join(root, "tests/js/server/suite/python");
  for (const file of readdirSync(lists)) {
    const name = /^requirements(-.+)?\.txt$/.exec(file);
    if (name)
      pythonClient(`tests/js/server/suite/python/${file}`, join(cache, `openai-python${name[1] ?? ""}`));
  }
}

function pythonClient(requirements, folder) {
  const stamp = join(folder, "requirements.txt");
  const wanted = readFileSync(join(root, requirements), "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const start = performance.now();
  say(`set-up: installing Python clients into ${folder} (python3 -m venv, pip) …`);
  if (!tryRun("python3", ["-m", "venv", "--clear", folder])) {
    throw new Failure(
      "set-up: python3 with venv is needed by the tests (Debian: apt-get install python3-venv)",
    );
  }
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
    "-r",
    requirements,
  ];
  run(join(folder, "bin", "python"), pip);
  writeFileSync(stamp, wanted);
  say(`set-up: Python clients ready in ${seconds(start)}`);
}
