import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import type { TargetSelection } from "../../lib/manager/api/operator_api.ts";
import { Targeting } from "../../lib/manager/targeting.ts";
import { countingRandom } from "../support/counting_random.ts";
import { MemoryManager } from "../support/memory_manager.ts";

const NOTHING = {
  addGroups: [],
  removeGroups: [],
  setFacts: {},
  removeFacts: [],
};

/** A core with web-1 and web-2, of which web-1 is connected, a retired one, and one that has not joined. */
async function fleet(): Promise<MemoryManager> {
  const core = await MemoryManager.start();
  for (const name of ["web-10", "web-2", "web-1", "web-9"]) {
    await core.knows(name, { groups: ["web"] });
  }
  await core.admitted("web-1", {
    agentVersion: "0.10.2",
    facts: { os: "linux", cpus: "8" },
  });
  await core.agents.set(["web-9"], { ...NOTHING, retired: true });
  await core.agents.add({ id: "web-11", groups: ["web"], cidrs: [] });
  return core;
}

/** Names that a selection means, with a star behind those that are away. */
async function meant(
  core: MemoryManager,
  selection: TargetSelection,
): Promise<string> {
  const { agents } = await core.agents.resolve(selection);
  return agents.map(({ name, connected }) => connected ? name : `${name}*`)
    .join(" ");
}

/** Code and text of the refusal of a selection. */
async function refusal(
  core: MemoryManager,
  selection: TargetSelection,
): Promise<string> {
  const { code, message } = await assertRejects(
    () => core.agents.resolve(selection),
    PiriError,
  );
  return `${code}: ${message}`;
}

Deno.test("a glob means all that have joined, away or not, and counts what is left out", async () => {
  await using core = await fleet();

  const { agents, leftOut } = await core.agents.resolve({
    expressions: ["web-*"],
  });

  assertEquals(agents.map(({ name, connected }) => [name, connected]), [
    ["web-1", true],
    ["web-2", false],
    ["web-10", false],
  ]);
  assertEquals(leftOut, { retired: 1, notJoined: 1, awayNotAsked: 0 });
});

Deno.test("a selection means connected agents only if asked to, and counts the others", async () => {
  await using core = await fleet();
  const selection = { expressions: ["@web"], connectedOnly: true };

  assertEquals(await meant(core, selection), "web-1");
  assertEquals(
    (await core.agents.resolve(selection)).leftOut.awayNotAsked,
    2,
  );
  assertEquals(
    await refusal(core, { ...selection, exclude: ["web-1"] }),
    "UNAVAILABLE: Cannot find the targets: none of the 2 agents that they mean is connected",
  );
});

Deno.test("names that are retired or have not joined are refused with the reason", async () => {
  await using core = await fleet();

  assertEquals(
    await refusal(core, { expressions: ["web-9,web-11,web-12"] }),
    'NOT_FOUND: Cannot find the targets "web-9,web-11,web-12": "web-9" is retired; "web-11" is not joined; there is no agent "web-12", did you mean "web-1"?',
  );
  assertEquals(
    await refusal(core, { expressions: ["web-9*"] }),
    'NOT_FOUND: Cannot find the targets "web-9*": it means no agent; no name matches "web-9*"; 1 agent is left out as retired',
  );
  const { missing } = await core.agents.resolve({
    expressions: ["web-1,web-9"],
    allowMissing: true,
  });
  assertEquals(missing, [
    { name: "web-9", nearest: undefined, reason: "retired" },
  ]);
});

Deno.test("facts of a hello, the version and facts that were set are known to expressions", async () => {
  await using core = await fleet();
  const selection = (text: string) => ({ expressions: [text] });

  assertEquals(await meant(core, selection("os=linux")), "web-1");
  assertEquals(await meant(core, selection("agent.version>=0.9")), "web-1");
  assertEquals(
    (await core.agents.resolve(selection("cpus>4"))).lacking,
    [{ fact: "cpus", count: 2 }],
  );
  await core.agents.set(["web-[1-2]"], {
    ...NOTHING,
    setFacts: { cpus: "2", role: "db" },
  });
  assertEquals(await meant(core, selection("cpus=2")), "web-1 web-2*");
  assertEquals(await meant(core, selection("role=db")), "web-1 web-2*");
  const [view] = await core.agents.list();
  assertEquals([view?.facts, view?.setFacts], [
    { os: "linux", cpus: "2", role: "db" },
    { cpus: "2", role: "db" },
  ]);
  await core.agents.set(["web-1"], { ...NOTHING, removeFacts: ["cpus"] });
  assertEquals(await meant(core, selection("cpus=8")), "web-1");
});

Deno.test("groups that were changed count at once, for expressions and for the connection", async () => {
  await using core = await fleet();

  const set = await core.agents.set(["web-[1-2]"], {
    ...NOTHING,
    addGroups: ["new"],
    removeGroups: ["web"],
  });

  assertEquals(set, {
    names: ["web-1", "web-2"],
    changed: ["web-1", "web-2"],
  });
  assertEquals(await meant(core, { expressions: ["@new"] }), "web-1 web-2*");
  assertEquals(await meant(core, { expressions: ["@web"] }), "web-10*");
  assertEquals(core.fleet.session("web-1")?.groups, ["new"]);
  assertEquals(
    (await core.happened()).at(-1)?.message,
    "web-[1-2]: group new added, group web removed",
  );
});

Deno.test("an agent that is not retired any more is meant again, and one that is removed is not", async () => {
  await using core = await fleet();

  await core.agents.set(["web-9"], { ...NOTHING, retired: false });
  assertEquals(await meant(core, { expressions: ["web-9"] }), "web-9*");
  await core.agents.remove("web-9");
  assertEquals(
    await refusal(core, { expressions: ["web-9"] }),
    'NOT_FOUND: Cannot find the targets "web-9": there is no agent "web-9", did you mean "web-1"?',
  );
});

Deno.test("excluded agents are not meant, and unknown names among them are refused", async () => {
  await using core = await fleet();
  const expressions = ["web-*"];

  assertEquals(
    await meant(core, { expressions, exclude: ["web-1", "web-1[0-9]*"] }),
    "web-2*",
  );
  assertEquals(
    await meant(core, { expressions, exclude: ["db-*"] }),
    "web-1 web-2* web-10*",
  );
  assertEquals(
    await refusal(core, { expressions, exclude: ["wbe-1"] }),
    'NOT_FOUND: Cannot find the targets "wbe-1": there is no agent "wbe-1", did you mean "web-1"?',
  );
  assertEquals(
    await refusal(core, { expressions, exclude: ["all"] }),
    "NOT_FOUND: Cannot find the targets: all 3 agents that they mean are excluded",
  );
});

Deno.test("a limit takes a sample that its seed repeats", async () => {
  await using core = await fleet();
  const selection = { expressions: ["web-*"], limit: { count: 2 } };
  const first = await core.agents.resolve(selection);

  assertEquals([first.agents.length, first.notSampled], [2, 1]);
  const again = await core.agents.resolve({ ...selection, seed: first.seed });
  assertEquals(again, first);
  const part = { ...selection, limit: { percent: 1 }, seed: 7 };
  assertEquals((await core.agents.resolve(part)).agents.length, 1);
});

Deno.test("sets of jobs are asked for, and a job that is not there is an error", async () => {
  await using core = await fleet();
  const { roster, fleet: connections } = core;
  const asked: unknown[] = [];
  const targeting = new Targeting({
    roster,
    fleet: connections,
    random: countingRandom(),
    jobAgents: (kind, job) => {
      asked.push([kind, job]);
      return Promise.resolve(new Set(["web-2", "web-9", "gone-1"]));
    },
  });

  const { agents, gone } = await targeting.resolve({
    expressions: ["@failed(j-17) & @web", "@failed(j-17)"],
  });

  assertEquals(agents.map(({ name }) => name), ["web-2"]);
  assertEquals(gone, ["gone-1", "web-9"]);
  assertEquals(asked, [["failed", 17n]]);
  assertEquals(
    await refusal(core, { expressions: ["@ok(j-3)"] }),
    "NOT_FOUND: Cannot find the targets: there is no job j-3",
  );
});

Deno.test("a change of agents is refused as a whole if a part of it is wrong", async () => {
  await using core = await fleet();
  const wrong = [
    { ...NOTHING },
    { ...NOTHING, addGroups: ["failed"] },
    { ...NOTHING, setFacts: { name: "x" } },
    { ...NOTHING, setFacts: { "a b": "x" } },
    { ...NOTHING, setFacts: { role: "x".repeat(1_001) } },
  ];

  for (const change of wrong) {
    const { code } = await assertRejects(
      () => core.agents.set(["web-1"], change),
      PiriError,
    );
    assertEquals(code, "INVALID_ARGUMENT");
  }
  const missing = await assertRejects(
    () => core.agents.set(["web-1,nosuch"], { ...NOTHING, retired: true }),
    PiriError,
  );
  assertEquals(missing.code, "NOT_FOUND");
  assertEquals(core.roster.get("web-1")?.retired, false);
});
