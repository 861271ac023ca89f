"use strict";
// Builds the lists and details of the page. Whatever comes from the report becomes text nodes, never markup.
(function () {
    const data = JSON.parse(document.getElementById("data").textContent);
    const alarms = data.alarms || [];
    const documents = data.documents.text || [];
    const rules = data.rules || {};
    const app = document.getElementById("app");
    const overview = document.getElementById("overview");
    const live = document.getElementById("live");
    const LEVELS = ["critical", "high", "medium", "low", "note", "invalid"];
    const CONSOLE = "https://console.cloud.tencent.com/";
    const PAGE_SIZE = 100;

    // ---------------------------------------------------------------- texts

    function own(object, name) {
        return Object.prototype.hasOwnProperty.call(object, name) ? object[name] : undefined;
    }

    function t(name, values) {
        const text = own(data.texts, name) || name;
        return values ? text.replace(/\{(\w+)\}/g, (_, key) => String(values[key])) : text;
    }

    function word(group, value) {
        return own(data.words, group + "_" + value) || value || "";
    }

    function number(value) {
        return String(value || 0).replace(/\B(?=(\d{3})+$)/g, ",");
    }

    function time(value) {
        return value ? value.slice(0, 19).replace("T", " ") : "";
    }

    function say(text) {
        live.textContent = "";
        // A text that stays the same is not read again; an empty moment makes it new.
        setTimeout(() => {
            live.textContent = text;
        }, 30);
    }

    // ---------------------------------------------------------------- elements

    function h(tag, attributes, ...children) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes || {})) {
            if (value === true) element.setAttribute(name, "");
            else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
        }
        add(element, children);
        return element;
    }

    function add(element, children) {
        for (const child of children.flat(Infinity)) {
            if (child !== null && child !== undefined && child !== "" && child !== false) element.append(child);
        }
    }

    function small(...children) {
        const kept = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== "");
        return kept.length ? h("span", { class: "small" }, kept) : null;
    }

    function code(text) {
        return text ? h("code", null, text) : null;
    }

    function stamp(value) {
        return value ? h("time", { datetime: value, class: "time" }, time(value)) : h("span", { class: "none" }, "–");
    }

    function badge(kind, value, known) {
        return h(
            "span",
            { class: kind + " " + kind + "-" + (known.includes(value) ? value : "note") },
            word(kind, value),
        );
    }

    function level(value) {
        return badge("level", value, LEVELS);
    }

    function status(value) {
        return badge("status", value, ["unprocessed", "processed", "ignored"]);
    }

    function chips(group, values) {
        return (values || []).map((value) => h("span", { class: "chip" }, group ? word(group, value) : value));
    }

    // ---------------------------------------------------------------- copying

    function copyText(text, button) {
        const done = () => {
            say(t("copied"));
            button.classList.add("done");
            setTimeout(() => button.classList.remove("done"), 1200);
        };
        const fallback = () => {
            if (copySelected(text, button)) done();
        };
        if (navigator.clipboard && navigator.clipboard.writeText) {
            navigator.clipboard.writeText(text).then(done, fallback);
        } else {
            fallback();
        }
    }

    // Browsers that refuse the clipboard to files still copy what is selected.
    function copySelected(text, button) {
        const area = h("textarea", { class: "unseen", "aria-hidden": "true", readonly: true, tabindex: "-1" });
        area.value = text;
        document.body.append(area);
        area.select();
        let copied = false;
        try {
            copied = document.execCommand("copy");
        } catch {
            copied = false;
        }
        if (!copied) {
            say(t("copy_failed"));
            area.addEventListener("blur", () => area.remove(), { once: true });
            return false;
        }
        area.remove();
        button.focus({ preventScroll: true });
        return true;
    }

    function copyButton(text, what) {
        const label = t("copy_what", { what: what });
        const button = h("button", { type: "button", class: "copy", "aria-label": label, title: label }, t("copy"));
        button.addEventListener("click", () => copyText(text, button));
        return button;
    }

    function documentBlock(name, at) {
        const text = at === undefined ? undefined : documents[at];
        if (text === undefined) return h("li", null, code(name));
        return h(
            "li",
            null,
            lazy(h("code", null, name), () => [
                copyButton(text, t("document") + " " + (name || "")),
                h("pre", { tabindex: "0" }, text),
            ]),
        );
    }

    // A closed block whose content is built when it is first opened.
    function lazy(summary, build) {
        const block = h("details", { class: "lazy" }, h("summary", null, summary));
        block.addEventListener("toggle", () => {
            if (block.open && block.children.length === 1) add(block, [build()]);
        });
        return block;
    }

    // ---------------------------------------------------------------- tables

    function compare(a, b) {
        if (a === b) return 0;
        if (a === undefined || a === null || a === "") return -1;
        if (b === undefined || b === null || b === "") return 1;
        return a < b ? -1 : 1;
    }

    // A sortable table in pages. Columns: name, title, cell, and for sorting a value and whether high comes first.
    function makeTable(options) {
        const state = { rows: [], sort: null, down: false, page: 0 };
        const body = h("div", {
            class: "scroll table-box",
            tabindex: "0",
            role: "region",
            "aria-label": options.title,
        });
        const pager = h("nav", { class: "pager", "aria-label": t("pager"), hidden: true });
        const root = h("div", null, body, pager);
        const pageSize = options.pageSize || PAGE_SIZE;

        function sorted() {
            const column = options.columns.find((column) => column.name === state.sort);
            if (!column) return state.rows;
            const sign = state.down ? -1 : 1;
            return state.rows
                .map((row, place) => [column.value(row), place, row])
                .sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1])
                .map((item) => item[2]);
        }

        function header(column) {
            const kind = column.class === "number" ? "number" : null;
            if (!column.value) return h("th", { scope: "col", role: "columnheader", class: kind }, column.title);
            const current = state.sort === column.name;
            const button = h(
                "button",
                { type: "button", "data-sort": column.name },
                column.title,
                h("span", { class: "arrow", "aria-hidden": "true" }, current ? (state.down ? "▼" : "▲") : "↕"),
            );
            button.addEventListener("click", () => {
                state.down = current ? !state.down : Boolean(column.down);
                state.sort = column.name;
                state.page = 0;
                draw();
                body.querySelector(`[data-sort="${column.name}"]`).focus();
                if (options.onSort) options.onSort(state.sort, state.down);
            });
            const order = current ? (state.down ? "descending" : "ascending") : "none";
            return h("th", { scope: "col", role: "columnheader", class: kind, "aria-sort": order }, button);
        }

        function row(item) {
            const cells = options.columns.map((column) =>
                h("td", { role: "cell", "data-label": column.title, class: column.class }, column.cell(item)),
            );
            const line = h("tr", { role: "row", class: options.open ? "opens" : null }, cells);
            if (options.open) {
                line.addEventListener("click", (event) => {
                    // A click that selects text, or is meant for something inside, opens nothing.
                    if (event.target.closest("a, button, summary") || String(getSelection())) return;
                    options.open(item);
                });
            }
            const extra = options.extra ? options.extra(item) : null;
            if (!extra) return [line];
            return [
                line,
                h(
                    "tr",
                    { role: "row", class: "extra" },
                    h("td", { role: "cell", colspan: options.columns.length }, extra),
                ),
            ];
        }

        function draw() {
            const all = sorted();
            const pages = Math.max(1, Math.ceil(all.length / pageSize));
            state.page = Math.min(state.page, pages - 1);
            const first = state.page * pageSize;
            body.hidden = all.length === 0;
            body.replaceChildren(
                h(
                    "table",
                    { role: "table", class: "list " + (options.class || "") },
                    h("caption", { class: "unseen" }, options.title),
                    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, options.columns.map(header))),
                    h("tbody", { role: "rowgroup" }, all.slice(first, first + pageSize).map(row)),
                ),
            );
            drawPager(all.length, pages);
        }

        function drawPager(count, pages) {
            pager.hidden = pages < 2;
            const turn = (name, by) => {
                const to = state.page + by;
                const button = h("button", { type: "button", disabled: to < 0 || to >= pages }, t(name));
                button.addEventListener("click", () => {
                    state.page = to;
                    draw();
                    root.scrollIntoView({ block: "start" });
                    const again = pager.querySelectorAll("button")[by < 0 ? 0 : 1];
                    (again.disabled ? body : again).focus({ preventScroll: true });
                    say(t("page", { page: number(to + 1), pages: number(pages) }));
                });
                return button;
            };
            pager.replaceChildren(
                turn("previous", -1),
                h("span", null, t("page", { page: number(state.page + 1), pages: number(pages) })),
                turn("next", 1),
            );
        }

        return {
            root: root,
            sorted: sorted,
            show(rows) {
                state.rows = rows;
                state.page = 0;
                draw();
            },
            sort(name, down) {
                state.sort = name;
                state.down = down;
                state.page = 0;
                draw();
            },
        };
    }

    // Table with a line instead where there is nothing.
    function listing(options, rows, empty) {
        if (!rows || rows.length === 0) return h("p", { class: "empty" }, empty);
        const table = makeTable(options);
        table.show(rows);
        return table.root;
    }

    // A table with a search above it.
    function searchedListing(options, rows, empty) {
        if (!rows || rows.length === 0) return h("p", { class: "empty" }, empty);
        const table = makeTable(options);
        const id = "search-" + options.name;
        const search = h("input", {
            type: "search",
            id: id,
            autocomplete: "off",
            spellcheck: "false",
            placeholder: t("search_rows_hint"),
            "aria-keyshortcuts": "/",
        });
        const count = h("p", { class: "shown" });
        const nothing = h("p", { class: "empty", hidden: true }, t("empty_search"));
        const clear = h("button", { type: "button", class: "clear", hidden: true }, t("clear"));
        const said = rows.map((row) => rowText(row, options.words(row)));
        let timer = 0;

        function apply() {
            const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
            const kept = rows.filter((row, place) => terms.every((term) => said[place].includes(term)));
            count.textContent = t("shown", { shown: number(kept.length), all: number(rows.length) });
            clear.hidden = terms.length === 0;
            nothing.hidden = kept.length > 0;
            table.show(kept);
        }

        function changed() {
            apply();
            say(count.textContent);
        }

        search.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(changed, 200);
        });
        clear.addEventListener("click", () => {
            search.value = "";
            changed();
            search.focus();
        });
        const controls = h(
            "form",
            { class: "controls", role: "search", "aria-label": t("filters") },
            h("div", { class: "field search" }, h("label", { for: id }, t("search")), search),
            clear,
        );
        controls.addEventListener("submit", (event) => event.preventDefault());
        apply();
        return h("div", null, h("div", { class: "list-head" }, count), controls, nothing, table.root);
    }

    // ---------------------------------------------------------------- alarms: what is searched and filtered

    function keyId(item) {
        // Keys of temporary credentials share one name; their users tell them apart.
        return item.ak === "TEMP_AK" ? item.ak + " · " + (item.user || "–") : item.ak || "";
    }

    function calls(alarm) {
        return (alarm.success || 0) + (alarm.failed || 0);
    }

    function sources(alarm) {
        const found = new Set();
        for (const record of alarm.records || []) if (record.source_ip) found.add(record.source_ip);
        return Array.from(found);
    }

    const texts = new WeakMap();

    // Everything a key or an address says in lower case, with the words that stand for what it is.
    function rowText(row, also) {
        const parts = also.concat(Object.values(row).filter((value) => typeof value === "string"));
        return parts.join("\n").toLowerCase();
    }

    // Everything an alarm says in lower case, made when it is first searched, and the documents it refers to.
    function searchable(alarm) {
        let known = texts.get(alarm);
        if (known) return known;
        const parts = [word("level", alarm.level), word("status", alarm.status), word("type", alarm.type)];
        const at = new Set();
        const walk = (value, name) => {
            if (typeof value === "string") parts.push(value);
            else if (Array.isArray(value)) for (const item of value) walk(item);
            else if (value && typeof value === "object") for (const key of Object.keys(value)) walk(value[key], key);
            else if (typeof value === "number" && name === "at") at.add(value);
        };
        walk(alarm);
        known = { text: parts.join("\n").toLowerCase(), at: Array.from(at) };
        texts.set(alarm, known);
        return known;
    }

    // Where all alarms are new, saying so of each tells nothing.
    const oldOnes = alarms.some((alarm) => !alarm.is_new);

    function isNews(alarm) {
        return alarm.is_new && oldOnes;
    }

    function matcher(query) {
        const wanted = query
            .toLowerCase()
            .split(/\s+/)
            .filter(Boolean)
            .map((term) => {
                const places = new Set();
                documents.forEach((text, place) => {
                    if (text.toLowerCase().includes(term)) places.add(place);
                });
                return { term: term, places: places };
            });
        return (alarm) => {
            const found = searchable(alarm);
            return wanted.every(
                ({ term, places }) => found.text.includes(term) || found.at.some((at) => places.has(at)),
            );
        };
    }

    const FILTERS = ["level", "status", "rule", "key", "type", "ip"];

    function passes(alarm, filter) {
        return (
            (!filter.level || alarm.level === filter.level) &&
            (!filter.status || alarm.status === filter.status) &&
            (!filter.rule || alarm.rule === filter.rule) &&
            (!filter.type || alarm.type === filter.type) &&
            (!filter.key || keyId(alarm) === filter.key) &&
            (!filter.ip || (alarm.records || []).some((record) => record.source_ip === filter.ip))
        );
    }

    function hashOf(filter) {
        const query = new URLSearchParams();
        for (const name of FILTERS.concat("q")) if (filter[name]) query.set(name, filter[name]);
        const text = query.toString();
        return "#alarms" + (text ? "?" + text : "");
    }

    function filterOf(query) {
        const found = new URLSearchParams(query);
        const filter = {};
        for (const name of FILTERS.concat("q")) filter[name] = found.get(name) || "";
        return filter;
    }

    // ---------------------------------------------------------------- alarms: the list

    function counts(values) {
        const found = new Map();
        for (const value of values) found.set(value, (found.get(value) || 0) + 1);
        return found;
    }

    function options(values, label, order) {
        const found = Array.from(counts(values));
        found.sort(order || ((a, b) => b[1] - a[1] || compare(a[0], b[0])));
        return [["", t("all")]].concat(
            found.map(([value, count]) => [value, label(value) + " (" + number(count) + ")"]),
        );
    }

    function selectField(name, title, choices) {
        const select = h(
            "select",
            { name: name, id: "filter-" + name },
            choices.map(([value, label]) => h("option", { value: value }, label)),
        );
        return h("div", { class: "field" }, h("label", { for: "filter-" + name }, title), select);
    }

    function ruleTitle(id) {
        const rule = own(rules, id);
        return (rule && rule.title) || id || "";
    }

    function alarmColumns() {
        const rank = (alarm) => {
            const at = LEVELS.indexOf(alarm.level);
            return at < 0 ? LEVELS.length : at;
        };
        return [
            { name: "level", title: t("level"), value: rank, cell: (a) => level(a.level) },
            {
                name: "rule",
                title: t("alarm"),
                value: (a) => a.rule,
                class: "wide",
                cell: (a) => [
                    h("a", { href: "#" + encodeURIComponent(a.id), class: "open" }, a.name || a.id),
                    " ",
                    isNews(a) ? h("span", { class: "chip new" }, t("new")) : null,
                    small(a.id, " · ", a.rule, " · ", word("type", a.type)),
                ],
            },
            {
                name: "key",
                title: t("key"),
                value: (a) => keyId(a),
                cell: (a) => [
                    code(a.ak),
                    small([a.user, a.ak_remark].filter(Boolean).join(" · ")),
                    riskLine(a.ak_risks),
                ],
            },
            { name: "source", title: t("source"), cell: (a) => sourceCell(a) },
            {
                name: "calls",
                title: t("calls"),
                value: calls,
                down: true,
                class: "number",
                cell: (a) => [number(calls(a)), a.failed ? small(t("calls_failed", { n: number(a.failed) })) : null],
            },
            {
                name: "time",
                title: t("last_call"),
                value: (a) => a.last_call,
                down: true,
                cell: (a) => stamp(a.last_call),
            },
            {
                name: "status",
                title: t("status"),
                value: (a) => a.status,
                cell: (a) => [
                    status(a.status),
                    a.new_since_processed ? small(t("new_since", { n: number(a.new_since_processed) })) : null,
                ],
            },
        ];
    }

    function riskLine(risks) {
        return small((risks || []).map((risk) => word("risk", risk)).join(" · "));
    }

    function sourceCell(alarm) {
        const found = sources(alarm);
        const first = (alarm.records || []).find((record) => record.source_ip === found[0]);
        return [
            found[0] || h("span", { class: "none" }, "–"),
            found.length > 1 ? " +" + (found.length - 1) : null,
            first ? small([word("ip_type", first.ip_type), first.region].filter(Boolean).join(" · ")) : null,
        ];
    }

    function makeAlarms() {
        let filter = null;
        let run = 0;
        let timer = 0;
        const search = h("input", {
            type: "search",
            id: "search",
            autocomplete: "off",
            spellcheck: "false",
            placeholder: t("search_hint"),
            "aria-keyshortcuts": "/",
        });
        const sort = h(
            "select",
            { id: "sort" },
            [
                ["level", t("sort_level")],
                ["time", t("sort_time")],
                ["calls", t("sort_calls")],
                ["rule", t("sort_rule")],
                ["", "–"],
            ].map(([value, label]) => h("option", { value: value, hidden: value === "" }, label)),
        );
        const byLevel = (a, b) => LEVELS.indexOf(a[0]) - LEVELS.indexOf(b[0]);
        const fields = [
            selectField(
                "level",
                t("level"),
                options(
                    alarms.map((a) => a.level),
                    (v) => word("level", v),
                    byLevel,
                ),
            ),
            selectField(
                "status",
                t("status"),
                options(
                    alarms.map((a) => a.status),
                    (v) => word("status", v),
                ),
            ),
            selectField(
                "type",
                t("type"),
                options(
                    alarms.map((a) => a.type),
                    (v) => word("type", v),
                ),
            ),
            selectField(
                "rule",
                t("rule"),
                options(
                    alarms.map((a) => a.rule),
                    ruleTitle,
                ),
            ),
            selectField(
                "key",
                t("key"),
                options(alarms.map(keyId), (v) => v),
            ),
        ];
        const count = h("p", { class: "shown", id: "shown" });
        const clear = h("button", { type: "button", class: "clear" }, t("clear"));
        const address = h("span", { class: "chip ip-chip", hidden: true });
        const empty = h("p", { class: "empty", hidden: true }, t(alarms.length ? "empty_filtered" : "empty_alarms"));
        const table = makeTable({
            title: t("alarms"),
            columns: alarmColumns(),
            open: (alarm) => open(alarm.id),
            class: "alarms",
            onSort: (name, down) => {
                sort.value = sortName(name, down);
            },
        });
        const controls = h(
            "form",
            { class: "controls", role: "search", "aria-label": t("filters") },
            h("div", { class: "field search" }, h("label", { for: "search" }, t("search")), search),
            fields,
            h("div", { class: "field" }, h("label", { for: "sort" }, t("sort_by")), sort),
            clear,
        );
        const root = h(
            "section",
            { class: "panel", "aria-labelledby": "alarms-title" },
            h(
                "div",
                { class: "list-head" },
                h("h2", { id: "alarms-title", tabindex: "-1" }, t("alarms")),
                count,
                address,
            ),
            controls,
            empty,
            table.root,
        );

        function sortName(name, down) {
            const usual = { level: false, time: true, calls: true, rule: false };
            return own(usual, name) === down ? name : "";
        }

        function selects() {
            return fields.map((field) => field.querySelector("select"));
        }

        // Searches in slices, so that the page answers while ten thousand alarms are looked through.
        function apply() {
            const current = ++run;
            const matches = filter.q ? matcher(filter.q) : null;
            const kept = [];
            let place = 0;
            root.setAttribute("aria-busy", "true");
            const slice = () => {
                if (current !== run) return;
                const end = performance.now() + 40;
                while (place < alarms.length && performance.now() < end) {
                    const alarm = alarms[place++];
                    if (passes(alarm, filter) && (!matches || matches(alarm))) kept.push(alarm);
                }
                if (place < alarms.length) {
                    count.textContent = t("searching");
                    setTimeout(slice, 0);
                    return;
                }
                root.removeAttribute("aria-busy");
                count.textContent = t("shown", { shown: number(kept.length), all: number(alarms.length) });
                say(count.textContent);
                empty.hidden = kept.length > 0;
                table.show(kept);
            };
            slice();
        }

        function changed() {
            const next = { ip: filter.ip, q: search.value.trim() };
            for (const select of selects()) next[select.name] = select.value;
            filter = next;
            try {
                history.replaceState(null, "", hashOf(filter));
            } catch {
                // A page inside another may not change its address; the filters work all the same.
            }
            drawFilter();
            apply();
        }

        function drawFilter() {
            clear.hidden = !FILTERS.concat("q").some((name) => filter[name]);
            address.hidden = !filter.ip;
            address.replaceChildren(t("address") + ": ", code(filter.ip) || "");
        }

        function show(next) {
            if (filter && hashOf(filter) === hashOf(next)) return;
            filter = next;
            search.value = filter.q;
            for (const select of selects()) select.value = filter[select.name];
            drawFilter();
            apply();
        }

        search.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(changed, 200);
        });
        controls.addEventListener("submit", (event) => event.preventDefault());
        for (const select of selects()) select.addEventListener("change", changed);
        sort.addEventListener("change", () => table.sort(sort.value, ["time", "calls"].includes(sort.value)));
        clear.addEventListener("click", () => {
            search.value = "";
            for (const select of selects()) select.value = "";
            filter.ip = "";
            changed();
            search.focus();
        });
        root.addEventListener("keydown", (event) => {
            if (!["ArrowDown", "ArrowUp"].includes(event.key) || !event.target.classList.contains("open")) return;
            const links = Array.from(root.querySelectorAll("a.open"));
            const next = links[links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
            if (next) next.focus();
            event.preventDefault();
        });
        table.sort("level", false);
        return {
            root: root,
            show: show,
            order: () => table.sorted(),
            current: () => filter && hashOf(filter),
            focus: () => search.focus(),
            focusRow(id) {
                const link = Array.from(root.querySelectorAll("a.open")).find(
                    (link) => link.getAttribute("href") === "#" + encodeURIComponent(id),
                );
                if (link) link.focus({ preventScroll: true });
            },
        };
    }

    // ---------------------------------------------------------------- alarms: details

    function facts(pairs) {
        const shown = pairs.filter(
            ([, value]) =>
                value !== null &&
                value !== undefined &&
                value !== "" &&
                value !== false &&
                !(Array.isArray(value) && value.length === 0),
        );
        return h(
            "dl",
            { class: "facts" },
            shown.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
        );
    }

    function section(title, ...children) {
        return h("section", { class: "part" }, h("h3", null, title), children);
    }

    function whatToDo(alarm) {
        const rule = own(rules, alarm.rule) || {};
        const links = (rule.links || []).filter((link) => String(link[1]).startsWith(CONSOLE));
        return section(
            t("process"),
            rule.steps
                ? h(
                      "ol",
                      { class: "steps" },
                      rule.steps.map((step) => h("li", null, step)),
                  )
                : null,
            links.length
                ? h(
                      "div",
                      { class: "links" },
                      h("h4", null, t("console_links")),
                      h(
                          "ul",
                          null,
                          links.map(([name, address]) =>
                              h(
                                  "li",
                                  null,
                                  h("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, name),
                              ),
                          ),
                      ),
                  )
                : null,
            rule.summary ? [h("h4", null, t("rule_watches")), h("p", null, rule.summary)] : null,
        );
    }

    function alarmFacts(alarm) {
        const covered = alarm.allowlisted_by;
        return facts([
            [t("alarm_id"), [code(alarm.id), copyButton(alarm.id, t("alarm_id"))]],
            [
                t("key"),
                [
                    h("a", { href: hashOf({ key: keyId(alarm) }) }, code(alarm.ak)),
                    alarm.ak ? copyButton(alarm.ak, t("key")) : null,
                ],
            ],
            [t("remark"), alarm.ak_remark],
            [t("risks"), chips("risk", alarm.ak_risks)],
            [t("owner"), alarm.user],
            [t("identity"), word("identity", alarm.identity)],
            [t("account"), alarm.account],
            [t("rule"), [ruleTitle(alarm.rule), small(alarm.rule)]],
            [t("type"), word("type", alarm.type)],
            [t("attack"), alarm.attack],
            [t("tags"), chips(null, alarm.tags)],
            [t("calls"), [number(calls(alarm)), small(outcomes(alarm))]],
            [t("first_call"), stamp(alarm.first_call)],
            [t("last_call"), stamp(alarm.last_call)],
            [t("first_seen"), alarm.first_seen ? stamp(alarm.first_seen) : null],
            [t("covered_by"), chips(null, covered)],
        ]);
    }

    function outcomes(item) {
        return t("outcomes", { ok: number(item.success), failed: number(item.failed) });
    }

    function decisions(alarm) {
        if (!alarm.decisions) return null;
        return section(
            t("decisions"),
            listing(
                {
                    title: t("decisions"),
                    columns: [
                        { name: "status", title: t("status"), cell: (d) => status(d.status) },
                        { name: "at", title: t("decided_at"), cell: (d) => stamp(d.at) },
                        { name: "by", title: t("decided_by"), cell: (d) => d.by },
                        { name: "note", title: t("note"), class: "wide", cell: (d) => d.note || "" },
                    ],
                },
                alarm.decisions,
                "",
            ),
        );
    }

    function evidence(alarm) {
        const ids = alarm.event_ids || [];
        if (ids.length === 0) return null;
        return section(
            t("evidence") + " (" + number(ids.length) + ")",
            copyButton(ids.join("\n"), t("event_ids")),
            h(
                "ul",
                { class: "ids", tabindex: "0", "aria-label": t("event_ids") },
                ids.map((id) => h("li", null, code(id))),
            ),
        );
    }

    function recommendation(alarm) {
        const given = alarm.recommendation;
        if (!given) return null;
        return section(
            t("recommendation"),
            given.summary ? h("p", null, given.summary) : null,
            given.command
                ? h("div", { class: "command" }, code(given.command), copyButton(given.command, t("command")))
                : null,
            given.documents
                ? h(
                      "ul",
                      { class: "documents" },
                      given.documents.map((d) => documentBlock(d.name, d.at)),
                  )
                : null,
        );
    }

    function recordColumns() {
        return [
            {
                name: "source",
                title: t("source"),
                value: (r) => r.source_ip,
                cell: (r) => [
                    r.source_ip
                        ? h("a", { href: hashOf({ ip: r.source_ip }) }, r.source_ip)
                        : h("span", { class: "none" }, "–"),
                    small(word("ip_type", r.ip_type)),
                    small(place(r)),
                    small(r.ip_remark),
                    small(asset(r)),
                ],
            },
            {
                name: "call",
                title: t("call"),
                value: (r) => (r.service || "") + ":" + (r.action || ""),
                cell: (r) => [
                    h("b", { class: "action" }, (r.service || "") + ":", h("wbr"), r.action || ""),
                    small(word("method", r.method)),
                    small((r.api_regions || []).join(", ")),
                ],
            },
            {
                name: "caller",
                title: t("caller"),
                value: (r) => r.user,
                cell: (r) => [
                    r.user || word("user_type", r.user_type),
                    r.user ? small(word("user_type", r.user_type)) : null,
                ],
            },
            { name: "result", title: t("result"), value: (r) => r.code, cell: (r) => code(r.code) },
            {
                name: "count",
                title: t("calls"),
                value: calls,
                down: true,
                class: "number",
                cell: (r) => [number(calls(r)), small(outcomes(r))],
            },
            {
                name: "time",
                title: t("times"),
                value: (r) => r.last_call,
                down: true,
                cell: (r) =>
                    r.first_call === r.last_call ? stamp(r.last_call) : [stamp(r.first_call), " ", stamp(r.last_call)],
            },
            {
                name: "clients",
                title: t("clients"),
                value: (r) => (r.clients || [])[0],
                class: "clients",
                cell: (r) => (r.clients || []).map((client) => h("div", null, client)),
            },
        ];
    }

    function place(item) {
        if (!item.region) return "";
        const named = { log: t("region_log") };
        const by = item.region_source;
        return item.region + (by ? " (" + t("place_source", { source: own(named, by) || by }) + ")" : "");
    }

    function asset(item) {
        return [item.asset_name, item.asset_id].filter(Boolean).join(" · ");
    }

    function recordExtra(record) {
        const blocks = [];
        if (record.calls) {
            const title = t("calls_shown", { shown: number(record.calls.length), all: number(calls(record)) });
            blocks.push(lazy(title, () => record.calls.map(singleCall)));
        }
        if (record.policies) {
            blocks.push(
                lazy(t("policies") + " (" + number(record.policies.length) + ")", () =>
                    h(
                        "ul",
                        { class: "documents" },
                        record.policies.map((d) => documentBlock(d.name, d.at)),
                    ),
                ),
            );
        }
        return blocks.length ? blocks : null;
    }

    function pretty(text) {
        try {
            return JSON.stringify(JSON.parse(text), null, 2);
        } catch {
            return text;
        }
    }

    function singleCall(call) {
        return h(
            "div",
            { class: "single" },
            facts([
                [t("time"), stamp(call.time)],
                [
                    t("request_id"),
                    call.request_id ? [code(call.request_id), copyButton(call.request_id, t("request_id"))] : null,
                ],
                [t("event_id"), call.event_id ? [code(call.event_id), copyButton(call.event_id, t("event_id"))] : null],
                [t("resources"), call.resources],
            ]),
            call.body
                ? [h("div", { class: "block-name" }, t("body")), h("pre", { tabindex: "0" }, pretty(call.body))]
                : null,
        );
    }

    function records(alarm) {
        const all = alarm.records || [];
        if (all.length === 0) return null;
        return section(
            t("records"),
            h(
                "p",
                { class: "small" },
                t("records_shown", { shown: number(all.length), all: number(alarm.records_total) }),
            ),
            listing(
                { title: t("records"), class: "records", columns: recordColumns(), extra: recordExtra, pageSize: 50 },
                all,
                "",
            ),
        );
    }

    function details(alarm, order) {
        const at = order.indexOf(alarm);
        const step = (name, to) => {
            const next = at < 0 ? undefined : order[to];
            const button = h("button", { type: "button", disabled: !next }, t(name));
            button.addEventListener("click", () => location.replace("#" + encodeURIComponent(next.id)));
            return button;
        };
        const back = h("button", { type: "button", class: "back" }, "← " + t("back"));
        back.addEventListener("click", close);
        return h(
            "article",
            { class: "panel details", "aria-labelledby": "details-title" },
            h("div", { class: "bar" }, back, step("previous_alarm", at - 1), step("next_alarm", at + 1)),
            h(
                "h2",
                { id: "details-title", tabindex: "-1" },
                level(alarm.level),
                " ",
                alarm.name || alarm.id,
                " ",
                status(alarm.status),
                isNews(alarm) ? [" ", h("span", { class: "chip new" }, t("new"))] : null,
            ),
            h(
                "div",
                { class: "two" },
                h(
                    "div",
                    null,
                    section(t("why"), h("p", { class: "reason" }, alarm.why || "")),
                    whatToDo(alarm),
                    recommendation(alarm),
                ),
                h("div", { class: "side" }, alarmFacts(alarm)),
            ),
            decisions(alarm),
            records(alarm),
            evidence(alarm),
        );
    }

    // ---------------------------------------------------------------- the other views

    function alarmCount(item) {
        return LEVELS.slice(0, 5).reduce((sum, name) => sum + ((item.alarms && item.alarms[name]) || 0), 0);
    }

    // Counts of levels as one number to sort by: one worse alarm outweighs any number of lesser ones.
    function weight(item) {
        return LEVELS.map((name) => String((item.alarms && item.alarms[name]) || 0).padStart(9, "0")).join("");
    }

    function alarmCell(item, filter, label, describes) {
        const found = LEVELS.filter((name) => item.alarms && item.alarms[name] > 0);
        if (found.length === 0) return h("span", { class: "none" }, t("none"));
        const count = number(alarmCount(item) || item.alarms.invalid);
        return [
            h("a", { href: hashOf(filter), "aria-label": count + ", " + label + ": " + describes }, count),
            h(
                "span",
                { class: "small levels" },
                found.map((name) =>
                    h("span", { class: "ink ink-" + name }, word("level", name) + " " + number(item.alarms[name])),
                ),
            ),
        ];
    }

    const useColumns = () => [
        {
            name: "services",
            title: t("services"),
            value: (i) => i.services,
            down: true,
            class: "number",
            cell: (i) => number(i.services),
        },
        {
            name: "apis",
            title: t("actions"),
            value: (i) => i.apis,
            down: true,
            class: "number",
            cell: (i) => number(i.apis),
        },
        {
            name: "first",
            title: t("first_use"),
            value: (i) => i.first_use,
            down: true,
            cell: (i) => stamp(i.first_use),
        },
        { name: "last", title: t("last_use"), value: (i) => i.last_use, down: true, cell: (i) => stamp(i.last_use) },
    ];

    function keysView() {
        const urgency = ["process_now", "harden", "normal"];
        return searchedListing(
            {
                name: "keys",
                title: t("keys"),
                words: (k) =>
                    [word("advice", k.advice), word("identity", k.identity)].concat(
                        (k.risks || []).map((risk) => word("risk", risk)),
                    ),
                columns: [
                    {
                        name: "advice",
                        title: t("advice"),
                        value: (k) => urgency.indexOf(k.advice),
                        cell: (k) => badge("advice", k.advice, urgency),
                    },
                    { name: "key", title: t("key"), value: keyId, cell: (k) => [code(k.ak), small(k.remark)] },
                    {
                        name: "user",
                        title: t("owner"),
                        value: (k) => k.user,
                        cell: (k) => [
                            k.user || word("identity", k.identity),
                            small([k.user ? word("identity", k.identity) : "", k.account].filter(Boolean).join(" · ")),
                        ],
                    },
                    {
                        name: "risks",
                        title: t("risks"),
                        value: (k) => (k.risks || []).length,
                        down: true,
                        class: "risks",
                        cell: (k) => chips("risk", k.risks),
                    },
                    {
                        name: "alarms",
                        title: t("alarms"),
                        value: weight,
                        down: true,
                        cell: (k) => alarmCell(k, { key: keyId(k) }, t("alarms_of_key"), k.ak),
                    },
                    {
                        name: "ips",
                        title: t("addresses_short"),
                        value: (k) => k.ips,
                        down: true,
                        class: "number",
                        cell: (k) => [
                            number(k.ips),
                            k.outside_ips ? small(number(k.outside_ips) + " " + t("outside")) : null,
                        ],
                    },
                ].concat(useColumns()),
            },
            data.keys,
            t("empty_keys"),
        );
    }

    function addressesView() {
        return searchedListing(
            {
                name: "addresses",
                title: t("addresses"),
                words: (i) => [word("ip_type", i.ip_type), place(i)],
                columns: [
                    { name: "ip", title: t("address"), value: (i) => i.ip, cell: (i) => [code(i.ip), small(i.remark)] },
                    {
                        name: "type",
                        title: t("type"),
                        value: (i) => word("ip_type", i.ip_type),
                        cell: (i) => word("ip_type", i.ip_type),
                    },
                    {
                        name: "place",
                        title: t("location"),
                        value: (i) => i.region,
                        cell: (i) => place(i) || h("span", { class: "none" }, "–"),
                    },
                    {
                        name: "asset",
                        title: t("asset"),
                        value: asset,
                        cell: (i) => [i.asset_name || "", small(i.asset_id)],
                    },
                    {
                        name: "alarms",
                        title: t("alarms"),
                        value: weight,
                        down: true,
                        cell: (i) => alarmCell(i, { ip: i.ip }, t("alarms_from_address"), i.ip),
                    },
                    {
                        name: "keys",
                        title: t("keys"),
                        value: (i) => i.keys,
                        down: true,
                        class: "number",
                        cell: (i) => number(i.keys),
                    },
                ].concat(useColumns()),
            },
            data.ips,
            t("empty_addresses"),
        );
    }

    function allowlistView() {
        return listing(
            {
                title: t("allowlist"),
                columns: [
                    { name: "id", title: t("id"), value: (p) => p.id, class: "number", cell: (p) => number(p.id) },
                    { name: "name", title: t("name"), value: (p) => p.name, cell: (p) => p.name },
                    {
                        name: "state",
                        title: t("state"),
                        value: (p) => p.state,
                        cell: (p) => h("span", { class: "chip" }, word("state", p.state)),
                    },
                    { name: "covers", title: t("covers"), class: "wide", cell: (p) => p.covers || "" },
                    { name: "reason", title: t("reason"), cell: (p) => p.reason || "" },
                    { name: "owner", title: t("owner"), value: (p) => p.owner, cell: (p) => p.owner || "" },
                    {
                        name: "hits",
                        title: t("hits"),
                        value: (p) => p.hits,
                        down: true,
                        class: "number",
                        cell: (p) => number(p.hits),
                    },
                    {
                        name: "last",
                        title: t("last_hit"),
                        value: (p) => p.last_hit,
                        down: true,
                        cell: (p) => stamp(p.last_hit),
                    },
                    {
                        name: "created",
                        title: t("created"),
                        value: (p) => p.created,
                        down: true,
                        cell: (p) => stamp(p.created),
                    },
                    {
                        name: "expires",
                        title: t("expires"),
                        value: (p) => p.expires,
                        down: true,
                        cell: (p) => (p.expires ? stamp(p.expires) : t("never")),
                    },
                ],
            },
            data.allowlist,
            t("empty_allowlist"),
        );
    }

    function coverageView() {
        const coverage = data.coverage || {};
        const inputs = coverage.inputs || [];
        const silent = coverage.silent_days || [];
        const unnamed = (coverage.silent_days_total || 0) - silent.length;
        const more = unnamed > 0 ? [t("silent_more", { n: number(unnamed) })] : [];
        return [
            facts([
                [t("first_event"), stamp(coverage.first_event)],
                [t("last_event"), stamp(coverage.last_event)],
                [t("scans"), number(coverage.scans)],
            ]),
            section(
                t("events"),
                facts(
                    ["read", "evaluated", "duplicates", "platform", "without_key", "outside_range", "rejected"]
                        .filter((name) => coverage.events && coverage.events[name] !== undefined)
                        .map((name) => [word("events", name), number(coverage.events[name])]),
                ),
            ),
            section(
                t("silent_days"),
                silent.length
                    ? h("p", { class: "days-list" }, silent.concat(more).join(", "))
                    : h("p", { class: "empty" }, t("none")),
            ),
            section(
                t("files"),
                inputs.length < (coverage.inputs_total || 0)
                    ? h(
                          "p",
                          { class: "small" },
                          t("files_shown", { shown: number(inputs.length), all: number(coverage.inputs_total) }),
                      )
                    : null,
                listing(
                    {
                        title: t("files"),
                        columns: [
                            {
                                name: "name",
                                title: t("file"),
                                value: (f) => f.name,
                                class: "wide",
                                cell: (f) => f.name,
                            },
                            {
                                name: "state",
                                title: t("state"),
                                value: (f) => f.state,
                                cell: (f) => h("span", { class: "chip" }, word("input", f.state)),
                            },
                            {
                                name: "bytes",
                                title: t("bytes"),
                                value: (f) => f.bytes,
                                down: true,
                                class: "number",
                                cell: (f) => (f.bytes === undefined ? "" : number(f.bytes)),
                            },
                            {
                                name: "read",
                                title: t("read_at"),
                                value: (f) => f.read_at,
                                down: true,
                                cell: (f) => stamp(f.read_at),
                            },
                            {
                                name: "hash",
                                title: t("hash"),
                                class: "hash",
                                cell: (f) => (f.hash ? [code(f.hash), copyButton(f.hash, t("hash"))] : ""),
                            },
                        ],
                    },
                    inputs,
                    t("empty_files"),
                ),
            ),
            section(
                t("rejects"),
                (coverage.rejects || []).length && data.source === "database"
                    ? h("p", { class: "small" }, t("rejects_sample"))
                    : null,
                listing(
                    {
                        title: t("rejects"),
                        columns: [
                            {
                                name: "file",
                                title: t("file"),
                                value: (r) => r.file,
                                class: "wide",
                                cell: (r) => r.file || "",
                            },
                            {
                                name: "line",
                                title: t("line"),
                                value: (r) => r.line,
                                class: "number",
                                cell: (r) => (r.line === undefined ? "" : number(r.line)),
                            },
                            {
                                name: "reason",
                                title: t("reason"),
                                value: (r) => r.reason,
                                class: "wide",
                                cell: (r) => r.reason || "",
                            },
                        ],
                    },
                    coverage.rejects,
                    t("empty_rejects"),
                ),
            ),
            section(
                t("command_line"),
                data.command
                    ? h("div", { class: "command" }, code(data.command), copyButton(data.command, t("command_line")))
                    : null,
            ),
            data.attributions
                ? section(
                      t("attributions"),
                      h(
                          "ul",
                          null,
                          data.attributions.map((line) => h("li", null, line)),
                      ),
                  )
                : null,
        ];
    }

    const VIEWS = { keys: keysView, addresses: addressesView, allowlist: allowlistView, coverage: coverageView };

    function otherView(name) {
        return h(
            "section",
            { class: "panel view", "aria-labelledby": "view-title" },
            h("h2", { id: "view-title", tabindex: "-1" }, t(name)),
            VIEWS[name](),
        );
    }

    // ---------------------------------------------------------------- moving about

    const list = makeAlarms();
    const title = document.title;
    const built = {};
    const byId = new Map(alarms.map((alarm) => [alarm.id, alarm]));
    // Where the list stood when an alarm was opened from it, and which alarm is open.
    let left = null;
    let opened = null;

    function open(id) {
        location.hash = "#" + encodeURIComponent(id);
    }

    function close() {
        if (left) history.back();
        else location.hash = list.current() || "#alarms";
    }

    function decoded(text) {
        try {
            return decodeURIComponent(text);
        } catch {
            return text;
        }
    }

    function mark(view) {
        for (const link of document.querySelectorAll("#nav a")) {
            if (link.dataset.view === view) link.setAttribute("aria-current", "page");
            else link.removeAttribute("aria-current");
        }
    }

    function put(element, focusOn) {
        app.replaceChildren(element);
        if (focusOn) document.getElementById(focusOn).focus({ preventScroll: true });
    }

    function showList(query, start) {
        const from = opened;
        overview.hidden = false;
        document.title = title;
        list.show(filterOf(query));
        put(list.root);
        mark("alarms");
        opened = null;
        if (from && left) {
            scrollTo(0, left.scroll);
            list.focusRow(from);
        } else if (!start) {
            document.getElementById("alarms-title").focus({ preventScroll: true });
            list.root.scrollIntoView({ block: "nearest" });
            if (query) list.root.scrollIntoView({ block: "start" });
        }
        left = null;
    }

    function showAlarm(alarm, start) {
        if (!opened && !start && list.root.isConnected) left = { scroll: lastScroll };
        if (!list.current()) list.show(filterOf(""));
        opened = alarm.id;
        overview.hidden = true;
        document.title = alarm.id + " · " + (alarm.name || "") + " · " + title;
        put(details(alarm, list.order()), "details-title");
        mark("alarms");
        scrollTo(0, 0);
    }

    function showView(name, start) {
        opened = null;
        left = null;
        overview.hidden = true;
        document.title = t(name) + " · " + title;
        built[name] = built[name] || otherView(name);
        put(built[name], start ? null : "view-title");
        mark(name);
        scrollTo(0, 0);
    }

    function route(start) {
        const hash = location.hash.slice(1);
        const [name, query] = hash.split("?", 2);
        if (name === "main") {
            // The skip link: the view stays as it is.
            document.getElementById("main").focus();
            if (start) showList("", true);
        } else if (name === "" || name === "alarms") showList(query || "", start);
        else if (own(VIEWS, name)) showView(name, start);
        else if (byId.has(decoded(hash))) showAlarm(byId.get(decoded(hash)), start);
        else showList("", start);
    }

    // Browsers may move the page before they tell that the address changed.
    let lastScroll = 0;
    addEventListener(
        "scroll",
        () => {
            if (list.root.isConnected) lastScroll = scrollY;
        },
        { passive: true },
    );
    addEventListener("hashchange", () => route(false));
    document.querySelector("a.skip").addEventListener("click", (event) => {
        event.preventDefault();
        document.getElementById("main").focus();
    });
    addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
        const typing = event.target.closest && event.target.closest("input, select, textarea");
        if (event.key === "Escape" && opened) {
            event.preventDefault();
            close();
        } else if (event.key === "/" && !typing) {
            event.preventDefault();
            const here = app.querySelector("input[type=search]");
            if (here) {
                here.focus();
                return;
            }
            if (!list.root.isConnected) location.hash = list.current() || "#alarms";
            // After the change of address has been seen to.
            setTimeout(list.focus, list.root.isConnected ? 0 : 60);
        }
    });

    // ---------------------------------------------------------------- print

    // Alarms on paper. More of them are no longer read there.
    const PRINTED = 200;

    const short = document.getElementById("short");
    const paper = short && short.querySelector("table.short");
    const paperNote = short && short.querySelector(".print-note");
    const paperRules = document.getElementById("short-rules");
    // What stands there without filters: the worst alarms, written with the page.
    const unfiltered = paper && {
        rows: Array.from(paper.tBodies),
        note: paperNote.textContent,
        rules: paperRules ? Array.from(paperRules.children) : [],
    };

    function paperRow(alarm) {
        const found = sources(alarm);
        const last = (alarm.decisions || []).slice(-1)[0];
        const lines = found.slice(0, 3).concat(found.length > 3 ? ["+" + (found.length - 3)] : []);
        const risks = (alarm.ak_risks || []).map((risk) => word("risk", risk));
        return h(
            "tbody",
            null,
            h(
                "tr",
                null,
                h("td", null, level(alarm.level)),
                h("td", null, h("b", null, alarm.name), small(alarm.id), small(alarm.rule + " · " + alarm.attack)),
                h(
                    "td",
                    null,
                    code(alarm.ak),
                    small(alarm.user),
                    small(alarm.account),
                    small([alarm.ak_remark].concat(risks).filter(Boolean).join(" · ")),
                ),
                h(
                    "td",
                    null,
                    lines.map((line, place) => [place ? h("br") : null, line]),
                ),
                h(
                    "td",
                    { class: "number" },
                    number(calls(alarm)),
                    alarm.failed ? small(t("calls_failed", { n: number(alarm.failed) })) : null,
                ),
                h("td", null, stamp(alarm.last_call)),
                h("td", null, word("status", alarm.status), last ? [small(last.by), small(last.note)] : null),
            ),
            h("tr", { class: "why" }, h("td", { colspan: "7" }, h("b", null, t("why") + ":"), " ", alarm.why || "")),
        );
    }

    function paperRule(id) {
        const rule = own(rules, id) || {};
        return h(
            "div",
            { class: "rule" },
            h("h3", null, rule.title || id, " ", small(id)),
            h("p", null, rule.summary || ""),
            h(
                "ol",
                null,
                (rule.steps || []).map((step) => h("li", null, step)),
            ),
        );
    }

    // Paper holds what the filters leave, in the order of the list.
    function preparePaper() {
        if (!paper) return;
        const filtered = list.current() && list.current() !== "#alarms";
        const found = filtered ? list.order() : [];
        const printed = found.slice(0, PRINTED);
        for (const body of Array.from(paper.tBodies)) body.remove();
        paper.append(...(filtered ? printed.map(paperRow) : unfiltered.rows));
        const left = { left: number(found.length - printed.length), all: number(alarms.length) };
        paperNote.textContent = filtered
            ? t("print_filtered", { shown: number(printed.length), found: number(found.length), ...left })
            : unfiltered.note;
        if (!paperRules) return;
        const wanted = Array.from(new Set(printed.map((alarm) => alarm.rule))).sort();
        paperRules.replaceChildren(...(filtered ? wanted.map(paperRule) : unfiltered.rules));
    }

    addEventListener("beforeprint", preparePaper);

    history.scrollRestoration = "manual";
    document.documentElement.classList.add("scripts");
    document.getElementById("nav").hidden = false;
    document.getElementById("hint").hidden = false;
    route(true);
})();
