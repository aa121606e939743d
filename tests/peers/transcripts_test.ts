import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { FrameDecoder } from "../../lib/wire/frame.ts";
import { decodeMessage, encodeMessage } from "../../lib/wire/message.ts";
import { plays } from "./transcripts/plays.ts";
import { transcriptOf } from "./transcripts/render.ts";

const FOLDER = fromFileUrl(
  new URL("../../proto/transcripts/", import.meta.url),
);

async function read(name: string): Promise<string> {
  const text = await Deno.readTextFile(`${FOLDER}${name}.txt`);
  return text.replaceAll("\r\n", "\n");
}

for (const play of plays) {
  Deno.test(`our Manager and our Agent send exactly the bytes of ${play.name}.txt`, async () => {
    // If the change is intended: deno run -A scripts/transcripts.ts
    assertEquals(await transcriptOf(play), await read(play.name));
  });

  Deno.test(`every frame in ${play.name}.txt is exactly one message`, async () => {
    const text = await read(play.name);
    const frames = text.split("\n\n").map((block) =>
      block.split("\n").filter((line) => /^[0-9a-f]{2}( |$)/.test(line))
        .join(" ")
    ).filter((hex) => hex !== "");
    assertEquals(frames.length > 0, true);
    for (const hex of frames) {
      const bytes = new Uint8Array(
        hex.split(" ").map((word) => parseInt(word, 16)),
      );
      const decoder = new FrameDecoder();
      decoder.push(bytes);
      const frame = decoder.next();
      assertEquals(frame?.length, bytes.length - 4);
      const message = decodeMessage(frame ?? new Uint8Array());
      assertEquals(message && encodeMessage(message), frame);
    }
  });
}

Deno.test("every transcript has a session that makes it", async () => {
  const files = await Array.fromAsync(
    Deno.readDir(FOLDER),
    ({ name }) => name,
  );
  assertEquals(files.sort(), plays.map(({ name }) => `${name}.txt`).sort());
});
