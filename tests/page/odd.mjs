// odd.mjs - the page before a server that says what no model can be made to say (mock.py): markup, errors, keys, languages.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ok, is, has, part, end, serve, start, stop, visit, ready, ask, clean, fits, picture, here, pictures } from "./drive.mjs";

const mock = await serve("python3", [path.join(here, "mock.py")]);
const asked = async () => (await (await fetch(mock.url + "/test/asked")).json());
const text = (page, selector) => page.locator(selector).last().innerText();
await start();
let page = await visit(mock.url);

await part("first visit", page, async () => {
    is(await page.evaluate(() => document.activeElement.id), "question", "the question has the focus");
    is(await page.locator(".card").count(), 6, "six things to begin with");
    has(await text(page, ".about-model"), "smollm2, 135M parameters, runs on this computer", "the model in plain words");
    has(await text(page, ".warning"), "often wrong", "small models are often wrong");
    is(await page.locator(".advanced[open]").count(), 0, "sampling is out of sight");
    await clean(page, "first screen");
    await fits(page, "first screen");
    await page.click(".card >> text=Summarise a text");
    is(await page.evaluate(() => document.activeElement.id), "question", "an action leads to the question");
    await ask(page, "one two three");
    has((await asked()).at(-1).messages[0].content, "You summarise texts", "its system prompt is sent");
    await ask(page, "say a\\0b");
    has(await text(page, ".turn.assistant .text"), "a\uFFFDb", "a zero in an answer is a sign that can be kept and sent");
});

await part("an answer", page, async () => {
    await page.keyboard.press("Escape");
    await page.click("text=New chat >> nth=0");
    await ask(page, "say # Title\n\nThe **sky** is *blue*, `x` and ~~y~~.\n\n1. one\n2. two\n   - in\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n> said\n\n```python\nprint('<b>')\n```\n\n$x^2$ and \\(y_1\\)\n\n---\nend");
    const made = await page.evaluate(() => { const r = document.querySelector(".turn.assistant .text"); const n = s => r.querySelectorAll(s).length;
        return [n("h3"), n("strong"), n("em"), n("s"), n("ol > li"), n("ul > li"), n("td"), n("blockquote"), n("pre"), n(".math"), n("hr")]; });
    is(made, [1, 1, 1, 1, 2, 1, 2, 1, 1, 2, 1], "Markdown becomes elements");
    is(await page.evaluate(async () => {
        const { markdown } = await import("/ui/markdown.js"), begun = performance.now();
        const title = markdown("## C# and more ##")[0].textContent;
        markdown("#" + " ".repeat(20000) + "b");
        return [title, performance.now() - begun < 2000];
    }), ["C# and more", true], "a heading, also one of twenty thousand blanks, takes no time");
    is(await page.locator(".text pre").innerText(), "print('<b>')", "code as it is");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.click(".codehead .button");
    is(await page.evaluate(() => navigator.clipboard.readText()), "print('<b>')", "code is copied");
    has(await text(page, ".facts"), "tokens a second", "speed");
    has(await text(page, ".facts"), "13.7 J (estimated)", "energy");
    await page.click(".facts .link");
    const receipt = await text(page, ".receipt");
    for (const words of ["smollm2, the file whose SHA-256 begins with b179c9523d0e", "any computer that makes it again gets the same bits", "hearth replay ", "hearth explain ", "between 5.83 and 32.4"])
        has(receipt, words, `the receipt in words: ${words}`);
    is(await page.evaluate(() => document.querySelector("[aria-live]").textContent.includes("Title")), true, "a screen reader hears the answer once it is whole");
    await clean(page, "an answer and its receipt");
    await picture(page, "answer");
    await page.emulateMedia({ media: "print" });
    is(await page.locator("#side").isVisible(), false, "on paper there is no list of chats");
    await page.emulateMedia({ media: "screen" });
});

await part("a tree of turns", page, async () => {
    await page.click("text=New chat >> nth=0");
    await ask(page, "say first");
    await ask(page, "say second");
    await page.locator(".turn.assistant").last().getByRole("button", { name: "Ask again" }).click();
    await page.waitForSelector(".versions");
    is(await text(page, ".turn.assistant >> nth=-1 >> .versions"), "2/2", "asked again: the second of two");
    await page.locator(".turn.user").first().getByRole("button", { name: "Edit the question" }).click();
    is(await page.locator(".edit textarea").inputValue(), "say first", "the question can be edited");
    await clean(page, "editing");
    await page.fill(".edit textarea", "say other");
    await page.press(".edit textarea", "Enter");
    await page.waitForFunction(() => document.querySelectorAll(".turn").length === 2 && document.querySelector(".turn.assistant .tools"));
    is(await page.locator(".turn.assistant .text").allInnerTexts(), ["other"], "an edited question begins a branch");
    await page.locator(".turn.user").first().getByRole("button", { name: "Previous version" }).click();
    is(await page.locator(".turn.assistant .text").allInnerTexts(), ["first", "second"], "and the arrows lead back to the other");
    is(await text(page, ".turn.user >> nth=0 >> .versions"), "1/2", "which is the first of two");
    await ask(page, "say third");
    is((await asked()).at(-1).messages.filter(m => m.role !== "system").map(m => m.content), ["say first", "first ", "say second", "second ", "say third"], "what is sent is the branch that is shown");
    await page.reload();
    await ready(page);
    await page.click(".chat >> nth=0");
    is(await page.locator(".turn.assistant .text").allInnerTexts(), ["first", "second", "third"], "after a reload it is there as it was");
});

await part("stopping", page, async () => {
    for (const how of ["Escape", "button"]) {
        await page.click("text=New chat >> nth=0");
        await page.fill("#question", "slow");
        await page.press("#question", "Enter");
        await page.waitForFunction(() => /sky is/.test(document.querySelector(".turn.assistant .text")?.textContent));
        if (how === "Escape") await page.keyboard.press("Escape");
        else await page.click(".go");
        await page.waitForSelector("text=You stopped this answer.");
        ok((await text(page, ".turn.assistant .text")).length < 150, `an answer is stopped by ${how}, and what came stays`);
    }
    is(await page.locator(".go .hidden").innerText(), "Send", "and a new question can be sent");
});

await part("writing while an answer comes", page, async () => {
    await page.click("text=New chat >> nth=0");
    await ask(page, "say one");
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.fill("#question", "slow");
    await page.press("#question", "Enter");
    await page.fill("#correction", "half a correction");
    await page.waitForFunction(() => document.querySelectorAll(".turn.assistant .tools").length === 2);
    is(await page.evaluate(() => [document.activeElement.id, document.activeElement.value]), ["correction", "half a correction"], "a correction that is being written stays");
    await page.click(".advanced summary");
    await page.fill("#question", "slow");
    await page.press("#question", "Enter");
    await page.fill("#system", "Be brief.");
    await page.waitForFunction(() => document.querySelectorAll(".turn.assistant .tools").length === 3);
    is(await page.inputValue("#system"), "Be brief.", "and so does a system prompt");
    await page.press("#system", "Tab");
    await page.click(".advanced summary");
});

await part("what goes wrong", page, async () => {
    for (const [question, words] of [["refuse", "There is no answer: the queue is full"], ["error", "There is no answer: a value was not finite"], ["break", "the connection ended before the answer was complete"]]) {
        await page.click("text=New chat >> nth=0");
        await ask(page, question);
        has(await text(page, ".turn .failed"), words, `${question}: said in a sentence`);
    }
    await clean(page, "an error");
});

await part("files", page, async () => {
    await page.click("text=New chat >> nth=0");
    const give = (name, data) => page.setInputFiles("input[type=file][multiple]", { name, mimeType: "text/plain", buffer: Buffer.from(data) });
    for (const [name, data, words] of [["a.bin", Buffer.from([1, 2, 0xff, 0xfe]), "a.bin is no text"], ["nul.txt", "a\0b", "nul.txt is no text"], ["none.txt", "", "none.txt is empty"], ["big.txt", "x".repeat(300000), "big.txt has 300 kB; at most 262 kB"]]) {
        await give(name, data);
        await page.waitForSelector(".ask .failed:not([hidden])");
        has(await text(page, ".ask .failed"), words, `${name} is refused`);
        is(await page.locator(".chips li").count(), 0, "and not attached");
    }
    await give("<b>notes</b>.txt", "The cat sat.\n```\ncode\n");
    await page.waitForSelector(".chips li");
    has(await text(page, ".chips"), "<b>notes</b>.txt", "its name is text");
    has(await text(page, ".chips"), "22 bytes", "its size is shown");
    await clean(page, "a file attached");
    await ask(page, "what is in it?");
    is((await asked()).at(-1).messages.at(-1).content, "<b>notes</b>.txt:\n````\nThe cat sat.\n```\ncode\n\n````\n\nwhat is in it?", "it is sent before the question, in a fence that it cannot close");
});

await part("markup from a model", page, async () => {
    const payloads = ["<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "<svg onload=window.hacked=1><a xlink:href='javascript:window.hacked=1'><text y=9>x</text></a></svg>",
        "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>", "[click](javascript:window.hacked=1)", "[click](data:text/html,<script>1</script>)", "[click](JaVaScRiPt:alert(1))", "![i](https://evil.example/p.png)",
        "[bank](https://evil.example/\"onclick=\"x)", "<https://evil.example/>", "https://user:pass@evil.example/", "[http](http://evil.example/)", "```html\n<script>window.hacked=1</script>\n```", "| <img src=x onerror=window.hacked=1> |\n|---|\n| <b onmouseover=window.hacked=1>x</b> |",
        "<style>body{display:none}</style>", "<base href=https://evil.example/>", "<form action=https://evil.example><input name=x></form>", "<meta http-equiv=refresh content=0;url=https://evil.example>", "<math><mtext></form><form><mglyph><style></math><img src onerror=window.hacked=1>", "&lt;script&gt;"];
    await page.click("text=New chat >> nth=0");
    await ask(page, "say " + payloads.join("\n\n"));
    const bad = await page.evaluate(() => {
        const allowed = /^(DIV|SPAN|P|H[3-6]|UL|OL|LI|TABLE|THEAD|TBODY|TR|TH|TD|BLOCKQUOTE|HR|PRE|CODE|STRONG|EM|S|A|BR|BUTTON|svg|path)$/, out = [];
        for (const e of document.querySelectorAll(".turn.assistant .text *")) {
            if (!allowed.test(e.tagName)) out.push(e.tagName);
            for (const a of e.attributes) if (/^on/.test(a.name) || (/href|src|action/.test(a.name) && !/^https:\/\//.test(a.value))) out.push(`${a.name}=${a.value}`);
        }
        return [out, window.hacked];
    });
    is(bad, [[], null], "it stays text: no element, handler or address of its own");
    const links = await page.evaluate(() => [...document.querySelectorAll(".turn.assistant .text a")].map(a => [a.textContent === a.href, a.rel]));
    ok(links.length > 0 && links.every(([same, rel]) => same && rel.includes("noopener")), "a link shows its address and gives away nothing", JSON.stringify(links));
    is(await page.evaluate(() => { try { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); return "parsed"; } catch { return "refused"; } }), "refused", "and the browser would refuse to parse any");
    page.odd = page.odd.filter(x => !/TrustedHTML/.test(x));
    const long = "*".repeat(30000) + "[".repeat(3000) + "`".repeat(2999) + "\n" + "> ".repeat(3000) + "- ".repeat(2000) + "|".repeat(5000) + "\n" + "|-".repeat(2000);
    const took = await page.evaluate(async s => { const { markdown } = await import("/ui/markdown.js"), t = performance.now(); markdown(s); return performance.now() - t; }, long);
    ok(took < 1000, "nor does anything that nests deep keep the page busy", `${took} ms`);
});

await part("tokens", page, async () => {
    await page.click("text=New chat >> nth=0");
    await ask(page, "say off");
    is("logprobs" in (await asked()).at(-1), false, "probabilities are not asked for unless they are wanted");
    await page.click(".advanced summary");
    await clean(page, "advanced");
    await page.check("#show-tokens");
    await page.fill("#knob-temperature", "0.5");
    await page.fill("#knob-seed", "7");
    await page.fill("#knob-top_p", "9");
    await page.press("#knob-top_p", "Tab");
    is(await page.getAttribute("#knob-top_p", "aria-invalid"), "true", "what cannot be is marked");
    await page.click(".advanced summary");
    await ask(page, "say one two <i>three</i> four");
    const q = (await asked()).at(-1);
    is([q.logprobs, q.top_logprobs, q.temperature, q.seed, "top_p" in q], [true, 5, 0.5, 7, false], "they are asked for, with what was set");
    is(await page.locator(".token").count(), 4, "a token each");
    await page.click(".token >> nth=0");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    has(await text(page, ".about-token"), "<i>three</i>␣: 81.9 %", "the arrow keys go through them");
    has(await text(page, ".about-token"), "<b>x</b>", "what else was possible, as text");
    await clean(page, "tokens");
    await picture(page, "tokens");
});

await part("verdicts", page, async () => {
    await page.click("text=New chat >> nth=0");
    await ask(page, "say four");
    const last = page.locator(".turn.assistant").last();
    await last.getByRole("button", { name: "Good" }).click();
    await page.waitForSelector("text=Kept as good.");
    await last.getByRole("button", { name: "Wrong" }).click();
    await page.waitForSelector("text=Kept as wrong.");
    await last.getByRole("button", { name: "Correct it" }).click();
    await clean(page, "correcting");
    await page.fill("#correction", "five");
    await page.click("text=Keep the correction");
    await page.waitForSelector("text=Kept with your correction.");
    const kept = await (await fetch(mock.url + "/test/feedback")).json();
    is(kept.map(k => [k.verdict, k.answer, k.correction ?? null, Number.isInteger(k.receipt), k.messages.at(-1).content]),
        [["good", "four ", null, true, "say four"], ["wrong", "four ", null, true, "say four"], ["corrected", "four ", "five", true, "say four"]], "each is sent with the receipt");
});

await part("chats", page, async () => {
    const names = () => page.locator(".chat").allInnerTexts();
    const count = (await names()).length;
    await page.locator(".menu summary").first().click();
    await clean(page, "the menu of a chat");
    await page.locator(".menu[open] >> text=Rename").click();
    await page.fill("#new-name", "Sums <b>");
    await page.press("#new-name", "Enter");
    is((await names())[0], "Sums <b>", "renamed");
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("text=Export all chats")]);
    const exported = JSON.parse(readFileSync(await file.path(), "utf8"));
    is([exported.format, exported.chats.length], ["hearth-chats/1", count], "all are exported");
    await page.locator(".menu summary").first().click();
    await page.locator(".menu[open] >> text=Delete").click();
    await page.click("dialog .danger");
    await page.waitForFunction(n => document.querySelectorAll(".chat").length === n - 1, count);
    ok(!(await names()).includes("Sums <b>"), "deleted");
    const give = (name, data) => page.setInputFiles("#side input[type=file]", { name, mimeType: "application/json", buffer: Buffer.from(data) });
    const spoilt = JSON.parse(JSON.stringify(exported));
    const turn = Object.values(spoilt.chats[0].turns)[0];
    turn.kids = [turn.id];                          // a circle
    for (const [data, words] of [["{", "no JSON"], ["{}", "no chats of hearth"], [JSON.stringify(spoilt), "damaged"], [JSON.stringify({ ...exported, chats: [{ id: "__proto__" }] }), "damaged"]]) {
        await give("x.json", data);
        await page.waitForSelector(`.sidefoot p:has-text("${words}")`);
        is((await names()).length, count - 1, `an import that is ${words} changes nothing`);
    }
    await give("x.json", JSON.stringify(exported));
    await page.waitForSelector(`text=${count} chats came in.`);
    is((await names()).length, 2 * count - 1, "an import adds, and replaces nothing");
    await page.reload();
    await ready(page);
    is((await names()).length, 2 * count - 1, "all are there after a reload");
});

await part("windows and keys", page, async () => {
    await page.click(".model-button");
    await page.waitForSelector("dialog");
    has(await text(page, "dialog"), "98 MB", "models: size");
    has(await text(page, "dialog"), "Apache-2.0", "models: licence");
    has(await text(page, "dialog"), "310 MB, loaded now", "models: memory");
    has(await text(page, "dialog"), "<img src=x onerror=alert(1)>", "models: a name is text");
    has(await text(page, "dialog"), "knows no chat", "models: a base model cannot be chosen");
    is(await page.locator("dialog .pick").count(), 2, "models: the others can");
    await clean(page, "models");
    await page.click("dialog >> text=Fetch (3 MB)");
    await page.waitForSelector("text=lost could not be fetched: the index does not answer");
    await page.click("dialog >> text=Fetch (2 MB)");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.click(".model-button");
    await page.waitForSelector("dialog");
    is(await page.locator("dialog .pick").count(), 3, "models: one that was fetched can be chosen");
    await page.keyboard.press("Escape");
    is(await page.locator("dialog").count(), 0, "Esc closes a window");
    is(await page.evaluate(() => document.activeElement.className), "model-button", "and the focus is where it was");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    has(await text(page, "dialog"), "send the question", "? lists the keys");
    await clean(page, "keyboard");
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("/");
    is(await page.evaluate(() => document.activeElement.id), "question", "/ leads to the question");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("x");
    is(await page.inputValue("#question"), "\nx", "Shift+Enter is a new line");
    await page.click(".sidefoot >> text=Settings");
    await clean(page, "settings");
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.selectOption("#set-theme", "dark");
    const dark = await paper();
    ok(light !== dark, "the switch makes it dark");
    await page.selectOption("#set-theme", "auto");
    await page.emulateMedia({ colorScheme: "dark" });
    is(await paper(), dark, "and so does the system");
    await page.keyboard.press("Escape");
    await clean(page, "dark");
    await picture(page, "dark");
    await page.emulateMedia({ colorScheme: "light" });
});
is(page.odd, [], "no error, no dialog, and nothing was asked of anybody else");
await page.context().close();

// ---- a phone ----

page = await visit(mock.url, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
await part("a phone", page, async () => {
    await fits(page, "first screen on a phone");
    await clean(page, "first screen on a phone");
    await picture(page, "phone");
    await ask(page, "say | a | b | c | d | e | f |\n|---|---|---|---|---|---|\n| 11111111 | 22222222 | 33333333 | 44444444 | 55555555 | 66666666 |\n\n" + "x".repeat(300) + "\n\n```\n" + "y".repeat(300) + "\n```");
    await fits(page, "a wide answer on a phone");
    await page.click(".facts .link");
    await fits(page, "a receipt on a phone");
    await clean(page, "an answer on a phone");
    is(await page.evaluate(() => document.getElementById("side").inert), true, "the list of chats is away");
    await page.getByRole("button", { name: "Show the chats" }).click();
    await page.waitForSelector("#side.shown");
    await clean(page, "the list of chats on a phone");
    await page.keyboard.press("Escape");
    is(await page.locator("#side.shown").count(), 0, "Esc puts it away");
    await page.click(".model-button");
    await page.waitForSelector("dialog");
    await fits(page, "models on a phone");
    await page.keyboard.press("Escape");
    await page.click(".advanced summary");
    await fits(page, "advanced on a phone");
});
is(page.odd, [], "a phone: no error");
await page.context().close();

// ---- languages ----

const spoken = {};
for (const code of ["en", "es", "fr", "sw", "zu"]) {
    page = await visit(mock.url, { viewport: { width: 360, height: 740 } }, { language: code });
    await part(code, page, async () => {
        is(await page.evaluate(() => document.documentElement.lang), code, `${code}: the page says its language`);
        await fits(page, code);
        if (code === "zu") await clean(page, "first screen in isiZulu");
        spoken[code] = (await page.evaluate(async c => { const m = (await import(`/ui/strings/${c}.js`)).default;
            return { words: Object.entries(m.words).map(([k, v]) => [k, (v.match(/\{\w+\}/g) || []).sort().join()]).sort(), actions: m.actions.map(a => [a.id, a.icon, ...["title", "about", "hint", "system"].map(k => a[k].length > 2)]) }; }, code));
        await picture(page, `phone-${code}`);
    });
    await page.context().close();
}
for (const code of ["es", "fr", "sw", "zu"]) is(spoken[code], spoken.en, `${code} has every word and every action, with the same places to fill in`);
page = await visit(mock.url, { locale: "fr-CA" });
is(await page.evaluate(() => document.documentElement.lang), "fr", "without a choice it speaks the browser's language");
await part("language menu", page, async () => {
    await page.click(".link.plain");
    has(await page.locator("#set-language").innerText(), "isiZulu (", "what nobody has read yet is marked in the menu");
    await page.selectOption("#set-language", "es");
    await page.waitForFunction(() => document.documentElement.lang === "es");
    has(await text(page, ".start h1"), "gustaría", "another language is spoken at once");
    has(await text(page, "dialog"), "Ningún hablante", "and says that no speaker has read it");
});
await page.context().close();

// ---- words: all that is said has words, and no words are left over ----

const said = new Set();
for (const f of ["app", "api", "composer", "dialogs", "dom", "markdown", "receipt", "side", "store", "tokens", "tree", "turns", "words"])
    for (const m of readFileSync(path.join(here, "../../src/serve/ui", f + ".js"), "utf8").matchAll(/"(\w+)"/g)) said.add(m[1]);
for (const k of ["kept_good", "kept_wrong", "kept_corrected", "theme_auto", "theme_light", "theme_dark", "temperature_help", "seed_help", "keep_browser", "keep_server"]) said.add(k);
is(spoken.en.words.map(w => w[0]).filter(w => !said.has(w)), [], "no words are left over");

// ---- a key ----

const locked = await serve("python3", [path.join(here, "mock.py"), "--key", "hk-right"]);
page = await visit(locked.url, {}, {}, "dialog #key");
await part("a key", page, async () => {
    await clean(page, "the key is asked for");
    await picture(page, "key");
    await page.fill("#key", "hk-wrong");
    await page.press("#key", "Enter");
    await page.waitForSelector("dialog .failed");
    has(await text(page, "dialog .failed"), "That key was not accepted", "a wrong key is said to be one");
    await page.fill("#key", "hk-right");
    await page.press("#key", "Enter");
    await ready(page);
    await ask(page, "say open");
    is(await page.locator(".turn.assistant .text").allInnerTexts(), ["open"], "with the right one it goes on");
    is(await page.evaluate(() => [sessionStorage.getItem("hearth.key"), localStorage.getItem("hearth.key")]), ["hk-right", null], "it is kept for this tab only");
    await page.reload();
    await ready(page);
    await page.click(".sidefoot >> text=Settings");
    await page.click("text=Forget the key");
    await page.waitForSelector("dialog #key");
    await page.fill("#key", "hk-right");
    await page.check("#key-keep");
    await page.press("#key", "Enter");
    await page.waitForFunction(() => localStorage.getItem("hearth.key") === "hk-right");
    ok(true, "and longer when that is wanted");
});
await page.context().close();
writeFileSync(path.join(pictures, "README"), "Screenshots of the last run of tests/page.\n");
await stop();
end();
