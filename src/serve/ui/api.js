// api.js - what this page asks of the server it came from, and of nobody else (connect-src 'self').
import { key } from "./store.js";

export class Refused extends Error {
    constructor(status, message) { super(message); this.status = status; }
}

async function call(path, body, signal, method) {
    const headers = {}, k = key();
    if (k) headers.Authorization = "Bearer " + k;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const r = await fetch(path, { method: method || (body === undefined ? "GET" : "POST"), headers, signal, credentials: "omit", redirect: "error", cache: "no-store",
        body: body === undefined ? undefined : JSON.stringify(body) });
    if (!r.ok) throw new Refused(r.status, await sentence(r));
    return r;
}

// The server's own sentence: {"error": {"message": ...}} or {"error": "..."}.
async function sentence(r) {
    const text = (await r.text()).slice(0, 4000);
    try {
        const e = JSON.parse(text).error;
        return String((e && e.message) || e);
    } catch { return text || r.statusText || String(r.status); }
}

export async function models() { return (await call("/hearth/models")).json(); }

// Chats that are kept on the server: a part of them behind an id, one kept, one removed.
export async function chats(after) { return (await call("/hearth/chats" + (after ? "?after=" + after : ""))).json(); }
export async function keepChat(chat) { await call("/hearth/chats/" + chat.id, chat, undefined, "PUT"); }
export async function removeChat(id) { await call("/hearth/chats/" + id, undefined, undefined, "DELETE"); }
export async function feedback(entry) { return (await call("/hearth/feedback", entry)).json(); }

// Lines of a stream, without their ends, as they come.
async function* lines(r) {
    const decoder = new TextDecoder(), reader = r.body.getReader();
    let rest = "";
    for (;;) {
        const { done, value } = await reader.read();
        rest += decoder.decode(value, { stream: !done });
        const parts = rest.split("\n");
        rest = parts.pop();
        yield* parts;
        if (done) break;
    }
    if (rest) yield rest;
}

// Asks; on(chunk) hears each piece of the stream as an object.  Throws Refused, also for an error in the middle.
export async function ask(body, signal, on) {
    const r = await call("/v1/chat/completions", { ...body, stream: true, stream_options: { include_usage: true } }, signal);
    let whole = false;
    for await (const line of lines(r)) {
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        if (data === "[DONE]") { whole = true; break; }
        const chunk = JSON.parse(data);
        if (chunk.error) throw new Refused(0, String(chunk.error.message || chunk.error));
        on(chunk);
    }
    if (!whole) throw new Refused(0, "");
}

// Fetches a model by its name; on({status, completed, total}).
export async function pull(name, on) {
    const r = await call("/api/pull", { model: name, stream: true });
    for await (const line of lines(r)) {
        if (!line.trim()) continue;
        const step = JSON.parse(line);
        if (step.error) throw new Refused(0, String(step.error));
        on(step);
    }
}
