// markdown.js - what a model writes, as elements.  A small part of Markdown: headings, lists, tables, quotes, rules, code,
// emphasis; math stays as it is written.  Everything else, HTML above all, is text.
//
// A link is shown with its address, so that no words can hide where it leads, and can be followed only when it is https.
// No image is ever loaded.  The text is a stranger's: depth and lengths are capped, and every loop moves forward.
import { h, button, copyText } from "./dom.js";
import { t } from "./words.js";

const DEPTH = 6, INLINE = 20000, COLUMNS = 40;

export function markdown(text) {
    const lines = text.replace(/\r\n?/g, "\n").split("\n");
    return blocks(lines, 0);
}

// ---- blocks ----

const fence = /^ {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$/;
const heading = /^ {0,3}(#{1,6})\s(.*)$/;
const rule = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const item = /^( {0,8})([-*+]|\d{1,9}[.)])\s+(.*)$/;
const quote = /^ {0,3}> ?(.*)$/;
const divider = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

// "Title ##" without its blanks and the marks that close it; by hand, since an expression for it takes minutes over a line of blanks.
function titleOf(text) {
    let t = text.trim(), end = t.length;
    while (end && t[end - 1] === "#") end--;
    return end < t.length && (end === 0 || t[end - 1] === " ") ? t.slice(0, end).trimEnd() : t;
}

function starts(lines, i) {
    const l = lines[i];
    return fence.test(l) || heading.test(l) || rule.test(l) || item.test(l) || quote.test(l) || mathOpens(l) || isTable(lines, i);
}

function mathOpens(l) {
    return /^\s*(\$\$|\\\[)/.test(l);
}

function isTable(lines, i) {
    return lines[i].includes("|") && i + 1 < lines.length && lines[i + 1].includes("-") && divider.test(lines[i + 1]);
}

function blocks(lines, depth) {
    const out = [];
    for (let i = 0; i < lines.length;) {
        if (!lines[i].trim()) { i++; continue; }
        if (depth >= DEPTH) { out.push(h("p", { dir: "auto" }, lines.slice(i).join("\n"))); break; }
        const [e, next] = block(lines, i, depth);
        out.push(e);
        i = next;
    }
    return out;
}

// The block that begins at line i, and the line behind it.
function block(lines, i, depth) {
    const l = lines[i];
    let m;
    if ((m = fence.exec(l))) return code(lines, i, m);
    if (mathOpens(l)) return math(lines, i);
    if ((m = heading.exec(l))) return [h("h" + Math.min(6, m[1].length + 2), { dir: "auto" }, inline(titleOf(m[2]), 0)), i + 1];
    if (rule.test(l)) return [h("hr"), i + 1];
    if (isTable(lines, i)) return table(lines, i);
    if (quote.test(l)) {
        const inner = [];
        while (i < lines.length && (m = quote.exec(lines[i]))) { inner.push(m[1]); i++; }
        return [h("blockquote", null, blocks(inner, depth + 1)), i];
    }
    if (item.test(l)) return list(lines, i, depth);
    const first = i++;
    while (i < lines.length && lines[i].trim() && !starts(lines, i)) i++;
    return [h("p", { dir: "auto" }, inline(lines.slice(first, i).map(s => s.trim()).join("\n"), 0)), i];
}

function code(lines, i, m) {
    const mark = m[1], body = [];
    for (i++; i < lines.length && !(lines[i].trim().startsWith(mark) && !lines[i].trim().replaceAll(mark[0], "")); i++) body.push(lines[i]);
    return [codeBlock(body.join("\n"), m[2].slice(0, 30)), i + 1];
}

export function codeBlock(text, language) {
    const b = button("copy", t("copy_code"), async () => {
        try { await copyText(text); b.lastChild.textContent = t("copied"); } catch { b.lastChild.textContent = t("copy_failed"); }
        setTimeout(() => { b.lastChild.textContent = t("copy_code"); }, 2000);
    }, { shown: true });
    return h("div", { class: "code" }, h("div", { class: "codehead" }, h("span", null, language || t("code")), b),
        h("pre", { tabindex: "0", dir: "ltr", role: "group", "aria-label": language || t("code") }, h("code", null, text)));
}

function math(lines, i) {
    const closes = lines[i].includes("$$") ? "$$" : "\\]", body = [lines[i]];
    let from = lines[i].indexOf(closes === "$$" ? "$$" : "\\[") + 2;
    while (!body.at(-1).includes(closes, from) && i + 1 < lines.length && lines[i + 1].trim()) { body.push(lines[++i]); from = 0; }
    return [h("p", { class: "math" }, body.join("\n")), i + 1];
}

function cells(l) {
    const s = l.trim().replace(/^\||\|$/g, "");
    return s.split(/(?<!\\)\|/).slice(0, COLUMNS).map(c => c.trim().replaceAll("\\|", "|"));
}

function table(lines, i) {
    const heads = cells(lines[i]), sides = cells(lines[i + 1]).map(c => c.endsWith(":") ? (c.startsWith(":") ? "middle" : "end") : "");
    const row = (l, tag) => h("tr", null, heads.map((_, k) => h(tag, { class: sides[k] || null, scope: tag === "th" ? "col" : null }, inline(l[k] || "", 0))));
    const body = [];
    let k = i + 2;
    for (; k < lines.length && lines[k].includes("|"); k++) body.push(row(cells(lines[k]), "td"));
    return [h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": t("table") },
        h("table", null, h("thead", null, row(heads, "th")), h("tbody", null, body))), k];
}

function list(lines, i, depth) {
    const [, lead, mark] = item.exec(lines[i]), ordered = /\d/.test(mark), items = [];
    let loose = false;
    while (i < lines.length) {
        const m = item.exec(lines[i]);
        if (!m || m[1].length > lead.length + 3 || m[1].length < lead.length || /\d/.test(m[2]) !== ordered) break;
        const inner = [m[3]], deep = m[1].length + 2;
        for (i++; i < lines.length; i++) {
            const blank = !lines[i].trim(), indent = lines[i].length - lines[i].trimStart().length;
            if (blank) {
                let next = i + 1;
                while (next < lines.length && !lines[next].trim()) next++;
                if (next >= lines.length || (lines[next].length - lines[next].trimStart().length < deep && !item.test(lines[next]))) break;
                inner.push("");
            } else if (indent >= deep) inner.push(lines[i].slice(Math.min(indent, ordered ? deep + 1 : deep)));
            else if (starts(lines, i) || !inner.at(-1)) break;
            else inner.push(lines[i]);
        }
        while (inner.length && !inner.at(-1)) inner.pop();
        const made = blocks(inner, depth + 1);
        loose = loose || made.length > 1 && made[1].tagName === "P";
        items.push(made);
        while (i < lines.length && !lines[i].trim() && i + 1 < lines.length && (item.test(lines[i + 1]) || !lines[i + 1].trim())) i++;
    }
    const start = ordered ? parseInt(mark, 10) : 1;
    return [h(ordered ? "ol" : "ul", { start: start !== 1 ? start : null },
        items.map(made => h("li", { dir: "auto" }, !loose && made[0] && made[0].tagName === "P" ? [[...made[0].childNodes], made.slice(1)] : made))), i];
}

// ---- inside a paragraph ----

const marks = [["**", "strong"], ["__", "strong"], ["~~", "s"], ["*", "em"], ["_", "em"]];
const word = /[\p{L}\p{N}]/u;

function inline(s, depth) {
    const out = [];
    let plain = "";
    const flush = () => { if (plain) out.push(plain); plain = ""; };
    if (s.length > INLINE || depth >= DEPTH) return [s];
    for (let i = 0; i < s.length;) {
        const [e, next] = piece(s, i, depth) || [null, i + 1];
        if (e === null) plain += s[i];
        else if (typeof e === "string") plain += e;
        else { flush(); out.push(e); }
        i = next;
    }
    flush();
    return out;
}

function piece(s, i, depth) {
    const c = s[i];
    if (c === "\\") {
        const m = /^\\\((.{1,1000}?)\\\)/s.exec(s.slice(i, i + 1010));
        if (m) return [h("span", { class: "math" }, m[0]), i + m[0].length];
        return /[\\`*_{}[\]()#+\-.!|~>$]/.test(s[i + 1] || "") ? [s[i + 1], i + 2] : null;
    }
    if (c === "`") return span(s, i);
    if (c === "$") {
        const m = /^\$(?=\S)([^$\n]{1,500}?\S|\S)\$(?!\d)/.exec(s.slice(i, i + 510));
        return m && /[\\^_={}]|^[a-zA-Z]$/.test(m[1]) ? [h("span", { class: "math" }, m[0]), i + m[0].length] : null;
    }
    if (c === "!" || c === "[") return link(s, i, depth);
    if (c === "h" && s.startsWith("https://", i) && !word.test(s[i - 1] || " ")) return address(s, i);
    if (c === "\n") return /  $/.test(s.slice(Math.max(0, i - 2), i)) ? [h("br"), i + 1] : null;
    if (c === "*" || c === "_" || c === "~") return emphasis(s, i, depth);
    return null;
}

function span(s, i) {
    const ticks = /^`+/.exec(s.slice(i))[0];
    let end = i + ticks.length;
    while ((end = s.indexOf(ticks, end)) >= 0 && s[end + ticks.length] === "`") while (s[end] === "`") end++;
    if (end < 0) return [ticks, i + ticks.length];
    return [h("code", null, s.slice(i + ticks.length, end).replace(/^ (.*\S.*) $/s, "$1")), end + ticks.length];
}

function emphasis(s, i, depth) {
    for (const [mark, tag] of marks) {
        if (!s.startsWith(mark, i)) continue;
        const first = i + mark.length;
        if (!s[first] || /\s/.test(s[first]) || (mark[0] === "_" && word.test(s[i - 1] || " "))) continue;
        let end = first;
        while ((end = s.indexOf(mark, end + 1)) > 0) {
            if (/\s/.test(s[end - 1]) || (mark.length === 1 && (s[end + 1] === mark || s[end - 1] === mark))) continue;
            if (mark[0] === "_" && word.test(s[end + mark.length] || " ")) continue;
            return [h(tag, null, inline(s.slice(first, end), depth + 1)), end + mark.length];
        }
    }
    const run = /^[*_~]+/.exec(s.slice(i))[0];
    return [run, i + run.length];
}

// The address as a link when it is https and nothing else; otherwise as text.
function anchor(url) {
    let u;
    try { u = new URL(url); } catch { return url; }
    if (u.protocol !== "https:" || u.username || u.password) return url;
    return h("a", { href: u.href, rel: "noopener noreferrer nofollow", target: "_blank", dir: "ltr" }, u.href);
}

function link(s, i, depth) {
    const m = /^!?\[([^\]\n]{0,500})\]\(\s*<?([^\s<>()]{0,2000}(?:\([^\s()]{0,200}\)[^\s<>()]{0,200})?)>?(?:\s+["'][^)\n]{0,200})?\)/.exec(s.slice(i, i + 3000));
    if (!m) return null;
    const label = m[1] === m[2] || !m[1] ? [] : [inline(m[1], depth + 1), " "];
    return [h("span", null, label, m[1] === m[2] ? anchor(m[2]) : ["(", anchor(m[2]), ")"]), i + m[0].length];
}

function address(s, i) {
    const m = /^https:\/\/[^\s<>"'`*]{1,2000}/.exec(s.slice(i, i + 2010));
    if (!m) return null;
    let text = m[0].replace(/[.,;:!?]+$/, "");
    if (text.endsWith(")") && !text.includes("(")) text = text.slice(0, -1);
    return [h("span", null, anchor(text)), i + text.length];
}
