// The status page in real Chromium: what people read there, accessibility, the console, what a page of another site can read.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { launch } from "puppeteer-core";

const [status, notion, token, executablePath, pictures] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 180_000; // pauses between attempts double up to a minute

const browser = await launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 900 });
const said = [];
page.on("console", (message) => said.push(message.text()));
page.on("pageerror", (error) => said.push(String(error)));
const asked = new Set();
page.on("request", (request) => asked.add(new URL(request.url()).origin));

const body = () => page.evaluate(() => document.body.innerText);
const shows = async (what) => {
  const started = Date.now();
  for (;;) {
    await page.goto(status + "/", { waitUntil: "load" });
    const text = await body();
    if (what.every((one) => text.toLowerCase().includes(one.toLowerCase()))) return text;
    assert.ok(Date.now() - started < PATIENCE, `${what} is not shown:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
};
const picture = async (name) => {
  if (pictures) await page.screenshot({ path: `${pictures}/status-${name}.png`, fullPage: true });
};

// All is well: each dashboard with promise and backlog, agents and claims, the last writes, the budget.
await shows(["every board is as fresh as promised", "Library", "alpha", "modules/power/*", "Last writes", "limit"]);
await picture("well");
assert.equal(await page.title(), "Claimboard sync", "a script in a row ran");
assert.ok((await body()).includes("<script>document.title"), "hostile text is shown as text");
assert.equal(await page.$("img, script, b, i, iframe"), null, "markup of a row became an element");

await page.evaluate(axe);
const found = await page.evaluate(() => globalThis.axe.run({
  runOnly: ["wcag2a", "wcag2aa"],
  rules: { "meta-refresh": { enabled: false } }, // figures of this moment: the page has nothing that a reload could take away
}));
const broken = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
assert.deepEqual(broken, [], "accessibility");

for (const [name, width] of [["narrow", 390], ["wide", 1280]]) {
  await page.setViewport({ width, height: 900 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${name}: ${overflow} pixels stick out`);
  await picture(name);
}

// Notion refuses the token: the page says so and what waits.
const control = (method, path, value) =>
  fetch(`${notion}/_sim/${path}`, { method, body: value && JSON.stringify(value), headers: { authorization: `Bearer ${token}` } });
await control("POST", "faults", { kind: "unauthorized" });
const { execFileSync } = await import("node:child_process");
execFileSync("psql", ["-qX", process.env.DATABASE_URL, "-c", "UPDATE lessons SET title = title || ' again' WHERE words <= 50"]);
await shows(["not ready", "away for", "renew NOTION_TOKEN", "Library"]);
await picture("away");
await control("DELETE", "faults");
await shows(["every board is as fresh as promised"]);
assert.deepEqual(said, [], "the console");
assert.deepEqual([...asked], [new URL(status).origin], "something was loaded from elsewhere");

// A page of another site learns nothing, by fetch nor by frame.
const elsewhere = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>elsewhere</title>"));
await new Promise((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
await page.goto(`http://127.0.0.1:${elsewhere.address().port}/`);
const read = await page.evaluate((url) => fetch(url).then((answer) => answer.text(), (error) => `refused: ${error}`), status + "/status");
assert.match(read, /^refused/, "another site read the status");
elsewhere.close();
await browser.close();
console.log("status page: readable, accessible, silent, closed to other sites");
