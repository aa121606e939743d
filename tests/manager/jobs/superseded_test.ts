import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  type GivenRule,
  identityOf,
  loggedIn,
} from "../../support/an_operator.ts";
import { JobFleet } from "./job_fleet.ts";

const NIGHT = { queueMs: 60_000, supersedeKey: "night" };

const RUN = { operation: "command.Run", params: '{"argv":["true"]}' };

/** Fleet with agents that are away, and a job of somebody local that waits for some of them. */
async function withWaiting(targets: string) {
  const fleet = await JobFleet.start([]);
  for (const name of ["db-1", "web-1", "web-2"]) {
    await fleet.manager.knows(name);
  }
  await fleet.start({ targets, limits: NIGHT, ...RUN });
  const asked = async (
    name: string,
    rules: readonly GivenRule[],
    see?: string,
  ) => {
    const { access } = fleet.manager;
    const options = see === undefined ? { rules } : { rules, see };
    const rights = identityOf(access, await loggedIn(access, name, options));
    return { requestedBy: name, saidBy: "", rights };
  };
  return Object.assign(fleet, { asked });
}

for (
  const [what, rules, see, message] of [
    [
      "another agent of it",
      [{ onTargets: "web-1" }],
      undefined,
      'Cannot supersede job j-1, which needs the right to start it: cannot run command.Run on "web-2": no rule of "olaf" allows it (olaf#1 allows "web-1")',
    ],
    [
      "its operation",
      [{ operations: ["echo.*"] }],
      undefined,
      'Cannot supersede job j-1, which needs the right to start it: cannot run command.Run on "web-1": no rule of "olaf" allows it',
    ],
    [
      "what a rule denies",
      [{}, { deny: true, onTargets: "web-2" }],
      undefined,
      'Cannot supersede job j-1, which needs the right to start it: cannot run command.Run on "web-2": rule olaf#2 denies it',
    ],
    [
      "an agent that is not seen",
      [{}],
      "web-1",
      'Cannot supersede what waits with the key "night": a job with it is also on agents that you do not see',
    ],
  ] satisfies [
    string,
    GivenRule[],
    string | undefined,
    string,
  ][]
) {
  Deno.test(`a job is superseded by nobody who may not start it: ${what}`, async () => {
    await using fleet = await withWaiting("web-*");
    const by = await fleet.asked("olaf", rules, see);

    await assertRejects(
      () => fleet.start({ targets: "web-1", limits: NIGHT, ...by }),
      PiriError,
      message,
    );

    assertEquals(await fleet.entries(1n), [
      "web-1 queued: its agent is not connected",
      "web-2 queued: its agent is not connected",
    ]);
    assertEquals((await fleet.jobs.list({ limit: 9 })).length, 1);
  });
}

Deno.test("a job is superseded by an operator who may start it, and the audit names it", async () => {
  await using fleet = await withWaiting("web-*");
  const by = await fleet.asked("olaf", [{ onTargets: "web-*" }]);

  await fleet.start({ targets: "web-1", limits: NIGHT, ...by });

  assertEquals(await fleet.entries(1n), [
    "web-1 superseded: job j-2 with the same key came",
    "web-2 queued: its agent is not connected",
  ]);
  const [entry] = await fleet.manager.audit.list({ limit: 1 });
  assertEquals(
    [entry?.act, entry?.who, entry?.outcome],
    ["StartJob", "olaf", "job j-2, 1 agent, supersedes j-1"],
  );
});

Deno.test("a job of others with the same key on other agents is in nobody's way", async () => {
  await using fleet = await withWaiting("db-1");
  const by = await fleet.asked("olaf", [{ onTargets: "web-*" }], "web-*");

  await fleet.start({ targets: "web-1", limits: NIGHT, ...by });

  assertEquals(await fleet.entries(1n), [
    "db-1 queued: its agent is not connected",
  ]);
  const [entry] = await fleet.manager.audit.list({ limit: 1 });
  assertEquals(entry?.outcome, "job j-2, 1 agent");
});

Deno.test("a refusal to supersede a job has the rule for the audit", async () => {
  await using fleet = await withWaiting("web-*");
  const by = await fleet.asked("olaf", [{}, {
    deny: true,
    onTargets: "web-2",
  }]);

  const error = await assertRejects(() =>
    fleet.start({ targets: "web-1", limits: NIGHT, ...by })
  );

  assertEquals(
    { ...error as object },
    {
      code: "DENIED",
      name: "PiriError",
      rule: "olaf#2",
      operation: "command.Run",
      agents: ["web-1", "web-2"],
    } as object,
  );
});
