/** The commands that speak to a server, their options and their help. What a command needs is loaded with it. */

import type { Command } from "commander";
import { fixedLimits } from "../../core/rules.ts";
import { budget, order, pair, positive, priority } from "../option-values.ts";
import type { DoctorOptions } from "./doctor.ts";
import type { WatchOptions } from "./follow.ts";
import type { ListOptions } from "./list.ts";
import { addMove } from "./move-commands.ts";
import { addOperator } from "./operator-commands.ts";
import type { ResultsOptions } from "./results.ts";
import { addressed, server, speaking } from "./speaking.ts";
import type { StatusOptions } from "./status.ts";
import type { SubmitOptions } from "./submit.ts";
import type { VerifyOptions } from "./verify.ts";

/** Adds them to the program. `end` takes the exit status. */
export function addClient(program: Command, end: (status: number) => void): void {
  speaking(program.command("submit"), 60)
    .description("upload a batch file to a server and create the batch")
    .argument("<file>", "JSONL file, also as .gz or .zst, which is decompressed")
    .option("--endpoint <path>", "endpoint of the batch (default: the url of the first line)")
    .option(
      "--window <time>",
      "time in which it is to end, as the server takes it",
      fixedLimits.completionWindow,
    )
    .option("--metadata <key=value>", "kept with the batch; may be repeated", pair)
    .option("--budget <caps>", "what the batch may use, such as total_tokens=1000000,cost=2.50", budget)
    .option("--priority <n>", "-10 to 10: sooner than others, or later; a level is worth an hour", priority)
    .option("--dedupe", "ask once what is the same, byte for byte; for edgebatch serve and its Worker")
    .option(
      "--split",
      "more requests than one file may have, as one batch; for edgebatch serve and its Worker",
    )
    .addOption(order("order of sending: prefix has requests together that begin alike"))
    .option("--wait", "watch it to its end; exit as watch does")
    .option("--no-check", "send the file without looking for errors first")
    .option("--json", "print the batch as the server gives it, instead of its id")
    .option("--quiet", "no progress, no hints")
    .addHelpText(
      "after",
      `
Standard output is the id of the batch and nothing else. Whatever goes wrong on the way, one
submission makes one batch: when an answer is lost, the server is looked at before it is asked
again. Large files go in parts, of which one that fails is sent again.

--budget caps requests, input_tokens, output_tokens, total_tokens and cost, the last by the prices
of the server. Nothing starts that would pass a cap by the mean of what was answered; what did not
run is in the error file, and edgebatch retry ID runs it.
${server}

Exit status: 0 created, 1 the file has errors, 2 could not; with --wait that of watch.

Examples:
  edgebatch submit requests.jsonl --url http://localhost:8080/v1
  id=$(edgebatch submit requests.jsonl.zst --metadata project=translation)
  id=$(edgebatch submit requests.jsonl --wait) && edgebatch results "$id"`,
    )
    .action(async (file: string, options: SubmitOptions) => {
      const { submit } = await import("./submit.ts");
      end(await submit(file, options));
    });

  speaking(program.command("list"), 20)
    .description("list a server's batches, newest first")
    .option("--limit <n>", "how many", positive, fixedLimits.defaultPage)
    .option("--status <name>", "only those of a status, such as in_progress")
    .option("--json", "print the batches as the server gives them, one a line")
    .addHelpText(
      "after",
      `${server}

Examples:
  edgebatch list
  edgebatch list --status in_progress
  edgebatch list --limit 1000 --json | jq -r 'select(.request_counts.failed > 0).id'`,
    )
    .action(async (options: ListOptions) => {
      const { list } = await import("./list.ts");
      end(await list(options));
    });

  speaking(program.command("status"), 20)
    .description("show everything about a batch: counts, what it waits for, errors of its file")
    .argument("<id>", "id of the batch, or its beginning")
    .option("--json", "print the batch as the server gives it")
    .addHelpText(
      "after",
      `${server}

Examples:
  edgebatch status batch_6a0f
  edgebatch status batch_6a0f --json | jq .request_counts`,
    )
    .action(async (id: string, options: StatusOptions) => {
      const { status } = await import("./status.ts");
      end(await status(id, options));
    });

  speaking(program.command("watch"), 3_600)
    .description("watch a batch to its end")
    .argument("<id>", "id of the batch, or its beginning")
    .option("--lines", "print each finished line as it comes, as it will be in the files")
    .option("--after <place>", "print lines from a place on, where another watch has stopped")
    .option("--json", "print the ended batch as the server gives it")
    .option("--quiet", "no progress, no summary")
    .addHelpText(
      "after",
      `
Ctrl-C ends the watching, and not the batch. A server that goes away is waited for.
With --lines standard output is the lines, in the order in which they came, each once. It
is edgebatch serve and its Worker that show them before a batch has ended.
${server}

Exit status:
  0    the batch completed (requests may have failed)
  1    it failed, expired or was cancelled
  2    could not: no such batch, or no answer for --patience seconds
  130  stopped by Ctrl-C

Examples:
  edgebatch watch batch_6a0f
  edgebatch watch batch_6a0f && edgebatch results batch_6a0f
  edgebatch watch batch_6a0f --lines | jq -r .response.body.choices[0].message.content`,
    )
    .action(async (id: string, options: WatchOptions) => {
      const { watch } = await import("./follow.ts");
      end(await watch(id, options));
    });

  speaking(program.command("results"), 60)
    .description("download a batch's answers and errors")
    .argument("<id>", "id of the batch, or its beginning")
    .option("--out <file>", "answers; - for standard output (default: ID.output.jsonl)")
    .option("--errors <file>", "everything else (default: ID.errors.jsonl)")
    .option("--wait", "wait for the batch to end first")
    .option("--force", "replace files that exist")
    .option("--fail-on-error", "exit with 1 when any request failed")
    .option("--json", "print the batch as JSON, with where its files are")
    .option("--quiet", "no progress, no summary")
    .addHelpText(
      "after",
      `
A file is there whole or not at all. The same command resumes a download that broke off.
A batch that expired or was cancelled has files too, of what was done until then.
${server}

Exit status:
  0    the batch completed, and its files are here
  1    it failed, expired or was cancelled; with --fail-on-error also when any request failed
  2    could not: it has not ended, a file exists, or the server does not answer
  130  stopped by Ctrl-C

Examples:
  edgebatch results batch_6a0f
  edgebatch results batch_6a0f --wait --out answers.jsonl
  edgebatch results batch_6a0f --out - --errors /dev/null | jq -r .custom_id`,
    )
    .action(async (id: string, options: ResultsOptions) => {
      const { results } = await import("./results.ts");
      end(await results(id, options));
    });

  speaking(program.command("cancel"), 60)
    .description("end a batch early; what was answered until then is kept")
    .argument("<id>", "id of the batch, or its beginning")
    .option("--json", "print the batch as the server gives it")
    .addHelpText(
      "after",
      `${server}

Exit status: 0 it ends, 1 it had ended already, 2 could not.

Examples:
  edgebatch cancel batch_6a0f`,
    )
    .action(async (id: string, options: StatusOptions) => {
      const { cancel } = await import("./status.ts");
      end(await cancel(id, options));
    });

  for (const [name, what, after] of [
    [
      "pause",
      "start nothing more of a batch until it is resumed",
      "Calls in flight end. The batch's window goes on closing.",
    ],
    ["resume", "go on with a paused batch", "It goes on where it stopped, and asks nothing again."],
  ] as const) {
    speaking(program.command(name), 60)
      .description(what)
      .argument("<id>", "id of the batch, or its beginning")
      .option("--json", "print the batch as the server gives it")
      .addHelpText(
        "after",
        `
${after} For edgebatch serve and its Worker.
${server}

Exit status: 0 done, 1 the batch has nothing left to start, 2 could not.

Examples:
  edgebatch ${name} batch_6a0f`,
      )
      .action(async (id: string, options: StatusOptions) => {
        const { pause } = await import("./status.ts");
        end(await pause(id, options, name));
      });
  }

  addMove(program, end);
  addOperator(program, end);

  speaking(program.command("verify"), 60)
    .description("check that files are those that a batch read and wrote, by its manifest")
    .argument("<of>", "id of the batch, or its beginning; or a file with its manifest")
    .argument("[file...]", "files to compare, packed ones as their content (default: the server's)")
    .option("--json", "print an object { file, role, bytes, lines, sha256 } for each file")
    .option("--quiet", "say nothing of what was expected")
    .addHelpText(
      "after",
      `
A manifest has the SHA-256, lines and bytes of a batch's input, output and error file, as
they were when it ended: GET /v1/batches/ID/manifest. For edgebatch serve and its Worker.
${server}

Exit status: 0 every file is one of the batch's, 1 one is not, 2 could not.

Examples:
  edgebatch verify batch_6a0f requests.jsonl.gz batch_6a0f.output.jsonl
  edgebatch verify manifest.json answers.jsonl
  edgebatch verify batch_6a0f`,
    )
    .action(async (of: string, files: string[], options: VerifyOptions) => {
      const { verify } = await import("./verify.ts");
      end(await verify(of, files, options));
    });

  addressed(program.command("doctor"))
    .description("check a server: address, key, models, one request, batches, clock")
    .option("--model <name>", "model of the request (default: the first that looks like one to chat with)")
    .option("--no-request", "make no request to a model, which may cost something")
    .addHelpText(
      "after",
      `
One line for each check: ✓ good, ✗ to be done, – to know. It does for a model server, too.
${server}

Exit status: 0 nothing is to be done, 1 something is.

Examples:
  edgebatch doctor
  edgebatch doctor --url http://localhost:8000/v1
  edgebatch doctor --url https://api.openai.com/v1 --model gpt-4o-mini`,
    )
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import("./doctor.ts");
      end(await doctor(options));
    });
}
