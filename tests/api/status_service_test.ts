import { assertEquals } from "@std/assert";
import { createGetStatusResponse } from "../../proto/gen/piri/control/v1/control_messages.ts";
import { startControl } from "../support/control.ts";

Deno.test("status has the state of the Manager, with counts of any size", async () => {
  await using fleet = await startControl();

  const status = await fleet.control.status.getStatus({});

  assertEquals(
    status,
    createGetStatusResponse({
      version: "0.1.0",
      managerId: "m-1",
      startedAtMs: 1_000n,
      listen: "0.0.0.0:7051",
      advertise: "mgr.example.org:7051",
      agentsConnected: 1,
      agentsKnown: 2,
      commandsOpen: 3,
      commandsTotal: 2n ** 53n + 1n,
      outputBytes: 5n,
      databaseBytes: 6n,
      retention: { days: 30, outputBytes: 7n, outputBytesPerCommand: 8n },
      certificateExpiresAtMs: 9_000n,
      blobs: { count: 3n, bytes: 10n, limitBytes: 11n },
      counters: { "frames.refused": 2n },
    }),
  );
});
