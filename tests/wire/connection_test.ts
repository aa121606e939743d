import { assertEquals } from "@std/assert";
import { Counters } from "../../lib/base/counters.ts";
import { type ErrorCode, PiriError } from "../../lib/base/errors.ts";
import { encode } from "../../lib/protobuf/protobuf_writer.ts";
import { Connection, Refusal } from "../../lib/wire/connection.ts";
import { Dialects } from "../../lib/wire/dialect.ts";
import { encodeFrames } from "../../lib/wire/frame.ts";
import { LIVENESS } from "../../lib/wire/liveness.ts";
import { memoryTransports } from "../../lib/wire/memory_transport.ts";
import { ignore, type Table } from "../../lib/wire/table.ts";
import {
  Bye_Code,
  createMessage,
  type MessageType,
  writeMessage,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { body, framesOf, ScriptedPeer } from "../support/scripted_peer.ts";

/** Context of the rows of these tests. */
interface Side {
  readonly log: string[];
  readonly connection: Connection<Side>;
  /** Awaited by the row of Command. */
  work: (data: string) => Promise<void>;
}

/** A small protocol: a hello each way, then commands. */
const table: Table<Side> = {
  greeting: {
    clientHello: {
      run: ({ log, connection }) => {
        log.push("hello");
        connection.dialect = Dialects.current;
      },
      next: "ready",
      after: ({ log, connection }) => log.push(connection.state),
    },
    ping: { run: ({ connection }, { data }) => connection.pong(data) },
  },
  proving: {},
  ready: {
    ping: { run: ({ connection }, { data }) => connection.pong(data) },
    pong: ignore,
    command: {
      run: async (side, { data }) => {
        side.log.push(`${data.slice(0, 10)} begins`);
        await side.work(data);
        side.log.push(`${data.slice(0, 10)} ends`);
      },
    },
    bye: { run: () => {}, next: "closed" },
  },
  leaving: {
    ping: ignore,
    command: { run: ({ log }, { data }) => void log.push(`late ${data}`) },
    bye: { run: () => {}, next: "closed" },
  },
};

/** Makes a connection and its peer. */
function connect({ reads = true } = {}) {
  const clock = new FakeClock();
  const counters = new Counters();
  const [ours, theirs] = memoryTransports();
  const side: Side = {
    log: [],
    work: () => Promise.resolve(),
    get connection() {
      return connection;
    },
  };
  const connection: Connection<Side> = new Connection(ours, {
    clock,
    counters,
    table,
    context: side,
  });
  const peer = new ScriptedPeer(theirs, { reads });
  const end = connection.run();
  return { clock, counters, connection, peer, end, side };
}

/** Makes a ready connection and its peer. */
async function ready(options: { reads?: boolean } = {}) {
  const parts = connect(options);
  await parts.peer.says("clientHello");
  await parts.clock.settle();
  assertEquals(parts.connection.state, "ready");
  return parts;
}

Deno.test("rows run in order, one at a time", async () => {
  const { clock, peer, side } = await ready();
  const first = Promise.withResolvers<void>();
  side.work = (data) => data === "one" ? first.promise : Promise.resolve();
  await peer.says("command", { data: "one" });
  await peer.says("command", { data: "two" });
  await clock.settle();
  assertEquals(side.log, ["hello", "ready", "one begins"]);
  first.resolve();
  await clock.settle();
  assertEquals(side.log.slice(3), ["one ends", "two begins", "two ends"]);
});

Deno.test("the call after a row runs once the next state is entered", async () => {
  const { side } = await ready();
  assertEquals(side.log, ["hello", "ready"]);
});

Deno.test("a large frame after the hello in one read is checked by the new limit", async () => {
  const { clock, peer, side } = connect();
  await peer.saysAtOnce(
    body("clientHello"),
    body("command", { data: `large ${"x".repeat(200 * 1_024)}` }),
  );
  await clock.settle();
  assertEquals(side.log.slice(2), ["large xxxx begins", "large xxxx ends"]);
});

Deno.test("a large frame before the hello is a violation", async () => {
  const { peer, end } = connect();
  const large = framesOf(body("command", { data: "x".repeat(70_000) }));
  await peer.writes(large.subarray(0, 100));
  assertEquals((await peer.hears("bye")).code, Bye_Code.PROTOCOL_ERROR);
  await peer.hearsTheEnd();
  assertEquals((await end).kind, "left");
});

Deno.test("a frame over 1 MiB is a violation when ready", async () => {
  const { peer } = await ready();
  await peer.writes(new Uint8Array([0, 0x10, 0, 1]));
  const { code, reason } = await peer.hears("bye");
  assertEquals([code, reason], [
    Bye_Code.PROTOCOL_ERROR,
    "protocol error: Cannot accept a frame of 1048577 bytes: the limit is 1048576",
  ]);
  await peer.hearsTheEnd();
});

Deno.test("a message without a row is answered with Bye, and later messages are ignored", async () => {
  const { peer, counters, side, end } = await ready();
  await peer.saysAtOnce(body("clientHello"), body("command", { data: "no" }));
  const { code, reason } = await peer.hears("bye");
  assertEquals([code, reason], [
    Bye_Code.PROTOCOL_ERROR,
    'protocol error: Cannot accept "clientHello" while ready',
  ]);
  await peer.hearsTheEnd();
  assertEquals(side.log, ["hello", "ready"]);
  assertEquals(counters.all(), { protocol_errors: 1n });
  assertEquals((await end).kind, "left");
});

Deno.test("bytes that are no message are a violation", async () => {
  const { peer } = await ready();
  await peer.writes(encodeFrames([new Uint8Array([0xff])]));
  assertEquals((await peer.hears("bye")).code, Bye_Code.PROTOCOL_ERROR);
});

Deno.test("a message of unknown type is counted when ready, and a violation before", async () => {
  const unknown = encodeFrames([
    encode(writeMessage, createMessage({ type: 99 as MessageType })),
  ]);
  const { peer, counters } = await ready();
  await peer.writes(unknown);
  await peer.says("ping", { data: 1 });
  await peer.hears("pong");
  assertEquals(counters.all(), { unknown_messages: 1n });
  const early = connect();
  await early.peer.writes(unknown);
  assertEquals((await early.peer.hears("bye")).code, Bye_Code.PROTOCOL_ERROR);
});

Deno.test("a ping is answered before the hello", async () => {
  const { peer } = connect();
  await peer.says("ping", { data: -7 });
  assertEquals((await peer.hears("pong")).data, -7);
});

Deno.test("a peer without a hello within 10 s is disconnected", async () => {
  const { clock, peer, counters, end } = connect();
  await clock.advance(9_000);
  await peer.says("ping");
  await peer.hears("pong");
  await clock.advance(1_000);
  await peer.hearsTheEnd();
  assertEquals(await end, {
    kind: "broken",
    reason: "no hello came within 10 s",
  });
  assertEquals(counters.all(), { hello_timeouts: 1n });
});

Deno.test("a ready connection has no hello timer any more", async () => {
  const { clock, connection } = await ready();
  await clock.advance(1e6);
  assertEquals(connection.state, "ready");
  assertEquals(clock.timers, 0);
});

const byes: readonly [ErrorCode, Bye_Code, string][] = [
  ["PROTOCOL_VIOLATION", Bye_Code.PROTOCOL_ERROR, "protocol error: Cannot"],
  ["AUTH_FAILED", Bye_Code.AUTH_FAILED, "auth failed"],
  ["STALE", Bye_Code.STALE, "Cannot"],
  ["BUSY", Bye_Code.BUSY, "Cannot"],
  ["DISK", Bye_Code.BUSY, "Cannot"],
];
for (const [thrown, code, reason] of byes) {
  Deno.test(`a row that throws ${thrown} ends the connection with Bye ${Bye_Code[code]}`, async () => {
    const { peer, side, end } = await ready();
    side.work = () => Promise.reject(new PiriError(thrown, "Cannot"));
    await peer.says("command");
    const bye = await peer.hears("bye");
    assertEquals([bye.code, bye.reason, bye.retryAfterMs], [
      code,
      reason,
      undefined,
    ]);
    await peer.hearsTheEnd();
    assertEquals((await end).kind, "left");
  });
}

Deno.test("a row that refuses tells the peer when to come back", async () => {
  const { peer, side } = await ready();
  side.work = () => Promise.reject(new Refusal("BUSY", "Cannot", 60_000));
  await peer.says("command");
  assertEquals((await peer.hears("bye")).retryAfterMs, 60_000);
});

Deno.test("a bug in a row ends the connection", async () => {
  const { peer, side, end } = await ready();
  side.work = () => Promise.reject(new TypeError("oops"));
  await peer.says("command");
  await peer.hearsTheEnd();
  assertEquals(await end, { kind: "broken", reason: "oops" });
});

Deno.test("the peer's Bye ends the connection", async () => {
  const { peer, end } = await ready();
  await peer.says("bye", { reason: "done", code: Bye_Code.SHUTDOWN });
  await peer.hearsTheEnd();
  const how = await end;
  assertEquals(how.kind === "bye" && how.bye.reason, "done");
});

Deno.test("a peer that hangs up ends the connection", async () => {
  const { peer, end } = await ready();
  peer.hangUp();
  assertEquals(await end, { kind: "broken", reason: "the peer hung up" });
});

Deno.test("a ready side that leaves reads on until the peer closes", async () => {
  const { clock, peer, connection, end, side } = await ready();
  connection.leave(Bye_Code.SHUTDOWN, "stopping", 1_000);
  const { code, reason, retryAfterMs } = await peer.hears("bye");
  assertEquals([code, reason, retryAfterMs], [
    Bye_Code.SHUTDOWN,
    "stopping",
    1_000,
  ]);
  await peer.says("command", { data: "result" });
  await peer.says("ping");
  await clock.settle();
  assertEquals(connection.state, "leaving");
  assertEquals(side.log.at(-1), "late result");
  peer.hangUp();
  assertEquals(await end, {
    kind: "left",
    code: Bye_Code.SHUTDOWN,
    reason: "stopping",
  });
  assertEquals(clock.timers, 0);
});

Deno.test("a ready side that leaves reads on for at most 2 s", async () => {
  const { clock, peer, connection, end } = await ready();
  connection.leave(Bye_Code.SHUTDOWN, "stopping");
  await peer.hears("bye");
  await clock.advance(1_999);
  assertEquals(connection.state, "leaving");
  await clock.advance(1);
  await peer.hearsTheEnd();
  assertEquals((await end).kind, "left");
});

Deno.test("a greeting side that leaves closes as soon as its Bye is written", async () => {
  const { peer, connection, end, side } = connect();
  connection.leave(Bye_Code.SHUTDOWN, "stopping");
  await peer.hears("bye");
  await peer.hearsTheEnd();
  assertEquals((await end).kind, "left");
  assertEquals(side.log, []);
});

Deno.test("a message after a Bye from greeting is ignored", async () => {
  const { clock, peer, connection, side } = connect({ reads: false });
  void connection.send(body("result", { output: "x".repeat(100_000) }));
  connection.leave(Bye_Code.SHUTDOWN, "stopping");
  await peer.says("command", { data: "x" });
  await clock.settle();
  assertEquals(connection.state, "leaving");
  assertEquals(side.log, []);
  peer.read();
  await peer.hears("result");
  await peer.hears("bye");
  await peer.hearsTheEnd();
});

Deno.test("a Bye that cannot be written does not keep the connection open", async () => {
  const { clock, peer, connection, end, side } = await ready({ reads: false });
  void connection.send(body("result", { output: "x".repeat(100_000) }));
  await clock.settle();
  side.work = () => Promise.reject(new PiriError("STALE", "Cannot"));
  await peer.says("command");
  await clock.advance(1_999);
  assertEquals(connection.state, "leaving");
  await clock.advance(1);
  assertEquals((await end).kind, "left");
});

Deno.test("a half-open connection is found and left within 30 s", async () => {
  const { clock, connection, end } = await ready({ reads: false });
  connection.watch(LIVENESS);
  // Nothing can be written either: the ping is due nevertheless.
  void connection.send(body("result", { output: "x".repeat(100_000) }));
  await clock.advance(24_999);
  assertEquals(connection.state, "ready");
  await clock.advance(5_001);
  assertEquals(connection.state, "closed");
  const how = await end;
  assertEquals(how.kind === "left" && how.code, Bye_Code.PING_TIMEOUT);
});

Deno.test("a peer that answers pings stays", async () => {
  const { clock, peer, connection } = await ready();
  connection.watch(LIVENESS);
  for (let count = 0; count < 10; count++) {
    await clock.advance(15_000);
    await peer.hears("ping");
    await peer.says("pong");
  }
  assertEquals(connection.state, "ready");
  connection.close();
});

Deno.test("reading never waits for writing: all pings of a peer that does not read are handled", async () => {
  const { clock, peer, connection, side } = await ready({ reads: false });
  void connection.send(body("result", { output: "x".repeat(100_000) }));
  await clock.settle();
  const pings = framesOf(
    ...Array.from({ length: 500 }, (_, data) => body("ping", { data })),
  );
  for (let count = 0; count < 2; count++) await peer.writes(pings);
  await peer.says("command", { data: "still" });
  await clock.settle();
  assertEquals(side.log.at(-1), "still ends");
  peer.read();
  await peer.hears("result");
  for (let count = 0; count < 1_000; count++) {
    assertEquals((await peer.hears("pong")).data, count % 500);
  }
  await clock.settle();
  assertEquals(peer.heardSoFar(), []);
  connection.close();
});

Deno.test("pings of a peer that reads each get their own Pong, however many come", async () => {
  const { clock, peer, connection } = await ready();
  for (let round = 0; round < 10; round++) {
    const pings = Array.from(
      { length: 1_000 },
      (_, at) => body("ping", { data: round * 1_000 + at }),
    );
    await peer.saysAtOnce(...pings);
    await clock.settle();
    assertEquals(
      peer.heardSoFar().map(({ value }) => "data" in value && value.data),
      pings.map(({ value }) => "data" in value && value.data),
    );
  }
  connection.close();
});

Deno.test("more than 1000 unanswered pings end the connection, and say why", async () => {
  const { clock, peer, connection, end } = await ready({ reads: false });
  void connection.send(body("result", { output: "x".repeat(100_000) }));
  await clock.settle();
  await peer.saysAtOnce(
    ...Array.from({ length: 1_001 }, (_, data) => body("ping", { data })),
  );
  await clock.settle();
  peer.read();
  const how = await end;
  assertEquals(how, {
    kind: "left",
    code: Bye_Code.PROTOCOL_ERROR,
    reason:
      "protocol error: Cannot answer a Ping: 1000 others wait for their Pong, which is the limit",
  });
});

Deno.test("a message to a closed connection is rejected, and a reply is dropped", async () => {
  const { connection, end } = await ready();
  connection.close();
  connection.reply(body("ping"));
  const outcome = await connection.send(body("ping")).catch((error) =>
    error.code
  );
  assertEquals(outcome, "UNAVAILABLE");
  assertEquals(await end, { kind: "broken", reason: "closed by this side" });
});

Deno.test("a side that leaves twice says Bye once", async () => {
  const { clock, peer, connection } = await ready();
  connection.leave(Bye_Code.REPLACED, "one");
  connection.leave(Bye_Code.SHUTDOWN, "two");
  await peer.hears("bye");
  await clock.advance(2_000);
  await peer.hearsTheEnd();
});
