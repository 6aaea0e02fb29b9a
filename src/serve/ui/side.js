// side.js - the list of chats beside the page; on a narrow screen a drawer.
import { h, fill, button, download } from "./dom.js";
import { t, when } from "./words.js";
import * as store from "./store.js";
import * as dialogs from "./dialogs.js";

const narrow = matchMedia("(max-width: 800px)");

// act: {open(chat), fresh(), changed(chat), gone(chat), imported(chats), settings(), keys()}
export class Side {
    constructor(act) {
        this.act = act;
        this.list = h("ul", { class: "chats" });
        this.note = h("p", { class: "quiet" });
        this.input = h("input", { type: "file", accept: ".json,application/json", class: "hidden", tabindex: "-1", "aria-hidden": "true", onchange: () => { this.import(this.input.files[0]); this.input.value = ""; } });
        this.all = button("copy", t("export_all"), () => download("hearth-chats.json", "application/json", store.exportText(this.chats)), { shown: true, class: "button flat" });
        this.root = h("nav", { id: "side", "aria-label": t("chats") },
            h("div", { class: "sidehead" }, h("span", { class: "mark", "aria-hidden": "true" }), h("strong", null, "hearth"), h("span", { class: "grow" }), button("wrong", t("close"), () => this.show(false), { class: "icon narrow" })),
            button("add", t("new_chat"), () => { this.show(false); act.fresh(); }, { shown: true, class: "button wide-button" }), this.list, h("div", { class: "sidefoot" }, this.note, this.all,
                button("add", t("import"), () => this.input.click(), { shown: true, class: "button flat" }), this.input,
                button("gear", t("settings"), () => act.settings(), { shown: true, class: "button flat" }), button("question", t("shortcuts"), () => dialogs.shortcutsDialog(), { shown: true, class: "button flat" })));
        this.shade = h("div", { class: "sideshade", onclick: () => this.show(false) });
        this.root.addEventListener("keydown", e => { if (e.key === "Escape" && this.shown) { e.stopPropagation(); this.show(false); } });
        this.show(false);
        narrow.addEventListener("change", () => this.show(false));
    }

    // On a wide screen it is always there; what a narrow one hides cannot be reached by Tab either.
    show(on) {
        const was = this.shown;
        this.shown = on && narrow.matches;
        this.root.classList.toggle("shown", this.shown);
        this.root.inert = narrow.matches && !this.shown;
        this.shade.hidden = !this.shown;
        if (this.shown) this.root.querySelector("button").focus();
        else if (was && this.opener) this.opener.focus();
        if (this.opener) this.opener.setAttribute("aria-expanded", String(this.shown));
    }

    draw(chats, current, bad) {
        this.chats = chats;
        this.all.hidden = !chats.length;
        this.note.textContent = !store.kept() ? t("not_stored") : bad ? t(store.onServer() ? "chats_bad_server" : "chats_bad", { n: bad }) : chats.length ? t(store.onServer() ? "stored_server" : "stored_here") : t("no_chats");
        fill(this.list, chats.map(c => this.row(c, c === current)));
    }

    row(chat, current) {
        const name = chat.title || t("untitled");
        const close = () => menu.removeAttribute("open");
        const item = (shape, words, what) => button(shape, words, () => { close(); what(); }, { shown: true, class: "button flat" });
        const menu = h("details", { class: "menu" }, h("summary", { "aria-label": t("more", { name }), title: t("more", { name }) }, "⋯"), h("div", null,
            item("edit", t("rename"), () => dialogs.renameDialog(name, title => { if (title) { chat.title = title; this.act.changed(chat); } })),
            item("copy", t("export_one"), () => download("hearth-chat.json", "application/json", store.exportText([chat]))),
            item("bin", t("remove"), () => dialogs.sureDialog(t("remove_sure", { name }), t("remove"), () => this.act.gone(chat)))));
        menu.addEventListener("focusout", e => { if (!menu.contains(e.relatedTarget)) close(); });
        menu.addEventListener("keydown", e => { if (e.key === "Escape" && menu.open) { e.stopPropagation(); close(); menu.querySelector("summary").focus(); } });
        return h("li", null, h("button", { type: "button", class: "chat", "aria-current": current ? "page" : null, title: when(chat.updated), onclick: () => { this.show(false); this.act.open(chat); } }, name), menu);
    }

    async import(file) {
        if (!file) return;
        let words;
        try {
            const chats = store.importText(await file.text());
            await this.act.imported(chats);
            words = t("imported", { n: chats.length });
        } catch (e) {
            words = /^import_/.test(e.message) ? t(e.message) : e.message;
        }
        this.note.textContent = words;
        this.note.setAttribute("role", "status");
    }
}
