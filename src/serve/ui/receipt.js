// receipt.js - a receipt in plain words: which model, which arithmetic, what it took, how to make it again.
import { h } from "./dom.js";
import { t, number } from "./words.js";
import { codeBlock } from "./markdown.js";

// {number, receipt} of the last piece of an answer, or undefined when it has none.
export function readReceipt(piece) {
    const r = piece.hearth_receipt, n = piece.hearth_receipt_number;
    if (!r || typeof r !== "object" || r.kind !== "answer") return undefined;
    return { number: Number.isSafeInteger(n) && n >= 0 ? n : null, receipt: r };
}

// Joules in a few words, or "" when the receipt has no footprint.
export function energy(r) {
    const f = r && r.receipt.footprint;
    return f && Number.isFinite(f.energy_uj) ? `${short(f.energy_uj / 1e6)} J (${t(f.method === "measured" ? "r_measured" : "r_modelled")})` : "";
}

function short(x) { return number(x, x < 10 ? 2 : x < 100 ? 1 : 0); }

function footprint(f) {
    if (!f) return [];
    const j = f.energy_uj / 1e6, factor = f.carbon_factor || {};
    return [[t("r_energy"), t("r_energy_text", { j: short(j), low: short(f.energy_low_uj / 1e6), high: short(f.energy_high_uj / 1e6),
        lamp: t("r_lamp", { s: short(j / 10) }) }) + ` (${t(f.method === "measured" ? "r_measured" : "r_modelled")})`],
    [t("r_carbon"), t("r_carbon_text", { mg: short(f.carbon_ug / 1000), ml: number(f.water_ul / 1000, 3), place: factor.place || "?" })]];
}

function rows(r) {
    const m = r.model || {}, n = r.tokens || {}, a = r.arithmetic || {}, w = r.timing || {}, out = [];
    out.push([t("r_model"), t("r_model_text", { name: m.name, sha: String(m.sha256 || "").slice(0, 12) })]);
    out.push([t("r_time"), r.time]);
    out.push([t("r_tokens"), t("r_tokens_text", { prompt: n.prompt, answer: n.answer })]);
    if (w.answer_us !== undefined) out.push([t("r_took"), t("r_took_text", { prompt: short(w.prompt_us / 1e6), answer: short(w.answer_us / 1e6) })]);
    out.push(...footprint(r.footprint));
    out.push([t("r_arithmetic"), a.replayable ? t("r_arithmetic_text", { v: a.version, kind: a.kind }) : t("r_not_replayable", { why: a.reason || "?" })]);
    return out;
}

export function receiptView(v) {
    const r = v.receipt, box = h("div", { class: "receipt" });
    box.append(h("h3", null, t("r_title")));
    box.append(h("dl", null, rows(r).map(([name, text]) => h("div", null, h("dt", null, name), h("dd", null, String(text ?? ""))))));
    if (r.truncated) box.append(h("p", { class: "note" }, t("r_truncated", r.truncated)));
    if (v.number !== null) {
        box.append(h("p", null, t("r_replay")), codeBlock(`hearth replay ${v.number}`, t("terminal")));
        box.append(h("p", null, t("r_explain")), codeBlock(`hearth explain ${v.number}`, t("terminal")));
        box.append(h("p", { class: "note" }, t("r_words")));
    }
    box.append(h("details", null, h("summary", null, t("r_raw")), codeBlock(JSON.stringify(r, null, 2), "json")));
    return box;
}
