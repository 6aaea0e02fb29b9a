// kept.mjs - chats kept on the server, chosen on the page: where they lie, that they come back in another browser, and that nothing of
// it happens unasked.  `hearth serve` with a model of random weights.  HEARTH_HOME is a folder of the test's own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ok, is, has, part, end, serve, start, stop, visit, ask, clean, picture } from "./drive.mjs";

const home = process.env.HEARTH_HOME, folder = path.join(home, "page-chats", "own"), model = path.join(home, "tiny.gguf");
const TEMPLATE = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant] ";
mkdirSync(home, { recursive: true });
spawnSync(path.join(process.env.B, "tests/tools/make_model"), [model, "layers=1", "width=64", "heads=4", "kv_heads=2", "vocab=400", "seed=3", "chat_template=" + TEMPLATE]);
spawnSync(process.env.HEARTH, ["import", model, "--name", "tiny"], { encoding: "utf8" });
const server = await serve(process.env.HEARTH, ["serve", "--port", "0"]);
await start();
let page = await visit(server.url);

const files = () => existsSync(folder) ? readdirSync(folder).filter(f => f.endsWith(".json")) : [];
const inBrowser = p => p.evaluate(() => new Promise(done => { const r = indexedDB.open("hearth", 1); r.onsuccess = () => { const q = r.result.transaction("chats").objectStore("chats").count(); q.onsuccess = () => done(q.result); }; }));
const note = p => p.locator(".sidefoot > p").innerText();
async function until(what) { for (let i = 0; i < 200 && !await what(); i++) await new Promise(r => setTimeout(r, 50)); return what(); }
async function limit(p) {
    await p.click(".advanced summary");
    await p.fill("#knob-max_tokens", "8");
    await p.press("#knob-max_tokens", "Tab");
    await p.click(".advanced summary");
}
async function keep(p, where) {
    await p.click(".sidefoot >> text=Settings");
    await p.selectOption("#set-chats", where);
}

await part("in the browser, unasked", page, async () => {
    await limit(page);
    await ask(page, "A first question");
    is(await until(async () => await inBrowser(page) === 1), true, "a chat is kept in the browser");
    is([files(), existsSync(path.join(home, "page-chats"))], [[], false], "and nothing of it on the server");
    has(await note(page), "in this browser only", "the list says so");
});

await part("moved to the server", page, async () => {
    await keep(page, "server");
    is(await until(() => files().length === 1), true, "the chat is a file on the server");
    is(await until(async () => await inBrowser(page) === 0), true, "and not in the browser any more");
    await page.waitForFunction(() => document.querySelector("#set-chats")?.value === "server");
    has(await page.locator("#help-chats").innerText(), "by whoever uses it with the same key", "who sees it there is said beside the choice");
    await clean(page, "settings with chats on the server");
    await picture(page, "keep-chats");
    await page.keyboard.press("Escape");
    has(await note(page), "on the server", "the list says so");
    is(statSync(path.join(folder, files()[0])).mode & 0o777, 0o600, "for its owner only");
    await ask(page, "A second question");
    is(await until(() => /A second question/.test(readFileSync(path.join(folder, files()[0]), "utf8"))), true, "what follows is kept there too");
    await page.click("text=New chat");
    await limit(page);
    await ask(page, "Another chat");
    is(await until(() => files().length === 2), true, "and so is another chat");
});

await part("in another browser", page, async () => {
    const other = await visit(server.url);
    is(await other.locator(".chats li").count(), 0, "another browser does not see them unasked");
    await keep(other, "server");
    is(await until(async () => await other.locator(".chats li").count() === 2), true, "but when it keeps its own there");
    await other.keyboard.press("Escape");
    await other.click(".chats >> text=A first question");
    has(await other.locator(".turns").innerText(), "A second question", "with all that was said");
    await other.reload();
    await other.waitForSelector("html[data-ready]");
    is(await other.locator(".chats li").count(), 2, "also after coming again");
    await other.locator(".chats li", { hasText: "Another chat" }).locator("summary").click();
    await other.locator(".chats li", { hasText: "Another chat" }).getByRole("button", { name: "Delete" }).click();
    await other.locator("dialog").getByRole("button", { name: "Delete" }).click();
    is(await until(() => files().length === 1), true, "a chat that is removed is removed from the server");
    is(other.odd, [], "no error, and nothing was asked of anybody else");
    await other.context().close();
});

await part("damaged, and back", page, async () => {
    writeFileSync(path.join(folder, "00000000000000ff.json"), "{\"id\": ");
    await page.reload();
    await page.waitForSelector("html[data-ready]");
    has(await note(page), "1 chats on the server are damaged", "a file that is no chat is told of");
    is(await page.locator(".chats li").count(), 1, "and the others are there");
    await keep(page, "browser");
    is(await until(async () => await inBrowser(page) === 1 && files().length === 1), true, "back in the browser: there, and on the server no more");
    await page.keyboard.press("Escape");
    await page.reload();
    await page.waitForSelector("html[data-ready]");
    has(await page.locator(".chats").innerText(), "A first question", "where it still is after coming again");
});
is(page.odd, [], "no error, and nothing was asked of anybody else");
await stop();
end();
