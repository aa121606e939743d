import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { startControl, type TestControl } from "../support/control.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { floodBytes } from "../support/program.ts";
import { SmallManager } from "../support/small_manager.ts";

const BLOCK = 262_144;

Deno.test("the bytes of an upload come as they are, in blocks of 256 KiB", async () => {
  const manager = new SmallManager();
  const { append } = manager.blobs;
  const blocks: number[] = [];
  manager.blobs.append = (id, offset, bytes) => {
    blocks.push(bytes.length);
    return append(id, offset, bytes);
  };
  await using fleet = await startControl({ manager });
  const bytes = floodBytes(2 * BLOCK + 1);
  const { uploadId } = await fleet.control.blobs.openUpload({});
  const first = await send(fleet, 0, [bytes.subarray(0, 5)]);
  const second = await send(fleet, 5, cut(bytes.subarray(5), 100_000));

  assertEquals([first, second], [5, bytes.length]);
  assertEquals(manager.stored.get(uploadId), bytes);
  assertEquals(blocks, [5, BLOCK, BLOCK - 4]);
});

Deno.test("a request without a byte tells how far the upload is", async () => {
  await using fleet = await startControl();
  await send(fleet, 0, [floodBytes(7)]);

  assertEquals(await send(fleet, 7, []), 7);
});

Deno.test("a refusal reaches a client that still has megabytes to send", async () => {
  const manager = new SmallManager();
  const refused = new PiriError("FAILED_PRECONDITION", "Cannot take more");
  manager.blobs.append = () => Promise.reject(refused);
  await using fleet = await startControl({ manager });
  const { code, message } = await refusal(
    send(fleet, 0, cut(floodBytes(8_000_000), 100_000)),
  );

  assertEquals([code, message], ["FAILED_PRECONDITION", "Cannot take more"]);
});

Deno.test("an error that is no refusal stays in the log of the Manager", async () => {
  const manager = new SmallManager();
  manager.blobs.append = () => Promise.reject(new TypeError("a secret"));
  await using fleet = await startControl({ manager });
  const { code, message } = await refusal(send(fleet, 0, [floodBytes(10)]));

  assertEquals([code, message], [
    "INTERNAL",
    "Cannot take bytes of an upload: the Manager failed, and its log says how",
  ]);
});

for (
  const [offset, reason] of [
    ["-1", "it is no number of bytes"],
    ["1e3", "it is no number of bytes"],
    ["", "it is no number of bytes"],
    ["9999999999999999", "it is no number of bytes"],
  ] as const
) {
  Deno.test(`the offset "${offset}" of an upload is refused`, async () => {
    await using fleet = await startControl({ transport: "tcp" });
    const answer = await plain(fleet, `upload_id=upload-1&offset=${offset}`);

    assertEquals(answer, [
      400,
      "INVALID_ARGUMENT",
      `Cannot accept "offset": ${reason}`,
    ]);
  });
}

Deno.test("bytes of an upload without its id or without a token are refused", async () => {
  await using fleet = await startControl({ transport: "tcp" });

  assertEquals(await plain(fleet, "offset=0"), [
    400,
    "INVALID_ARGUMENT",
    'Cannot accept "upload_id": it is empty',
  ]);
  assertEquals(await plain(fleet, "upload_id=upload-1&offset=0", "wrong"), [
    400,
    "AUTH_FAILED",
    "Cannot accept the token: it is not the one of this Manager",
  ]);
});

Deno.test("a body that is silent for half a minute ends, and what came of it stays", async () => {
  const manager = new SmallManager();
  const clock = new FakeClock();
  await using fleet = await startControl({ manager, clock });
  await fleet.control.blobs.openUpload({});
  const stopped = Promise.withResolvers<void>();
  const sent = refusal(send(
    fleet,
    0,
    (async function* () {
      yield floodBytes(BLOCK);
      yield floodBytes(3);
      await stopped.promise;
    })(),
  ));
  while ((manager.stored.get("upload-1")?.length ?? 0) < BLOCK) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await clock.advance(30_000);
  const { code, message } = await sent;
  stopped.resolve();

  assertEquals([code, message], [
    "TIMED_OUT",
    "Cannot read the request: no byte came for 30 s",
  ]);
  assertEquals(manager.stored.get("upload-1")?.length, BLOCK);
});

Deno.test("a block is stored while the next one comes, and an error of it ends the upload", async () => {
  const manager = new SmallManager();
  const stored = Promise.withResolvers<number>();
  const begun: number[] = [];
  manager.blobs.append = (_id, offset) => {
    begun.push(offset);
    return stored.promise;
  };
  await using fleet = await startControl({ manager });
  await fleet.control.blobs.openUpload({});
  const sentAll = Promise.withResolvers<void>();
  const sent = refusal(send(
    fleet,
    0,
    (async function* () {
      yield floodBytes(BLOCK);
      yield floodBytes(BLOCK);
      sentAll.resolve();
      yield floodBytes(BLOCK);
    })(),
  ));
  await sentAll.promise;
  while (begun.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stored.reject(new PiriError("DISK", "Cannot store it"));
  const { code } = await sent;

  assertEquals([begun, code], [[0], "DISK"]);
});

/** Error of bytes that are refused. */
function refusal(sent: Promise<number>): Promise<PiriError> {
  return assertRejects(() => sent, PiriError);
}

/** Sends bytes of the only upload. */
function send(
  { control }: TestControl,
  offset: number,
  bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  const all = (async function* () {
    yield* bytes;
  })();
  const { signal } = new AbortController();
  return control.uploads.send({ id: "upload-1", offset }, all, { signal });
}

/** Status, code and text of the answer to a request that no client of ours makes. */
async function plain(
  { dir }: TestControl,
  query: string,
  token?: string,
): Promise<[number, string | null, string]> {
  const read = (name: string) => Deno.readTextFile(`${dir}/${name}`);
  const { port } = JSON.parse(await read("control.json"));
  const good = (await read("control.token")).trim();
  const answer = await fetch(
    `http://127.0.0.1:${port}/piri.control.v1.BlobsService/Upload?${query}`,
    {
      method: "POST",
      headers: {
        "authorization": `Bearer ${token ?? good}`,
        "content-type": "application/octet-stream",
      },
      body: floodBytes(10),
    },
  );
  return [answer.status, answer.headers.get("piri-code"), await answer.text()];
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}
