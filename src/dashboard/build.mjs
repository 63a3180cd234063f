// Builds the dashboard into one file that the program carries. Runs at build time, in the build
// folder only; the packages are in the user's cache, once for each lock file.
//
//   node build.mjs --source DIR --work DIR --out FILE [--depfile FILE] [--or-empty]
//   node build.mjs --source DIR --work DIR --check     types only
//
// The file: for each asset a line "<path> <content type> <etag> <immutable: 0|1> <bytes>\n" and then
// its gzipped bytes. --or-empty: where npm cannot get its packages the file is empty, and the
// program explains itself instead; without it that is an error.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const options = {};
for (let i = 2; i < process.argv.length; ++i) {
  const name = process.argv[i].replace(/^--/, "");
  options[name] = ["check", "or-empty"].includes(name) ? true : path.resolve(process.argv[++i]);
}
const source = options.source ?? path.dirname(fileURLToPath(import.meta.url));
const work = options.work;

const TYPES = {
  ".html": "text/html;charset=utf-8",
  ".js": "text/javascript;charset=utf-8",
  ".css": "text/css;charset=utf-8",
  ".svg": "image/svg+xml",
};

function fail(message) {
  console.error(`dashboard: ${message}`);
  process.exit(1);
}

function run(program, args, cwd) {
  const done = spawnSync(program, args, { cwd, encoding: "utf8", timeout: 240_000, stdio: ["ignore", "pipe", "pipe"] });
  return { is_done: done.status === 0, said: `${done.stdout ?? ""}${done.stderr ?? ""}${done.error ?? ""}` };
}

// npm's packages of the lock file; the folder, or null and why.
export function install(folder, name) {
  const lock = fs.readFileSync(path.join(folder, "package-lock.json"));
  if (lock.includes('"resolved"')) fail(`${folder}/package-lock.json names a registry: make it again, beside its .npmrc`);
  const key = createHash("sha256").update(lock).update(process.platform).update(process.arch).digest("hex").slice(0, 16);
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "halton-meter", "npm", `${name}-${key}`);
  if (fs.existsSync(path.join(cache, "node_modules"))) return { cache };
  // Made beside it and moved there whole: two builds at once, or one that is cut off, harm nobody.
  const own = `${cache}.${process.pid}`;
  fs.mkdirSync(own, { recursive: true });
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) fs.copyFileSync(path.join(folder, file), path.join(own, file));
  const npm = run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], own);
  if (!npm.is_done) {
    fs.rmSync(own, { recursive: true, force: true });
    // Its last words are where its log is, which says nothing to who reads this elsewhere.
    const lines = npm.said.split("\n").filter((line) => !/complete log|_logs\b/.test(line) && !/^npm (ERR!|error)?\s*$/.test(line));
    return { why: lines.join("\n").trim() };
  }
  try {
    fs.renameSync(own, cache);
  } catch {
    fs.rmSync(own, { recursive: true, force: true }); // somebody was faster
  }
  return { cache };
}

function files_below(folder, prefix = "") {
  return fs
    .readdirSync(path.join(folder, prefix), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = prefix ? `${prefix}/${entry.name}` : entry.name;
      if (entry.name === "node_modules") return [];
      return entry.isDirectory() ? files_below(folder, name) : [name];
    });
}

function stage(cache) {
  fs.rmSync(work, { recursive: true, force: true });
  fs.mkdirSync(work, { recursive: true });
  for (const file of files_below(source)) {
    fs.mkdirSync(path.dirname(path.join(work, file)), { recursive: true });
    fs.copyFileSync(path.join(source, file), path.join(work, file));
  }
  fs.symlinkSync(path.join(cache, "node_modules"), path.join(work, "node_modules"), "dir");
}

function pack(folder) {
  const parts = [];
  for (const file of files_below(folder)) {
    const type = TYPES[path.extname(file)];
    if (!type) fail(`no content type for ${file}`);
    const bytes = gzipSync(fs.readFileSync(path.join(folder, file)), { level: 9 });
    bytes[9] = 255; // the system that packed it is nobody's business, and differs
    const place = file === "index.html" ? "/" : `/${file}`;
    const etag = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    parts.push(Buffer.from(`${place} ${type} "${etag}" ${place.startsWith("/assets/") ? 1 : 0} ${bytes.length}\n`), bytes);
  }
  return Buffer.concat(parts);
}

if (process.argv[1] && fileURLToPath(import.meta.url) === path.resolve(process.argv[1])) {
  const { cache, why } = install(source, "dashboard");
  if (!cache) {
    if (!options["or-empty"]) fail(`npm cannot get the packages:\n${why}`);
    console.error("dashboard: npm cannot get its packages, so the program is built without it");
    fs.writeFileSync(options.out, "");
    process.exit(0);
  }
  stage(cache);
  const tool = options.check ? ["typescript/bin/tsc", "-p", "tsconfig.json"] : ["vite/bin/vite.js", "build", "--logLevel", "warn"];
  const made = run(process.execPath, [path.join("node_modules", tool[0]), ...tool.slice(1)], work);
  if (!made.is_done) fail(made.said);
  if (options.check) process.exit(0);
  const bytes = pack(path.join(work, "dist"));
  fs.writeFileSync(options.out, bytes);
  if (options.depfile) {
    const escaped = (name) => name.replaceAll(" ", "\\ ");
    fs.writeFileSync(options.depfile, `${escaped(path.basename(options.out))}: ${files_below(source).map((file) => escaped(path.join(source, file))).join(" ")}\n`);
  }
}
