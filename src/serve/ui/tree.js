// tree.js - a chat is a tree of turns: a question that is edited and an answer that is asked for again stand beside the first.
//
//     "" ── question ─┬─ answer ── question ── answer          pick: which child of each turn is shown
//                     └─ answer (again)
//        └─ question (edited) ── answer
//
// What was made by an older page or comes from a file is checked field by field: nobody else vouches for it.
export const LIMIT = { turns: 5000, text: 4 << 20, chats: 2000 };

export function newId() {
    return [...crypto.getRandomValues(new Uint8Array(8))].map(b => b.toString(16).padStart(2, "0")).join("");
}

export function newChat(settings) {
    const now = Date.now();
    return { id: newId(), title: "", created: now, updated: now, model: "", system: "", action: "", sampling: {}, turns: {}, roots: [], pick: {}, ...settings };
}

export function children(chat, parent) {
    return parent ? chat.turns[parent].kids : chat.roots;
}

// A new last child, which is then the one shown.
export function add(chat, parent, role, text, more) {
    const turn = { id: newId(), parent, role, text, kids: [], time: Date.now(), ...more };
    chat.turns[turn.id] = turn;
    children(chat, parent).push(turn.id);
    chat.pick[parent] = turn.id;
    chat.updated = turn.time;
    return turn;
}

// The turns that are shown, from the first on.
export function path(chat) {
    const out = [];
    for (let at = ""; ;) {
        const kids = children(chat, at);
        if (!kids.length) return out;
        at = kids.includes(chat.pick[at]) ? chat.pick[at] : kids.at(-1);
        out.push(chat.turns[at]);
    }
}

// From the first turn down to this one.
export function ancestry(chat, turn) {
    const out = [];
    for (let at = turn; at; at = chat.turns[at.parent]) out.unshift(at);
    return out;
}

export function step(chat, turn, by) {
    const kids = children(chat, turn.parent), i = kids.indexOf(turn.id) + by;
    if (i >= 0 && i < kids.length) chat.pick[turn.parent] = kids[i];
}

// What a server is sent for this turn: the system prompt, then all that was said before and in it.
export function messages(chat, turn) {
    const out = chat.system.trim() ? [{ role: "system", content: chat.system }] : [];
    for (const x of ancestry(chat, turn)) if (x.text || x.role === "user") out.push({ role: x.role, content: withFiles(x) });
    return out;
}

// A question with its files before it; the fence is longer than any in the file.
export function withFiles(turn) {
    let out = "";
    for (const f of turn.files || []) {
        const longest = Math.max(2, ...(f.text.match(/`{3,}/g) || []).map(s => s.length)), mark = "`".repeat(longest + 1);
        out += `${f.name}:\n${mark}\n${f.text}\n${mark}\n\n`;
    }
    return out + turn.text;
}

// ---- what comes from elsewhere ----

const isText = (v, max) => typeof v === "string" && v.length <= max;
const isId = v => typeof v === "string" && /^[0-9a-f]{16}$/.test(v);
const isTime = v => Number.isFinite(v) && v >= 0 && v < 1e14;

function plain(v, depth) {          // JSON of a server, kept as it came: only its size is limited
    return v === null || ["number", "string", "boolean"].includes(typeof v) || (depth < 12 && typeof v === "object" && Object.values(v).every(x => plain(x, depth + 1)));
}

function readTurn(v, id) {
    if (!v || v.id !== id || !isId(id) || !["user", "assistant"].includes(v.role) || !isText(v.text, LIMIT.text) || !Array.isArray(v.kids)) return null;
    const t = { id, parent: v.parent, role: v.role, text: v.text, kids: v.kids, time: isTime(v.time) ? v.time : 0 };
    if (Array.isArray(v.files)) {
        if (!v.files.every(f => f && isText(f.name, 300) && isText(f.text, LIMIT.text))) return null;
        t.files = v.files.map(f => ({ name: f.name, text: f.text }));
    }
    for (const k of ["model", "error", "verdict", "correction"]) if (isText(v[k], LIMIT.text)) t[k] = v[k];
    for (const k of ["stopped", "cut"]) if (v[k] === true) t[k] = true;
    for (const k of ["usage", "receipt", "tokens", "speed"]) if (v[k] && plain(v[k], 0)) t[k] = v[k];
    return t;
}

// A chat, or null when this is none.
export function readChat(v) {
    if (!v || !isId(v.id) || !isText(v.title, 300) || !isText(v.system ?? "", LIMIT.text) || !Array.isArray(v.roots) || !v.turns || typeof v.turns !== "object") return null;
    const ids = Object.keys(v.turns);
    if (ids.length > LIMIT.turns) return null;
    const chat = newChat({ id: v.id, title: v.title, system: v.system ?? "", model: isText(v.model, 300) ? v.model : "", action: isText(v.action, 40) ? v.action : "",
        created: isTime(v.created) ? v.created : 0, updated: isTime(v.updated) ? v.updated : 0, roots: v.roots });
    for (const id of ids) if (!(chat.turns[id] = readTurn(v.turns[id], id))) return null;
    // Every turn has one parent that knows it, and all hang below the root: so there is no circle.
    const seen = new Set(), todo = chat.roots.map(k => ["", k]);
    while (todo.length) {
        const [parent, id] = todo.pop();
        if (!isId(id) || !Object.hasOwn(chat.turns, id) || seen.has(id) || chat.turns[id].parent !== parent) return null;
        seen.add(id);
        for (const k of chat.turns[id].kids) todo.push([id, k]);
    }
    if (seen.size !== ids.length) return null;
    for (const [k, id] of Object.entries(v.pick || {})) if ((k === "" || Object.hasOwn(chat.turns, k)) && isId(id)) chat.pick[k] = id;
    for (const [k, x] of Object.entries(v.sampling || {})) if (/^[a-z_]{1,30}$/.test(k) && Number.isFinite(x)) chat.sampling[k] = x;
    return chat;
}
