// app.js - the page: what is open, what was asked, what comes back.
//
//     composer ── send ──► tree.add(question) ──► answer() ── api.ask ──► tree.add(answer), drawn as it comes
//                                                   └── 401: the key is asked for, and it goes on
import { h, fill, icon, button } from "./dom.js";
import { t, speak, actions, browserLanguage, language, languages } from "./words.js";
import * as api from "./api.js";
import * as dialogs from "./dialogs.js";
import * as store from "./store.js";
import * as tree from "./tree.js";
import { Composer } from "./composer.js";
import { Side } from "./side.js";
import { turnView, drawText } from "./turns.js";
import { readReceipt } from "./receipt.js";
import { readTokens } from "./tokens.js";

const DRAW_MS = 80, ALTERNATIVES = 5;
let settings, chats = [], bad = 0, chat = null, models = { models: [] }, running = null;
let side, composer, list, title, start, head, voice, trouble;
const view = { busy: false, writing: null, open: {} };

// ---- the model, in plain words ----

function host() {
    return ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) ? t("here") : location.hostname;
}

const usable = () => models.models.filter(m => m.here && m.kind !== "base" && m.kind !== "embedding");

function model() {
    const m = usable();
    return m.find(x => x.name === ((chat && chat.model) || settings.model)) || m.find(x => x.name === models.default) || m[0] || null;
}

async function loadModels() {
    await withKey(async () => { models = await api.models(); });
    drawHead();
    drawStart();
}

async function chooseModel() {
    try { await loadModels(); } catch (e) { complain(plainly(e)); }     // what is in memory changes
    head.querySelector(".model-button").focus();                           // drawn anew: where the focus comes back to
    const m = model();
    dialogs.modelsDialog(models.models, m && m.name, host(), name => {
        keepSettings({ model: name });
        if (chat) { chat.model = name; changed(chat); }
        drawHead();
        drawStart();
    }, async (name, on) => {
        await withKey(() => api.pull(name, on));
        await loadModels();
    });
}

// Does what needs the server; when a key is asked for, asks the person and does it again.
async function withKey(what) {
    for (let why = ""; ;) {
        try { return await what(); } catch (e) {
            if (e.status !== 401 || !await dialogs.keyDialog(why)) throw e;
            why = e.message;
        }
    }
}

function plainly(e) {
    return e instanceof api.Refused ? e.message || t("broken_off") : e instanceof TypeError ? t("unreachable") : e.message;
}

// ---- drawing ----

function drawHead() {
    const m = model();
    fill(head, button("menu", t("open_menu"), () => side.show(true), { class: "icon narrow", "aria-expanded": "false", "aria-controls": "side" }),
        h("button", { type: "button", class: "model-button", onclick: chooseModel }, icon("box"), h("span", null, h("span", { class: "hidden" }, t("model") + ": "),
            m ? m.name : t("no_model")), icon("down")),
        h("span", { class: "quiet wide-only" }, m ? t("model_runs", { host: host() }) : ""), h("span", { class: "grow" }),
        h("button", { type: "button", class: "link plain", title: t("language"), onclick: showSettings }, h("span", { class: "hidden" }, t("settings") + ": "), languages.find(l => l.code === language()).name),
        button("question", t("shortcuts"), dialogs.shortcutsDialog));
    side.opener = head.querySelector("button");
    document.title = (chat && chat.title ? chat.title + " - " : "") + "hearth";
}

function drawStart() {
    const m = model(), picked = chat ? chat.action : "ask";
    start.hidden = Boolean(chat && chat.roots.length);
    if (start.hidden) return;
    const about = m ? [m.parameters ? t("model_plain", m) : m.name, t("model_runs", { host: host() })].join(", ") + "." : t("no_model_help", { name: models.default || "smollm2" });
    fill(start, h("h1", null, t("start_title")), h("p", { class: "lead" }, t("tagline", { host: host() })),
        h("div", { class: "cards", role: "group", "aria-label": t("choose_action") }, actions().map(a => h("button", { type: "button", class: "card", "aria-pressed": String(a.id === picked), onclick: () => pickAction(a) },
            icon(a.icon), h("strong", null, a.title), h("span", null, a.about)))),
        h("p", { class: "about-model" }, icon(m ? "lock" : "box"), h("span", null, about, " ", m && m.good_at ? `${t("good_at")}: ${m.good_at}. ` : "", m && m.note ? m.note : "")),
        m ? null : h("p", null, h("button", { type: "button", class: "button strong", onclick: chooseModel }, t("choose_model"))));
}

function drawTurns() {
    const shown = chat ? tree.path(chat) : [];
    list.hidden = title.hidden = !shown.length;
    title.textContent = (chat && chat.title) || t("untitled");
    const typed = [...list.querySelectorAll(".edit textarea")].map(b => [b.closest(".turn").id, b.value, b === document.activeElement]);
    fill(list, shown.map(x => turnView(chat, x, view, act)));
    for (const [id, value, focus] of typed) {          // what somebody is writing there stays, also when an answer ends meanwhile
        const b = document.querySelector(`#${id} .edit textarea`);
        if (b) b.value = value;
        if (b && focus) b.focus();
    }
}

function draw() {
    drawHead();
    drawStart();
    drawTurns();
    side.draw(chats, chat, bad);
    composer.setBusy(view.busy);
    ensureDraft();
    if (!composer.panel.contains(document.activeElement)) composer.drawAdvanced(chat, () => { if (chat.roots.length) changed(chat); });
    const a = actions().find(x => x.id === chat.action) || actions()[0];
    composer.box.placeholder = chat.roots.length ? t("question") : a.hint;
}

// One turn again; what had the focus in it has it again.
function redraw(turn) {
    const old = document.getElementById("turn-" + turn.id);
    if (!old) return;
    const focus = old.contains(document.activeElement) ? [...old.querySelectorAll("button, textarea")].indexOf(document.activeElement) : -1;
    const e = turnView(chat, turn, view, act);
    old.replaceWith(e);
    if (focus >= 0) ([...e.querySelectorAll("button, textarea")][focus] || composer.box).focus();
}

function say(words) {
    voice.textContent = "";
    setTimeout(() => { voice.textContent = words; }, 50);
}

function complain(words) {
    trouble.textContent = words;
    trouble.hidden = !words;
}

// ---- chats ----

function ensureDraft() {
    if (!chat) {
        const a = actions()[0];
        chat = tree.newChat({ action: a.id, system: a.system });
    }
    return chat;
}

function pickAction(a) {
    ensureDraft();
    chat.action = a.id;
    chat.system = a.system;
    draw();
    composer.box.focus();
}

// Those that are kept, and those that have been begun on this page meanwhile.
async function loadChats() {
    const got = await store.all(), here = chats.filter(c => !got.chats.some(x => x.id === c.id));
    chats = [...here, ...got.chats];
    bad = got.bad;
    side.draw(chats, chat, bad);
}

async function keepChatsIn(where) {
    complain("");
    try {
        await withKey(() => store.move(chats, where));
        keepSettings({ chats: where });
        await loadChats();
    } catch (e) { complain(t("not_moved", { why: e.message === "not_stored" ? t("not_stored") : plainly(e) })); }
    document.querySelector("dialog[open]")?.close();
    showSettings();
}

function changed(c) {
    c.updated = Date.now();
    withKey(() => store.save(c)).catch(e => complain(plainly(e)));
    side.draw(chats, chat, bad);
    drawHead();
}

function open(c) {
    stop();
    chat = c;
    view.open = {};
    complain("");
    draw();
    scrollTo(0, c ? document.body.scrollHeight : 0);
    focusBox();
}

// Where a keyboard of glass would cover half of the page, it comes when the box is touched.
function focusBox() {
    if (!matchMedia("(pointer: coarse)").matches) composer.box.focus({ preventScroll: true });
}

async function gone(c) {
    try { await withKey(() => store.remove(c.id)); } catch (e) { if (e.status !== 404) { complain(plainly(e)); return; } }
    chats = chats.filter(x => x !== c);
    if (chat === c) open(null);
    else side.draw(chats, chat, bad);
}

async function imported(more) {
    for (const c of more) {
        if (chats.some(x => x.id === c.id)) c.id = tree.newId();
        await withKey(() => store.save(c));
        chats.unshift(c);
    }
    side.draw(chats, chat, bad);
}

// ---- asking ----

function send(text, files) {
    const m = model();
    if (!m) { chooseModel(); return false; }
    ensureDraft();
    const parent = tree.path(chat).at(-1), first = !chat.roots.length;
    if (first) {
        chat.title = (text || files[0].name).replace(/\s+/g, " ").slice(0, 60);
        chat.model = m.name;
        chats.unshift(chat);
    }
    const turn = tree.add(chat, parent ? parent.id : "", "user", text, files.length ? { files } : {});
    answer(turn);
    return true;
}

function request(turn, m) {
    const body = { model: m.name, messages: tree.messages(chat, turn), ...chat.sampling };
    if (settings.tokens) Object.assign(body, { logprobs: true, top_logprobs: ALTERNATIVES });
    return body;
}

async function answer(question) {
    const m = model(), mine = chat, turn = tree.add(mine, question.id, "assistant", "", { model: m.name }), body = request(question, m);
    const control = running = new AbortController(), timing = { first: 0, last: 0, drawn: 0 };
    view.busy = true;
    view.writing = turn.id;
    complain("");
    changed(mine);
    draw();
    document.getElementById("turn-" + question.id)?.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    say(t("answering"));
    try {
        await withKey(() => api.ask(body, control.signal, c => take(turn, c, timing)));
    } catch (e) {
        if (control.signal.aborted) turn.stopped = true;
        else turn.error = plainly(e);
    }
    finish(mine, turn, timing);
}

// One piece of the stream.
function take(turn, c, timing) {
    const choice = c.choices && c.choices[0];
    if (c.usage) turn.usage = c.usage;
    if (c.hearth_receipt) turn.receipt = readReceipt(c);
    if (!choice) return;
    if (choice.finish_reason === "length") turn.cut = true;
    if (choice.logprobs) turn.tokens = (turn.tokens || []).concat(readTokens(choice.logprobs.content));
    const text = choice.delta && choice.delta.content;
    if (!text) return;
    timing.last = performance.now();
    timing.first ||= timing.last;
    turn.text += text.replaceAll("\0", "\uFFFD");        // a zero can neither be shown nor sent again
    if (timing.last - timing.drawn < DRAW_MS) return;
    timing.drawn = timing.last;
    const e = document.getElementById("turn-" + turn.id);
    if (!e) return;
    const atEnd = innerHeight + scrollY > document.body.scrollHeight - 120;
    drawText(e, turn);
    if (atEnd) scrollTo(0, document.body.scrollHeight);
}

function finish(mine, turn, timing) {
    const took = turn.receipt && turn.receipt.receipt.timing, n = turn.usage && turn.usage.completion_tokens;
    if (took && took.answer_us > 0 && turn.receipt.receipt.tokens) turn.speed = turn.receipt.receipt.tokens.answer / took.answer_us * 1e6;
    else if (n > 1 && timing.last > timing.first) turn.speed = (n - 1) / (timing.last - timing.first) * 1000;
    running = null;
    view.busy = false;
    view.writing = null;
    if (settings.tokens && turn.tokens) view.open[turn.id] = "tokens";
    changed(mine);
    if (mine !== chat) return;
    const typing = document.activeElement === composer.box;
    draw();
    if (typing || document.activeElement === document.body) focusBox();
    say(turn.error ? t("failed", { why: turn.error }) : turn.stopped ? t("stopped") : t("answer_done", { text: turn.text }));
}

function stop() {
    if (running) running.abort();
}

// ---- what a turn offers ----

const act = {
    host, say,
    open(turn, what) {
        view.open[turn.id] = what;
        redraw(turn);
        const box = what && document.querySelector(`#turn-${turn.id} textarea`);
        if (box) box.focus();
        document.querySelector(`#turn-${turn.id} :is(.receipt, .edit, .about-token)`)?.scrollIntoView({ block: "nearest" });
    },
    step(turn, by) {
        tree.step(chat, turn, by);
        changed(chat);
        drawTurns();
        const there = tree.path(chat).find(x => x.parent === turn.parent), b = document.querySelector(`#turn-${there.id} .versions button:not(:disabled)`);
        if (b) b.focus();
    },
    retry(turn) { if (!view.busy) answer(chat.turns[turn.parent]); },
    edit(turn, text) {
        if (view.busy) return;
        delete view.open[turn.id];
        answer(tree.add(chat, turn.parent, "user", text, turn.files ? { files: turn.files } : {}));
    },
    async judge(turn, verdict, correction) {
        const entry = { receipt: turn.receipt ? turn.receipt.number : null, verdict, messages: tree.messages(chat, chat.turns[turn.parent]), answer: turn.text };
        if (verdict === "corrected") entry.correction = correction;
        const mine = chat;
        try {
            await withKey(() => api.feedback(entry));
            turn.verdict = verdict;
            if (correction !== undefined) turn.correction = correction;
            if (view.open[turn.id] === "correct") delete view.open[turn.id];
            changed(mine);
            redraw(turn);
            say(t("kept_" + verdict));
        } catch (e) { complain(t("not_kept", { why: plainly(e) })); }
    },
};

// ---- settings, keys of the keyboard ----

function keepSettings(change) {
    Object.assign(settings, change);
    store.keepSettings(settings);
}

async function changeSettings(change) {
    if (change.chats) { await keepChatsIn(change.chats); return; }
    keepSettings(change);
    dress();
    if (!change.language) return;
    await speak(change.language);
    document.querySelector("dialog[open]")?.close();
    if (chat && !chat.roots.length) chat = null;
    build();
    draw();
    showSettings();
}

function showSettings() { dialogs.settingsDialog(settings, changeSettings, forgetKey); }

function forgetKey() {
    store.keepKey("", false);
    if (store.onServer()) {                            // they are those of the key
        chats = [];
        open(null);
    }
    loadAll();
}

function dress() {
    document.documentElement.dataset.theme = settings.theme;
}

function onKey(e) {
    if (document.querySelector("dialog[open]")) return;
    if (e.key === "Escape" && view.busy) { stop(); return; }
    if (!settings.keys || e.ctrlKey || e.altKey || e.metaKey || /^(TEXTAREA|INPUT|SELECT)$/.test(e.target.tagName)) return;
    const last = role => chat && tree.path(chat).filter(x => x.role === role).at(-1);
    const does = { "/": () => composer.box.focus(), "?": dialogs.shortcutsDialog, n: () => open(null),
        e: () => { const x = last("user"); if (x && !view.busy) act.open(x, "edit"); }, r: () => { const x = last("assistant"); if (x) act.retry(x); } }[e.key];
    if (does) { e.preventDefault(); does(); }
}

function build() {
    side = new Side({ open, changed, gone, imported, fresh: () => open(null), settings: showSettings });
    composer = new Composer({ send, stop, settings, keepSettings });
    head = h("header", { class: "bar" });
    start = h("section", { class: "start", "aria-label": t("choose_action") });
    title = h("h1", { class: "hidden" });
    list = h("ol", { class: "turns" });
    voice = h("div", { class: "hidden", "aria-live": "polite", role: "status" });
    trouble = h("p", { class: "failed", role: "alert", hidden: true });
    document.body.replaceChildren(h("a", { class: "skip", href: "#question" }, t("skip")), side.root, side.shade,
        h("div", { class: "page" }, head, h("main", null, start, title, list, trouble, composer.form)), voice);
    side.show(false);
}

async function loadAll() {
    try {
        await loadModels();
        if (store.onServer()) await withKey(loadChats);
    } catch (e) { complain(plainly(e)); }
}

async function begin() {
    settings = store.settings();
    dress();
    await speak(settings.language || browserLanguage());
    store.keepIn(settings.chats);
    try {
        await store.open();
        if (!store.onServer()) ({ chats, bad } = await store.all());
    } catch { /* no database: the list says so */ }
    build();
    draw();
    document.addEventListener("keydown", onKey);
    focusBox();
    await loadAll();
    document.documentElement.dataset.ready = language();
}

begin();
