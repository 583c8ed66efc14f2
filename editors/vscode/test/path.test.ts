import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { firstExecutable, serverCandidates, type Surroundings } from "../src/server/path";

const linux: Surroundings = {
  setting: "",
  extensionDir: "/ext",
  searchPath: "/usr/local/bin:/usr/bin",
  platform: "linux",
};

test("the setting is the only candidate", () => {
  assert.deepEqual(serverCandidates({ ...linux, setting: "/opt/countersign" }), ["/opt/countersign"]);
});

test("a relative setting is no candidate, nor is anything else then", () => {
  assert.deepEqual(serverCandidates({ ...linux, setting: "bin/countersign" }), []);
});

test("without a setting the bundled program comes before PATH", () => {
  assert.deepEqual(serverCandidates(linux), [
    "/ext/bin/countersign",
    "/usr/local/bin/countersign",
    "/usr/bin/countersign",
  ]);
});

test("relative and empty entries of PATH are left out", () => {
  assert.deepEqual(serverCandidates({ ...linux, searchPath: ".::bin:/usr/bin" }), [
    "/ext/bin/countersign",
    "/usr/bin/countersign",
  ]);
});

test("an empty PATH leaves the bundled program", () => {
  assert.deepEqual(serverCandidates({ ...linux, searchPath: "" }), ["/ext/bin/countersign"]);
});

test("Windows has its own separators and ending", () => {
  const windows: Surroundings = {
    setting: "",
    extensionDir: "C:\\ext",
    searchPath: "C:\\tools;.;D:\\bin",
    platform: "win32",
  };
  assert.deepEqual(serverCandidates(windows), [
    "C:\\ext\\bin\\countersign.exe",
    "C:\\tools\\countersign.exe",
    "D:\\bin\\countersign.exe",
  ]);
  assert.deepEqual(serverCandidates({ ...windows, setting: "D:\\countersign.exe" }), ["D:\\countersign.exe"]);
});

// Windows knows no executable bit.
test("the first file that can be run is taken", { skip: process.platform === "win32" }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "countersign-"));
  t.after(() => rm(dir, { recursive: true }));
  const missing = join(dir, "missing");
  const folder = join(dir, "folder");
  const plain = join(dir, "plain");
  const program = join(dir, "program");
  const later = join(dir, "later");
  await mkdir(folder);
  await writeFile(plain, "");
  for (const file of [program, later]) {
    await writeFile(file, "");
    await chmod(file, 0o755);
  }

  assert.equal(await firstExecutable([missing, folder, plain, program, later]), program);
  assert.equal(await firstExecutable([missing, folder, plain]), undefined);
  assert.equal(await firstExecutable([]), undefined);
});
