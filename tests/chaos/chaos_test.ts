import { create } from "@bufbuild/protobuf";
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Command,
  CommandSchema,
  CommandState,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { cancels } from "./cancels.ts";
import { chaos } from "./chaos.ts";
import { Seeded } from "../support/seeded.ts";
import { leftoversOf } from "./leftovers.ts";
import { FaultyRelay, type Wire } from "./faulty_relay.ts";
import type { ChaosOrder, Piece, Said } from "./chaos_order.ts";
import { complaintsOf, type Evidence } from "./verdict.ts";
import {
  argvOf,
  makePool,
  printedBy,
  SCRIPT,
  someWork,
  type Work,
} from "./work.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { compiled, fromSource } from "../support/executables.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Leftovers of commands are looked for in /proc. */
const ignore = Deno.build.os !== "linux";

const TEXT = new TextEncoder().encode("what it prints");

const WORK: Work = {
  key: "key",
  start: 0,
  piece: 1,
  pieces: 1,
  pause: 0,
  errors: 1,
  code: 3,
  stubborn: false,
};

const ORDER: ChaosOrder = {
  round: 1,
  agent: "chaos-1",
  work: WORK,
  attended: false,
  killOnDisconnect: false,
  timeoutMs: undefined,
  cancelAfterMs: undefined,
  survives: false,
  mustNotRun: false,
};

const SAID: Said = {
  exitCode: 0,
  stderr: "",
  id: "7",
  result: undefined,
  pieces: [],
  cut: 0,
};

/** Record of a command that failed as expected, with these changes. */
function record(change: Partial<Command> = {}): Command {
  return Object.assign(
    create(CommandSchema, {
      id: 7n,
      state: CommandState.FAILED,
      exitCode: 3,
      reason: "The program ended with exit code 3",
      stdoutBytes: BigInt(TEXT.length),
    }),
    change,
  );
}

function piece(offset: number, bytes: Uint8Array): Piece {
  return { stream: "stdout", offset, bytes };
}

/** Complaints about a command without faults, with these changes. */
function found(change: Partial<Evidence>): string {
  return complaintsOf({
    order: ORDER,
    said: SAID,
    record: record(),
    endedWithoutCommand: false,
    recorded: [piece(0, TEXT)],
    effects: 1,
    printed: { stdout: TEXT, stderr: new Uint8Array() },
    agentWasKilled: false,
    agentWasStopped: false,
    ...change,
  }).join("; ");
}

Deno.test("chaos finds nothing wrong with what went well", () => {
  assertEquals(found({}), "");
});

Deno.test("chaos finds an effect that is doubled, missing, or of nobody", () => {
  assertEquals(found({ effects: 2 }).includes("there 2 times"), true);
  assertEquals(found({ effects: 0 }), "it is failed and has no effect");
  assertEquals(
    found({ record: undefined, said: { ...SAID, id: undefined, exitCode: 3 } }),
    "it ran, and there is no record of it",
  );
  assertEquals(
    found({ record: undefined, effects: 0 }),
    "the command line promised it, and there is no record",
  );
});

Deno.test("chaos finds an effect of what was cancelled while its agent stood still", () => {
  const order = { ...ORDER, mustNotRun: true };
  const cancelled = record({
    state: CommandState.CANCELLED,
    presumed: true,
    reason: "it never arrived at the agent",
  });
  assertEquals(
    found({ order, record: cancelled }),
    "it ran, although it was cancelled while its agent stood still; it is cancelled, and it ran",
  );
});

Deno.test("chaos finds results that are lost, wrong or without a cause", () => {
  const presumed = { state: CommandState.LOST, presumed: true };
  assertEquals(
    found({ record: record({ ...presumed, reason: "it may have run" }) }),
    "its result is lost: it may have run",
  );
  assertEquals(
    found({ record: record({ ...presumed, reason: "it never arrived" }) }),
    "it is lost, and it ran",
  );
  assertEquals(
    found({ record: record({ exitCode: 4 }) }),
    "its exit code is 4 instead of 3",
  );
  assertEquals(
    found({ record: record({ state: CommandState.LOST }) }),
    "it is lost, and nobody killed its agent; it is lost without a receipt",
  );
  assertEquals(
    found({ record: record({ state: CommandState.CANCELLED, reason: "" }) }),
    "nobody cancelled it: ",
  );
  assertEquals(
    found({ record: record({ state: CommandState.RUNNING }) }),
    "it is still running",
  );
});

Deno.test("chaos finds output that is wrong, repeated, or missing without a mark", () => {
  const start = TEXT.subarray(0, 4);
  const rest = TEXT.subarray(6);
  assertStringIncludes(
    found({ recorded: [piece(0, start), piece(6, rest)] }),
    "12 are there, and no cut is marked",
  );
  assertEquals(
    found({
      recorded: [piece(0, start), piece(6, rest)],
      record: record({ truncated: true }),
    }),
    "",
  );
  assertStringIncludes(
    found({ recorded: [piece(0, TEXT), piece(6, rest)] }),
    "stdout repeats itself at 6",
  );
  assertStringIncludes(
    found({ recorded: [piece(0, TEXT.toReversed())] }),
    "stdout differs within 0 to 14",
  );
  assertStringIncludes(
    found({ record: record({ stdoutBytes: 3n, truncated: true }) }),
    "it printed 14 bytes of stdout, and 3 are told of",
  );
});

Deno.test("chaos finds a command line that says other than the record", () => {
  const order = { ...ORDER, attended: true };
  const result = { id: "7", state: "failed", exitCode: 3, presumed: false };
  const said = { ...SAID, exitCode: 1, result, pieces: [piece(0, TEXT)] };

  assertEquals(found({ order, said }), "");
  assertEquals(
    found({ order, said: { ...said, exitCode: 0 } }),
    "the command line ended with 0 instead of 1",
  );
  assertEquals(
    found({ order, said: { ...said, pieces: [] } }),
    "the command line showed 0 of 14 bytes of stdout",
  );
  assertEquals(
    found({ order, said: { ...said, result: { ...result, exitCode: 4 } } }),
    "the command line showed failed, 4; it is failed, 3",
  );
});

Deno.test({
  name: "the program of a chaos prints the expected output, once",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TempFolder.make();
    const pool = makePool(5);
    const paths = {
      script: await folder.write("work.sh", SCRIPT),
      effects: folder.at("effects"),
      pool: folder.at("pool"),
    };
    await Deno.writeFile(paths.pool, pool);
    const work = {
      ...someWork("one", new Seeded(5)),
      // The pool's end, and its beginning again.
      ...{ start: 6, piece: 1_048_573, pieces: 3, pause: 0.01, code: 9 },
    };

    const [program = "", ...args] = argvOf(work, paths);
    const { code, stdout, stderr } = await new Deno.Command(program, { args })
      .output();

    const expected = printedBy(work, pool);
    assertEquals(code, 9);
    assertEquals(stdout.length, 3 * 1_048_573);
    assertEquals(
      stdout.every((byte, at) => byte === expected.stdout[at]),
      true,
    );
    assertEquals(stderr, new Uint8Array(expected.stderr));
    assertEquals(await Deno.readTextFile(paths.effects), "one\n");
  },
});

Deno.test("chaos orders the same work for the same seed", () => {
  const orders = (seed: number) => {
    const dice = new Seeded(seed);
    return Array.from({ length: 20 }, (_, n) => someWork(`${n}`, dice));
  };

  assertEquals(orders(3), orders(3));
  assertEquals(
    JSON.stringify(orders(3)) === JSON.stringify(orders(4)),
    false,
  );
});

/** Sends bytes through a faulty line, and returns the bytes that arrive before its end. */
async function sentThrough(
  bytes: Uint8Array,
  hurt: (wire: Wire) => void,
): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using line = new FaultyRelay({
    to: listener.addr.port,
    clock: systemClock,
    dice: new Seeded(1),
  });
  using agent = await Deno.connect({ hostname: "127.0.0.1", port: line.port });
  using manager = await listener.accept();
  // The first byte shows that the connection stands.
  await agent.write(new Uint8Array(1));
  await manager.read(new Uint8Array(1));
  line.each(hurt);
  const arrived = new Response(manager.readable).bytes();
  const writer = agent.writable.getWriter();
  await writer.write(bytes).catch(() => {});
  await writer.close().catch(() => {});
  return await arrived.catch(() => new Uint8Array());
}

Deno.test("a line passes bytes as they are, fewer, or changed by one bit", async () => {
  const bytes = new Seeded(2).bytes(1_000);
  const bits = (one: Uint8Array, other: Uint8Array) =>
    one.reduce(
      (sum, byte, at) =>
        sum + ((byte ^ (other[at] ?? 0)).toString(2).match(/1/g)?.length ?? 0),
      0,
    );

  assertEquals(await sentThrough(bytes, () => {}), bytes);
  const corrupted = await sentThrough(bytes, ({ up }) => up.corrupt());
  assertEquals(corrupted.length, bytes.length);
  assertEquals(bits(corrupted, bytes), 1);
  assertEquals(
    await sentThrough(bytes, ({ up }) => up.slow(100)),
    bytes,
  );
  assertEquals(
    (await sentThrough(bytes, ({ up }) => up.silence())).length,
    0,
  );
  assertEquals(
    await sentThrough(bytes, (wire) => wire.endLate(100)),
    bytes,
  );
});

Deno.test({
  name: "leftovers of a command are found by arguments and environment",
  ignore,
  async fn() {
    const mark = crypto.randomUUID();
    const sleep = (options: Deno.CommandOptions) =>
      new Deno.Command("sleep", { args: ["600"], ...options }).spawn();
    const marked = sleep({ env: { MARK: mark } });
    const other = sleep({});

    assertEquals(leftoversOf(mark).map(({ pid }) => pid), [marked.pid]);

    marked.kill();
    other.kill();
    await Promise.all([marked.status, other.status]);
    assertEquals(leftoversOf(mark), []);
  },
});

Deno.test({
  name: "a few rounds of chaos, and of cancel, break no promise",
  ignore,
  async fn() {
    const executables = await compiled();
    const options = {
      programs: "unavailable" in executables ? fromSource : executables,
      say: () => {},
      signal: new AbortController().signal,
    };

    const report = await chaos({ ...options, rounds: 2, seed: 7, agents: 2 });
    assertEquals(report.violations, [], report.logs);
    assertEquals(report.rounds, 2);
    assertEquals(Object.keys(report.faults).length > 0, true);

    const ends = await cancels({ ...options, rounds: 2 });
    assertEquals(ends.violations, [], ends.logs);
    assertStringIncludes(ends.text, "2 cancels");
  },
});
