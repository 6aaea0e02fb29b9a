// composer.js - where a question is written: the box, attached files, and "Advanced" with system prompt and sampling.
import { h, fill, icon, button } from "./dom.js";
import { t, bytes } from "./words.js";

const FILE_MAX = 256 * 1024;

const knobs = [      // name in the request, step, least, most
    ["temperature", 0.05, 0, 5], ["top_p", 0.01, 0, 1], ["top_k", 1, 0, 1000], ["min_p", 0.01, 0, 1], ["repeat_penalty", 0.05, 0.5, 2],
    ["max_tokens", 1, 1, 1000000], ["seed", 1, 0, Number.MAX_SAFE_INTEGER]];

// A text file as {name, text}; throws an Error with a sentence when it is none.
export async function readFile(file) {
    const name = file.name.slice(0, 200);
    if (file.size > FILE_MAX) throw new Error(t("file_large", { name, size: bytes(file.size), max: bytes(FILE_MAX) }));
    if (!file.size) throw new Error(t("file_empty", { name }));
    let data;
    try { data = new Uint8Array(await file.arrayBuffer()); } catch { throw new Error(t("file_unread", { name })); }
    let text;
    try { text = new TextDecoder("utf-8", { fatal: true }).decode(data); } catch { throw new Error(t("file_binary", { name })); }
    if (/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text)) throw new Error(t("file_binary", { name }));
    return { name, text, size: file.size };
}

// act: {send(text, files), stop(), settings, keepSettings(change), complain(text)}
export class Composer {
    constructor(act) {
        this.act = act;
        this.files = [];
        this.box = h("textarea", { id: "question", rows: "1", dir: "auto", "aria-label": t("question"), autocomplete: "off" });
        this.box.addEventListener("input", () => this.fit());
        this.box.addEventListener("keydown", e => {
            if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); this.send(); }
        });
        this.chips = h("ul", { class: "chips", hidden: true });
        this.input = h("input", { type: "file", class: "hidden", multiple: true, tabindex: "-1", "aria-hidden": "true", onchange: () => { this.take(this.input.files); this.input.value = ""; } });
        this.go = h("button", { type: "submit", class: "go" });
        this.panel = h("div", { class: "panel" });
        this.advanced = h("details", { class: "advanced" }, h("summary", null, t("advanced"), icon("down")), this.panel);
        this.error = h("p", { class: "failed", role: "alert", hidden: true });
        this.form = h("form", { class: "ask", onsubmit: e => { e.preventDefault(); this.busy ? this.act.stop() : this.send(); } }, this.error,
            h("div", { class: "box" }, this.chips, this.box, h("div", { class: "boxrow" }, button("clip", t("attach"), () => this.input.click()), this.input, h("span", { class: "grow" }), this.go)),
            h("div", { class: "below" }, this.advanced, h("p", { class: "warning" }, t("warning"))));
        for (const type of ["dragover", "drop"]) this.form.addEventListener(type, e => {
            if (![...e.dataTransfer.types].includes("Files")) return;
            e.preventDefault();
            if (type === "drop") this.take(e.dataTransfer.files);
        });
        this.setBusy(false);
    }

    setBusy(busy) {
        this.busy = busy;
        fill(this.go, icon(busy ? "stop" : "send"), h("span", { class: "hidden" }, t(busy ? "stop" : "ask")));
        this.go.title = t(busy ? "stop" : "ask");
    }

    fit() {
        this.box.style.height = "auto";
        this.box.style.height = Math.min(this.box.scrollHeight + 2, innerHeight * 0.4) + "px";
    }

    say(words) {
        this.error.textContent = words || "";
        this.error.hidden = !words;
    }

    async take(list) {
        this.say("");
        for (const f of [...list].slice(0, 8)) {
            try { this.files.push(await readFile(f)); } catch (e) { this.say(e.message); }
        }
        this.drawFiles();
        this.box.focus();
    }

    drawFiles() {
        this.chips.hidden = !this.files.length;
        fill(this.chips, this.files.map((f, i) => h("li", null, icon("clip"), h("span", null, f.name), h("span", { class: "quiet" }, bytes(f.size)),
            button("wrong", t("drop_file", { name: f.name }), () => { this.files.splice(i, 1); this.drawFiles(); this.box.focus(); }))));
    }

    send() {
        const text = this.box.value.trim(), files = this.files;
        if (this.busy || (!text && !files.length)) return;
        if (this.act.send(text, files.map(f => ({ name: f.name, text: f.text }))) === false) return;
        this.box.value = "";
        this.files = [];
        this.drawFiles();
        this.say("");
        this.fit();
    }

    // The panel for one chat: what is changed there goes straight into it.
    drawAdvanced(chat, changed) {
        const system = h("textarea", { id: "system", rows: "3", dir: "auto", "aria-describedby": "system-help", value: chat.system, onchange: () => { chat.system = system.value; changed(); } });
        const tokens = h("input", { type: "checkbox", id: "show-tokens", "aria-describedby": "tokens-help", checked: this.act.settings.tokens, onchange: () => this.act.keepSettings({ tokens: tokens.checked }) });
        fill(this.panel, h("label", { for: "system" }, t("system")), system, h("p", { class: "quiet", id: "system-help" }, t("system_help")),
            h("div", { class: "knobs" }, knobs.map(k => knob(k, chat, changed))),
            h("div", { class: "check" }, tokens, h("label", { for: "show-tokens" }, t("show_tokens"))), h("p", { class: "quiet", id: "tokens-help" }, t("tokens_help")));
    }
}

function knob([name, step, min, max], chat, changed) {
    const has = name === "temperature" || name === "seed";
    const box = h("input", { type: "number", id: "knob-" + name, step, min, max, placeholder: t("default_value"), "aria-describedby": has ? "help-" + name : null,
        value: chat.sampling[name] ?? "", onchange: () => {
            const v = box.value === "" ? NaN : Number(box.value);
            box.setAttribute("aria-invalid", String(box.value !== "" && !box.checkValidity()));
            if (Number.isFinite(v) && box.checkValidity()) chat.sampling[name] = v;
            else delete chat.sampling[name];
            changed();
        } });
    return h("div", null, h("label", { for: "knob-" + name }, t(name)), box, has ? h("p", { class: "quiet", id: "help-" + name }, t(name + "_help")) : null);
}
