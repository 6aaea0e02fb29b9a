// turns.js - the turns of a chat on the page: question, answer, what can be done with them.
import { h, fill, icon, button, copyText } from "./dom.js";
import { t, number, bytes } from "./words.js";
import { markdown } from "./markdown.js";
import { receiptView, energy } from "./receipt.js";
import { tokenView } from "./tokens.js";
import * as tree from "./tree.js";

// do: what the page offers: retry(turn), edit(turn, text), step(turn, by), judge(turn, verdict, correction), say(text), host()
// view: {busy, tokens, open: a map of what is unfolded, by turn and part}
export function turnView(chat, turn, view, act) {
    const e = h("li", { class: "turn " + turn.role, id: "turn-" + turn.id });
    if (turn.role === "user") fill(e, question(chat, turn, view, act));
    else fill(e, answer(chat, turn, view, act));
    return e;
}

// The text of an answer that is being written.
export function drawText(e, turn) {
    const body = e.querySelector(".text");
    if (body) fill(body, markdown(turn.text));
}

function versions(chat, turn, view, act) {
    const kids = tree.children(chat, turn.parent), i = kids.indexOf(turn.id);
    if (kids.length < 2) return null;
    const words = t("version_of", { i: i + 1, n: kids.length });
    return h("span", { class: "versions", role: "group", "aria-label": words },
        button("left", t("previous"), () => act.step(turn, -1), { disabled: i === 0 || view.busy }), h("span", { title: words }, `${i + 1}/${kids.length}`),
        button("right", t("next"), () => act.step(turn, 1), { disabled: i === kids.length - 1 || view.busy }));
}

// ---- questions ----

function question(chat, turn, view, act) {
    if (view.open[turn.id] === "edit") return editor(turn, view, act);
    return [h("h2", { class: "hidden" }, t("you")),
        (turn.files || []).map(f => h("div", { class: "file" }, icon("clip"), h("span", null, f.name), h("span", { class: "quiet" }, bytes(new Blob([f.text]).size)))),
        turn.text ? h("div", { class: "bubble", dir: "auto" }, turn.text) : null,
        h("div", { class: "tools" }, versions(chat, turn, view, act), button("edit", t("edit"), () => act.open(turn, "edit"), { disabled: view.busy }))];
}

function editor(turn, view, act) {
    const box = h("textarea", { "aria-label": t("edit"), rows: Math.min(12, turn.text.split("\n").length + 1), dir: "auto", value: turn.text });
    const send = () => { if (box.value.trim()) act.edit(turn, box.value); };
    box.addEventListener("keydown", e => {
        if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); send(); }
        if (e.key === "Escape") { e.stopPropagation(); act.open(turn, null); }
    });
    return [h("form", { class: "edit", onsubmit: e => { e.preventDefault(); send(); } }, box,
        h("div", { class: "row" }, h("button", { type: "submit", class: "button strong" }, t("save_ask")),
            h("button", { type: "button", class: "button", onclick: () => act.open(turn, null) }, t("cancel"))))];
}

// ---- answers ----

function answer(chat, turn, view, act) {
    const writing = view.writing === turn.id, open = view.open[turn.id];
    const text = h("div", { class: "text" });
    if (writing && !turn.text) text.append(h("p", { class: "waiting" }, h("span", { class: "dots", "aria-hidden": "true" }), h("span", { class: "hidden" }, t("answering"))));
    else fill(text, open === "tokens" && turn.tokens ? tokenView(turn.tokens) : markdown(turn.text));
    return [h("h2", { class: "hidden" }, turn.model ? t("answer_by", { model: turn.model }) : t("answer")), text,
        turn.stopped ? h("p", { class: "note" }, t("stopped")) : null,
        turn.cut ? h("p", { class: "note" }, t("cut")) : null,
        turn.error ? h("p", { class: "failed", role: "alert" }, t("failed", { why: turn.error })) : null,
        writing ? null : [facts(turn, view, act), tools(chat, turn, view, act), parts(turn, open, act)]];
}

function facts(turn, view, act) {
    const say = [];
    if (turn.speed) say.push(t("speed", { n: number(turn.speed, turn.speed < 10 ? 1 : 0) }));
    const j = energy(turn.receipt);
    if (j) say.push(j);
    if (!turn.receipt && !say.length) return null;
    const n = turn.receipt && turn.receipt.number;
    return h("div", { class: "facts" }, say.map(s => h("span", null, s)),
        turn.receipt ? h("button", { type: "button", class: "link", "aria-expanded": String(view.open[turn.id] === "receipt"), onclick: () => act.open(turn, view.open[turn.id] === "receipt" ? null : "receipt") },
            icon("receipt"), n === null ? t("r_title") : t("receipt_n", { n })) : null);
}

function tools(chat, turn, view, act) {
    const off = view.busy, judged = v => turn.verdict === v, flip = what => () => act.open(turn, view.open[turn.id] === what ? null : what);
    return h("div", { class: "tools" }, versions(chat, turn, view, act),
        button("again", t("retry"), () => act.retry(turn), { disabled: off }),
        turn.text ? copyButton(turn, act) : null,
        turn.tokens && turn.tokens.length ? button("tokens", t("show_tokens"), flip("tokens"), { "aria-pressed": String(view.open[turn.id] === "tokens") }) : null,
        turn.text && !turn.error ? h("span", { class: "judge", role: "group", "aria-label": t("judge") },
            button("good", t("good"), () => act.judge(turn, "good"), { disabled: off, "aria-pressed": String(judged("good")) }),
            button("wrong", t("wrong"), () => act.judge(turn, "wrong"), { disabled: off, "aria-pressed": String(judged("wrong")) }),
            button("pen", t("correct"), flip("correct"), { disabled: off, "aria-pressed": String(judged("corrected")) })) : null);
}

function copyButton(turn, act) {
    return button("copy", t("copy"), async () => {
        try { await copyText(turn.text); act.say(t("copied")); } catch { act.say(t("copy_failed")); }
    });
}

function parts(turn, open, act) {
    const out = [];
    if (turn.verdict) out.push(h("p", { class: "note kept" }, t("kept_" + turn.verdict), " ", t("kept_where", { host: act.host() })));
    if (open === "receipt" && turn.receipt) out.push(receiptView(turn.receipt));
    if (open === "correct") out.push(correction(turn, act));
    return out;
}

function correction(turn, act) {
    const box = h("textarea", { id: "correction", rows: "6", dir: "auto", value: turn.correction || turn.text });
    box.addEventListener("keydown", e => { if (e.key === "Escape") { e.stopPropagation(); act.open(turn, null); } });
    return h("form", { class: "edit", onsubmit: e => { e.preventDefault(); if (box.value.trim()) act.judge(turn, "corrected", box.value); } },
        h("label", { for: "correction" }, t("correction")), box,
        h("div", { class: "row" }, h("button", { type: "submit", class: "button strong" }, t("save_correction")),
            h("button", { type: "button", class: "button", onclick: () => act.open(turn, null) }, t("cancel"))));
}
