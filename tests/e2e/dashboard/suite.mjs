// The dashboard in a real browser. Started by `run`, which owns the daemon: a line of JSON to
// stdout that begins with "@" asks it for something, the answer comes as a line on stdin.
// Each test prints "ok NAME (S s)" or "FAIL NAME (S s): why".
//
//   node suite.mjs MODULES CHROMIUM URL EMPTY_URL SCREENSHOTS [FILTER...]
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const [modules, chromium_program, url, empty_url, screenshots, ...filters] = process.argv.slice(2);
const require = createRequire(path.join(modules, "package.json"));
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// --- asking `run` ------------------------------------------------------------------------------

const answers = [];
const waiting = [];
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const answer = JSON.parse(line);
  if (waiting.length > 0) waiting.shift()(answer);
  else answers.push(answer);
});
async function ask(what, more = {}) {
  process.stdout.write(`@${JSON.stringify({ what, ...more })}\n`);
  const answer = answers.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
  if (answer.error) throw new Error(answer.error);
  return answer;
}

// --- checks ------------------------------------------------------------------------------------

class Failed extends Error {}
function check(condition, message) {
  if (!condition) throw new Failed(typeof message === "function" ? message() : message);
}
function equal(found, wanted, what) {
  const a = JSON.stringify(found), b = JSON.stringify(wanted);
  check(a === b, `${what}: found ${a?.slice(0, 300)}, wanted ${b?.slice(0, 300)}`);
}
async function eventually(question, what, limit_ms = 10_000) {
  const end = Date.now() + limit_ms;
  for (;;) {
    let answer = null, last = null;
    try {
      answer = await question();
    } catch (error) {
      last = error;
    }
    if (answer) return answer;
    if (Date.now() > end) throw new Failed(`not within ${limit_ms} ms: ${what}${last ? ` (${last.message})` : ""}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// --- pages -------------------------------------------------------------------------------------

const PAGES = ["overview", "projects", "models", "tools", "sessions", "live", "limits", "errors", "policies", "coverage", "prices", "health"];
const browser = await chromium.launch({ executablePath: chromium_program, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

// A page that notes all that must not happen: requests elsewhere, breaches of the policy, errors.
async function open(options = {}) {
  const base = options.base ?? url;
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1440, height: 900 },
    colorScheme: options.theme ?? "light",
    locale: "en-US",
    timezoneId: options.zone ?? "Europe/Berlin",
    reducedMotion: "reduce",
  });
  const problems = [];
  const loaded = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(`${base}/`) && !request.url().startsWith(`blob:${base}/`)) problems.push(`asked ${request.url()}`);
  });
  context.on("response", (response) => loaded.push(response));
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.breaches = [];
    document.addEventListener("securitypolicyviolation", (event) => globalThis.breaches.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  page.on("console", (message) => {
    // A daemon that is stopped on purpose, and a name that does not exist, are said there too.
    if (message.type() === "error" && !(options.may_fail && /Failed to load resource|net::ERR/.test(message.text()))) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return {
    page,
    context,
    loaded,
    go: async (hash) => {
      await page.goto(`${base}/${hash}`);
      await settled(page);
    },
    is_clean: async () => {
      for (const breach of await page.evaluate(() => globalThis.breaches)) problems.push(`policy: ${breach}`);
      equal(problems, [], "what must not happen");
    },
    close: () => context.close(),
  };
}

/** Until nothing is being loaded any more. */
async function settled(page) {
  await page.waitForSelector("main h1");
  await page.waitForFunction(() => !document.querySelector(".loading"), null, { timeout: 15_000 });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** All rows of the tables of a page. */
async function show_all(page) {
  const more = page.getByRole("button", { name: /^Show .* more of/ });
  while ((await more.count()) > 0) await more.first().click();
}

const get = async (route) => (await fetch(`${url}${route}`)).json();

// --- tests -------------------------------------------------------------------------------------

const tests = {};

tests.each_page_shows_what_it_is_about = async () => {
  const sessions = (await get("/v1/sessions?limit=50")).items;
  const session = sessions.find((one) => one.error_requests > 0) ?? sessions[0]; // it has most to show
  const call = (await get("/v1/requests?limit=1")).items[0];
  const project = (await get("/v1/projects"))[0];
  const own = { session: `#/session/${encodeURIComponent(session.session_id)}`, call: `#/call/${call.id}`, project: `#/project/${encodeURIComponent(project.slug)}` };
  for (const theme of ["light", "dark"]) {
    for (const width of [1440, 400]) {
      const tab = await open({ theme, width });
      for (const name of [...PAGES, ...Object.keys(own)]) {
        await tab.go(own[name] ?? `#/${name}`);
        await tab.page.reload();
        await settled(tab.page);
        check((await tab.page.locator(".problem").count()) === 0, () => `${name} has a problem`);
        check((await tab.page.locator("main .card, main .tiles").count()) > 0, () => `${name} is empty`);
        const over = await tab.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        check(over <= 0, () => `${name} is ${over} px wider than ${width} px`);
        await tab.page.screenshot({ path: path.join(screenshots, `${name}-${theme}-${width}.png`), fullPage: true });
      }
      await tab.is_clean();
      await tab.close();
    }
  }
};

tests.no_serious_finding_of_axe = async () => {
  const report = [];
  for (const theme of ["light", "dark"]) {
    const tab = await open({ theme, may_fail: true });
    const session = (await get("/v1/sessions?limit=1")).items[0];
    for (const hash of [...PAGES.map((name) => `#/${name}`), `#/session/${encodeURIComponent(session.session_id)}`, "#/no-such-page"]) {
      await tab.go(hash);
      await tab.page.evaluate(axe);
      const found = await tab.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      for (const one of found.violations)
        report.push({ page: hash, theme, impact: one.impact, id: one.id, nodes: one.nodes.map((node) => `${node.target}: ${node.failureSummary}`).slice(0, 3) });
    }
    await tab.close();
  }
  fs.writeFileSync(path.join(screenshots, "axe.json"), `${JSON.stringify(report, null, 2)}\n`);
  const serious = report.filter((one) => ["serious", "critical"].includes(one.impact));
  equal(serious, [], `serious findings (of ${report.length})`);
  return `${report.length} findings, none serious`;
};

tests.a_call_appears_within_a_second = async () => {
  const tab = await open();
  await tab.go("#/live");
  await eventually(() => tab.page.getByText("Each call appears when its answer has ended").isVisible(), "the stream stands");
  const model = `claude-live-${Date.now()}`;
  const before = (await get("/v1/stats?since=2000-01-01&zone=local")).by_day.at(-1).requests;
  await ask("call", { model });
  const ended = Date.now();
  await tab.page.locator("tbody tr", { hasText: model }).first().waitFor({ timeout: 5000 });
  const took = Date.now() - ended;
  check(took < 1000, `the row came after ${took} ms`);
  equal(await tab.page.locator("tbody tr").first().locator("td").nth(4).textContent(), model, "the newest is the first");

  // The sums follow too, without anybody's doing.
  await tab.go("#/overview");
  const calls = async () => Number((await tab.page.locator(".tile").first().locator(".sub").textContent()).replace(/\D/g, ""));
  await eventually(async () => (await calls()) === before + 1, "today has the call above", 5000);
  await ask("call", { model });
  await eventually(async () => (await calls()) === before + 2, "today has one more", 5000);
  await tab.is_clean();
  await tab.close();
};

tests.a_paused_list_stands_still = async () => {
  const tab = await open();
  await tab.go("#/live");
  await eventually(() => tab.page.getByText("Each call appears when its answer has ended").isVisible(), "the stream stands");
  await tab.page.getByRole("button", { name: "Pause" }).click();
  const model = `claude-paused-${Date.now()}`;
  await ask("call", { model });
  await tab.page.getByRole("button", { name: "Go on (1 new)" }).waitFor({ timeout: 5000 });
  equal(await tab.page.locator("tbody tr", { hasText: model }).count(), 0, "rows that came meanwhile");
  await tab.page.getByRole("button", { name: "Go on (1 new)" }).click();
  await tab.page.locator("tbody tr", { hasText: model }).waitFor({ timeout: 2000 });
  await tab.is_clean();
  await tab.close();
};

tests.the_numbers_are_the_ledgers = async () => {
  const sums = await ask("sums"); // by SQL, from the file
  const tab = await open({ zone: "UTC" });
  await tab.go("#/models?range=365&models.sort=-calls");
  await show_all(tab.page);
  const rows = await tab.page.locator("tbody tr").evaluateAll((all) => all.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)));
  equal(rows.map((row) => [row[0], row[1], row[2].replace(/\D/g, "")]).sort(), sums.models.map((row) => [row.shown, row.provider, String(row.requests)]).sort(), "models");
  const stats = await get(`/v1/stats?since=2000-01-01`);
  equal(stats.summary.total_cost_nanousd, sums.cost_nanousd, "the cost of all calls, in nano-dollars");
  await tab.is_clean();
  await tab.close();
};

const XSS = [
  "<img src=x onerror=globalThis.hit=1>",
  '"><script>globalThis.hit=1</script>',
  "javascript:globalThis.hit=1",
  "'-globalThis.hit-'{{constructor.constructor('globalThis.hit=1')()}}${globalThis.hit=1}",
  "<svg/onload=globalThis.hit=1>\u202e\u0000\u2028</title></style><iframe srcdoc='<script>parent.hit=1</script>'>",
];

tests.names_are_only_ever_text = async () => {
  // First as they come over the wire, stored and answered by the daemon.
  await ask("hostile", { texts: XSS });
  // Then every text of every answer, whatever the daemon would have let through.
  const words = new Set(["success", "error", "aborted", "month", "week", "day", "good", "odd", "broken", "off", "unknown", "plan", "metered", "exact", "estimated", "standard"]);
  let number = 0;
  const spoil = (value, key = "") => {
    if (Array.isArray(value)) return value.map((one) => spoil(one, key));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, spoil(one, name)]));
    if (typeof value !== "string" || words.has(value) || /^\d{4}-\d\d-\d\d/.test(value)) return value;
    return XSS[number++ % XSS.length];
  };
  for (const is_spoiled of [false, true]) {
    const tab = await open();
    if (is_spoiled)
      await tab.context.route(/\/v1\/(?!live)/, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, json: spoil(await answer.json()) });
      });
    const names = [...PAGES.map((name) => `#/${name}`), ...XSS.flatMap((text) => [`#/project/${encodeURIComponent(text)}`, `#/${encodeURIComponent(text)}`, `#/models?models.q=${encodeURIComponent(text)}`])];
    const session = (await get("/v1/sessions?limit=1")).items[0];
    names.push(`#/session/${encodeURIComponent(session.session_id)}`, `#/call/${(await get("/v1/requests?limit=1")).items[0].id}`);
    const shown = [];
    for (const hash of names) {
      await tab.page.goto(`${url}/${hash}`);
      await settled(tab.page);
      const found = await tab.page.evaluate(() => ({
        hit: globalThis.hit,
        foreign: document.querySelectorAll("img, iframe, script:not([src]), svg[onload], [onerror], a[href^='javascript:' i]").length,
        text: document.body.textContent,
      }));
      check(found.hit === undefined, `${hash}: a text was run`);
      equal(found.foreign, 0, `${hash}: elements that came out of a text`);
      shown.push(found.text);
    }
    check(shown.some((text) => text.includes(XSS[0])), "not one of the texts was shown: the test sees nothing");
    check(is_spoiled || shown.some((text) => text.includes(XSS[1])), "the model's name did not come through the daemon");
    // A name that is not found is answered 404: that is said on the console.
    for (const breach of await tab.page.evaluate(() => globalThis.breaches)) throw new Failed(`policy: ${breach}`);
    await tab.close();
  }
};

tests.it_says_that_the_daemon_is_gone_and_comes_back = async () => {
  const tab = await open({ may_fail: true });
  await tab.go("#/overview");
  await tab.page.evaluate(() => (globalThis.same_page = true));
  const text = await tab.page.locator(".tile").first().textContent();
  await ask("stop");
  const banner = tab.page.locator(".banner");
  await banner.waitFor({ timeout: 5000 });
  check((await banner.textContent()).includes("halton-meter start"), "it does not say what to type");
  await eventually(async () => (await tab.page.locator(".state").textContent()).includes("Daemon is down"), "the state says so");
  equal(await tab.page.locator(".tile").first().textContent(), text, "what was known stays on the screen");
  // Pages that nobody has been on say so too, and why.
  await tab.page.locator("nav a", { hasText: "Limits" }).click();
  await tab.page.getByText("The daemon does not answer").waitFor({ timeout: 5000 });
  await tab.page.screenshot({ path: path.join(screenshots, "offline-light-1440.png"), fullPage: true });
  await ask("start");
  await banner.waitFor({ state: "detached", timeout: 10_000 });
  await eventually(async () => (await tab.page.locator("main .card").count()) > 0, "the page fills itself");
  // Live again, without a reload.
  await tab.page.locator("nav a", { hasText: "Live" }).click();
  await eventually(() => tab.page.getByText("Each call appears when its answer has ended").isVisible(), "the stream stands again", 15_000);
  const model = `claude-back-${Date.now()}`;
  await ask("call", { model });
  await tab.page.locator("tbody tr", { hasText: model }).waitFor({ timeout: 5000 });
  equal(await tab.page.evaluate(() => globalThis.same_page), true, "it is the page that it was");
  await tab.is_clean();
  await tab.close();
};

tests.the_address_keeps_what_was_asked_for = async () => {
  const tab = await open();
  await tab.go("#/models?range=365");
  const box = tab.page.getByRole("searchbox", { name: "Filter models" });
  const all = await tab.page.locator("tbody tr").count();
  await box.fill("claude");
  await tab.page.getByRole("button", { name: "Calls" }).click();
  await eventually(async () => (await tab.page.locator("tbody tr").count()) < all, "fewer rows");
  const rows = () => tab.page.locator("tbody tr").allTextContents();
  const wanted = await rows();
  check(wanted.length > 0 && wanted.every((row) => row.includes("claude")), "filtered");
  const address = tab.page.url();
  check(address.includes("models.q=claude") && address.includes("models.sort=-calls"), `the address is ${address}`);
  await tab.page.reload();
  await settled(tab.page);
  equal(await rows(), wanted, "rows after a reload");
  equal(await box.inputValue(), "claude", "the filter after a reload");
  const other = await open();
  await other.page.goto(address);
  await settled(other.page);
  equal(await other.page.locator("tbody tr").allTextContents(), wanted, "rows for somebody with the address");
  await other.close();
  // Back takes the order back, not the page away.
  await tab.page.goBack();
  await eventually(async () => !tab.page.url().includes("models.sort"), "back");
  check(tab.page.url().includes("#/models"), "still there");
  await box.fill("nothing-has-this-name");
  await tab.page.getByRole("button", { name: "Clear the filter" }).click();
  await eventually(async () => (await tab.page.locator("tbody tr").count()) === all, "all rows again");
  await tab.is_clean();
  await tab.close();
};

tests.tables_sort_and_copy = async () => {
  const tab = await open();
  await tab.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
  await tab.go("#/models?range=365");
  await show_all(tab.page);
  const column = async (n) => tab.page.locator(`tbody td:nth-child(${n})`).allTextContents();
  await tab.page.getByRole("button", { name: "Calls" }).click();
  const calls = (await column(3)).map((text) => Number(text.replace(/\D/g, "")));
  equal(calls, [...calls].sort((a, b) => b - a), "most calls first");
  equal(await tab.page.locator("th", { hasText: "Calls" }).getAttribute("aria-sort"), "descending", "said to screen readers");
  await tab.page.getByRole("button", { name: "Calls" }).click();
  equal((await column(3)).map((text) => Number(text.replace(/\D/g, ""))), [...calls].sort((a, b) => a - b), "fewest first");
  await tab.page.getByRole("button", { name: "Copy CSV of models" }).click();
  await tab.page.getByText("Copied").waitFor();
  const lines = (await tab.page.evaluate(() => navigator.clipboard.readText())).trim().split("\r\n");
  equal(lines.length, calls.length + 1, "lines of the CSV");
  check(lines[0].startsWith("model,provider,calls,"), `the first line is ${lines[0]}`);
  equal(lines.slice(1).map((line) => line.split(",")[2]), [...calls].sort((a, b) => a - b).map(String), "in the order of the table");
  await tab.is_clean();
  await tab.close();
};

tests.a_keyboard_is_enough = async () => {
  const tab = await open();
  const { page } = tab;
  await tab.go("#/overview");
  const focused = () => page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.textContent.trim().slice(0, 30)}`);
  await page.keyboard.press("Tab");
  equal(await focused(), "BUTTON Skip to the page", "first stop");
  await page.keyboard.press("Enter");
  equal(await page.evaluate(() => document.activeElement.tagName), "MAIN", "the page has the focus");
  await page.keyboard.press("Tab");
  equal(await focused(), "BUTTON 7 days", "and goes on from there");
  await page.keyboard.press("Enter");
  await eventually(() => page.url().includes("range=7"), "the period is chosen");
  // To another page, by its link.
  for (let i = 0; i < 40 && !(await focused()).startsWith("A Models"); ++i) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await eventually(() => page.url().includes("#/models"), "another page");
  await settled(page);
  equal(await page.evaluate(() => document.activeElement.tagName), "MAIN", "the new page has the focus");
  equal(await page.title(), "Models · halton-meter", "the title");
  equal(await page.locator("nav a[aria-current=page]").textContent(), "Models", "marked in the navigation");
  for (let i = 0; i < 40 && !(await focused()).startsWith("BUTTON Calls"); ++i) await page.keyboard.press("Tab");
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  equal(ring, "solid", "one sees where one is");
  await page.keyboard.press("Space");
  await eventually(async () => (await page.locator("th", { hasText: "Calls" }).getAttribute("aria-sort")) === "descending", "sorted");
  await tab.is_clean();
  await tab.close();

  // At 400 px the pages are behind a button.
  const small = await open({ width: 400 });
  await small.go("#/overview");
  const menu = small.page.getByRole("button", { name: "Menu" });
  equal(await menu.getAttribute("aria-expanded"), "false", "closed at first");
  await menu.focus();
  await small.page.keyboard.press("Enter");
  await small.page.getByRole("link", { name: "Limits" }).click();
  await eventually(() => small.page.url().includes("#/limits"), "another page");
  equal(await menu.getAttribute("aria-expanded"), "false", "closed again");
  await small.is_clean();
  await small.close();
};

tests.themes_follow_the_system_until_one_is_picked = async () => {
  const tab = await open({ theme: "dark" });
  await tab.go("#/overview");
  const background = () => tab.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await tab.page.emulateMedia({ colorScheme: "light" });
  const light = await background();
  check(dark !== light, "the system's theme is followed");
  await tab.page.getByRole("button", { name: "Dark" }).click();
  equal(await background(), dark, "the picked theme");
  await tab.page.reload();
  await settled(tab.page);
  equal(await background(), dark, "kept over a reload");
  await tab.page.getByRole("button", { name: "System" }).click();
  equal(await background(), light, "the system's again");
  await tab.is_clean();
  await tab.close();
};

tests.an_empty_place_says_why_and_what_to_type = async () => {
  const tab = await open({ base: empty_url });
  const silent = [];
  for (const name of PAGES.filter((one) => one !== "health")) {
    await tab.go(`#/${name}`);
    const says = await tab.page.locator(".empty").count();
    const command = await tab.page.locator(".command").count();
    if (says === 0 || (command === 0 && name !== "errors")) silent.push(name);
    await tab.page.screenshot({ path: path.join(screenshots, `empty-${name}-light-1440.png`), fullPage: true });
  }
  equal(silent, [], "pages that are silently empty");
  await tab.is_clean();
  await tab.close();
};

tests.what_is_served = async () => {
  const tab = await open();
  await tab.go("#/overview");
  let bytes = 0;
  for (const response of tab.loaded) {
    const place = new URL(response.url()).pathname;
    if (place !== "/" && !place.startsWith("/assets/")) continue;
    const head = await response.allHeaders();
    equal(head["content-encoding"], "gzip", `${place} is packed`);
    bytes += Number(head["content-length"]);
    for (const word of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"])
      check(head["content-security-policy"]?.includes(word), `${place} lacks ${word}`);
    check(!/unsafe|https?:/.test(head["content-security-policy"]), "a policy with holes");
    equal(head["x-content-type-options"], "nosniff", `${place}: nosniff`);
    check(place === "/" ? /no-cache/.test(head["cache-control"]) : /immutable/.test(head["cache-control"]), `${place}: ${head["cache-control"]}`);
    const again = await fetch(response.url(), { headers: { "if-none-match": head.etag } });
    equal(again.status, 304, `${place} is not sent twice`);
  }
  check(bytes > 10_000 && bytes < 150_000, `the page is ${bytes} bytes, packed`);
  const paint = await tab.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  await tab.is_clean();
  await tab.close();
  return `${bytes} bytes, first paint after ${Math.round(paint)} ms`;
};

// --- running them --------------------------------------------------------------------------------

fs.mkdirSync(screenshots, { recursive: true });
let failed = 0;
for (const [name, run] of Object.entries(tests)) {
  if (filters.length > 0 && !filters.some((filter) => name.includes(filter))) continue;
  const started = Date.now();
  let line = "ok  ", more = "";
  try {
    more = (await run()) ?? "";
  } catch (error) {
    ++failed;
    line = "FAIL";
    more = error instanceof Failed ? error.message : (error.stack ?? String(error));
  }
  console.log(`${line} dashboard.${name} (${((Date.now() - started) / 1000).toFixed(1)} s)${more ? `: ${more}` : ""}`);
}
await browser.close();
process.exit(failed > 0 ? 1 : 0);
