/** A file that is no batch file is told in a sentence, and made one where it has rows; one that is too large is split. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { checked, choose, line, setStage, textOf, verdict } from "./browser.ts";

const stage = setStage();

async function download(page: Page, name: string): Promise<string> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name }).click();
  return readFile(await (await download).path(), "utf8");
}

const firstLines = (page: Page) => page.locator(".convert pre").textContent();

describe("A file that is no batch file", () => {
  test("is told in one sentence, and can be checked all the same", async () => {
    const { page, complaints } = await stage.open();
    for (const [content, is] of [
      [Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10]), "a PNG image"],
      [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]), "packed with zstd"],
      ["Why?\nHow?\n", "plain text"],
    ] as const) {
      await choose(page, content);
      await page.locator(".verdict", { hasText: `This file is ${is}, not a batch file.` }).waitFor();
    }
    await page.getByRole("button", { name: "Check it anyway" }).click();
    await checked(page);
    assert.match(await verdict(page), /none of its requests is good/);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });

  test("that holds results is opened where these are read", async () => {
    const { page } = await stage.open();
    await choose(page, '{"custom_id": "a", "response": {"status_code": 200, "body": {}}, "error": null}\n');
    await page.getByRole("button", { name: "Open in Results" }).click();
    await page.getByRole("group", { name: "Results by kind" }).waitFor();
    assert.match(page.url(), /#\/results$/);
    await page.context().close();
  });

  test("that is a table is converted as its first lines show, and checked", async () => {
    const { page, complaints } = await stage.open();
    const table = 'id;Frage\na;"Warum ""so"";\nund nicht anders?"\nb\nc;Wie?\n';
    await choose(page, gzipSync(table), "fragen.csv.gz");
    const form = page.getByRole("form", { name: "Convert" });
    await form.getByText("Columns: {id}, {Frage}.").waitFor();
    await form.getByText("Name a model to see the first lines.").waitFor();
    const convert = form.getByRole("button", { name: "Convert and check" });
    assert.equal(await convert.isDisabled(), true);

    await form.getByLabel("Model").fill("echo-1");
    await form.getByText("The first lines").waitFor();
    await form.getByText("Line 4: It has 1 field, the header 2. It will be left out.").waitFor();
    await form.getByLabel("Prompt", { exact: true }).fill("{Frge}");
    await form.getByText("there is no column 'Frge'").waitFor();
    assert.equal(await convert.isDisabled(), true);
    await form.getByLabel("Prompt", { exact: true }).fill("{#}: {Frage}");
    await form.getByLabel("System text").fill("Be brief.");
    await page.waitForFunction(() =>
      document.querySelector(".convert pre")?.textContent?.includes("Be brief."),
    );
    const shown = await firstLines(page);

    await convert.click();
    await checked(page);
    assert.equal(await textOf(page, ".file-name"), "fragen.batch.jsonl");
    assert.equal(await verdict(page), "This file is ready to upload: all 2 requests are good.");
    await page.getByText("Converted from fragen.csv.gz, which is unchanged: 2 of 3 rows.").waitFor();
    await page.getByText("1 row left out").click();
    await page.getByText("Line 4: It has 1 field, the header 2.").waitFor();
    const made = await download(page, "Download fragen.batch.jsonl");
    assert.equal(made, `${shown}\n`);
    const bodies = made
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text));
    assert.deepEqual(
      bodies.map(({ custom_id, body }) => [custom_id, body.messages[1].content]),
      [
        ["a", '1: Warum "so";\nund nicht anders?'],
        ["c", "3: Wie?"],
      ],
    );
    assert.deepEqual(complaints, []);
    await page.context().close();
  });

  test("that is pasted as prompts becomes a request a line, for the endpoint that is chosen", async () => {
    const { page } = await stage.open();
    await page.getByRole("button", { name: "Paste text" }).click();
    await page.getByLabel("Lines of a batch file").fill("one\n\ntwo\n");
    await page.getByRole("button", { name: "Check this text" }).click();
    const form = page.getByRole("form", { name: "Convert" });
    await form.getByLabel("Endpoint").selectOption("/v1/embeddings");
    await form.getByLabel("Model").fill("m");
    await form.getByRole("button", { name: "Convert and check" }).click();
    await checked(page);
    const made = await download(page, "Download pasted.batch.jsonl");
    const of = (id: string, input: string) =>
      `${JSON.stringify({ custom_id: id, method: "POST", url: "/v1/embeddings", body: { model: "m", input } })}\n`;
    assert.equal(made, of("request-1", "one") + of("request-2", "two"));
    await page.context().close();
  });
});

describe("A file above the limits", () => {
  test("is split into parts that are the file together", async () => {
    const { page, complaints } = await stage.open({}, "#/?max_requests=2");
    const lines = ["a", "b", "c", "d", "e"].map((id) => `${line(id)}\n`);
    await choose(page, lines.join(""));
    await checked(page);
    await page.getByRole("button", { name: "Split into parts within the limits" }).click();
    await page.getByText("Here are 3 parts, with every line of the file:").waitFor();
    const parts = [];
    for (const [part, requests] of [
      ["001", 2],
      ["002", 2],
      ["003", 1],
    ] as const)
      parts.push(await download(page, `requests.${part}.jsonl (${requests} requests)`));
    assert.deepEqual(
      parts,
      [lines.slice(0, 2), lines.slice(2, 4), lines.slice(4)].map((part) => part.join("")),
    );
    await choose(page, lines.slice(0, 2).join(""));
    await checked(page);
    await page.getByText("all 2 requests are good").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "Split into parts" }).count(), 0);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
});

describe("The estimate of a file", () => {
  test("is a band of tokens by its bytes, and of time and cost by what is typed in", async () => {
    const { page } = await stage.open();
    const lines = Array.from({ length: 100 }, (_, i) => line(`${i}`, {}, { user: "x".repeat(800) }));
    await choose(page, lines.join("\n"));
    await checked(page);
    const card = page.getByRole("region", { name: "Estimate" });
    const fact = (name: string) =>
      card.locator("div", { has: page.getByText(name, { exact: true }) }).locator("dd");
    // 100 lines of about 960 bytes: from an eighth without their frame, to half.
    assert.equal(await fact("Input tokens, from the size").textContent(), "10,000 to 48,000");
    assert.equal(await card.getByText("Time", { exact: true }).count(), 0);
    await card.getByLabel("Seconds per answer").fill("3");
    assert.equal(await fact("Time").textContent(), "15 seconds to 60 seconds");
    await card.getByLabel("or requests per minute").fill("10");
    assert.equal(await fact("Time").textContent(), "5 minutes to 20 minutes");
    await card.getByLabel("Input price per million tokens").fill("2");
    await card.getByLabel("Output price per million tokens").fill("8");
    await card.getByLabel("Tokens per answer").fill("500");
    assert.equal(await fact("Output tokens").textContent(), "about 50,000");
    assert.equal(await fact("Cost").textContent(), "0.42 to 0.5");
    await page.context().close();
  });
});
