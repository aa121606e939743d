import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { BlobsAt, bytesOf, sha256Of } from "./support.ts";

const HOUR_MS = 3_600_000;

Deno.test("an upload in pieces becomes a blob that is read from any offset", async () => {
  await using at = await BlobsAt.start();
  const id = await at.blobs.begin();
  await at.blobs.append(id, 0, bytesOf("hello "));
  await at.blobs.append(id, 6, bytesOf("world"));
  const finished = await at.blobs.finish(id);

  assertEquals(finished, { sha256: sha256Of("hello world"), size: 11 });
  const read = await at.blobs.read(finished.sha256, { offset: 4, length: 4 });
  assertEquals(new TextDecoder().decode(read), "o wo");
  assertEquals(await at.files(), [finished.sha256]);
});

Deno.test("blobs and uploads can be read by the Manager's user only", async () => {
  await using at = await BlobsAt.start();
  const sha256 = await at.put("secret");
  await at.blobs.begin();
  const upload = (await at.files()).find((name) => name !== sha256) ?? "";

  const modes = ["blobs", "blobs/uploads", `blobs/${sha256}`].concat(
    `blobs/uploads/${upload}`,
  ).map((path) => ((Deno.statSync(at.folder.at(path)).mode ?? 0) & 0o777));
  assertEquals(
    modes,
    Deno.build.os === "windows" ? modes : [0o700, 0o700, 0o600, 0o600],
  );
});

Deno.test("received bytes of an upload survive a restart, and it goes on from there", async () => {
  await using at = await BlobsAt.start();
  const id = await at.blobs.begin();
  await at.blobs.append(id, 0, bytesOf("first "));
  await at.restart();

  assertEquals(await at.blobs.offset(id), 6);
  await at.blobs.append(id, 6, bytesOf("second"));
  const { sha256 } = await at.blobs.finish(id);
  assertEquals(sha256, sha256Of("first second"));
});

Deno.test("a piece that is sent again counts once, and one that leaves a gap is refused", async () => {
  await using at = await BlobsAt.start();
  const id = await at.blobs.begin();
  await at.blobs.append(id, 0, bytesOf("abc"));
  await at.blobs.append(id, 0, bytesOf("abcde"));
  const gap = await assertRejects(
    () => at.blobs.append(id, 7, bytesOf("x")),
    PiriError,
  );

  assertEquals(gap.code, "FAILED_PRECONDITION");
  assertEquals((await at.blobs.finish(id)).sha256, sha256Of("abcde"));
});

Deno.test("an upload whose hash is another one than expected is deleted", async () => {
  await using at = await BlobsAt.start();
  const id = await at.blobs.begin();
  await at.blobs.append(id, 0, bytesOf("changed"));
  await assertRejects(
    () => at.blobs.finish(id, sha256Of("as it was")),
    PiriError,
    "it was changed while it was sent",
  );

  assertEquals(await at.files(), []);
  assertEquals(at.blobs.figures.bytes, 0);
});

Deno.test("the same bytes are kept once", async () => {
  await using at = await BlobsAt.start();
  await at.put("twice");
  await at.put("twice");

  assertEquals(at.blobs.figures, { count: 1, bytes: 5, limit: 1_000 });
});

Deno.test("counts and sizes are known again after a restart", async () => {
  await using at = await BlobsAt.start();
  await at.put("12345");
  await at.blobs.append(await at.blobs.begin(), 0, bytesOf("123"));
  await at.restart();

  assertEquals(at.blobs.figures, { count: 1, bytes: 8, limit: 1_000 });
});

Deno.test("names that are no hashes and no ids of uploads find nothing, and lead nowhere", async () => {
  await using at = await BlobsAt.start();
  await at.folder.write("outside", "secret");
  for (const name of ["../outside", "", "x".repeat(64), "uploads"]) {
    const range = { offset: 0, length: 9 };
    for (
      const call of [
        () => at.blobs.has(name),
        () => at.blobs.read(name, range),
        () => at.blobs.offset(name),
        () => at.blobs.finish(name),
      ]
    ) {
      const error = await assertRejects(call, PiriError);
      assertEquals(error.code, "NOT_FOUND");
    }
  }
});

Deno.test("a blob that no command names is kept for an hour after it was sent or asked for", async () => {
  await using at = await BlobsAt.start();
  const [one, two] = [await at.put("one"), await at.put("two")];
  await at.clock.advance(HOUR_MS - 1);
  await at.blobs.has(two);
  await at.blobs.sweep();
  assertEquals(await at.files(), [one, two].sort());
  await at.clock.advance(1);
  await at.blobs.sweep();

  assertEquals(await at.files(), [two]);
  assertEquals(at.blobs.figures.bytes, 3);
});

Deno.test("an upload that nobody goes on with is deleted after an hour, and others are not", async () => {
  await using at = await BlobsAt.start();
  const id = await at.blobs.begin();
  await at.blobs.append(id, 0, bytesOf("abc"));
  await at.blobs.sweep();
  assertEquals(await at.files(), [id]);
  // The time of the file is that of the system.
  await Deno.utime(at.folder.at("blobs/uploads", id), 0, 0);
  await at.blobs.sweep();

  assertEquals(await at.files(), []);
  assertEquals(at.blobs.figures.bytes, 0);
  await assertRejects(() => at.blobs.offset(id), PiriError, "has ended");
});

Deno.test("a blob is kept as long as a command of the history names it", async () => {
  await using at = await BlobsAt.start();
  const sha256 = await at.put("named");
  at.uses = [{ sha256, isTree: false, endedAt: 5 }];
  await at.clock.advance(100 * HOUR_MS);
  await at.blobs.sweep();
  assertEquals(await at.files(), [sha256]);
  at.uses = [];
  await at.blobs.sweep();

  assertEquals(await at.files(), []);
});

Deno.test("blobs of the commands that ended first make room at the limit", async () => {
  await using at = await BlobsAt.start();
  at.limit = 12;
  const names = [];
  for (const text of ["1111", "2222", "3333"]) names.push(await at.put(text));
  const [old = "", open = "", newer = ""] = names;
  const now = at.clock.now();
  at.uses = [
    { sha256: old, isTree: false, endedAt: now },
    { sha256: open, isTree: false, endedAt: null },
    { sha256: newer, isTree: false, endedAt: now + 1 },
  ];
  const fresh = await at.put("4444");

  assertEquals(await at.files(), [open, newer, fresh].sort());
});

Deno.test("a blob of a plan that can be applied stays at the limit, and goes once the plan is too old", async () => {
  await using at = await BlobsAt.start();
  at.limit = 8;
  const [planned = "", other = ""] = [
    await at.put("1111"),
    await at.put("2222"),
  ];
  const now = at.clock.now();
  at.uses = [
    { sha256: planned, isTree: false, endedAt: now + 1_000 },
    { sha256: other, isTree: false, endedAt: now },
  ];
  const third = await at.put("3333");
  const held = await at.files();
  await at.clock.advance(2_000);
  at.uses = [...at.uses, {
    sha256: third,
    isTree: false,
    endedAt: now + 1_500,
  }];
  const fourth = await at.put("4444");

  assertEquals(held, [planned, third].sort());
  assertEquals(await at.files(), [third, fourth].sort());
});

Deno.test("an upload is refused, with the limit, if all that is kept is in use", async () => {
  await using at = await BlobsAt.start();
  at.limit = 10;
  const sha256 = await at.put("12345678");
  at.uses = [{ sha256, isTree: false, endedAt: null }];
  const announced = await assertRejects(() => at.blobs.begin(3), PiriError);
  const id = await at.blobs.begin();
  const sent = await assertRejects(
    () => at.blobs.append(id, 0, bytesOf("abc")),
    PiriError,
  );

  assertEquals([announced.code, sent.code], [
    "FAILED_PRECONDITION",
    "FAILED_PRECONDITION",
  ]);
  assertEquals(
    announced.message,
    "Cannot take 3 bytes more: what open commands and plans read and what was sent in the last hour takes 8 bytes on the Manager, and the limit is 10; set blobBytes in config.yaml higher, or wait",
  );
});

Deno.test("a blob that was just sent again is not deleted for a command that has ended before", async () => {
  await using at = await BlobsAt.start();
  at.limit = 8;
  const sha256 = await at.put("1111");
  at.uses = [{ sha256, isTree: false, endedAt: at.clock.now() + 1 }];
  await at.clock.advance(2);
  await at.blobs.has(sha256);
  const id = await at.blobs.begin();
  await assertRejects(() => at.blobs.append(id, 0, bytesOf("22222")));

  assertEquals(await at.blobs.has(sha256), true);
});

Deno.test("a command whose input is gone is refused, and says what to do", async () => {
  await using at = await BlobsAt.start();
  const blob = sha256Of("nothing");
  const error = await assertRejects(
    () => at.blobs.need("command.Run", JSON.stringify({ blob })),
    PiriError,
  );

  assertEquals(error.code, "NOT_FOUND");
  assertEquals(
    error.message,
    `Cannot run "command.Run": the Manager no longer has its input (SHA-256 ${blob}); give the input again with a new command`,
  );
});
