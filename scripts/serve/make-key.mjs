// Makes an API key for the Worker: `node scripts/serve/make-key.mjs NAME`. The key is for the client and is shown only here;
// the entry, which holds its hash alone, belongs in API_KEYS. Each name is a tenant with files and batches of its own.
import { createHash, randomBytes } from "node:crypto";

const name = process.argv[2] ?? "";
if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name) || process.argv.length > 3) {
  process.stderr.write(
    "usage: node scripts/serve/make-key.mjs NAME   (letters, digits, '_', '.', '-'; at most 64)\n",
  );
  process.exit(2);
}
const key = `sk-${randomBytes(32).toString("base64url")}`;
const entry = `${name}:${createHash("sha256").update(key).digest("hex")}`;
process.stdout.write(`key for the client   ${key}\nentry for API_KEYS   ${entry}\n`);
