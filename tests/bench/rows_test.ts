import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { fileHash, printedRate, writeBulk } from "../../bench/bulk.ts";
import { LocalManager } from "../../bench/local_manager.ts";
import { NatsBus } from "../../bench/nats_bus.ts";
import { lacking, pathOf } from "../../bench/peer.ts";
import { RssWatch } from "../../bench/rss_watch.ts";
import { timedWell } from "../../bench/timed.ts";
import { fromSource } from "../../scripts/local/programs.ts";
import { TempFolder } from "../../scripts/local/temp_folder.ts";

/** Command line of a program in JavaScript. */
function program(code: string): string[] {
  return [Deno.execPath(), "eval", code];
}

Deno.test("a peer is found in the first folder that has it, and is missing if none has", async () => {
  await using folder = await TempFolder.make("piri-test-");
  await Deno.mkdir(folder.at("full"));
  await Deno.writeTextFile(folder.at("full", "clush"), "");
  const folders = [folder.at("none"), folder.at("full")];

  assertEquals(await pathOf("clush", folders), folder.at("full", "clush"));
  assertEquals(await pathOf("scp", folders), undefined);
});

Deno.test("a program that fails, complains or prints wrong output is not measured", async () => {
  for (
    const code of [
      "Deno.exit(3)",
      `console.error("denied")`,
      `console.log("more")`,
    ]
  ) {
    await assertRejects(
      () => timedWell(program(code)),
      PiriError,
      "Cannot measure",
    );
  }
  assert(await timedWell(program("")) > 0);
});

Deno.test("received data are measured only if they are the same, byte for byte", async () => {
  await using folder = await TempFolder.make("piri-test-");
  const [right, wrong] = [folder.at("right"), folder.at("wrong")];
  const sha256 = await writeBulk(right, 1_500_000);
  await writeBulk(wrong, 1_500_000);
  const print = (path: string, code = 0) =>
    program(`
      using file = await Deno.open(${JSON.stringify(path)});
      await file.readable.pipeTo(Deno.stdout.writable);
      Deno.exit(${code});
    `);

  assertEquals(await fileHash(right), { bytes: 1_500_000, sha256 });
  assert(await printedRate(print(right), sha256) > 0);
  await assertRejects(
    () => printedRate(print(wrong), sha256),
    PiriError,
    "instead of",
  );
  await assertRejects(
    () => printedRate(print(right, 1), sha256),
    PiriError,
    "ended with 1",
  );
});

Deno.test({
  name: "requests pass NATS, and each answer is checked",
  ignore: await lacking("nats-server") !== undefined,
  async fn() {
    await using manager = await LocalManager.start(fromSource);
    const sizes = { clients: 3, sent: 100, returned: 20_000 };
    await using bus = await NatsBus.start(manager.dir, sizes);

    assert(await bus.request(2) > 0);
  },
});

Deno.test({
  name:
    "the memory of a process is reported before some work and at its maximum",
  ignore: Deno.build.os === "windows",
  async fn() {
    const watch = new RssWatch({ bench: Deno.pid });

    assertEquals(await watch.during(() => Promise.resolve(7)), 7);
    assertMatch(
      watch.notes().join("\n"),
      /^memory of the bench: [\d.]+ MB before, at most [1-9][\d.]+ MB while it lasts$/,
    );
  },
});
