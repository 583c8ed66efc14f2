import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { askVersion, fits, readVersion } from "../src/server/version";

test("the version is read from what our program says, and from nothing else", () => {
  assert.equal(readVersion("countersign 0.1.0\n"), "0.1.0");
  assert.equal(readVersion("countersign 1.20.3-rc.1\r\n"), "1.20.3-rc.1");
  for (const other of ["", "countersign", "terraform 0.1.0", "countersign 0.1", "countersign 0.1.0\nmore"]) {
    assert.equal(readVersion(other), undefined, other);
  }
});

test("servers of the same major and minor number fit", () => {
  assert.ok(fits("0.1.0", "0.1.0"));
  assert.ok(fits("0.1.9-rc.1", "0.1.0"));
  assert.ok(!fits("0.2.0", "0.1.0"));
  assert.ok(!fits("1.1.0", "0.1.0"));
  assert.ok(!fits("0.10.0", "0.1.0"));
});

test("a program says its version, or why it cannot be used", { skip: process.platform === "win32" }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "countersign-"));
  t.after(() => rm(dir, { recursive: true }));
  const program = async (name: string, script: string): Promise<string> => {
    const file = join(dir, name);
    await writeFile(file, script);
    await chmod(file, 0o755);
    return file;
  };
  assert.deepEqual(await askVersion(await program("ours", "#!/bin/sh\necho countersign 0.1.7")), { version: "0.1.7" });
  const other = await askVersion(await program("other", "#!/bin/sh\necho another 0.1.7"));
  assert.ok("problem" in other && other.problem.includes("another 0.1.7"));
  const failing = await askVersion(await program("failing", "#!/bin/sh\nexit 3"));
  assert.ok("problem" in failing && failing.problem.startsWith("it cannot be run"));
  assert.ok("problem" in (await askVersion(join(dir, "missing"))));
  assert.ok("problem" in (await askVersion(await program("no-program", "\x7fELF broken"))));
});
