// dialogs.js - the windows: models, settings, the key, the keyboard, names of chats.
import { h, dialog } from "./dom.js";
import { t, bytes, languages, language } from "./words.js";
import * as store from "./store.js";

// ---- models ----

// list: of /hearth/models; chosen: a name; choose(name); fetchModel(name, on)
export function modelsDialog(list, chosen, host, choose, fetchModel) {
    const d = dialog(t("choose_model"), t("close"), h("p", { class: "quiet" }, t("choose_model_help", { host })));
    const here = list.filter(m => m.here), away = list.filter(m => !m.here);
    d.append(h("ul", { class: "models" }, here.map(m => modelItem(m, m.name === chosen, () => { choose(m.name); d.close(); }))));
    if (away.length) d.append(h("h3", null, t("not_here")), h("ul", { class: "models" }, away.map(m => awayItem(m, fetchModel, d))));
    const now = d.querySelector("[aria-pressed=true]");
    if (now) now.focus();
}

function memory(m) {
    return m.loaded ? t("memory_loaded", { size: bytes(m.memory) }) : t("memory_needs", { size: bytes(m.size) });
}

function modelFacts(m) {
    const rows = [[t("size"), bytes(m.size)], [t("licence"), m.licence || t("unknown")], [t("memory"), memory(m)]];
    if (m.good_at) rows.push([t("good_at"), m.good_at]);
    return [h("dl", { class: "small" }, rows.map(([a, b]) => h("div", null, h("dt", null, a), h("dd", null, b)))),
        m.note ? h("p", { class: "quiet" }, m.note) : null];
}

function modelItem(m, chosen, choose) {
    const title = h("strong", null, m.name, m.parameters ? h("span", { class: "quiet" }, ` ${m.parameters}`) : null);
    if (m.kind === "base" || m.kind === "embedding") return h("li", { class: "model" }, title, h("p", { class: "note" }, t("base_model")), modelFacts(m));
    return h("li", { class: "model" }, h("button", { type: "button", class: "pick", "aria-pressed": String(chosen), onclick: choose }, title), modelFacts(m));
}

function awayItem(m, fetchModel, d) {
    const say = h("p", { role: "status" }), bar = h("progress", { max: "1", "aria-label": t("fetching", { name: m.name, done: "", total: "" }) });
    const go = h("button", { type: "button", class: "button", onclick: async () => {
        go.disabled = true;
        go.after(bar);
        bar.removeAttribute("value");
        try {
            await fetchModel(m.name, s => {
                if (!s.total) return;
                bar.value = (s.completed || 0) / s.total;
                say.textContent = t("fetching", { name: m.name, done: bytes(s.completed || 0), total: bytes(s.total) });
            });
            d.close();
        } catch (e) {
            bar.remove();
            go.disabled = false;
            say.textContent = t("fetch_failed", { name: m.name, why: e.message });
        }
    } }, t("fetch_model", { size: bytes(m.size) }));
    return h("li", { class: "model" }, h("strong", null, m.name, m.parameters ? h("span", { class: "quiet" }, ` ${m.parameters}`) : null), modelFacts(m), go, say);
}

// ---- settings ----

export function settingsDialog(settings, change, forgetKey) {
    const d = dialog(t("settings"), t("close"));
    const pick = (name, label, options, value) => {
        const help = h("p", { class: "quiet", id: "help-" + name });
        const s = h("select", { id: "set-" + name, "aria-describedby": "help-" + name, onchange: () => change({ [name]: s.value }) },
            options.map(([v, words]) => h("option", { value: v, selected: v === value ? "selected" : null }, words)));
        return [h("label", { for: "set-" + name }, label), s, help];
    };
    const lang = pick("language", t("language"), languages.map(l => [l.code, l.reviewed ? l.name : `${l.name} (${t("unreviewed")})`]), language());
    if (!languages.find(l => l.code === language()).reviewed) lang[2].textContent = t("unreviewed_help");
    const keep = pick("chats", t("keep_chats"), ["browser", "server"].map(x => [x, t("keep_" + x)]), settings.chats);
    keep[2].textContent = t("keep_help");
    const keys = h("input", { type: "checkbox", id: "set-keys", checked: settings.keys, onchange: () => change({ keys: keys.checked }) });
    d.append(h("div", { class: "fields" }, lang, pick("theme", t("theme"), ["auto", "light", "dark"].map(x => [x, t("theme_" + x)]), settings.theme), keep,
        h("div", { class: "check" }, keys, h("label", { for: "set-keys" }, t("keys_on")))));
    if (store.key()) d.append(h("p", null, h("button", { type: "button", class: "button", onclick: () => { forgetKey(); d.close(); } }, t("forget_key"))));
    return d;
}

// ---- the key ----

// Resolves when a key was given (true) or the window closed without (false).
export function keyDialog(why) {
    return new Promise(done => {
        let given = false;
        const box = h("input", { type: "password", id: "key", autocomplete: "off", spellcheck: "false", required: true });
        const keep = h("input", { type: "checkbox", id: "key-keep" });
        const d = dialog(t("key_title"), t("close"), why ? h("p", { class: "failed", role: "alert" }, t("key_wrong", { why })) : h("p", { class: "quiet" }, t("key_help")),
            h("form", { class: "fields", onsubmit: e => {
                e.preventDefault();
                store.keepKey(box.value.trim(), keep.checked);
                given = true;
                d.close();
            } }, h("label", { for: "key" }, t("key")), box, h("div", { class: "check" }, keep, h("label", { for: "key-keep" }, t("key_remember"))),
            h("button", { type: "submit", class: "button strong" }, t("key_use"))));
        d.addEventListener("close", () => done(given));
        box.focus();
    });
}

// ---- the keyboard, names ----

export function shortcutsDialog() {
    const rows = [["Enter", "s_enter"], ["Shift Enter", "s_shift"], ["Esc", "s_esc"], ["/", "s_slash"], ["n", "s_new"], ["e", "s_edit"], ["r", "s_retry"], ["?", "s_help"]];
    dialog(t("shortcuts"), t("close"), h("table", { class: "shortcuts" }, h("tbody", null, rows.map(([keys, words]) =>
        h("tr", null, h("th", { scope: "row" }, keys.split(" ").map(k => h("kbd", null, k))), h("td", null, t(words)))))));
}

export function renameDialog(title, save) {
    const box = h("input", { id: "new-name", maxlength: "200", value: title, required: true });
    const d = dialog(t("rename"), t("close"), h("form", { class: "fields", onsubmit: e => { e.preventDefault(); save(box.value.trim()); d.close(); } },
        h("label", { for: "new-name" }, t("rename_to")), box, h("button", { type: "submit", class: "button strong" }, t("save"))));
    box.select();
}

export function sureDialog(words, yesWords, yes) {
    const d = dialog(yesWords, t("close"), h("p", null, words), h("div", { class: "row" },
        h("button", { type: "button", class: "button danger", onclick: () => { d.close(); yes(); } }, yesWords),
        h("button", { type: "button", class: "button", onclick: () => d.close() }, t("cancel"))));
}
