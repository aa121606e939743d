import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { systemClock } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { encodeJoinToken } from "../../lib/base/join_token.ts";
import {
  identitiesText,
  identityOf,
  readIdentities,
} from "../../bench/identity.ts";
import { LoadFleet } from "../../bench/load_fleet.ts";
import { parseLoadOptions } from "../../bench/load_options.ts";
import { LocalManager } from "../../bench/local_manager.ts";
import { RawMessage } from "../../bench/raw.ts";
import { RawPair } from "../../bench/raw_pair.ts";
import { Redialer } from "../../bench/redialer.ts";
import { shares } from "../../bench/shares.ts";
import { SimulatedFleet } from "../../bench/simulated_fleet.ts";
import { fromSource } from "../../scripts/local/programs.ts";
import { countingRandom } from "../support/counting_random.ts";
import { FakeClock } from "../support/fake_clock.ts";

const BENCH = fromFileUrl(new URL("../../bench/", import.meta.url));

Deno.test("the load generator needs exactly one source of agents", () => {
  for (
    const args of [[], ["--manager-dir", "a", "--token-file", "b"], [
      "--agents",
      "5",
    ]]
  ) {
    assertThrows(
      () => parseLoadOptions(args),
      PiriError,
      "Cannot tell who the agents are",
    );
  }
  assertEquals(parseLoadOptions(["--help"]), undefined);
});

Deno.test("the load generator refuses senseless numbers and unknown flags", () => {
  const dir = ["--manager-dir", "a"];

  assertThrows(
    () => parseLoadOptions([...dir, "--agents", "0"]),
    PiriError,
    'Cannot use "--agents 0": it takes a number from 1',
  );
  assertThrows(
    () => parseLoadOptions([...dir, "--rate", "fast"]),
    PiriError,
    "a number from 1",
  );
  assertThrows(
    () => parseLoadOptions([...dir, "--agnets", "5"]),
    PiriError,
    "Cannot read the arguments",
  );
  assertEquals(parseLoadOptions([...dir, "--hold", "0"])?.hold, 0);
  assertEquals(parseLoadOptions(dir)?.reconnect, undefined);
  assertEquals(parseLoadOptions([...dir, "--reconnect", "9"])?.reconnect, 9);
});

const token = encodeJoinToken({
  name: "sim-00001",
  // Nobody listens on port 1.
  addresses: ["127.0.0.1:1"],
  serverName: "a.piri.internal",
  caCertificate: new Uint8Array([1, 2, 3]),
  secret: "A".repeat(43),
});

Deno.test("the identity of an agent that has joined is kept without its token", () => {
  const identity = identityOf(token, countingRandom());
  const { joinToken, ...kept } = identity;

  assertEquals(joinToken, "A".repeat(43));
  assertEquals(readIdentities(identitiesText([identity])), [kept]);
});

Deno.test("failed dials are counted by their reason", async () => {
  const identity = identityOf(token, countingRandom());
  const fleet = new SimulatedFleet([identity, identity], {
    clock: systemClock,
    outputBytes: 0,
  });

  const { connected, failed, failures } = await fleet.connect({ parallel: 2 });

  assertEquals([connected, failed], [0, 2]);
  assertEquals(Object.values(failures), [2]);
  assertEquals(fleet.absent, 2);
});

Deno.test("simulated agents join, answer a command each, and are gone in the end", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      join(BENCH, "thousand.ts"),
      "--agents",
      "20",
    ],
    stdin: "null",
  }).output();

  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(code, 0);
  assertEquals(
    new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1),
    "all of it is as it should be",
  );
});

Deno.test("a failed redial is tried again after its pause, and only two are under way at a time", async () => {
  const clock = new FakeClock();
  const dials: string[] = [];
  const pauses = new Map([["a", [100, 50]], ["b", []], ["c", [0]]]);
  const redialer = new Redialer<string>({
    clock,
    parallel: 2,
    dial: async (one) => {
      dials.push(`${one} begins`);
      await Promise.resolve();
      dials.push(`${one} ends`);
      return pauses.get(one)?.shift();
    },
  });

  for (const one of pauses.keys()) redialer.add(one);
  await clock.settle();
  assertEquals(
    dials.splice(0).slice(0, 4),
    ["a begins", "b begins", "a ends", "b ends"],
  );
  await clock.advance(99);
  assertEquals(dials.splice(0), ["c begins", "c ends"]);
  await clock.advance(1);
  assertEquals(dials.splice(0), ["a begins", "a ends"]);
  redialer.stop();
  await clock.advance(50);
  assertEquals(dials, []);
});

Deno.test("no process has more connections than it can hold, and all have equal shares", () => {
  assertEquals(shares(1_000), [1_000]);
  assertEquals(shares(10_000), [5_000, 5_000]);
  assertEquals(shares(7, 2), [3, 4]);
});

Deno.test("a raw message with one wrong byte, or of another number, is noticed", () => {
  const message = new RawMessage(3, 2);

  message.check(new Uint8Array([7, 2, 2]), 7);
  message.check(new Uint8Array([1, 2, 2]), 257);
  for (const bytes of [[7, 2, 1], [8, 2, 2]]) {
    assertThrows(
      () => message.check(new Uint8Array(bytes), 7),
      PiriError,
      "Cannot measure: message 7 came back with other bytes",
    );
  }
});

Deno.test("raw connections carry messages there and back, as often as requested", async () => {
  await using manager = await LocalManager.start(fromSource);
  await using raw = await RawPair.start(manager.dir, {
    sent: 60,
    returned: 50,
    connections: 3,
  });

  for (let time = 0; time < 2; time++) {
    await raw.connect(3);
    assertEquals(Number(await raw.server.ask("echo", 300)) > 0, true);
    assertEquals(Number(await raw.server.ask("echo", 2)) > 0, true);
    await raw.leave();
    assertEquals(await raw.server.ask("connections"), 0);
  }
});

Deno.test("simulated agents come back to a Manager that was killed", async () => {
  await using manager = await LocalManager.start(fromSource);
  await using load = await LoadFleet.start(manager.dir, 20);
  await load.connect();

  await manager.kill();
  await load.present(0);
  await load.stay(20);
  await manager.again();
  await load.present(20);

  await manager.connected(20);
  assertEquals((await load.returned()).map(({ returned }) => returned), [20]);
  assertEquals(load.groups(10).map((names) => names.length), [10, 10]);
  await load.leave();
  await manager.connected(0);
});

Deno.test("agents that cannot connect fail the measurement", async () => {
  await using manager = await LocalManager.start(fromSource);
  await using load = await LoadFleet.start(manager.dir, 2);
  await manager.stop();

  await assertRejects(
    () => load.connect(),
    PiriError,
    "Cannot measure: agents could not connect, 2 times",
  );
});
