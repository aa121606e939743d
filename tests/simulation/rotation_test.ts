import { assertEquals, assertStringIncludes } from "@std/assert";
import { messageOf } from "../../lib/base/errors.ts";
import { type EndedJob, RotatingFleet } from "./rotating_fleet.ts";

const FLEET = 1_000;

/** Agents of a fleet whose keys are rotated: each step of it is for all of them. */
const ROTATED = 100;

/** Agents that are off until the rotation is under way. */
const LATE = 10;

Deno.test("certificate and authority are rotated under a job on 100 agents, and nothing is lost", async () => {
  const fleet = new RotatingFleet(ROTATED);
  const early = ROTATED - LATE;
  const late = Array.from({ length: LATE }, (_, i) => `web-${early + i + 1}`);
  let refusal = "";
  let ended: EndedJob | undefined;
  const lost: string[] = [];
  const trusted = new Set<number>();
  const report = await fleet.run(async () => {
    const { manager, agents } = fleet.parts;
    const { keys } = fleet.core;
    fleet.load("before", "all");
    await fleet.accepted(10);
    const before = fleet.sessions();

    await fleet.passing(manager.listenAgain());
    await fleet.passing(keys.start("authority"));
    await fleet.lacking(...late.toSorted());
    await fleet.passing(keys.finish("authority", []))
      .catch((error) => refusal = messageOf(error));
    fleet.start(early, ROTATED);
    await fleet.connected(ROTATED);
    await fleet.lacking();
    await fleet.passing(keys.finish("authority", []));
    await fleet.passing(manager.listenAgain());
    await fleet.until(() => agents.every(({ trusted }) => trusted === 2));
    ended = await fleet.ended(1n);

    const after = fleet.sessions();
    lost.push(
      ...[...before].filter(([name, session]) => after.get(name) !== session)
        .map(([name]) => name),
    );
    // Everybody comes back by the new authority alone, and takes commands.
    manager.die("kill", { atCall: 0, awayMs: 3_000 });
    await fleet.until(() => manager.isAlive && manager.core !== undefined);
    await fleet.connected(ROTATED);
    for (const agent of agents) trusted.add(agent.trusted);
  }, early);

  assertEquals(report.violation, undefined);
  assertStringIncludes(refusal, "web-[91-100] do not trust the new key yet");
  assertEquals(lost, []);
  assertEquals(ended?.job.state, "succeeded");
  // Those that were off had their turn once they were there.
  assertEquals(ended?.job.counts.succeeded, ROTATED);
  assertEquals([...trusted], [2]);
});

Deno.test("the Manager's key is rotated under a job, also while the Manager dies in between", async () => {
  const fleet = new RotatingFleet(100);
  const before = fleet.keys.managerKey.publicKey;
  let ended: EndedJob | undefined;
  const report = await fleet.run(async () => {
    const { manager } = fleet.parts;
    fleet.load("before", "all");
    await fleet.accepted(10);

    await fleet.passing(fleet.core.keys.start("manager"));
    manager.die("kill", { atCall: 0, awayMs: 3_000 });
    await fleet.until(() => manager.isAlive && manager.core !== undefined);
    await fleet.connected(100);
    await fleet.until(() =>
      fleet.parts.agents.every(({ trusted }) => trusted === 3)
    );
    await fleet.passing(fleet.core.keys.finish("manager", []));
    ended = await fleet.ended(1n);
  });

  assertEquals(report.violation, undefined);
  assertEquals(fleet.keys.managerKey.publicKey === before, false);
  assertEquals(ended?.job.state, "succeeded");
  assertEquals(ended?.job.counts.succeeded, 100);
});

Deno.test("an authority that is given up before agents trust the next one cuts them off, and that is seen", async () => {
  const fleet = new RotatingFleet(5);
  const report = await fleet.run(async () => {
    await fleet.keys.startAuthority();
    await fleet.keys.finishAuthority();
    fleet.parts.manager.die("kill", { atCall: 0, awayMs: 1_000 });
  });

  assertStringIncludes(report.violation ?? "", "web-1 is not connected");
});

Deno.test("the revocation of one of 1,000 agents disturbs no other", async () => {
  const fleet = new RotatingFleet(FLEET);
  const name = "web-500";
  let ended: EndedJob | undefined;
  const changed: string[] = [];
  const report = await fleet.run(async () => {
    const { agents, network, revoked } = fleet.parts;
    fleet.load("before", "all");
    await fleet.until(() =>
      fleet.records.commands.some((each) =>
        each.agent === name && each.finishedAt === undefined
      )
    );
    const before = fleet.sessions();
    const dials = network.count;
    revoked.add(name);

    await fleet.passing(fleet.core.agents.revoke(name));
    ended = await fleet.ended(1n);

    const after = fleet.sessions();
    changed.push(
      ...[...before].filter(([agent, session]) => after.get(agent) !== session)
        .map(([agent]) => agent),
    );
    // Only the revoked one dials again, and in vain.
    await fleet.until(() => network.count > dials);
    agents.find((agent) => agent.name === name)?.leave();
  });
  const open = ended?.entries.filter(({ state }) => state !== "started");

  assertEquals(report.violation, undefined);
  assertEquals(changed, [name]);
  assertEquals(open, []);
  assertEquals(ended?.job.counts.succeeded, FLEET - 1);
  assertEquals(ended?.job.counts.lost, 1);
});
