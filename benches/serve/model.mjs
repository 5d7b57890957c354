// A model server for `benches/serve.mjs`, in a process of its own: every request gets the same answer of about 2 KB, after a
// time. It reads no more of HTTP than it must, so as to take little of the machine. Prints its port. On SIGUSR2 it prints how
// long its answers took, from the last byte of a request to its own, and the seconds from the first request to the last answer.
import { createServer } from "node:net";

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
const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n`;
const whole = Buffer.concat([Buffer.from(head), answer]);
let answers = 0;
let milliseconds = 0;
let first;
let last;

/** Bytes of the request that a buffer begins with; 0 while more of it is to come. */
function requestBytes(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return 0;
  const [, length = 0] = /\r\ncontent-length: (\d+)/i.exec(bytes.latin1Slice(0, end + 2)) ?? [];
  const size = end + 4 + Number(length);
  return bytes.length < size ? 0 : size;
}

const server = createServer((socket) => {
  socket.setNoDelay(true).on("error", () => {});
  let rest = Buffer.alloc(0);
  socket.on("data", (part) => {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
    for (let size = requestBytes(rest); size > 0; size = requestBytes(rest)) {
      rest = rest.subarray(size);
      const began = performance.now();
      first ??= began;
      const end = () => {
        socket.write(whole);
        answers += 1;
        last = performance.now();
        milliseconds += last - began;
      };
      if (latency === 0) end();
      else setTimeout(end, latency);
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("SIGUSR2", () => {
  console.log(JSON.stringify({ answers, latency: milliseconds / answers, seconds: (last - first) / 1000 }));
  answers = 0;
  milliseconds = 0;
  first = undefined;
});
