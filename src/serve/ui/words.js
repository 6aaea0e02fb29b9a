// words.js - what the page says, in the language that was chosen: strings/xx.js, one file each.  English is whole and read; what a
// file marks `reviewed: false` no speaker has read yet, and the menu says so.
import en from "./strings/en.js";

export const languages = [
    { code: "en", name: "English", reviewed: true },
    { code: "es", name: "Español", reviewed: false },
    { code: "fr", name: "Français", reviewed: false },
    { code: "sw", name: "Kiswahili", reviewed: false },
    { code: "zu", name: "isiZulu", reviewed: false },
];
let now = en, code = "en";

export async function speak(wanted) {
    const l = languages.find(x => x.code === wanted) || languages[0];
    now = l.code === "en" ? en : (await import(`./strings/${l.code}.js`)).default;
    code = l.code;
    document.documentElement.lang = l.code;
}

export function language() { return code; }

// The language of this browser, when there are strings in it.
export function browserLanguage() {
    for (const l of navigator.languages || []) {
        const found = languages.find(x => x.code === l.slice(0, 2).toLowerCase());
        if (found) return found.code;
    }
    return "en";
}

// t("left", {n: 3}): the words of that name with {n} filled in.
export function t(name, values) {
    const s = now.words[name] ?? en.words[name];
    if (s === undefined) throw new Error(`there are no words called ${name}`);
    return s.replace(/\{(\w+)\}/g, (all, k) => values && k in values ? String(values[k]) : all);
}

export function actions() { return now.actions; }

export function number(n, digits) {
    return n.toLocaleString(code, { maximumFractionDigits: digits ?? 0 });
}

export function bytes(n) {
    if (n < 1000) return t("bytes", { n });
    for (const unit of ["kB", "MB", "GB"]) {
        n /= 1000;
        if (n < 999.5 || unit === "GB") return `${number(n, n < 10 ? 1 : 0)} ${unit}`;
    }
}

export function when(ms) {
    return new Date(ms).toLocaleString(code, { dateStyle: "medium", timeStyle: "short" });
}
