// Clients that look at a batch again and again, in a process of their own: `node benches/serve/clients.mjs URL COUNT
// SECONDS`, each over a connection of its own, COUNT of them spread over SECONDS, until SIGTERM. Prints how long their
// answers took, in milliseconds, and how many were wrong.
import { Agent, get } from "node:http";

const [url, count, seconds] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const times = [];
let failed = 0;

const look = () =>
  new Promise((resolve) => {
    const began = performance.now();
    const done = (good) => {
      times.push(performance.now() - began);
      if (!good) failed += 1;
      resolve();
    };
    get(url, { agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      response.on("end", () => done(response.statusCode === 200 && text.includes('"object":"batch"')));
    }).on("error", () => done(false));
  });

let ended = false;
process.on("SIGTERM", () => {
  ended = true;
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const told = { looks: times.length, failed, p50: at(0.5), p99: at(0.99), most: at(1) };
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
});

for (let n = 0; n < Number(count); n++) {
  const every = Number(seconds) * 1000;
  const client = async () => {
    while (!ended) {
      const began = performance.now();
      await look();
      await new Promise((next) => setTimeout(next, Math.max(0, every - (performance.now() - began))));
    }
  };
  setTimeout(client, (n / Number(count)) * every);
}
