import { assertEquals, assertThrows } from "@std/assert";
import { agentTable } from "../../lib/agent/link/session.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { managerTable } from "../../lib/manager/session.ts";
import { ignore, rowFor, type Table } from "../../lib/wire/table.ts";
import { body, KINDS } from "../support/scripted_peer.ts";

const STATES = ["greeting", "proving", "ready", "leaving"] as const;

/** A table as lines: what one side does with each message in each state. What has no line is a violation. */
function linesOf<Context>(table: Table<Context>): string[] {
  return STATES.flatMap((state) =>
    KINDS.flatMap((kind) => {
      const row = table[state][kind];
      if (row === undefined) return [];
      const act = row === ignore ? "ignore" : row.run.name;
      const detour = row.detour === undefined ? "" : ` or ${row.detour.next}`;
      const next = `${row.next ?? state}${detour}`;
      const then = row.after === undefined ? "" : `, then ${row.after.name}`;
      return [`${state} --${kind}--> ${next}: ${act}${then}`];
    })
  );
}

Deno.test("all that an Agent may say to the Manager", () => {
  assertEquals(linesOf(managerTable), [
    "greeting --clientHello--> ready or proving: admit, then begin",
    "greeting --bye--> closed: farewell",
    "greeting --ping--> greeting: pong",
    "greeting --pong--> greeting: ignore",
    "proving --bye--> closed: farewell",
    "proving --ping--> proving: pong",
    "proving --pong--> proving: ignore",
    "proving --authProof--> ready: prove, then begin",
    "ready --bye--> closed: farewell",
    "ready --ping--> ready: pong",
    "ready --pong--> ready: ponged",
    "ready --progress--> ready: recordProgress",
    "ready --result--> ready: recordResult",
    "ready --commandOutput--> ready: recordOutput",
    "ready --dataRequest--> ready: answer",
    "leaving --clientHello--> leaving: ignore",
    "leaving --serverHello--> leaving: ignore",
    "leaving --bye--> closed: farewell",
    "leaving --ping--> leaving: ignore",
    "leaving --pong--> leaving: ignore",
    "leaving --authChallenge--> leaving: ignore",
    "leaving --authProof--> leaving: ignore",
    "leaving --command--> leaving: ignore",
    "leaving --cancel--> leaving: ignore",
    "leaving --progress--> leaving: recordProgress",
    "leaving --result--> leaving: recordResult",
    "leaving --commandOutput--> leaving: recordOutput",
    "leaving --commandAck--> leaving: ignore",
    "leaving --dataRequest--> leaving: ignore",
    "leaving --dataResponse--> leaving: ignore",
  ]);
});

Deno.test("all that the Manager may say to an Agent", () => {
  assertEquals(linesOf(agentTable), [
    "greeting --serverHello--> ready: welcome, then begin",
    "greeting --bye--> closed: farewell",
    "greeting --ping--> greeting: pong",
    "greeting --pong--> greeting: ignore",
    "greeting --authChallenge--> proving: prove",
    "proving --serverHello--> ready: welcome, then begin",
    "proving --bye--> closed: farewell",
    "proving --ping--> proving: pong",
    "proving --pong--> proving: ignore",
    "ready --bye--> closed: farewell",
    "ready --ping--> ready: pong",
    "ready --pong--> ready: ignore",
    "ready --command--> ready: accept",
    "ready --cancel--> ready: cancel",
    "ready --commandAck--> ready: acknowledge",
    "ready --dataResponse--> ready: settle",
    "leaving --clientHello--> leaving: ignore",
    "leaving --serverHello--> leaving: ignore",
    "leaving --bye--> closed: farewell",
    "leaving --ping--> leaving: ignore",
    "leaving --pong--> leaving: ignore",
    "leaving --authChallenge--> leaving: ignore",
    "leaving --authProof--> leaving: ignore",
    "leaving --command--> leaving: ignore",
    "leaving --cancel--> leaving: cancel",
    "leaving --progress--> leaving: ignore",
    "leaving --result--> leaving: ignore",
    "leaving --commandOutput--> leaving: ignore",
    "leaving --commandAck--> leaving: acknowledge",
    "leaving --dataRequest--> leaving: ignore",
    "leaving --dataResponse--> leaving: ignore",
  ]);
});

Deno.test("a message without a row in a state is a violation that names both", () => {
  const table: Table<unknown> = {
    greeting: { ping: ignore },
    proving: {},
    ready: {},
    leaving: {},
  };
  assertEquals(rowFor(table, "greeting", body("ping")), ignore);
  const error = assertThrows(
    () => rowFor(table, "ready", body("ping")),
    PiriError,
    'Cannot accept "ping" while ready',
  );
  assertEquals(error.code, "PROTOCOL_VIOLATION");
});
