import { assertEquals } from "@std/assert";
import { refusal, startControl } from "../support/control.ts";

const HASH = "ab".repeat(32);

Deno.test("an upload goes through the API piece by piece", async () => {
  await using fleet = await startControl();
  const { blobs } = fleet.control;
  const { uploadId, offset } = await blobs.openUpload({ size: 4n });
  const bytes = Uint8Array.of(1, 2);
  await blobs.upload({ uploadId, offset: 0n, bytes });
  const reached = await blobs.upload({ uploadId, offset: 2n, bytes });
  const again = await blobs.openUpload({ uploadId });
  const finished = await blobs.finishUpload({ uploadId, sha256: HASH });

  assertEquals([offset, reached.offset, again.offset], [0n, 4n, 4n]);
  assertEquals([finished.sha256, finished.size], [HASH, 4n]);
  assertEquals(
    fleet.manager.stored.get(uploadId),
    Uint8Array.of(1, 2, 1, 2),
  );
  assertEquals(fleet.manager.asked, [
    { size: 4 },
    { id: uploadId, expected: HASH },
  ]);
});

Deno.test("small blobs are sent together", async () => {
  await using fleet = await startControl();
  const contents = ["a", "b"].map((text) => new TextEncoder().encode(text));
  const { sha256 } = await fleet.control.blobs.addBlobs({ blobs: contents });

  assertEquals(sha256.map((hash) => fleet.manager.stored.get(hash)), contents);
});

Deno.test("a request without a length is read, too", async () => {
  await using fleet = await startControl({ transport: "tcp" });
  const read = (name: string) => Deno.readTextFile(`${fleet.dir}/${name}`);
  const { port } = JSON.parse(await read("control.json"));
  const token = (await read("control.token")).trim();
  const answer = await fetch(
    `http://127.0.0.1:${port}/piri.control.v1.BlobsService/FindBlobs`,
    {
      method: "POST",
      headers: {
        "authorization": `Bearer ${token}`,
        "content-type": "application/json",
      },
      body: new Blob([JSON.stringify({ sha256: [HASH] })]).stream(),
    },
  );

  assertEquals([answer.status, await answer.json()], [200, {}]);
});

Deno.test("the blobs that the Manager has are found", async () => {
  await using fleet = await startControl();
  fleet.manager.stored.set(HASH, new Uint8Array());
  const other = "cd".repeat(32);

  const { known } = await fleet.control.blobs.findBlobs({
    sha256: [other, HASH],
  });
  assertEquals(known, [HASH]);
});

Deno.test("a text that is no hash, and an upload without an id, are refused", async () => {
  await using fleet = await startControl();
  const { blobs } = fleet.control;

  const refused = await Promise.all([
    refusal(blobs.findBlobs({ sha256: ["../x"] })),
    refusal(blobs.upload({})),
    refusal(blobs.finishUpload({ uploadId: "u", sha256: "x" })),
  ]);
  const notHex = 'Cannot accept "sha256": it is no SHA-256 in 64 hex digits';
  assertEquals(refused.map(({ message }) => message), [
    notHex,
    'Cannot accept "upload_id": it is empty',
    notHex,
  ]);
});
