// dom.js - elements made by calls.  Text becomes text nodes, always: nothing in this page parses HTML, and the server's
// Content-Security-Policy (trusted types) has the browser refuse it should anybody try.

// h("p", {class: "note", onclick: f, "aria-label": "..."}, "text", element, null, [more])
export function h(tag, props, ...kids) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
        else if (name === "value" || name === "checked" || name === "disabled") e[name] = value;
        else e.setAttribute(name, value === true ? "" : String(value));
    }
    put(e, kids);
    return e;
}

function put(e, kids) {
    for (const k of kids.flat(Infinity)) if (k !== null && k !== undefined && k !== false) e.append(k);
}

export function fill(e, ...kids) {
    e.replaceChildren();
    put(e, kids);
}

const shapes = {       // on a grid of 24, drawn with a line of 1.75
    menu: "M4 7h16M4 12h16M4 17h16",
    add: "M12 5v14M5 12h14",
    send: "M12 19V6M6 11l6-6 6 6",
    stop: "M7 7h10v10H7z",
    clip: "M19 11l-7.5 7.5a4.5 4.5 0 0 1-6.4-6.4l8-8a3 3 0 0 1 4.3 4.3l-8 8a1.5 1.5 0 0 1-2.2-2.1L14.5 7",
    edit: "M5 19l1-4L16 5l3 3L9 18l-4 1zM14 7l3 3",
    again: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
    left: "M14 6l-6 6 6 6",
    right: "M10 6l6 6-6 6",
    down: "M6 9l6 6 6-6",
    good: "M5 13l4.5 4.5L19 7",
    wrong: "M6 6l12 12M18 6L6 18",
    copy: "M9 9h10v10H9zM5 15V5h10",
    bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    gear: "M4 8h9M17 8h3M4 16h3M11 16h9M15 6v4M9 14v4",
    question: "M9 9a3 3 0 1 1 4 2.8c-.7.3-1 .8-1 1.7M12 17v.2",
    receipt: "M6 3v18l2-1.5 2 1.5 2-1.5 2 1.5 2-1.5 2 1.5V3l-2 1.5L14 3l-2 1.5L10 3 8 4.5zM9 9h6M9 13h6",
    tokens: "M4 6h5v5H4zM11 6h9v5h-9zM4 13h9v5H4zM15 13h5v5h-5z",
    text: "M5 6h14M5 10h14M5 14h9M5 18h6",
    bulb: "M9 18h6M10 21h4M8 14a5.5 5.5 0 1 1 8 0c-.8.8-1 1.4-1 2H9c0-.6-.2-1.2-1-2z",
    plan: "M6 4h12v16H6zM9 8h6M9 12h6M9 16h3",
    quiz: "M4 5h16v11H9l-5 4zM10 9a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1M12 13.5v.1",
    pen: "M4 20c4-1 8-3 11-7l4-6-2-2-6 4c-4 3-6 7-7 11zM8 16l4-4",
    chat: "M4 5h16v12H10l-6 4z",
    lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
    box: "M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8",
};

export function icon(name) {
    const ns = "http://www.w3.org/2000/svg", svg = document.createElementNS(ns, "svg"), path = document.createElementNS(ns, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", shapes[name]);
    svg.append(path);
    return svg;
}

// A button with an icon; its words are its name for a screen reader and its tip under the pointer, or are shown.
export function button(shape, words, onclick, props) {
    const shown = props && props.shown, p = { type: "button", class: shown ? "button" : "icon", onclick, ...props };
    delete p.shown;
    if (!shown) { p["aria-label"] = words; p.title = words; }
    return h("button", p, icon(shape), shown ? h("span", null, words) : null);
}

// A dialog that goes when it is closed; Esc closes it, as browsers do.
export function dialog(title, closeWords, ...kids) {
    const id = "title-" + Math.random().toString(36).slice(2), before = document.activeElement;
    const d = h("dialog", { "aria-labelledby": id },
        h("div", { class: "head" }, h("h2", { id }, title), button("wrong", closeWords, () => d.close())), ...kids);
    d.addEventListener("close", () => {
        d.remove();
        if (before && before.isConnected) before.focus();
    });
    d.addEventListener("click", e => { if (e.target === d) d.close(); });
    document.body.append(d);
    d.showModal();
    return d;
}

export async function copyText(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = h("textarea", { class: "hidden", "aria-hidden": "true" });      // plain http on an address that is not loopback
    area.value = text;
    (document.querySelector("dialog[open]") || document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("copy");
}

export function download(name, type, text) {
    const url = URL.createObjectURL(new Blob([text], { type })), a = h("a", { href: url, download: name });
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}
