import { assertEquals } from "@std/assert";
import type { OutputPiece } from "../../lib/store/output_piece.ts";
import { WaitingCalls } from "../../lib/store/waiting_calls.ts";

/** Piece of standard output, one byte a letter. */
function piece(offset: bigint, text: string): OutputPiece {
  return {
    stream: "stdout",
    offset,
    cut: 0n,
    bytes: new TextEncoder().encode(text),
    keep: true,
  };
}

/** Methods of the waiting calls in order, each with the count of its callers. */
function taken(waiting: WaitingCalls): string[] {
  return waiting.take().calls.map(({ call, answers }) =>
    `${call.method} for ${answers.length}`
  );
}

Deno.test("output of one stream that continues is one call, and other output is not", () => {
  const waiting = new WaitingCalls(() => {});

  waiting.append(1n, piece(0n, "ab"));
  waiting.append(2n, piece(0n, "x"));
  waiting.append(1n, piece(2n, "c"));
  waiting.append(1n, piece(9n, "z"));
  assertEquals(waiting.outputBytes, 5);
  assertEquals(waiting.hasOnlyOutput, true);
  assertEquals(taken(waiting), [
    "appendOutput for 2",
    "appendOutput for 1",
    "appendOutput for 1",
  ]);
  assertEquals(waiting.isEmpty, true);
  assertEquals(waiting.outputBytes, 0);
});

Deno.test("patches of one command are one call at the place of the last, but not across a read", () => {
  const waiting = new WaitingCalls(() => {});

  waiting.patch({ id: 1n, state: "sent" });
  waiting.add("addEvent", []);
  waiting.patch({ id: 1n, state: "running" });
  waiting.patch({ id: 1n, exitCode: 0 });
  const [patch, event, last] = waiting.take().calls;
  assertEquals([patch?.call.args, event?.call.method], [
    [{ id: 1n, state: "sent" }],
    "addEvent",
  ]);
  assertEquals(last?.call.args, [{ id: 1n, state: "running", exitCode: 0 }]);
  assertEquals(last?.answers.length, 2);
});

Deno.test("the first call is reported, and the first that no output may hold up", () => {
  let began = 0;
  const waiting = new WaitingCalls(() => began++);

  waiting.append(1n, piece(0n, "a"));
  waiting.append(2n, piece(0n, "b"));
  assertEquals(began, 1);
  waiting.add("stats", []);
  assertEquals(began, 2);
  waiting.add("stats", []);
  assertEquals(began, 2);
});

Deno.test("calls of connections are patient, and any other call makes them impatient", () => {
  let began = 0;
  const waiting = new WaitingCalls(() => began++);

  waiting.add("agent", []);
  waiting.add("admitAgent", []);
  waiting.add("agentLeft", []);
  waiting.add("addEvent", []);
  assertEquals([began, waiting.arePatient], [1, true]);
  waiting.add("stats", []);
  assertEquals([began, waiting.arePatient], [2, false]);
  waiting.add("agent", []);
  assertEquals([began, waiting.arePatient], [2, false]);
  assertEquals(waiting.take().calls.length, 6);
  waiting.add("agent", []);
  assertEquals([began, waiting.arePatient], [3, true]);
});

Deno.test("no output holds up calls of connections, and it does not wait for them either", () => {
  let began = 0;
  const waiting = new WaitingCalls(() => began++);

  waiting.append(1n, piece(0n, "a"));
  waiting.add("agent", []);
  waiting.add("agent", []);
  assertEquals([began, waiting.arePatient], [2, false]);
});
