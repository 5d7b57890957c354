/** The commands of a server's operator, their options and their help. */

import type { Command } from "commander";
import type { DrainOptions } from "./drain.ts";
import { server, speaking } from "./speaking.ts";

/** Adds them to the program. `end` takes the exit status. */
export function addOperator(program: Command, end: (status: number) => void): void {
  const drain = speaking(program.command("drain"), 60)
    .description("have a server start nothing new of any batch, before a deploy")
    .option("--wait", "end once nothing is in flight");
  const undrain = speaking(program.command("undrain"), 60).description("have a drained server go on");
  const key = `The key is the operator's: of a server with keys one of --admin-keys, of the Worker one of ADMIN_KEYS.
For edgebatch serve and its Worker.`;
  for (const [asked, command, more, examples] of [
    [
      "drain",
      drain,
      `Calls in flight end and are stored, and nothing new starts until edgebatch undrain, also after a
restart. The server goes on to take files and batches, which wait; windows go on closing.`,
      "edgebatch drain --wait && systemctl restart edgebatch && edgebatch undrain",
    ],
    ["undrain", undrain, "What its user had paused stays paused.", "edgebatch undrain"],
  ] as const) {
    command
      .option("--json", "print what the server says of its drain")
      .addHelpText(
        "after",
        `
${more}

${key}
${server}

Exit status: 0 done, 2 could not${asked === "drain" ? "; 130 stopped by Ctrl-C while it waited" : ""}.

Examples:
  ${examples}`,
      )
      .action(async (options: DrainOptions) => {
        const { drain } = await import("./drain.ts");
        end(await drain(asked, options));
      });
  }
}
