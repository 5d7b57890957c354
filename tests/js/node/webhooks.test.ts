/** Guards how serve sends webhooks: by the address that was judged, over TLS for the name that was meant, and reading nothing. */

import { strict as assert } from "node:assert";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createSecure } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server as Tcp } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { webhookSender } from "../../../js/node/serve/webhooks.ts";
import { folder } from "../cli/command.ts";

const message = (signal = new AbortController().signal) => ({
  ...{ headers: { "webhook-id": "evt_1" }, body: '{"name":"é"}' },
  signal,
});

async function listening<T extends Server | Tcp>(server: T, host = "127.0.0.1"): Promise<number> {
  await new Promise<void>((next) => server.listen(0, host, next));
  after(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("a name that leads to a private address is refused before anything connects, whatever else it leads to", async () => {
  let connections = 0;
  const port = await listening(createTcp(() => connections++));
  for (const addresses of [
    ["127.0.0.1"],
    ["8.8.8.8", "127.0.0.1"],
    ["::ffff:127.0.0.1"],
    ["169.254.169.254"],
  ]) {
    const send = webhookSender({ allowPrivate: false, resolve: async () => addresses });
    await assert.rejects(send(`https://rebound.example.com:${port}/`, message()), {
      name: "PrivateAddressError",
    });
  }
  for (const host of ["127.0.0.1", "[::1]", "2130706433", "[::ffff:7f00:1]"]) {
    const send = webhookSender({ allowPrivate: false });
    await assert.rejects(send(`https://${host}:${port}/`, message()), { name: "PrivateAddressError" }, host);
  }
  assert.equal(connections, 0);
});

test("a name is looked up once: what it leads to later changes nothing", async () => {
  let lookups = 0;
  const port = await listening(createServer((_, response) => response.end()));
  const send = webhookSender({
    allowPrivate: true,
    resolve: async () => {
      lookups += 1;
      return ["127.0.0.1"];
    },
  });
  // The name itself leads nowhere.
  assert.equal(await send(`http://hooks.invalid:${port}/`, message()), 200);
  assert.equal(lookups, 1);
});

test("where one address of a name cannot be reached the next is called", async () => {
  const port = await listening(createServer((_, response) => response.writeHead(204).end()));
  const send = webhookSender({ allowPrivate: true, resolve: async () => ["127.0.0.2", "127.0.0.1"] });
  assert.equal(await send(`http://hooks.invalid:${port}/`, message()), 204);
  const none = webhookSender({ allowPrivate: true, resolve: async () => ["127.0.0.2", "127.0.0.3"] });
  await assert.rejects(none(`http://hooks.invalid:${port}/`, message()), { code: "ECONNREFUSED" });
});

test("headers, body and path go as they are, redirects are not followed, and answers are not read", async () => {
  const came: string[] = [];
  let cut: () => void = () => {};
  const wasCut = new Promise<void>((next) => {
    cut = next;
  });
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const { host, "webhook-id": id } = headers;
    let body = "";
    for await (const chunk of request) body += chunk;
    came.push(`${method} ${url} ${host} ${id} ${body}`);
    if (url !== "/endless") {
      response.writeHead(307, { location: "/other" }).end();
      return;
    }
    // An answer without end.
    response.writeHead(200);
    const more = () => response.write("x".repeat(65_536)) && setImmediate(more);
    response.on("drain", more).once("close", cut);
    more();
  });
  const port = await listening(server);
  const send = webhookSender({ allowPrivate: true });
  assert.equal(await send(`http://127.0.0.1:${port}/a%20b?c=d`, message()), 307);
  assert.deepEqual(came, [`POST /a%20b?c=d 127.0.0.1:${port} evt_1 {"name":"é"}`]);
  assert.equal(await send(`http://127.0.0.1:${port}/endless`, message()), 200);
  await wasCut;
});

test("an endpoint that says nothing is given up when it is told to", async () => {
  const port = await listening(createTcp());
  const aborter = new AbortController();
  const sent = webhookSender({ allowPrivate: true })(`http://127.0.0.1:${port}/`, message(aborter.signal));
  aborter.abort();
  await assert.rejects(sent, { name: "AbortError" });
});

test("over TLS the certificate must be for the name that was meant, and of an authority that is known", async () => {
  const [key, cert] = [join(folder(), "key.pem"), join(folder(), "cert.pem")];
  const subject = ["-subj", "/CN=hooks.invalid", "-addext", "subjectAltName=DNS:hooks.invalid"];
  const made = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
  ];
  execFileSync("openssl", [...made, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const server = createSecure({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) =>
    response.writeHead(202).end(),
  );
  const port = await listening(server);
  const source = join(import.meta.dirname, "../../../js/node/serve/webhooks.ts");
  const program = `
    const { webhookSender } = await import(${JSON.stringify(source)});
    const send = webhookSender({ allowPrivate: true, resolve: async () => ["127.0.0.1"] });
    const signal = new AbortController().signal;
    const said = (name) => send("https://" + name + ":${port}/", { headers: {}, body: "{}", signal })
      .catch(({ code }) => code);
    console.log(await said("hooks.invalid"), await said("other.invalid"));`;
  const child = async (env: Record<string, string>) => {
    const args = ["--input-type=module", "--eval", program];
    return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
  };
  assert.equal(await child({ NODE_EXTRA_CA_CERTS: cert }), "202 ERR_TLS_CERT_ALTNAME_INVALID");
  assert.equal(await child({}), "DEPTH_ZERO_SELF_SIGNED_CERT DEPTH_ZERO_SELF_SIGNED_CERT");
});
