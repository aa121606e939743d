import { assertEquals } from "@std/assert";
import { CommandState_State } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { instanceOf, JobFleet, type Limits } from "./job_fleet.ts";

const ANN = { requestedBy: "ann", saidBy: "" };

const ENDS: readonly [
  how: string,
  limits: Limits,
  end: (fleet: JobFleet) => Promise<unknown>,
][] = [
  ["was cancelled", {}, (fleet) => fleet.jobs.cancel(1n, ANN)],
  [
    "met its deadline",
    { deadlineMs: 60_000 },
    (fleet) => fleet.advance(60_000),
  ],
  [
    "met its failure limit",
    { maxFailures: { count: 1 }, cancelRest: true },
    (fleet) => fleet.fail("web-2"),
  ],
];

for (const [how, limits, end] of ENDS) {
  for (const restarts of [0, 1]) {
    const after = restarts === 0 ? "" : " and the Manager restarted";
    Deno.test(`a command that had not begun when its job ${how}${after} never begins`, async () => {
      await using fleet = await JobFleet.start(["web-1", "web-2"]);
      await fleet.start({ limits });
      const [sent] = fleet.received;
      // It stands still: the command is on its way to it, or waits in it.
      await fleet.disconnect("web-1");

      await end(fleet);
      for (let count = 0; count < restarts; count++) await fleet.restart();

      assertEquals(await cancelledIn(fleet, sent?.nonce), [sent?.id]);
    });
  }
}

Deno.test("a command of a job whose limit of failures leaves the rest alone may begin", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.start({ limits: { maxFailures: { count: 1 } } });
  const [sent] = fleet.received;
  await fleet.disconnect("web-1");
  await fleet.fail("web-2");

  assertEquals(await cancelledIn(fleet, sent?.nonce), []);
});

/** Commands that must not begin, as the answer to the hello of an agent says that has accepted its command. */
async function cancelledIn(
  fleet: JobFleet,
  nonce = 0n,
): Promise<bigint[]> {
  const peer = await fleet.manager.hello("web-1", {
    instance: instanceOf("web-1"),
    session: 99n,
    lastCommandId: 1n,
    commands: [{ commandId: 1n, nonce, state: CommandState_State.ACCEPTED }],
  });
  return [...(await peer.hears("serverHello")).cancelled];
}
