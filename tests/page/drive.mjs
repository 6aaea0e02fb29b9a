// drive.mjs - what the tests of the page share: TAP, a browser, a server under test, axe.
//
// From the environment: NPM (folder with node_modules), B (build folder; screenshots go to $B/page), HEARTH (the program).
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";

const need = createRequire(path.join(process.env.NPM, "package.json"));
const { chromium } = need("playwright-core");
const axe = readFileSync(need.resolve("axe-core/axe.min.js"), "utf8");
export const here = path.dirname(new URL(import.meta.url).pathname);
export const pictures = path.join(process.env.B, "page");
mkdirSync(pictures, { recursive: true });

// ---- TAP ----

let count = 0, failures = 0;

export function ok(good, name, note) {
    count++;
    console.log(`${good ? "ok" : "not ok"} ${count} - ${name}`);
    if (good) return;
    failures++;
    if (note !== undefined) for (const l of String(note).split("\n")) console.log(`#   ${l}`);
}

export function is(found, wanted, name) {
    const a = JSON.stringify(found), b = JSON.stringify(wanted);
    ok(a === b, name, `found  ${a}\nwanted ${b}`);
}

export function has(text, part, name) {
    ok(String(text).includes(part), name, `found  ${text}\nwanted a text with ${part}`);
}

// A part of the tests: what it throws is one failure, with a picture, and the next part still runs.
export async function part(name, page, work) {
    const begun = Date.now();
    try { await work(); console.log(`# ${name}: ${((Date.now() - begun) / 1000).toFixed(1)} s`); } catch (e) {
        ok(false, name, e.stack);
        await page.screenshot({ path: path.join(pictures, `failed-${name.replace(/\W+/g, "-")}.png`) }).catch(() => {});
    }
}

export function end() {
    console.log(`1..${count}`);
    children.forEach(c => c.kill("SIGKILL"));
    process.exit(failures ? 1 : 0);
}

// ---- servers ----

const children = [];

// Starts a program that prints an address in its first lines; {url, stop}.
export function serve(program, args, env) {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
    children.push(child);
    return new Promise((done, failed) => {
        child.on("exit", code => failed(new Error(`${program} ended with ${code}`)));
        createInterface({ input: child.stdout }).on("line", l => {
            const m = /https?:\/\/\S+/.exec(l);
            if (m) done({ url: m[0].replace(/[;,.]$/, ""), child, stop: () => new Promise(gone => { child.once("exit", gone); child.kill("SIGTERM"); }) });
        });
    });
}

process.on("exit", () => children.forEach(c => c.kill("SIGKILL")));

// ---- the browser ----

let browser;

export async function start() {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
}

export async function stop() { await browser.close(); }

// A fresh visitor.  What the console says, what was asked for elsewhere and windows that scripts opened are kept in page.odd.
export async function visit(url, options, settings, until) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB", reducedMotion: "reduce", ...options });
    if (settings) await context.addInitScript(s => { if (!localStorage.getItem("hearth.settings")) localStorage.setItem("hearth.settings", s); }, JSON.stringify(settings));
    await context.addInitScript({ content: axe });
    const page = await context.newPage();
    page.setDefaultTimeout(30000);
    page.odd = [];
    page.on("console", m => { if (m.type() === "error" && !/status of (401|503)/.test(m.text())) page.odd.push(m.text()); });
    page.on("pageerror", e => page.odd.push(e.message));
    page.on("dialog", d => { page.odd.push(`dialog ${d.message()}`); d.dismiss(); });
    page.on("popup", p => page.odd.push(`popup ${p.url()}`));
    page.on("request", r => { if (!r.url().startsWith(url) && !r.url().startsWith("blob:")) page.odd.push(`request ${r.url()}`); });
    await page.goto(url + "/");
    await page.waitForSelector(until || "html[data-ready]");
    return page;
}

export const ready = page => page.waitForSelector("html[data-ready]");

// Asks and waits until the answer is there.
export async function ask(page, text) {
    const before = await page.locator(".turn.assistant .tools").count();
    await page.fill("#question", text);
    await page.press("#question", "Enter");
    await page.waitForFunction(n => document.querySelectorAll(".turn.assistant .tools").length > n, before);
}

export async function clean(page, name) {
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    ok(found.violations.length === 0, `axe finds nothing: ${name}`, found.violations.map(v => `${v.id}: ${v.help}\n` + v.nodes.map(n => "  " + n.target + " " + (n.any[0]?.message || n.failureSummary)).join("\n")).join("\n"));
}

export async function fits(page, name) {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    is(wide, 0, `nothing is wider than the screen: ${name}`);
}

export const picture = (page, name) => page.screenshot({ path: path.join(pictures, name + ".png") });
