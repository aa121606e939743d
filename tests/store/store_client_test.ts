import { assert, assertEquals, assertRejects } from "@std/assert";
import { codeOf } from "../../lib/base/errors.ts";
import type { Store } from "../../lib/store/store.ts";
import { openStoreClient } from "../../lib/store/store_client.ts";
import {
  addAgent,
  hash,
  newCommand,
  open,
  temporaryFolder,
} from "./support.ts";

Deno.test("a store in its own thread returns the same as one in this thread", async () => {
  await using folder = await temporaryFolder();
  const bytes = new Uint8Array(100_000).map((_, index) => index % 251);
  let managerId = "";
  {
    await using store = await openStoreClient(folder.database);
    managerId = store.managerId;
    const { commands } = await store.createCommands(
      [newCommand(), newCommand({ agent: "web-2" })],
      { requestId: "r", job: "j" },
    );
    await store.appendOutput(commands[0]?.id ?? 0n, {
      stream: "stdout",
      offset: 0n,
      // A view in the middle of a larger buffer, as a frame is.
      bytes: bytes.subarray(10, 90_000),
      cut: 0n,
      keep: true,
    });
  }
  await using store = await open(folder.database);

  const [piece] = await store.readOutput(1n, {
    stream: "stdout",
    offset: 0n,
    limit: 1_000_000,
  });
  assertEquals(store.managerId, managerId);
  assertEquals(
    (await store.commands({ limit: 10 })).map(({ agent }) => agent),
    ["web-2", "web-1"],
  );
  assertEquals(piece?.bytes, bytes.slice(10, 90_000));
});

Deno.test("agents come from a store in its own thread as from one in this thread", async () => {
  await using folder = await temporaryFolder();
  let records: Awaited<ReturnType<Store["agents"]>>;
  {
    await using store = await openStoreClient(folder.database);
    await addAgent(store, "web-2");
    await addAgent(store, "web-1");
    await store.setHostFacts("web-1", { os: "linux" });
    records = await store.agents();
    assertEquals(records[0], await store.agent("web-1"));
  }
  await using store = await open(folder.database);

  assertEquals(records, await store.agents());
  assertEquals(records.map(({ id, tokenHash }) => [id, tokenHash]), [
    ["web-1", hash(1)],
    ["web-2", hash(1)],
  ]);
});

Deno.test("an agent comes from a store in its own thread with all that a hello may tell", async () => {
  await using folder = await temporaryFolder();
  let inThread: Awaited<ReturnType<Store["agent"]>>;
  {
    await using store = await openStoreClient(folder.database);
    await addAgent(store, "web-1");
    await store.enrolAgent("web-1", {
      tokenHash: hash(1),
      secretHash: hash(2),
      publicKey: hash(3),
      at: 7,
    });
    await store.admitAgent("web-1", {
      protocol: 2,
      version: 'a"\\\u2028é😀',
      facts: { os: 'l"i\0nux', "": "ü" },
      instance: "abc",
      session: 2n ** 64n - 1n,
      lastCommandId: 2n ** 62n + 1n,
      address: "[::1]:1",
      at: 8.5,
      patches: [],
      trust: ["00ff"],
    });
    inThread = await store.agent("web-1");
    assertEquals(await store.agent("web-2"), undefined);
  }
  await using store = await open(folder.database);

  assertEquals(inThread, await store.agent("web-1"));
  assertEquals([inThread?.session, inThread?.publicKey, inThread?.trust], [
    2n ** 64n - 1n,
    hash(3),
    ["00ff"],
  ]);
});

/** Counts the messages to threads until it is disposed of. */
function countedMessages(): Disposable & { readonly count: number } {
  const { postMessage } = Worker.prototype;
  let count = 0;
  Worker.prototype.postMessage = function (...args: unknown[]) {
    count++;
    Reflect.apply(postMessage, this, args);
  };
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => {
      Worker.prototype.postMessage = postMessage;
    },
  };
}

/** Lets what waits for promises go on, within this turn of the event loop. */
async function microtasks(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

Deno.test("calls of connections in one turn are sent in one message, and at once with any other call", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStoreClient(folder.database);
  using messages = countedMessages();

  const asked: Promise<unknown>[] = [];
  for (const name of ["web-1", "web-2", "web-3"]) {
    asked.push(store.agent(name));
    await microtasks();
  }
  assertEquals(messages.count, 0);
  await Promise.all(asked);
  assertEquals(messages.count, 1);
  const both = [store.agent("web-1"), store.lastCommandId()];
  await microtasks();
  assertEquals(messages.count, 2);
  await Promise.all(both);
});

Deno.test("a store in its own thread answers in the order of the calls, with error codes", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStoreClient(folder.database);
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);

  const failed = store.patchCommand({ id: 7n, state: "lost" });
  const all = [
    store.addEvent({
      at: 1,
      kind: "a",
      agent: null,
      commandId: null,
      message: "",
    }).then(note("event")),
    failed.catch(note("patch")),
    store.stats().then(note("stats")),
  ];
  const error = await assertRejects(() => failed);
  await Promise.all(all);

  assertEquals(codeOf(error), "NOT_FOUND");
  assertEquals(order, ["patch", "event", "stats"]);
});

Deno.test("a database of another Manager is refused by a thread too", async () => {
  await using folder = await temporaryFolder();
  await using _holder = await open(folder.database);

  const error = await assertRejects(() => openStoreClient(folder.database));

  assertEquals(codeOf(error), "FAILED_PRECONDITION");
});

Deno.test("a store in its own thread finishes earlier calls when it is closed, and then refuses more", async () => {
  await using folder = await temporaryFolder();
  const store = await openStoreClient(folder.database);
  const asked = store.createCommands([newCommand()], {
    requestId: "r",
    job: "j",
  });
  await store[Symbol.asyncDispose]();

  assert((await asked).commands.length === 1);
  const error = await assertRejects(() => store.agents());
  assertEquals(codeOf(error), "FAILED_PRECONDITION");
});

Deno.test("patches of one command in one turn are all applied, and each is answered", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStoreClient(folder.database);
  const { commands: [one, two] } = await store.createCommands(
    [newCommand(), newCommand({ agent: "web-2" })],
    { requestId: "r", job: "j" },
  );
  const [first = 0n, second = 0n] = [one?.id, two?.id];
  const piece = { stream: "stdout", offset: 0n, cut: 0n, keep: true } as const;

  const answers = await Promise.allSettled([
    store.patchCommand({ id: first, state: "running", startedAt: 5 }),
    store.patchCommand({ id: second, state: "running", startedAt: 6 }),
    store.appendOutput(first, { ...piece, bytes: new Uint8Array(3) }),
    store.patchCommand({ id: first, state: "succeeded", finishedAt: 7 }),
    store.patchCommand({ id: 99n, state: "running" }),
    store.patchCommand({ id: 99n, state: "lost" }),
  ]);

  assertEquals(answers.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "fulfilled",
    "fulfilled",
    "rejected",
    "rejected",
  ]);
  const kept = await store.command(first);
  assertEquals(
    [kept?.state, kept?.startedAt, kept?.finishedAt, kept?.stdoutHeld],
    ["succeeded", 5, 7, 3n],
  );
  assertEquals((await store.command(second))?.state, "running");
});

Deno.test("a read between two patches of one command sees the first", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStoreClient(folder.database);
  await store.createCommands([newCommand()], { requestId: "r", job: "j" });

  void store.patchCommand({ id: 1n, startedAt: 5 });
  const read = store.command(1n);
  const last = store.patchCommand({ id: 1n, finishedAt: 7 });

  assertEquals((await read)?.startedAt, 5);
  await last;
  assertEquals((await store.command(1n))?.finishedAt, 7);
});

Deno.test("output in one turn is one piece up to a cut or a piece not stored, and each is answered", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStoreClient(folder.database);
  const id = await oneCommand(store);
  const append = (offset: number, text: string, more: object = {}) =>
    store.appendOutput(id, {
      stream: "stdout",
      offset: BigInt(offset),
      bytes: new TextEncoder().encode(text),
      cut: 0n,
      keep: true,
      ...more,
    });

  const answers = await Promise.allSettled([
    append(0, "ab"),
    append(2, "c"),
    append(0, "x", { stream: "stderr" }),
    append(3, "de"),
    append(7, "h", { cut: 2n }),
    append(8, "i"),
    append(9, "jkl", { keep: false }),
    append(12, "m", { keep: false }),
  ]);

  assertEquals(answers.map(({ status }) => status), Array(8).fill("fulfilled"));
  const pieces = await store.readOutput(id, {
    stream: "stdout",
    offset: 0n,
    limit: 1_000,
  });
  assertEquals(
    pieces.map(({ offset, bytes, cut }) => [
      offset,
      new TextDecoder().decode(bytes),
      cut,
    ]),
    [[0n, "abcde", 0n], [7n, "hi", 2n]],
  );
  const kept = await store.command(id);
  assertEquals([kept?.stdoutHeld, kept?.stderrHeld, kept?.truncated], [
    13n,
    1n,
    true,
  ]);
});

Deno.test("output that waits for more is sent with the next other call", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStoreClient(folder.database);
  const id = await oneCommand(store);
  const piece = { stream: "stdout", cut: 0n, keep: true } as const;
  await store.appendOutput(id, {
    ...piece,
    offset: 0n,
    bytes: new Uint8Array(1),
  });
  const order: string[] = [];

  const waits = store.appendOutput(id, {
    ...piece,
    offset: 1n,
    bytes: new Uint8Array(1),
  }).then(() => order.push("output"));
  // By now it is decided that the output waits.
  await Promise.resolve();
  const ends = store.patchCommand({ id, state: "succeeded" })
    .then(() => order.push("end"));
  await Promise.all([waits, ends]);

  assertEquals(order, ["output", "end"]);
  assertEquals((await store.command(id))?.stdoutHeld, 2n);
});

Deno.test("output that cannot be stored fails alone, together with the pieces joined to it", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStoreClient(folder.database);
  const id = await oneCommand(store);
  const piece = { stream: "stdout", cut: 0n, keep: true } as const;
  const bytes = new Uint8Array(2);

  const answers = await Promise.allSettled([
    store.appendOutput(99n, { ...piece, offset: 0n, bytes }),
    store.appendOutput(99n, { ...piece, offset: 2n, bytes }),
    store.appendOutput(id, { ...piece, offset: 0n, bytes }),
  ]);

  assertEquals(answers.map(({ status }) => status), [
    "rejected",
    "rejected",
    "fulfilled",
  ]);
});

/** Makes a command and returns its id. */
async function oneCommand(store: Store): Promise<bigint> {
  const { commands: [command] } = await store.createCommands([newCommand()], {
    requestId: "r",
    job: "j",
  });
  return command?.id ?? 0n;
}
