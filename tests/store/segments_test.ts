import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { MemorySegments } from "../../lib/store/memory_segments.ts";
import {
  FolderSegments,
  type SegmentFiles,
} from "../../lib/store/segment_files.ts";
import { Segments } from "../../lib/store/segments.ts";
import { temporaryFolder } from "./support.ts";

const text = (value: string) => new TextEncoder().encode(value);
const MIB = 1_048_576;

/** Files in memory that note syncs, and fail on demand. */
class WatchedSegments extends MemorySegments {
  readonly synced: number[] = [];
  fails: "write" | "sync" | undefined;

  override write(segment: number, place: number, bytes: Uint8Array): void {
    if (this.fails !== "write") return super.write(segment, place, bytes);
    super.write(segment, place, bytes.subarray(0, 1));
    throw new PiriError("DISK", "Cannot write: full");
  }

  override sync(segment?: number): void {
    if (this.fails === "sync") throw new PiriError("DISK", "Cannot sync");
    if (segment !== undefined) this.synced.push(segment);
  }
}

Deno.test("appended bytes come back from their place, and are synced once", () => {
  const files = new WatchedSegments();
  const segments = new Segments(files, 0);

  const one = segments.append(text("one"));
  const two = segments.append(text("two"));
  segments.sync();
  segments.sync();

  assertEquals([one, two], [{ segment: 1, place: 0 }, {
    segment: 1,
    place: 3,
  }]);
  assertEquals(segments.read(two, 3), text("two"));
  assertEquals(files.synced, [1]);
  assertEquals(segments.bytes, 6);
});

Deno.test("each start has a segment of its own, above all that the database names", () => {
  const files = new MemorySegments();
  new Segments(files, 0).append(text("one"));

  const [next, named] = [new Segments(files, 0), new Segments(files, 7)];

  assertEquals(next.append(text("x")).segment, 2);
  assertEquals(named.append(text("x")).segment, 8);
});

Deno.test("a full segment is synced before the next one begins", () => {
  const files = new WatchedSegments();
  const segments = new Segments(files, 0);
  for (let written = 0; written < 64; written += 16) {
    segments.append(new Uint8Array(16 * MIB));
  }

  assertEquals(files.synced, []);
  assertEquals(segments.append(text("x")), { segment: 2, place: 0 });
  assertEquals(files.synced, [1]);
});

for (const fails of ["write", "sync"] as const) {
  Deno.test(`a segment gets no more bytes once a ${fails} has failed`, () => {
    const files = new WatchedSegments();
    const segments = new Segments(files, 0);
    const kept = segments.append(text("kept"));
    segments.sync();
    files.fails = fails;

    assertThrows(() => {
      segments.append(text("lost"));
      segments.sync();
    }, PiriError);
    files.fails = undefined;

    assertEquals(segments.append(text("again")), { segment: 2, place: 0 });
    segments.sync();
    assertEquals(files.synced, [1, 2]);
    assertEquals(segments.read(kept, 4), text("kept"));
  });
}

Deno.test("segments that no row names go, the one that is written to as well", () => {
  const files = new MemorySegments();
  for (const bytes of ["a", "b"]) new Segments(files, 0).append(text(bytes));
  const segments = new Segments(files, 0);
  segments.append(text("c"));

  segments.removeSpent(new Map([[2, 1]]));

  assertEquals(files.list(), [2]);
  assertEquals(segments.append(text("d")), { segment: 4, place: 0 });
  assertEquals(segments.bytes, 2);
});

Deno.test("a segment is thin if rows name less than half, and once it is large if it is written to", () => {
  const files = new MemorySegments();
  for (let count = 0; count < 2; count++) {
    new Segments(files, 0).append(new Uint8Array(10));
  }
  const segments = new Segments(files, 0);
  segments.append(new Uint8Array(MIB - 1));

  assertEquals(segments.thin(new Map([[1, 5], [2, 4], [3, 9]])), [2]);
  segments.append(new Uint8Array(1));
  assertEquals(segments.thin(new Map([[1, 5], [2, 5], [3, 9]])), [3]);
  // It gets no more bytes: what is left of it is moved.
  assertEquals(segments.append(text("x")).segment, 4);
});

async function inFolder(
  test: (files: FolderSegments, path: string) => void,
): Promise<void> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/output`;
  using files = new FolderSegments(path);
  test(files, path);
}

for (
  const [where, run] of [
    [
      "memory",
      (test: (files: SegmentFiles) => void) => test(new MemorySegments()),
    ],
    ["a folder", inFolder],
  ] as const
) {
  Deno.test(`segments in ${where} have what was written, and no more`, async () => {
    await run((files) => {
      assertEquals(files.list(), []);
      assertEquals(files.read(1, 0, 9), new Uint8Array());
      files.write(3, 0, text("hello "));
      files.write(3, 6, text("world"));
      files.write(12, 0, text("x"));
      files.sync(3);

      assertEquals(files.list().toSorted((a, b) => a - b), [3, 12]);
      assertEquals([files.size(3), files.size(12)], [11, 1]);
      assertEquals(files.read(3, 4, 4), text("o wo"));
      assertEquals(files.read(3, 9, 9), text("ld"));
      assertEquals(files.read(3, 11, 9), text(""));
      files.remove(3);
      files.remove(3);
      assertEquals(files.list(), [12]);
    });
  });
}

Deno.test(
  "a folder of segments can be entered by its owner only, and others' names in it stay",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await inFolder((files, path) => {
      files.write(1, 0, text("x"));
      Deno.writeTextFileSync(`${path}/notes.txt`, "mine");
      const modes = [path, `${path}/1`]
        .map((each) => (Deno.statSync(each).mode ?? 0) & 0o777);

      assertEquals(modes, [0o700, 0o600]);
      assertEquals(files.list(), [1]);
    });
  },
);

Deno.test("more segments can be read than may be open", async () => {
  await inFolder((files) => {
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
    for (const number of numbers) files.write(number, 0, text(`${number}`));

    const read = numbers.map((number) =>
      new TextDecoder().decode(files.read(number, 0, 9))
    );

    assertEquals(read, numbers.map(String));
  });
});

Deno.test("a failing folder is a DISK error that names the file", async () => {
  await inFolder((files, path) => {
    Deno.writeTextFileSync(path, "a file where the folder belongs");

    const error = assertThrows(() => files.write(1, 0, text("x")), PiriError);

    assertEquals([error.code, error.message.includes(`"${path}/1"`)], [
      "DISK",
      true,
    ]);
  });
});

Deno.test("bytes that are not there are CORRUPT, and the error tells which file lacks them", () => {
  const segments = new Segments(new MemorySegments(), 4);

  const error = assertThrows(
    () => segments.read({ segment: 4, place: 10 }, 5),
    PiriError,
  );

  assertEquals([error.code, error.message], [
    "CORRUPT",
    "Cannot read output: file 4 of the database's output lacks bytes 10 to 15; a backup may have them",
  ]);
});
