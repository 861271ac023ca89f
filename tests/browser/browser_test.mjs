// Tests the HTML report in Chromium. See README.md beside this file.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
    options: {
        render: { type: "string" },
        report: { type: "string" },
        out: { type: "string" },
        chromium: { type: "string" },
        modules: { type: "string", default: "." },
        "no-screenshots": { type: "boolean", default: false },
    },
});
for (const name of ["render", "report", "out", "chromium"]) {
    if (!options[name]) {
        console.error(
            "browser_test.mjs --render PROGRAM --report REPORT.json --out FOLDER --chromium PROGRAM" +
                " [--modules FOLDER] [--no-screenshots]",
        );
        process.exit(2);
    }
}
// Packages may be installed anywhere: the test brings no package folder into the project.
const require = createRequire(join(resolve(options.modules), "here.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const out = resolve(options.out);
mkdirSync(out, { recursive: true });

// ---------------------------------------------------------------- reports

const sample = JSON.parse(readFileSync(options.report, "utf8"));

const ATTACK =
    "\"'><img src=x onerror=alert(1)></script><script>alert(2)</script><svg onload=alert(3)>" +
    "{{data}} javascript:alert(4) \u202eevil\u0000\u001b[31m\u200b \u2028 &lt;b&gt;";

// The attack after every string, so that values stay apart.
function poisoned(value) {
    if (typeof value === "string") return value + ATTACK;
    if (Array.isArray(value)) return value.map(poisoned);
    if (value && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, poisoned(field)]));
    }
    return value;
}

function poisonedReport() {
    const report = poisoned(sample);
    // Every field shows: also those that the sample leaves empty.
    for (const alarm of report.alarms) {
        alarm.ak_remark = alarm.user = alarm.account = ATTACK;
        alarm.tags.push(ATTACK);
        alarm.allowlisted_by.push(ATTACK);
        alarm.decisions.push({ status: ATTACK, at: ATTACK, by: ATTACK, note: ATTACK });
        for (const record of alarm.records) {
            Object.assign(record, {
                region: ATTACK,
                region_source: ATTACK,
                ip_remark: ATTACK,
                asset_id: ATTACK,
                asset_name: ATTACK,
                user: ATTACK,
                clients: [ATTACK],
                policies: [{ name: ATTACK, text: ATTACK }],
            });
        }
    }
    report.rules = Object.fromEntries(Object.entries(report.rules).map(([name, rule]) => [name + ATTACK, rule]));
    for (const rule of Object.values(report.rules)) {
        rule.links = [
            [ATTACK, "javascript:alert(5)"],
            [ATTACK, "https://console.cloud.tencent.com/" + ATTACK],
        ];
    }
    return report;
}

function emptyReport() {
    const figure = { now: 0, before: null };
    return {
        ...sample,
        headline: { levels: {}, unprocessed: figure, keys: figure, ips: figure, calls: figure },
        days: [],
        hours: [],
        alarms: [],
        rules: {},
        keys: [],
        ips: [],
        allowlist: [],
        attributions: [],
        coverage: {
            first_event: null,
            last_event: null,
            scans: 0,
            events: {},
            silent_days: [],
            inputs: [],
            inputs_total: 0,
            rejects: [],
        },
    };
}

const MANY = 10_000;

function manyReport() {
    const levels = ["critical", "high", "medium", "low", "note", "invalid"];
    const statuses = ["unprocessed", "processed", "ignored"];
    const alarms = [];
    for (let place = 0; place < MANY; place++) {
        const alarm = structuredClone(sample.alarms[place % sample.alarms.length]);
        alarm.id = "A-" + place.toString(16).padStart(16, "0");
        alarm.level = levels[Math.floor((place * levels.length) / MANY)];
        alarm.status = statuses[place % 3];
        alarm.is_new = place % 4 === 0;
        alarm.ak = "AKIDEX***" + String(place % 500).padStart(11, "0");
        alarm.records = alarm.records.slice(0, 6);
        alarm.event_ids = alarm.event_ids.slice(0, 20);
        if (place === 7_777 && alarm.records[0]) alarm.records[0].clients = ["needle-in-a-record/1.0"];
        if (place % 2) alarm.decisions = [{ status: "processed", at: alarm.last_call, by: "wang", note: "checked" }];
        alarms.push(alarm);
    }
    const days = [];
    for (let day = 0; day < 366; day++) {
        const date = new Date(Date.UTC(2025, 2, 20 + day)).toISOString().slice(0, 10);
        days.push({
            date,
            levels: Object.fromEntries(levels.map((level, place) => [level, (day * (place + 3)) % 11])),
        });
    }
    return { ...sample, days, alarms, hours: sample.hours.map((row) => row.map((count) => count * 977)) };
}

function render(name, report, lang) {
    const json = join(out, `${name}.json`);
    const page = join(out, `${name}.${lang}.html`);
    writeFileSync(json, JSON.stringify(report));
    execFileSync(options.render, [json, page, lang]);
    return page;
}

// ---------------------------------------------------------------- the browser

const browser = await chromium.launch({
    executablePath: resolve(options.chromium),
    args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
});
let asserted = 0;
let passed = 0;
let failed = 0;

function check(truth, message) {
    asserted++;
    assert.ok(truth, message);
}

function same(actual, expected, message) {
    asserted++;
    assert.deepEqual(actual, expected, message);
}

// Opens a page whose errors, dialogs and requests all count as failures.
async function open(file, settings = {}) {
    const { hash = "", ...context } = settings;
    const place = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
    const page = await place.newPage();
    const trouble = [];
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) trouble.push(message.text());
    });
    page.on("pageerror", (error) => trouble.push(String(error)));
    page.on("dialog", (dialog) => {
        trouble.push("dialog " + dialog.message());
        dialog.dismiss();
    });
    page.on("request", (request) => {
        if (!request.url().startsWith("file:")) trouble.push("request " + request.url());
    });
    await page.addInitScript(() => {
        window.violations = [];
        document.addEventListener("securitypolicyviolation", (event) =>
            window.violations.push(event.violatedDirective + " " + event.blockedURI),
        );
    });
    await page.goto(pathToFileURL(file).href + hash);
    return {
        page,
        close: async () => {
            same(trouble, [], "console, dialogs and requests");
            if (context.javaScriptEnabled !== false)
                same(await page.evaluate(() => window.violations), [], "policy violations");
            await place.close();
        },
    };
}

async function test(name, body) {
    const begun = performance.now();
    try {
        await body();
        passed++;
        console.log(`ok   ${name} (${Math.round(performance.now() - begun)} ms)`);
    } catch (error) {
        failed++;
        console.log(`FAIL ${name}\n${error.stack}`);
    }
}

// A click on a link changes the view a moment later.
async function turnTo(page, view) {
    await page.click(`#nav [data-view=${view}]`);
    await page.waitForSelector(`#nav [data-view=${view}][aria-current]`);
}

const shown = (page) => page.locator("#shown").textContent();
const settled = (page) => page.waitForFunction(() => !document.querySelector("[aria-busy]"));
const sideways = (page) =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function accessible(page, what) {
    await page.evaluate(axe);
    const result = await page.evaluate(() =>
        window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
    );
    same(
        result.violations.map(
            (v) =>
                `${v.id}: ${v.nodes
                    .slice(0, 3)
                    .map((n) => n.html.slice(0, 160) + " " + n.failureSummary.slice(0, 300))
                    .join(" | ")}`,
        ),
        [],
        what,
    );
}

const pages = {
    en: render("sample", sample, "en"),
    zh: render("sample", { ...sample, lang: "zh" }, "zh"),
    attack: render("attack", poisonedReport(), "en"),
    empty: render("empty", emptyReport(), "en"),
    many: render("many", manyReport(), "en"),
};
const total = sample.alarms.length;

// ---------------------------------------------------------------- tests

await test("the list renders, filters, sorts and searches", async () => {
    const { page, close } = await open(pages.en);
    same(await page.locator("table.alarms > tbody > tr").count(), total);
    check(!(await page.locator("#short").isVisible()), "the short version is hidden");
    const high = sample.alarms.filter((alarm) => alarm.level === "high");
    await page.selectOption("#filter-level", "high");
    await settled(page);
    same(await page.locator("table.alarms > tbody > tr").count(), high.length);
    check((await page.evaluate(() => location.hash)).includes("level=high"), "the filter is in the address");
    await page.selectOption("#filter-rule", high[0].rule);
    await settled(page);
    same(await page.locator("table.alarms > tbody > tr").count(), high.filter((a) => a.rule === high[0].rule).length);
    await page.click(".clear");
    await settled(page);
    check((await shown(page)).includes(String(total)), "all again");
    for (const [name, value] of [
        ["type", sample.alarms[0].type],
        ["key", sample.alarms[3].ak],
        ["status", "unprocessed"],
    ]) {
        await page.selectOption(`#filter-${name}`, value);
        await settled(page);
        const field = { type: "type", key: "ak", status: "status" }[name];
        same(
            await page.locator("table.alarms > tbody > tr").count(),
            sample.alarms.filter((a) => a[field] === value).length,
            name,
        );
        await page.click(".clear");
    }
    await page.selectOption("#sort", "calls");
    const counts = await page
        .locator("table.alarms td.number")
        .evaluateAll((cells) => cells.map((cell) => Number(cell.firstChild.textContent.replace(/,/g, ""))));
    same(
        counts,
        [...counts].sort((a, b) => b - a),
        "most calls first",
    );
    await page.click("[data-sort=time]");
    const times = () => page.locator("table.alarms time").evaluateAll((cells) => cells.map((cell) => cell.textContent));
    same(await times(), (await times()).sort().reverse(), "newest first");
    await page.click("[data-sort=time]");
    same(await times(), (await times()).sort(), "oldest first");
    same(await page.locator("th[aria-sort=ascending]").count(), 1);
    await page.selectOption("#sort", "rule");
    await page.selectOption("#sort", "level");
    const action = sample.alarms.flatMap((a) => a.records).find((r) => r.action).action;
    await page.fill("#search", action.toUpperCase());
    await page.waitForFunction(() => location.hash.includes("q="));
    await settled(page);
    const found = sample.alarms.filter((a) => JSON.stringify(a).toLowerCase().includes(action.toLowerCase())).length;
    same(await page.locator("table.alarms > tbody > tr").count(), found, "search in records");
    await page.fill("#search", "no such thing anywhere");
    await page.waitForFunction(() => location.hash.includes("no+such"));
    await settled(page);
    check(await page.locator("#app .empty").isVisible(), "a line says that nothing matches");
    await close();
});

await test("details open by click, keyboard and address, and close again", async () => {
    const { page, close } = await open(pages.en);
    const first = sample.alarms[0];
    await page.locator("table.alarms > tbody > tr").first().locator("td").nth(4).click();
    await page.waitForSelector(".details");
    same(await page.evaluate(() => location.hash), "#" + first.id);
    check((await page.locator(".details .reason").textContent()) === first.why, "why");
    for (const part of ["What to do", "Call records", "Recommendation"])
        check(await page.locator(".details h3", { hasText: part }).count(), part);
    same(await page.evaluate(() => document.activeElement.id), "details-title");
    await page.goBack();
    await page.waitForSelector("table.alarms");
    same(await page.locator(".details").count(), 0, "the back button closes");
    await page.keyboard.press("/");
    await page.waitForFunction(() => document.activeElement.id === "search");
    await page.locator("a.open").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".details");
    same(await page.evaluate(() => location.hash), "#" + sample.alarms[1].id);
    await page.keyboard.press("Escape");
    await page.waitForSelector("table.alarms");
    check(
        (await page.evaluate(() => document.activeElement.getAttribute("href"))) === "#" + sample.alarms[1].id,
        "the focus is back on the row",
    );
    await close();
    const direct = await open(pages.en, { hash: "#" + sample.alarms[5].id });
    await direct.page.waitForSelector(".details");
    await direct.page.click("text=Next alarm");
    await direct.page.waitForFunction((id) => location.hash === "#" + id, sample.alarms[6].id);
    await direct.page.locator(".records .lazy summary").first().click();
    await direct.page.waitForSelector(".single");
    check((await direct.page.locator(".single pre").first().textContent()).includes("[redacted]"), "request body");
    const links = await direct.page.locator(".links a").evaluateAll((all) => all.map((a) => [a.href, a.rel]));
    check(
        links.length > 0 &&
            links.every(
                ([href, rel]) => href.startsWith("https://console.cloud.tencent.com/") && rel === "noreferrer noopener",
            ),
        "console links",
    );
    await direct.page.keyboard.press("Escape");
    await direct.page.waitForSelector("table.alarms");
    await direct.close();
});

await test("copying works, with the clipboard and without", async () => {
    for (const way of ["clipboard", "fallback"]) {
        const { page, close } = await open(pages.en, { hash: "#" + sample.alarms[0].id });
        await page.evaluate((way) => {
            const clipboard = {
                writeText: (text) => {
                    window.copied = text;
                    return way === "clipboard" ? Promise.resolve() : Promise.reject(new Error("no"));
                },
            };
            Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
            if (way === "fallback") {
                window.copied = "";
                document.addEventListener("copy", () => {
                    window.fallback = document.activeElement.value;
                });
            }
        }, way);
        const button = page.locator(".details .copy").filter({ hasText: "Copy" });
        for (let place = 0; place < (await button.count()); place++) {
            if (!(await button.nth(place).isVisible())) continue;
            await button.nth(place).click();
            await page.waitForFunction(() => document.getElementById("live").textContent === "Copied");
        }
        await page.getByLabel("Copy: Alarm id").click();
        same(
            await page.evaluate((way) => (way === "clipboard" ? window.copied : window.fallback), way),
            sample.alarms[0].id,
            way,
        );
        await page.locator(".documents summary").first().click();
        await page.locator(".documents .copy").first().click();
        const text = await page.evaluate((way) => (way === "clipboard" ? window.copied : window.fallback), way);
        same(text, sample.alarms[0].recommendation.documents[0].text, "document");
        await close();
    }
});

await test("the other views show, sort, and lead to their alarms", async () => {
    const { page, close } = await open(pages.en);
    for (const view of ["keys", "addresses", "allowlist", "coverage"]) {
        await turnTo(page, view);
        await page.waitForSelector("section.view table.list");
        same(await page.locator("#nav [aria-current]").getAttribute("data-view"), view);
        const sorts = page.locator("section.view th button");
        for (let place = 0; place < (await sorts.count()); place++) {
            await sorts.nth(place).click();
            await sorts.nth(place).click();
        }
        same(await sideways(page), 0, view);
    }
    await turnTo(page, "keys");
    same(await page.locator("section.view table.list > tbody > tr").count(), sample.keys.length);
    const key = sample.keys.find((k) => k.ak !== "TEMP_AK" && sample.alarms.some((a) => a.ak === k.ak));
    await page.locator(`section.view tr:has(code:text-is("${key.ak}")) td a`).first().click();
    await page.waitForSelector("table.alarms");
    await settled(page);
    same(await page.locator("table.alarms > tbody > tr").count(), sample.alarms.filter((a) => a.ak === key.ak).length);
    await page.goBack();
    await page.waitForSelector("section.view");
    await turnTo(page, "addresses");
    const ip = sample.ips.find(
        (i) =>
            sample.alarms.some((a) => a.records.some((r) => r.source_ip === i.ip)) &&
            Object.values(i.alarms).some(Boolean),
    ).ip;
    await page.locator(`section.view tr:has(code:text-is("${ip}")) td a`).first().click();
    await page.waitForSelector("table.alarms");
    await settled(page);
    same(
        await page.locator("table.alarms > tbody > tr").count(),
        sample.alarms.filter((a) => a.records.some((r) => r.source_ip === ip)).length,
    );
    check(await page.locator(".ip-chip").isVisible(), "the address shows as a filter");
    await close();
});

await test("keys and addresses are searched", async () => {
    const { page, close } = await open(pages.en);
    const rows = page.locator("section.view table.list > tbody > tr");
    const shown = (number) =>
        page.waitForFunction(
            (wanted) => document.querySelectorAll("section.view table.list > tbody > tr").length === wanted,
            number,
        );
    for (const [view, all, wanted] of [
        ["keys", sample.keys, sample.keys[0].ak],
        ["addresses", sample.ips, sample.ips[0].ip],
    ]) {
        await turnTo(page, view);
        await page.waitForSelector("section.view table.list");
        await page.locator("#view-title").press("/");
        await page.waitForFunction((name) => document.activeElement.id === "search-" + name, view);
        const holds = (row) => JSON.stringify(row).includes(wanted);
        await page.fill("#search-" + view, wanted.toLowerCase());
        await shown(all.filter(holds).length);
        check((await rows.first().textContent()).includes(wanted), view);
        await page.fill("#search-" + view, "no such thing anywhere");
        await shown(0);
        check(await page.locator("section.view .empty").isVisible(), "a line says that nothing matches");
        await page.locator("section.view button.clear").click();
        await shown(all.length);
        same(await page.locator("#search-" + view).inputValue(), "");
    }
    await close();
});

await test("paper holds what the filters leave", async () => {
    const { page, close } = await open(pages.en);
    const printed = async () => {
        await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
        return page.locator("#short tr.why").count();
    };
    same(await printed(), total, "all");
    const before = await page.locator("#short").innerHTML();
    await page.selectOption("#filter-level", "high");
    await settled(page);
    const high = sample.alarms.filter((alarm) => alarm.level === "high");
    same(await printed(), high.length, "the high ones");
    const ids = await page.locator("#short table.short").textContent();
    check(high.every((alarm) => ids.includes(alarm.id)), "their ids");
    const note = await page.locator(".print-note").textContent();
    check(note.includes(`${high.length} of the ${high.length} alarms`) && note.includes("0 of them are left out"), note);
    const rules = new Set(high.map((alarm) => alarm.rule));
    same(await page.locator("#short-rules .rule").count(), rules.size, "what to do about these");
    await page.locator("button.clear").click();
    await settled(page);
    same(await printed(), total, "all again");
    same(await page.locator("#short").innerHTML(), before, "as it was");
    await close();

    const many = await open(pages.many);
    await many.page.selectOption("#filter-level", { index: 1 });
    await settled(many.page);
    await many.page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    same(await many.page.locator("#short tr.why").count(), 200, "no more than 200");
    check(!(await many.page.locator(".print-note").textContent()).includes(" 0 of them"), "and how many are left out");
    await many.close();
});

await test("log text stays text", async () => {
    const { page, close } = await open(pages.attack);
    const report = poisonedReport();
    same(await page.locator("table.alarms > tbody > tr").count(), total);
    const clean = async (what) => {
        same(await page.locator("img, iframe, object, embed, svg[onload], [onerror]").count(), 0, what);
        same(await page.locator("script").count(), 2, what);
        check(
            !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/.test(
                await page.evaluate(() => document.documentElement.textContent),
            ),
            what,
        );
    };
    await clean("list");
    for (let place = 0; place < total; place++) {
        await page.evaluate((place) => {
            location.hash = "";
            location.hash = document.querySelectorAll("a.open")[place]?.hash || location.hash;
        }, place);
        await page.evaluate(() => new Promise((done) => setTimeout(done, 5)));
        if (place > 4) continue;
        await page.waitForSelector(".details");
        for (let round = 0; round < 2; round++) {
            await page.evaluate(() => {
                for (const block of document.querySelectorAll(".details details")) block.open = true;
            });
            await page.evaluate(() => new Promise((done) => setTimeout(done, 20)));
        }
        await clean("details");
        const links = await page.locator(".links a").evaluateAll((all) => all.map((a) => a.href));
        check(
            links.every((link) => link.startsWith("https://console.cloud.tencent.com/")) && links.length === 1,
            "links",
        );
        await page.goBack();
        await page.waitForSelector("table.alarms");
    }
    for (const view of ["keys", "addresses", "allowlist", "coverage"]) {
        await turnTo(page, view);
        await page.waitForSelector("section.view");
        await clean(view);
        same(await sideways(page), 0, view);
    }
    check(report.alarms.length === total, "all alarms");
    await close();
});

await test("an empty report has a page", async () => {
    const { page, close } = await open(pages.empty);
    check((await page.locator("#app .empty").textContent()).length > 0, "a line says that there is none");
    for (const view of ["keys", "addresses", "allowlist", "coverage"]) {
        await turnTo(page, view);
        await page.waitForSelector("section.view .empty");
    }
    await accessible(page, "empty report");
    await close();
});

await test(`${MANY} alarms stay usable`, async () => {
    const begun = performance.now();
    const { page, close } = await open(pages.many);
    await page.waitForSelector("table.alarms");
    const loaded = performance.now() - begun;
    same(await page.locator("table.alarms > tbody > tr").count(), 100);
    check((await shown(page)).includes("10,000"), "count");
    await page.click(".pager button:last-child");
    check((await page.locator(".pager span").textContent()).includes("Page 2 of 100"), "page 2");
    const from = performance.now();
    await page.fill("#search", "needle-in-a-record");
    await page.waitForFunction(() => document.querySelectorAll("table.alarms > tbody > tr").length === 1);
    const searched = performance.now() - from;
    const again = performance.now();
    await page.fill("#search", "needle-in-a");
    await page.waitForFunction(() => location.hash.endsWith("needle-in-a"));
    await settled(page);
    const repeated = performance.now() - again;
    await page.click(".clear");
    await settled(page);
    const sorting = performance.now();
    await page.selectOption("#sort", "calls");
    const sorted = performance.now() - sorting;
    const times = { loaded, searched, repeated, sorted };
    const spent = Object.entries(times).map(([name, time]) => `${name} in ${Math.round(time)} ms`);
    console.log(`     ${spent.join(", ")}`);
    check(loaded < 20_000 && searched < 15_000 && repeated < 3_000 && sorted < 3_000, "times");
    await close();
});

await test("it prints", async () => {
    for (const [name, least] of [
        ["en", 2],
        ["many", 10],
    ]) {
        const { page, close } = await open(pages[name]);
        const pdf = await page.pdf({
            path: join(out, `${name}.pdf`),
            format: "A4",
            margin: { top: "14mm", bottom: "14mm", left: "12mm", right: "12mm" },
        });
        const count = (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) || []).length;
        check(count >= least, `${name}: ${count} pages`);
        await page.emulateMedia({ media: "print" });
        const alarms = name === "en" ? total : 200;
        same(
            await page
                .locator("#short tr.why")
                .evaluateAll((rows) => rows.filter((row) => row.getClientRects().length).length),
            alarms,
        );
        same(
            await page.locator("button:visible, input:visible, select:visible, nav:visible").count(),
            0,
            "no controls on paper",
        );
        await close();
    }
});

await test("it can be read without scripts", async () => {
    const { page, close } = await open(pages.many, { javaScriptEnabled: false });
    check(await page.locator(".no-scripts").isVisible(), "the line about scripts");
    check(
        (await page.locator(".tiles").isVisible()) && (await page.locator("svg.days").isVisible()),
        "figures and charts",
    );
    same(await page.locator("table.short tr.why:visible").count(), 50);
    check(!(await page.locator("nav#nav").isVisible()), "no dead links");
    await close();
    const narrow = await open(pages.en, { javaScriptEnabled: false, viewport: { width: 360, height: 780 } });
    same(await sideways(narrow.page), 0, "no scripts at 360 px");
    if (!options["no-screenshots"]) await narrow.page.screenshot({ path: join(out, "static-360.png"), fullPage: true });
    await narrow.close();
    const wide = await open(pages.zh, { javaScriptEnabled: false });
    if (!options["no-screenshots"]) await wide.page.screenshot({ path: join(out, "static-1280.png"), fullPage: true });
    await wide.close();
});

await test("nothing scrolls sideways, light and dark, in both languages, and all is accessible", async () => {
    for (const lang of ["en", "zh"]) {
        for (const colorScheme of ["light", "dark"]) {
            for (const width of [360, 1280, 1920]) {
                const { page, close } = await open(pages[lang], {
                    viewport: { width, height: width === 360 ? 780 : 900 },
                    colorScheme,
                });
                same(await page.evaluate(() => document.documentElement.lang), lang === "zh" ? "zh-CN" : "en");
                const views = ["alarms", sample.alarms[1].id, "keys", "addresses", "allowlist", "coverage"];
                for (const view of views) {
                    await page.evaluate((view) => {
                        location.hash = "#" + view;
                    }, view);
                    await page.waitForSelector(
                        `#nav [data-view=${view.startsWith("A-") ? "alarms" : view}][aria-current]`,
                    );
                    await page.waitForSelector(
                        view === "alarms" ? "table.alarms" : view.startsWith("A-") ? ".details" : "section.view",
                    );
                    if (view.startsWith("A-")) {
                        await page.evaluate(() => {
                            for (const block of Array.from(document.querySelectorAll(".details details")).slice(0, 3))
                                block.open = true;
                        });
                        await page.waitForSelector(".single");
                    }
                    same(await sideways(page), 0, `${lang} ${width} ${view}`);
                    if (lang === "en" && width !== 1920) await accessible(page, `${colorScheme} ${width} ${view}`);
                    await page.evaluate(() => scrollTo(0, 0));
                    if (!options["no-screenshots"]) {
                        const name = view.startsWith("A-") ? "details" : view;
                        await page.screenshot({
                            path: join(out, `${name}-${lang}-${colorScheme}-${width}.png`),
                            fullPage: width === 360 && name === "details",
                        });
                    }
                }
                await close();
            }
        }
    }
    for (const width of [360, 1920]) {
        for (const name of ["attack", "many", "empty"]) {
            const { page, close } = await open(pages[name], { viewport: { width, height: 900 } });
            same(await sideways(page), 0, `${name} ${width}`);
            if (!options["no-screenshots"]) await page.screenshot({ path: join(out, `${name}-${width}.png`) });
            await close();
        }
    }
});

await browser.close();
console.log(`${asserted} assertions`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
