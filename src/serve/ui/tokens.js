// tokens.js - an answer as its tokens: each with its probability as a shade, and what else the model considered.
//
// One token is in the row of Tab, the arrow keys go through them; what is said about it stands below, where a screen reader
// hears it.  The shade is not the only sign: an unlikely token is underlined with dots too.
import { h, fill } from "./dom.js";
import { t, number } from "./words.js";

// choices[0].logprobs.content of the stream, kept small.
export function readTokens(content) {
    if (!Array.isArray(content)) return [];
    return content.filter(c => c && typeof c.token === "string" && Number.isFinite(c.logprob)).map(c => ({ s: c.token, p: c.logprob,
        top: (Array.isArray(c.top_logprobs) ? c.top_logprobs : []).filter(x => x && typeof x.token === "string" && Number.isFinite(x.logprob)).slice(0, 20).map(x => [x.token, x.logprob]) }));
}

export function visible(s) {
    return s.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replace(/^ | $/g, "␣") || "∅";
}

function percent(logprob) {
    const p = 100 * Math.exp(logprob);
    return p < 0.01 ? "< 0.01 %" : number(p, p < 1 ? 2 : 1) + " %";
}

function shade(logprob) {
    const p = Math.exp(logprob);
    return p > 0.9 ? 0 : p > 0.6 ? 1 : p > 0.3 ? 2 : p > 0.1 ? 3 : 4;
}

function about(tok) {
    const rows = tok.top.map(([s, p]) => h("tr", { class: s === tok.s ? "chosen" : null }, h("td", null, h("code", null, visible(s))),
        h("td", { class: "end" }, percent(p)), h("td", null, h("meter", { min: "0", max: "1", value: Math.exp(p), "aria-label": percent(p) }))));
    return [h("p", null, h("strong", null, t("token_at", { token: visible(tok.s), p: percent(tok.p) }))),
        rows.length ? h("table", null, h("caption", null, t("token_else")), h("tbody", null, rows)) : h("p", null, t("token_none"))];
}

export function tokenView(tokens) {
    const box = h("div", { class: "about-token", role: "status" }, h("p", { class: "note" }, t("tokens_keys")));
    let at = -1;
    const pieces = tokens.map((tok, i) => h("button", { type: "button", class: `token shade${shade(tok.p)}`, tabindex: i ? "-1" : "0", "aria-label": t("token_at", { token: visible(tok.s), p: percent(tok.p) }),
        onclick: () => choose(i) }, visible(tok.s)));
    function choose(i) {
        if (at >= 0) { pieces[at].tabIndex = -1; pieces[at].removeAttribute("aria-current"); }
        pieces[0].tabIndex = -1;
        at = i;
        pieces[i].tabIndex = 0;
        pieces[i].setAttribute("aria-current", "true");
        pieces[i].focus();
        fill(box, about(tokens[i]));
        box.scrollIntoView({ block: "nearest" });
    }
    const row = h("div", { class: "tokens", role: "toolbar", "aria-label": t("tokens_title"), dir: "auto", onkeydown: e => {
        const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8, Home: -tokens.length, End: tokens.length }[e.key];
        if (!by) return;
        e.preventDefault();
        choose(Math.max(0, Math.min(tokens.length - 1, Math.max(at, 0) + by)));
    } });
    tokens.forEach((tok, i) => { row.append(pieces[i]); if (tok.s.includes("\n")) row.append(h("br")); });
    return h("div", null, row, box);
}
