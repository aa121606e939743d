import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Later, LATER_MS } from "../../lib/wire/later.ts";
import { Outbox, STALL_MS } from "../../lib/wire/outbox.ts";
import type { Body } from "../../lib/wire/message.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { body, framesOf } from "../support/scripted_peer.ts";
import { SlowTransport } from "../support/slow_transport.ts";

/** An outbox to a peer that a test controls. */
function outboxTo(transport = new SlowTransport()) {
  const clock = new FakeClock();
  const failures: string[] = [];
  const outbox = new Outbox(transport, {
    clock,
    later: new Later(clock),
    failed: ({ code }) => failures.push(code),
  });
  return { clock, transport, outbox, failures };
}

/** Piece of output of about this size. */
function output(length: number): Body {
  return body("commandOutput", { bytes: new Uint8Array(length) });
}

Deno.test("messages of one turn leave in order, in one write", async () => {
  const { clock, transport, outbox } = outboxTo();
  void outbox.send(body("progress", { commandId: 1n }));
  outbox.reply(body("pong", { data: 1 }));
  void outbox.send(body("result", { commandId: 1n }));
  await clock.settle();
  assertEquals(transport.kinds(), [["progress", "pong", "result"]]);
});

Deno.test("messages during a write are gathered into the next one", async () => {
  const { clock, transport, outbox } = outboxTo();
  transport.block();
  outbox.reply(body("pong"));
  await clock.settle();
  for (let id = 1n; id <= 3n; id++) {
    void outbox.send(body("result", { commandId: id }));
  }
  transport.unblock();
  await clock.settle();
  assertEquals(transport.kinds(), [["pong"], ["result", "result", "result"]]);
});

Deno.test("a write gathers about 64 KiB", async () => {
  const { clock, transport, outbox } = outboxTo();
  for (let count = 0; count < 5; count++) void outbox.send(output(30_000));
  await clock.settle();
  assertEquals(transport.kinds().map(({ length }) => length), [2, 2, 1]);
});

Deno.test("each frame to a legacy peer is a write of its own", async () => {
  const { clock, transport, outbox } = outboxTo();
  outbox.oneFrameAWrite = true;
  void outbox.send(body("serverHello"));
  outbox.reply(body("ping"));
  void outbox.send(body("command"));
  await clock.settle();
  assertEquals(transport.kinds(), [["serverHello"], ["ping"], ["command"]]);
});

Deno.test("a write that takes only a part continues after it", async () => {
  const { clock, transport, outbox } = outboxTo();
  transport.most = 3;
  const messages = [body("ping", { data: 5 }), output(100)];
  for (const message of messages) void outbox.send(message);
  await clock.settle();
  assertEquals(
    transport.writes.flatMap((bytes) => [...bytes]),
    [...framesOf(...messages)],
  );
});

Deno.test("a queued Ping or acknowledgement is replaced by its successor, where it stands", async () => {
  const { clock, transport, outbox } = outboxTo();
  transport.block();
  outbox.reply(body("result"));
  await clock.settle();
  for (let data = 1; data <= 3; data++) {
    outbox.reply(body("ping", { data }));
    outbox.reply(body("commandAck", { commandId: 1n, stdout: BigInt(data) }));
    outbox.reply(body("commandAck", { commandId: 2n, stdout: BigInt(data) }));
  }
  outbox.reply(body("result", { commandId: 1n }));
  outbox.reply(body("result", { commandId: 2n }));
  transport.unblock();
  await clock.settle();
  assertEquals(
    transport.writes[1],
    framesOf(
      body("ping", { data: 3 }),
      body("commandAck", { commandId: 1n, stdout: 3n }),
      body("commandAck", { commandId: 2n, stdout: 3n }),
      body("result", { commandId: 1n }),
      body("result", { commandId: 2n }),
    ),
  );
});

Deno.test("a message that is being written is not replaced", async () => {
  const { clock, transport, outbox } = outboxTo();
  transport.block();
  outbox.reply(body("ping", { data: 1 }));
  await clock.settle();
  outbox.reply(body("ping", { data: 2 }));
  transport.unblock();
  await clock.settle();
  assertEquals(transport.kinds(), [["ping"], ["ping"]]);
});

Deno.test("send() waits above the high-water mark and continues below it", async () => {
  const { clock, transport, outbox } = outboxTo();
  transport.block();
  for (let count = 0; count < 5; count++) await outbox.send(output(60_000));
  let sent = false;
  const last = outbox.send(output(60_000)).then(() => sent = true);
  await clock.settle();
  assertEquals(sent, false);
  transport.unblock();
  await last;
  await clock.settle();
  assertEquals(transport.kinds().flat().length, 6);
});

Deno.test("replies never wait, and any number of them takes bounded memory", async () => {
  const { clock, transport, outbox, failures } = outboxTo();
  transport.block();
  outbox.reply(body("result"));
  await clock.settle();
  for (let stdout = 0n; stdout < 10_000n; stdout++) {
    outbox.reply(body("commandAck", { commandId: 1n, stdout }));
  }
  transport.unblock();
  await clock.settle();
  assertEquals(transport.kinds(), [["result"], ["commandAck"]]);
  assertEquals(failures, []);
});

Deno.test("every Pong is kept, in order, up to 1000 of them", async () => {
  const { clock, transport, outbox, failures } = outboxTo();
  transport.block();
  outbox.reply(body("result"));
  await clock.settle();
  const pongs = Array.from(
    { length: 1_000 },
    (_, data) => body("pong", { data }),
  );
  for (const pong of pongs) outbox.reply(pong);
  const error = assertThrows(() => outbox.reply(body("pong")), PiriError);
  assertEquals(error.code, "PROTOCOL_VIOLATION");
  assertEquals(
    error.message,
    "Cannot answer a Ping: 1000 others wait for their Pong, which is the limit",
  );
  transport.unblock();
  await clock.settle();
  assertEquals(transport.writes[1], framesOf(...pongs));
  // Those that were written do not count any more.
  assertEquals(outbox.reply(body("pong", { data: 1_000 })), true);
  await clock.settle();
  assertEquals(transport.kinds().at(-1), ["pong"]);
  assertEquals(failures, []);
});

Deno.test("a peer that takes nothing while 8 MiB are queued is given up", async () => {
  const { clock, transport, outbox, failures } = outboxTo();
  transport.block();
  for (let count = 0; count < 9; count++) {
    outbox.reply(body("result", { output: "x".repeat(1_000_000) }));
  }
  await clock.settle();
  assertEquals(failures, ["UNAVAILABLE"]);
  await assertRejects(() => outbox.send(body("ping")), PiriError);
});

Deno.test("a write without progress for 60 s ends the connection", async () => {
  const { clock, transport, outbox, failures } = outboxTo();
  transport.block();
  void outbox.send(body("ping"));
  await clock.advance(59_999);
  assertEquals(failures, []);
  await clock.advance(1);
  assertEquals(failures, ["TIMED_OUT"]);
});

Deno.test("a slow peer that takes a byte a minute is not stalled", async () => {
  const { clock, transport, outbox, failures } = outboxTo();
  transport.most = 1;
  transport.block();
  void outbox.send(body("progress", { commandId: 1n, total: 1 }));
  for (let minute = 0; minute < 5; minute++) {
    await clock.advance(59_999);
    transport.unblock();
    await clock.settle();
    transport.block();
  }
  assertEquals(failures, []);
});

Deno.test("a broken connection is reported once", async () => {
  const { clock, transport, outbox, failures } = outboxTo();
  transport.closed = true;
  void outbox.send(body("ping"));
  void outbox.send(body("result"));
  await clock.settle();
  assertEquals(failures, ["UNAVAILABLE"]);
});

Deno.test("a waiting send() rejects when the connection ends, and so does every later one", async () => {
  const { clock, transport, outbox } = outboxTo();
  transport.block();
  for (let count = 0; count < 5; count++) await outbox.send(output(60_000));
  const waiting = assertRejects(() => outbox.send(output(60_000)), PiriError);
  await clock.settle();
  outbox.close();
  assertEquals((await waiting).code, "UNAVAILABLE");
  const late = await assertRejects(() => outbox.send(body("ping")), PiriError);
  assertEquals(late.code, "UNAVAILABLE");
  outbox.reply(body("ping"));
});

Deno.test("Bye is the last message that leaves", async () => {
  const { clock, transport, outbox } = outboxTo();
  outbox.reply(body("pong"));
  outbox.reply(body("bye"));
  outbox.reply(body("pong"));
  outbox.reply(body("commandAck"));
  const error = await assertRejects(
    () => outbox.send(body("result")),
    PiriError,
  );
  assertEquals(error.code, "UNAVAILABLE");
  await clock.settle();
  assertEquals(transport.kinds(), [["pong", "bye"]]);
});

Deno.test("flushed resolves once all bytes were handed over", async () => {
  const { clock, transport, outbox } = outboxTo();
  await outbox.flushed();
  transport.block();
  outbox.reply(body("bye"));
  let flushed = false;
  const wait = outbox.flushed().then(() => flushed = true);
  await clock.settle();
  assertEquals(flushed, false);
  transport.unblock();
  await wait;
  assertEquals(transport.kinds(), [["bye"]]);
});

Deno.test("a deferred message goes with the next write", async () => {
  const { clock, transport, outbox } = outboxTo();
  outbox.replyLater(body("commandAck"));
  await clock.settle();
  assertEquals(transport.kinds(), []);
  outbox.reply(body("ping"));
  await clock.settle();
  assertEquals(transport.kinds(), [["commandAck", "ping"]]);
  await clock.advance(LATER_MS);
  assertEquals(transport.kinds(), [["commandAck", "ping"]]);
});

Deno.test("a deferred message leaves by itself in time, with those added meanwhile", async () => {
  const { clock, transport, outbox } = outboxTo();
  outbox.replyLater(body("commandAck", { commandId: 1n }));
  await clock.advance(LATER_MS - 1);
  outbox.replyLater(body("commandAck", { commandId: 2n }));
  assertEquals(transport.kinds(), []);
  await clock.advance(1);
  assertEquals(transport.kinds(), [["commandAck", "commandAck"]]);
  outbox.replyLater(body("commandAck", { commandId: 3n }));
  await clock.advance(LATER_MS);
  assertEquals(transport.kinds().length, 2);
});

Deno.test("a peer that takes a part of each write in time is never given up", async () => {
  const { clock, transport, outbox, failures } = outboxTo();
  for (let minute = 0; minute < 3; minute++) {
    transport.block();
    outbox.reply(body("ping"));
    await clock.advance(STALL_MS - 1);
    transport.unblock();
    await clock.settle();
  }
  assertEquals(failures, []);
  assertEquals(transport.kinds().length, 3);
  transport.block();
  outbox.reply(body("ping"));
  await clock.advance(STALL_MS);
  assertEquals(failures, ["TIMED_OUT"]);
});

Deno.test("an outbox closed before its first write leaves no timer", async () => {
  const { clock, outbox, transport } = outboxTo();
  outbox.reply(body("pong"));
  outbox.close();
  await clock.settle();
  assertEquals([clock.timers, transport.kinds()], [0, []]);
});
