/** Sends webhooks from Node. An address is looked up once, judged, and called by what was found: no name can lead elsewhere then. */

import { lookup } from "node:dns/promises";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isAddress, isPublicAddress } from "../../server/webhooks/address.ts";
import { PrivateAddressError, type SendWebhook, type WebhookMessage } from "../../server/webhooks/types.ts";

/** Addresses of a name that are called, one after the other, until one can be reached. */
const MOST_ADDRESSES = 4;
/** Why a connection never was: nothing was sent, and another address may do better. */
const UNREACHED = ["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"];

export function webhookSender(options: {
  allowPrivate: boolean;
  /** The addresses of a name. */
  resolve?: (name: string) => Promise<string[]>;
}): SendWebhook {
  const { allowPrivate, resolve = addressesOf } = options;
  return async (text, message) => {
    const url = new URL(text);
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const found = isAddress(url.hostname) ? [host] : await resolve(host);
    // Of a name with a private address among others the others are not trusted either.
    if (!allowPrivate && !found.every(isPublicAddress)) throw new PrivateAddressError("a private address");
    let failed: unknown = new Error("the name has no address");
    for (const address of found.slice(0, MOST_ADDRESSES)) {
      try {
        return await post(url, host, address, message);
      } catch (error) {
        failed = error;
        if (!UNREACHED.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    }
    throw failed;
  };
}

/** IPv4 first: not every machine that knows IPv6 addresses can reach them. */
async function addressesOf(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true, order: "ipv4first" });
  return found.map(({ address }) => address);
}

function post(url: URL, name: string, address: string, { headers, body, signal }: WebhookMessage) {
  const secure = url.protocol === "https:";
  const bytes = new TextEncoder().encode(body);
  return new Promise<number>((resolve, reject) => {
    const outgoing = (secure ? requestHttps : requestHttp)({
      ...{ host: address, port: url.port || (secure ? 443 : 80), path: url.pathname + url.search },
      // Who is meant, by name: it is what the certificate must be for.
      ...(secure && { servername: isAddress(url.hostname) ? "" : name }),
      ...{ method: "POST", signal, agent: false },
      headers: { ...headers, host: url.host, "content-length": bytes.length, connection: "close" },
    });
    outgoing.once("response", (answer) => {
      resolve(answer.statusCode ?? 0);
      // Whatever else it says is not read.
      answer.destroy();
    });
    outgoing.on("error", reject);
    outgoing.end(bytes);
  });
}
