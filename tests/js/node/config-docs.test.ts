/** Guards docs/server.md: its table is that of the settings, its file is one, and has them all. */

import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keyOf, optionOf, rows, shown, variableOf } from "../../../js/node/serve/config/table.ts";
import { readConfig } from "../../../js/node/serve/config.ts";
import { folder } from "../cli/command.ts";

const path = join(import.meta.dirname, "../../../docs/server.md");
const docs = readFileSync(path, "utf8");

/** The table as it is to be, its columns in line. */
function table(): string {
  const lines = rows.map(([name, setting]) => {
    const option = optionOf(name, setting);
    const key = keyOf(name, setting);
    return [
      option === null ? `variable \`${variableOf(name)}\`` : `\`${option} ${setting.kind.placeholder}\``,
      key === null ? "" : `\`${key}\``,
      shown(setting, setting.default),
      setting.help,
    ].map((cell) => cell.replaceAll("|", "\\|"));
  });
  const all = [["option", "in the file", "default", "meaning"], ...lines];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...all.map((cells) => cells[i]?.length ?? 0)));
  const row = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |\n`;
  const [head = "", ...rest] = all.map(row);
  return head + row(widths.map((width) => "-".repeat(width))) + rest.join("");
}

test("the table of options is that of the settings (UPDATE_DOCS=1 writes it)", () => {
  const [written = ""] = /(?<=^## Options\n[\s\S]*?)(?:^\|.*\n)+/m.exec(docs) ?? [];
  if (process.env.UPDATE_DOCS)
    writeFileSync(
      path,
      docs.replace(written, () => table()),
    );
  else assert.equal(written, table());
});

test("the file of settings for several machines is one", async () => {
  const file = join(folder(), "edgebatch.toml");
  const several = readFileSync(join(path, "../several-machines.md"), "utf8");
  const [toml = ""] = /(?<=^```toml\n)[\s\S]*?(?=^```)/m.exec(several) ?? [];
  writeFileSync(file, toml);
  const { settings, keys } = await readConfig({ config: file }, {});
  assert.match(settings.shared?.files ?? "", /^s3:/);
  assert.equal(keys.data, undefined);
});

test("the file of settings in the docs is one, and has every setting", async () => {
  const file = join(folder(), "edgebatch.toml");
  const [toml = ""] = /(?<=^```toml\n)[\s\S]*?(?=^```)/m.exec(docs) ?? [];
  writeFileSync(file, toml);
  const { said, settings } = await readConfig({ config: file }, { HOSTED_KEY: "secret" });
  // These say a state that is shared, or one model server, and the file has a folder, and two model servers of its own.
  const others = ["store", "files", "config", "url", "key", "keyEnv", "models"];
  const unsaid = rows.map(([name]) => name).filter((name) => said[name].level !== "file");
  assert.deepEqual(unsaid, others);
  assert.deepEqual(settings.servers, [
    { name: "gpu-1", url: "http://gpu-1:8000/v1", concurrency: 128, timeoutMs: 600_000, models: ["llama-3"] },
    {
      ...{ name: "hosted", url: "https://api.example.com/v1", concurrency: 64, timeoutMs: 120_000 },
      ...{ key: "secret", headers: { "x-team": "research" } },
    },
  ]);
});
