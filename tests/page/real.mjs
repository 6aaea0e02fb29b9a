// real.mjs - the page before `hearth serve` and a real model: from the first visit to an answer, its receipt in the ledger, a verdict,
// a key.  HEARTH_HOME is a folder of the test's own.
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ok, is, has, part, end, serve, start, stop, visit, ask, clean, picture } from "./drive.mjs";

const hearth = (...args) => { const r = spawnSync(process.env.HEARTH, args, { encoding: "utf8" }); return (r.stdout + r.stderr).trim(); };
const text = (page, selector) => page.locator(selector).last().innerText();
mkdirSync(process.env.HEARTH_HOME, { recursive: true });
symlinkSync(path.join(process.env.HEARTH_TEST_HOME, "models"), path.join(process.env.HEARTH_HOME, "models"));
writeFileSync(path.join(process.env.HEARTH_HOME, "hearth.ini"), "[transcripts]\nserver = yes\n");
const server = await serve(process.env.HEARTH, ["serve", "--port", "0"]);
await start();
let page = await visit(server.url);

await part("first visit to first answer", page, async () => {
    has(await text(page, ".about-model"), "smollm2, 135M parameters, runs on this computer", "the model in plain words");
    await picture(page, "start");
    await page.click(".advanced summary");
    await page.fill("#knob-temperature", "0");
    await page.fill("#knob-max_tokens", "40");
    await page.press("#knob-max_tokens", "Tab");
    await page.click(".advanced summary");
    await ask(page, "Why is the sky blue?");
    ok((await text(page, ".turn.assistant .text")).length > 40, "there is an answer", await text(page, ".turn.assistant"));
    has(await text(page, ".turn.assistant"), "reached its length limit", "it was cut, and says so");
    is(await text(page, ".facts .link"), "Receipt 0", "it has a receipt");
    has(await text(page, ".facts"), "tokens a second", "its speed is shown");
    await page.click(".facts .link");
    await picture(page, "answer-real");
    has(await text(page, ".receipt"), "version 1, quant: any computer that makes it again gets the same bits", "the receipt in plain words");
    await clean(page, "a real answer");
});

await part("the receipt is in the ledger", page, async () => {
    has(hearth("replay", "0"), "receipt 0: equal", "its replay command makes the same answer again");
    await page.getByRole("button", { name: "Wrong" }).click();
    await page.waitForSelector("text=Kept as wrong.");
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.fill("#correction", "Air scatters blue light more than red.");
    await page.click("text=Keep the correction");
    await page.waitForSelector("text=Kept with your correction.");
    const list = hearth("ledger", "list", "--json");
    ok(/"edited"/.test(list) || /edited/.test(hearth("ledger", "show", "2")), "the ledger has the decision", list);
    const pair = JSON.parse(hearth("feedback", "export", "--form", "preference").split("\n")[0]);
    is([pair.prompt.at(-1).content, pair.chosen[0].content], ["Why is the sky blue?", "Air scatters blue light more than red."], "the pair is exported");
    hearth("ledger", "forget", "0", "--yes");
    is(hearth("feedback", "export", "--form", "entries"), "", "forgetting the answer forgets the verdict's words");
});

await part("tokens, stopping, asking again", page, async () => {
    await page.click(".advanced summary");
    await page.check("#show-tokens");
    await page.fill("#knob-max_tokens", "400");
    await page.press("#knob-max_tokens", "Tab");
    await page.click(".advanced summary");
    await page.fill("#question", "Write a long story about a fox.");
    await page.press("#question", "Enter");
    await page.waitForFunction(() => [...document.querySelectorAll(".turn.assistant .text")].at(-1).textContent.length > 30);
    await page.keyboard.press("Escape");
    await page.waitForSelector("text=You stopped this answer.");
    ok(await page.locator(".token").count() > 5, "a stopped answer shows the tokens that came");
    await page.click(".token >> nth=2");
    ok(await page.locator(".about-token tr").count() >= 5, "with what else was possible");
    await picture(page, "tokens-real");
    await page.click(".advanced summary");
    await page.uncheck("#show-tokens");
    await page.fill("#knob-max_tokens", "12");
    await page.press("#knob-max_tokens", "Tab");
    await page.click(".advanced summary");
    const before = await page.locator(".turn.assistant .tools").count();
    await page.locator(".turn.assistant").last().getByRole("button", { name: "Ask again" }).click();
    await page.waitForSelector(".turn.assistant:last-child .versions");
    await page.waitForFunction(n => document.querySelectorAll(".turn.assistant .tools").length === n, before);
    is(await text(page, ".turn.assistant .versions"), "2/2", "asked again, it stands beside the first");
});

await part("a file", page, async () => {
    await page.click("text=New chat >> nth=0");
    await page.setInputFiles("input[type=file][multiple]", { name: "fox.txt", mimeType: "text/plain", buffer: Buffer.from("The fox is called Rust and lives in the garden.") });
    await page.waitForSelector(".chips li");
    await page.click(".advanced summary");
    await page.fill("#knob-max_tokens", "12");
    await page.press("#knob-max_tokens", "Tab");
    await page.click(".advanced summary");
    await ask(page, "What is the fox called?");
    ok((await text(page, ".turn.assistant .text")).length > 3, "an answer about a file", await text(page, ".turn.assistant"));
    await page.click(".model-button");
    await page.waitForSelector("dialog");
    has(await text(page, "dialog"), "loaded now", "the picker says what is in memory");
    has(await text(page, "dialog"), "Apache-2.0", "and under which licence");
});
is(page.odd, [], "no error, and nothing was asked of anybody else");
await page.context().close();
await server.stop();

const secret = /hk-[\w-]{43}/.exec(hearth("key", "add", "anna"))?.[0];
const locked = await serve(process.env.HEARTH, ["serve", "--port", "0", "--require-key"]);
page = await visit(locked.url, {}, {}, "dialog #key");
await part("a key", page, async () => {
    await page.fill("#key", secret);
    await page.press("#key", "Enter");
    await page.waitForSelector("html[data-ready]");
    await page.click(".advanced summary");
    await page.fill("#knob-max_tokens", "8");
    await page.press("#knob-max_tokens", "Tab");
    await page.click(".advanced summary");
    await ask(page, "Hello");
    ok((await text(page, ".turn.assistant .text")).length > 0, "with the key there is an answer");
    await page.getByRole("button", { name: "Good" }).click();
    await page.waitForSelector("text=Kept as good.");
    const entries = hearth("feedback", "export", "--form", "entries").split("\n").map(l => JSON.parse(l));
    is(entries.map(e => [e.by, e.verdict]), [["anna", "good"]], "and its verdict bears the key's name");
});
await page.context().close();
await stop();
end();
