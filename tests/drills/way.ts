/** A way to a server that can be cut, or carry nothing for a while, as networks do. */

import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export class Way {
  readonly port: number;
  readonly #sockets = new Set<Socket>();
  #silence = 0;

  private constructor(server: Server, target: number) {
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (from) => {
      const to = connect(target, "127.0.0.1");
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.on("data", (bytes) => {
          if (!other.write(bytes)) one.pause();
        });
        one.on("drain", () => {
          if (this.#silence === 0) other.resume();
        });
        if (this.#silence > 0) one.pause();
      }
    });
  }

  static async to(target: number): Promise<Way> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Way(server, target);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Carries nothing, and says nothing of it. */
  async silent(ms: number): Promise<void> {
    this.#silence += 1;
    for (const socket of this.#sockets) socket.pause();
    await sleep(ms);
    this.#silence -= 1;
    if (this.#silence === 0) for (const socket of this.#sockets) socket.resume();
  }
}
