import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { fileFetch } from "../../lib/operations/file_fetch.ts";
import type { DataSource } from "../../lib/operations/operation.ts";
import { floodBytes } from "../support/program.ts";
import { bytesOf, files, hashOf, modeOf, tempTarget } from "./manager_files.ts";
import { finish, newContext, textOf } from "./support.ts";

const posix = Deno.build.os !== "windows";
const isRoot = posix && Deno.uid() === 0;

Deno.test("a file is fetched whole", async () => {
  await using folder = await tempTarget();
  const content = floodBytes(300_001);
  const { outcome, progress, stdout } = await finish(
    fileFetch.run(
      { source: "app.conf", path: folder.file },
      newContext(await files({ "app.conf": content })),
    ),
  );
  assertEquals(await Deno.readFile(folder.file), content);
  const sha256 = await hashOf(content);
  const message = `wrote ${folder.file} (300,001 bytes)`;
  assertEquals(outcome, {
    success: true,
    changed: true,
    message,
    data: { path: folder.file, size: 300_001, sha256, changes: ["content"] },
  });
  assertEquals(textOf(stdout), `${message}\n`);
  assertEquals(progress.at(-1), { current: 300_001, total: 300_001 });
  assertEquals(await folder.names(), ["target"]);
});

Deno.test("an empty file is fetched", async () => {
  await using folder = await tempTarget();
  const data = await files({ empty: new Uint8Array() });
  await finish(
    fileFetch.run({ source: "empty", path: folder.file }, newContext(data)),
  );
  assertEquals((await Deno.stat(folder.file)).size, 0);
});

Deno.test("a file that is already right is not fetched again", async () => {
  await using folder = await tempTarget();
  const data = await files({ "app.conf": floodBytes(1_000) });
  const params = { source: "app.conf", path: folder.file };
  await finish(fileFetch.run(params, newContext(data)));
  const before = await Deno.stat(folder.file);
  const { outcome, stdout } = await finish(fileFetch.run(
    params,
    newContext({ ...data, bytes: () => Promise.reject(new Error("asked")) }),
  ));
  assertEquals(outcome.success, true);
  assertEquals(outcome.changed, false);
  assertEquals(outcome.message, `unchanged: ${folder.file}`);
  assertEquals(textOf(stdout), `unchanged: ${folder.file}\n`);
  assertEquals((outcome.data as { changes: string[] }).changes, []);
  assertEquals((await Deno.stat(folder.file)).ino, before.ino);
});

Deno.test("a file of the same size with other content is replaced", async () => {
  await using folder = await tempTarget();
  await Deno.writeTextFile(folder.file, "old");
  const data = await files({ "app.conf": bytesOf("new") });
  const { outcome } = await finish(fileFetch.run(
    { source: "app.conf", path: folder.file },
    newContext(data),
  ));
  assertEquals(outcome.changed, true);
  assertEquals(await Deno.readTextFile(folder.file), "new");
});

Deno.test({
  name:
    "a new file gets the given mode, or else 0644 from a Manager that tells none",
  ignore: !posix,
  fn: async () => {
    await using folder = await tempTarget();
    const data = await files({ a: bytesOf("a") });
    const path = folder.file;
    await finish(fileFetch.run({ source: "a", path }, newContext(data)));
    assertEquals(await modeOf(path), 0o644);
    await Deno.remove(path);
    await finish(
      fileFetch.run({ source: "a", path, mode: "4750" }, newContext(data)),
    );
    assertEquals(await modeOf(path), 0o4750);
  },
});

Deno.test({
  name: "a file gets the mode of the Manager's file, unless another is given",
  ignore: !posix,
  fn: async () => {
    await using folder = await tempTarget();
    const data = await files({ a: bytesOf("a") }, { mode: "0755" });
    const path = folder.file;
    const fetch = async (params: { mode?: string } = {}) => {
      const run = fileFetch.run(
        { source: "a", path, ...params },
        newContext(data),
      );
      const { outcome } = await finish(run);
      return [outcome.message, outcome.changed, await modeOf(path)];
    };
    assertEquals(await fetch(), [`wrote ${path} (1 byte)`, true, 0o755]);
    assertEquals(await fetch(), [`unchanged: ${path}`, false, 0o755]);
    await Deno.chmod(path, 0o644);
    assertEquals(await fetch(), [
      `set the mode of ${path} to 0755`,
      true,
      0o755,
    ]);
    assertEquals(
      await fetch({ mode: "0640" }),
      [`set the mode of ${path} to 0640`, true, 0o640],
    );
  },
});

Deno.test({
  name: "a mode that is no octal number counts as none",
  ignore: !posix,
  fn: async () => {
    await using folder = await tempTarget();
    const path = folder.file;
    const data = await files({ a: bytesOf("a") }, { mode: 493 });
    await finish(fileFetch.run({ source: "a", path }, newContext(data)));
    assertEquals(await modeOf(path), 0o644);
  },
});

Deno.test({
  name: "a file with the right content and another mode is changed, once",
  ignore: !posix,
  fn: async () => {
    await using folder = await tempTarget();
    const data = await files({ a: bytesOf("a") });
    const path = folder.file;
    await finish(fileFetch.run({ source: "a", path }, newContext(data)));
    const params = { source: "a", path, mode: "0600" };
    const first = await finish(fileFetch.run(params, newContext(data)));
    const second = await finish(fileFetch.run(params, newContext(data)));
    assertEquals(
      [first.outcome.changed, second.outcome.changed],
      [true, false],
    );
    assertEquals(await modeOf(path), 0o600);
  },
});

Deno.test({
  name:
    "a file that is replaced keeps its mode if the Manager tells none, and its owner (needs root)",
  ignore: !isRoot,
  fn: async () => {
    await using folder = await tempTarget();
    await Deno.writeTextFile(folder.file, "old content");
    await Deno.chown(folder.file, 4_711, 4_712);
    await Deno.chmod(folder.file, 0o640);
    const data = await files({ a: bytesOf("a") });
    await finish(
      fileFetch.run({ source: "a", path: folder.file }, newContext(data)),
    );
    const { uid, gid } = await Deno.stat(folder.file);
    assertEquals([uid, gid], [4_711, 4_712]);
    assertEquals(await modeOf(folder.file), 0o640);
  },
});

Deno.test({
  name: "a file gets the owner and group that are asked for (needs root)",
  ignore: !isRoot,
  fn: async () => {
    await using folder = await tempTarget();
    const data = await files({ a: bytesOf("a") });
    const params = {
      source: "a",
      path: folder.file,
      user: "nobody",
      group: "daemon",
    };
    await finish(fileFetch.run(params, newContext(data)));
    const { uid, gid } = await Deno.stat(folder.file);
    assert(uid !== 0 && gid !== 0);
    const again = await finish(fileFetch.run(params, newContext(data)));
    assertEquals(again.outcome.changed, false);
    await Deno.chown(folder.file, 0, 0);
    const mended = await finish(fileFetch.run(params, newContext(data)));
    assertEquals(mended.outcome.changed, true);
    assertEquals(
      mended.outcome.message,
      `set the owner of ${folder.file}`,
    );
  },
});

Deno.test("a link is replaced, and its target stays", async () => {
  await using folder = await tempTarget();
  const other = join(folder.path, "other");
  await Deno.writeTextFile(other, "other");
  await Deno.symlink(other, folder.file);
  const data = await files({ a: bytesOf("a") });
  await finish(
    fileFetch.run({ source: "a", path: folder.file }, newContext(data)),
  );
  assertEquals((await Deno.lstat(folder.file)).isFile, true);
  assertEquals(await Deno.readTextFile(other), "other");
});

Deno.test("pieces are requested a few ahead, and no more", async () => {
  await using folder = await tempTarget();
  const data = await files({ a: floodBytes(2_000_000) });
  let open = 0;
  let most = 0;
  const counting: DataSource = {
    ...data,
    bytes: async (type, params) => {
      most = Math.max(most, ++open);
      const bytes = await data.bytes(type, params);
      await new Promise((resolve) => setTimeout(resolve, 1));
      open--;
      return bytes;
    },
  };
  await finish(
    fileFetch.run({ source: "a", path: folder.file }, newContext(counting)),
  );
  assertEquals(most, 16);
});

const changes: Record<string, (data: DataSource) => DataSource["bytes"]> = {
  "other content": (data) => async (type, params) =>
    (await data.bytes(type, params)).map((byte) => byte ^ 1),
  "less content": (data) => async (type, params) =>
    (await data.bytes(type, params)).subarray(1),
  "no file": () => () =>
    Promise.reject(new PiriError("NOT_FOUND", "There is no such file")),
};

for (const [what, change] of Object.entries(changes)) {
  Deno.test(`${what} after the first look is an error that leaves nothing behind`, async () => {
    await using folder = await tempTarget();
    await Deno.writeTextFile(folder.file, "old");
    const data = await files({ a: floodBytes(200_000) });
    const error = await assertRejects(
      () =>
        finish(fileFetch.run(
          { source: "a", path: folder.file },
          newContext({ ...data, bytes: change(data) }),
        )),
      PiriError,
      'Cannot fetch "a": it was changed while it was fetched',
    );
    assertEquals(error.code, "FAILED_PRECONDITION");
    assertEquals(await folder.names(), ["target"]);
    assertEquals(await Deno.readTextFile(folder.file), "old");
  });
}

Deno.test("a cancelled fetch leaves nothing behind", async () => {
  await using folder = await tempTarget();
  const data = await files({ a: floodBytes(2_000_000) });
  const context = newContext(data);
  const run = fileFetch.run({ source: "a", path: folder.file }, context);
  await run.next();
  assertEquals((await folder.names()).length, 1);
  context.stopNow();
  const error = await assertRejects(() => finish(run), PiriError);
  assertEquals(error.code, "CANCELLED");
  assertEquals(await folder.names(), []);
});

Deno.test("a file that the Manager does not have is an error with its reason", async () => {
  await using folder = await tempTarget();
  const error = await assertRejects(
    () =>
      finish(
        fileFetch.run({ source: "a", path: folder.file }, newContext()),
      ),
    PiriError,
    "There is no data",
  );
  assertEquals(error.code, "NOT_FOUND");
});
