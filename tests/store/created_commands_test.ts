import { assertEquals } from "@std/assert";
import {
  complete,
  freshCommands,
  packed,
  unpacked,
  withoutRecords,
  withRecords,
} from "../../lib/store/created_commands.ts";
import { freshCommand } from "../../lib/store/command_shape.ts";
import type { NewCommand } from "../../lib/store/records.ts";

Deno.test("commands that differ only by agent and connection are packed, and unpacked as they were", () => {
  const commands = [made({ agent: "web-1", nonce: 1n }), made({ nonce: 2n })];

  const sent = structuredClone(packed(commands));

  assertEquals(unpacked(sent), commands);
  assertEquals("own" in sent, true);
});

Deno.test("commands that differ in anything else are not packed", () => {
  const commands = [made({}), made({ params: '{"other":1}' })];

  assertEquals(packed(commands), commands);
  assertEquals(unpacked(commands), commands);
  assertEquals(packed([]), []);
});

Deno.test("records of alike and of different commands are those of each made by itself", () => {
  for (
    const last of [
      made({ agent: "b", session: null }),
      made({ createdAt: 9.7 }),
    ]
  ) {
    const full = complete([made({}), made({ nonce: 2n }), last], "job");

    const records = freshCommands(7n, full);

    assertEquals(
      records,
      full.map((each, index) => freshCommand(7n + BigInt(index), each)),
    );
  }
});

Deno.test("records that are left out on their way between threads are made again", () => {
  const commands = [made({}), made({ agent: "ü", instance: null })];
  const records = freshCommands(3n, complete(commands, "job"));
  const created = { job: "job", commands: records, repeated: false };

  const sent = structuredClone(withoutRecords(created));

  assertEquals("commands" in sent, false);
  assertEquals(withRecords(sent, commands), created);
});

Deno.test("commands of an earlier request, and no commands, are sent whole", () => {
  const records = freshCommands(3n, complete([made({})], "job"));
  const repeated = { job: "job", commands: records, repeated: true };
  const none = { job: "job", commands: [], repeated: false };

  assertEquals(withRecords(withoutRecords(repeated), []), repeated);
  assertEquals(withRecords(withoutRecords(none), []), none);
});

function made(fields: Partial<NewCommand>): NewCommand {
  return {
    agent: "web-0",
    operation: "command.Run",
    params: "{}",
    nonce: 1n << 63n,
    requestedBy: "anna",
    timeoutMs: null,
    onDisconnect: "continue",
    killAfterMs: null,
    state: "sent",
    instance: "i",
    session: 1n,
    createdAt: 5,
    sentAt: 5,
    ...fields,
  };
}
