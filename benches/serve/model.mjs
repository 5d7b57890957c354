// A model server for `benches/serve.mjs`, in a process of its own: every POST gets the same answer of about 2 KB, after a
// time. Prints its port. On SIGUSR2 it prints how long its answers took, from a request's headers to its own last byte.
import { createServer } from "node:http";

const latency = Number(process.argv[2]);
const answer = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "m",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "It depends on the file. ".repeat(75) },
        finish_reason: "stop",
      },
    ],
    usage: { prompt_tokens: 400, completion_tokens: 400, total_tokens: 800 },
  }),
);
const headers = { "content-type": "application/json", "content-length": answer.length };
let answers = 0;
let milliseconds = 0;

const server = createServer((request, response) => {
  const began = performance.now();
  const end = () => {
    response.writeHead(200, headers).end(answer);
    answers += 1;
    milliseconds += performance.now() - began;
  };
  request.resume().on("end", latency === 0 ? end : () => setTimeout(end, latency));
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("SIGUSR2", () => {
  console.log(JSON.stringify({ answers, latency: milliseconds / answers }));
  answers = 0;
  milliseconds = 0;
});
