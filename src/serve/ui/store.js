// store.js - what is kept: chats in this browser's database or, when that was chosen, on the server; settings in the browser's small
// storage.  Nothing else is sent anywhere.
import * as api from "./api.js";
import { readChat, LIMIT } from "./tree.js";

let db = null, place = "browser";

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

// What is asked of the server comes there in the order it was asked in.  Probabilities of tokens stay on the page: they are larger than
// all the rest.
let last = Promise.resolve();
const inTurn = what => last = last.catch(() => {}).then(what);
const withoutTokens = chat => ({ ...chat, turns: Object.fromEntries(Object.entries(chat.turns).map(([id, turn]) => [id, { ...turn, tokens: undefined }])) });

const places = {
    browser: {
        save: chat => run("readwrite", s => s.put(chat)),
        remove: id => run("readwrite", s => s.delete(id)),
        all: async () => ({ raw: await run("readonly", s => s.getAll()) || [], bad: 0 }),
    },
    server: {
        save: chat => inTurn(() => api.keepChat(withoutTokens(chat))),
        remove: id => inTurn(() => api.removeChat(id)),
        async all() {
            const raw = [];
            let bad = 0;
            for (let after = ""; after !== null;) {
                const part = await api.chats(after);
                raw.push(...part.chats);
                bad += part.bad;
                after = part.next;
            }
            return { raw, bad };
        },
    },
};

export function keepIn(where) { place = where === "server" ? "server" : "browser"; }
export function onServer() { return place === "server"; }
export function kept() { return onServer() || db !== null; }
export function save(chat) { return places[place].save(chat); }
export function remove(id) { return places[place].remove(id); }

// All of them, the newest first; how many could not be read is in `bad`.
export async function all() {
    const { raw, bad } = await places[place].all(), chats = raw.map(readChat).filter(Boolean).sort((a, b) => b.updated - a.updated);
    return { chats, bad: bad + raw.length - chats.length };
}

// Keeps these and all that come in the other place.  Nothing is removed before all are there; a copy that could not be removed stays, and
// is written over when the chats come back.
export async function move(chats, where) {
    if (where !== "server" && !db) throw new Error("not_stored");
    const from = places[place];
    for (const c of chats) await places[where].save(c);
    keepIn(where);
    for (const c of chats) await from.remove(c.id).catch(() => {});
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

const defaults = { language: "", theme: "auto", tokens: false, model: "", keys: true, chats: "browser" };

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
