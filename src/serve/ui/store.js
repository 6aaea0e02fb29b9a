// store.js - what this browser keeps: chats in its database, settings in its small storage.  Nothing of it is sent anywhere.
import { readChat, LIMIT } from "./tree.js";

let db = null;

export function open() {
    return new Promise((done, failed) => {
        const r = indexedDB.open("hearth", 1);
        r.onupgradeneeded = () => r.result.createObjectStore("chats", { keyPath: "id" });
        r.onsuccess = () => { db = r.result; done(); };
        r.onerror = () => failed(r.error);
    });
}

function run(mode, work) {
    if (!db) return Promise.resolve(undefined);         // a private window without a database: chats live as long as the page
    return new Promise((done, failed) => {
        const tx = db.transaction("chats", mode), r = work(tx.objectStore("chats"));
        tx.oncomplete = () => done(r.result);
        tx.onerror = tx.onabort = () => failed(tx.error || new Error("the browser's database"));
    });
}

export function kept() { return db !== null; }
export function save(chat) { return run("readwrite", s => s.put(chat)); }
export function remove(id) { return run("readwrite", s => s.delete(id)); }

// All of them, the newest first; how many could not be read is in `bad`.
export async function all() {
    const raw = await run("readonly", s => s.getAll()) || [];
    const chats = raw.map(readChat).filter(Boolean).sort((a, b) => b.updated - a.updated);
    return { chats, bad: raw.length - chats.length };
}

export function exportText(chats) {
    return JSON.stringify({ format: "hearth-chats/1", chats }, null, 1);
}

// The chats of a file; throws an Error whose message is the name of the words that say what is wrong.
export function importText(text) {
    let v;
    try { v = JSON.parse(text); } catch { throw new Error("import_not_json"); }
    if (!v || v.format !== "hearth-chats/1" || !Array.isArray(v.chats) || v.chats.length > LIMIT.chats) throw new Error("import_not_chats");
    const chats = v.chats.map(readChat);
    if (chats.includes(null)) throw new Error("import_damaged");
    return chats;
}

// ---- settings ----

const defaults = { language: "", theme: "auto", tokens: false, model: "", keys: true };

export function settings() {
    let s = {};
    try { s = JSON.parse(localStorage.getItem("hearth.settings") || "{}"); } catch { /* no storage, or not ours: the defaults */ }
    return { ...defaults, ...Object.fromEntries(Object.entries(s || {}).filter(([k, v]) => k in defaults && typeof v === typeof defaults[k])) };
}

export function keepSettings(s) {
    try { localStorage.setItem("hearth.settings", JSON.stringify(s)); } catch { /* no storage: they last as long as the page */ }
}

// ---- the key of the server ----

export function key() {
    try { return sessionStorage.getItem("hearth.key") || localStorage.getItem("hearth.key") || ""; } catch { return ""; }
}

export function keepKey(k, remember) {
    localStorage.removeItem("hearth.key");
    sessionStorage.removeItem("hearth.key");
    if (k) (remember ? localStorage : sessionStorage).setItem("hearth.key", k);
}
