import { create } from "@bufbuild/protobuf";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { TargetSelectionSchema } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

/** A Manager whose answer to each question for targets has three agents, of which one is away. */
function manager(): FakeManager {
  const manager = new FakeManager();
  manager.targets = {
    targets: [
      { name: "db-1", connected: true, groups: ["db", "eu"] },
      { name: "web-01", connected: true },
      { name: "web-02" },
    ],
  };
  return manager;
}

Deno.test("targets prints the folded names, and those that are away as a note", async () => {
  const { code, stdout, stderr } = await see(["targets", "web-*,db-1"], {
    manager: manager(),
  });

  assertEquals(code, 0);
  assertEquals(stdout, "db-1, web-[01-02]\n");
  assertEquals(stderr, "3 agents, 1 of them away: web-02\n");
});

Deno.test("targets --long lists each agent with its state and groups", async () => {
  const { stdout } = await see(["targets", "all", "--long"], {
    manager: manager(),
  });

  assertEquals(stdout.split("\n"), [
    "NAME    STATE      GROUPS",
    "db-1    connected  db eu",
    "web-01  connected",
    "web-02  away",
    "",
  ]);
});

Deno.test("targets tells what was left out and not found, each on a line of stderr", async () => {
  const fake = manager();
  fake.targets = {
    targets: [{ name: "web-1", connected: true }],
    missing: [{ name: "web-8" }, { name: "web-9", reason: "retired" }],
    lacking: [{ fact: "cpus", agents: 2 }],
    unmatched: ["wbe-*"],
    gone: ["old-1"],
    leftOut: { retired: 1, notJoined: 2, away: 3, notSampled: 4 },
    seed: 77,
  };

  const { stderr } = await see(["targets", "all"], { manager: fake });

  assertEquals(stderr.split("\n"), [
    "1 agent, none of them away",
    "not enrolled: web-[8-9]",
    "no agent matches wbe-*",
    'no fact "cpus" to compare: 2 agents',
    "of the job, and not enrolled any more: old-1",
    "left out as retired: 1 agent",
    "left out as not joined: 2 agents",
    "left out as not connected: 3 agents",
    "left out of the sample: 4 agents; --seed 77 repeats it",
    "",
  ]);
  const { stdout } = await see(["targets", "all", "--json"], { manager: fake });
  assertEquals(jsonLines(stdout), [{
    count: 1,
    folded: "web-1",
    agents: [{ name: "web-1", state: "connected", groups: [] }],
    missing: [
      { name: "web-8", nearest: null, reason: null },
      { name: "web-9", nearest: null, reason: "retired" },
    ],
    lacking: [{ fact: "cpus", agents: 2 }],
    unmatched: ["wbe-*"],
    gone: ["old-1"],
    leftOut: { retired: 1, notJoined: 2, away: 3, notSampled: 4 },
    seed: 77,
  }]);
});

Deno.test("flags and a file make one selection", async () => {
  const { code, manager: fake } = await see(
    [
      "targets",
      "web-*",
      "--exclude=@db",
      "--exclude",
      "web-3",
      "--connected",
      "--allow-missing",
      "--limit",
      "12.5%",
      "--seed",
      "7",
      "--targets-file",
      "hosts",
    ],
    {
      manager: manager(),
      files: { hosts: "# web\nweb-1 # first\r\n\n  @new & cpus>4  \n" },
    },
  );

  assertEquals(code, 0);
  assertEquals(fake.selections, [
    create(TargetSelectionSchema, {
      expressions: ["web-*", "web-1", "@new & cpus>4"],
      exclude: ["@db", "web-3"],
      connectedOnly: true,
      allowMissing: true,
      limit: { case: "limitPercent", value: 12.5 },
      seed: 7,
    }),
  ]);
});

Deno.test("a file of expressions may come by stdin, and is enough", async () => {
  const { manager: fake } = await see(
    ["targets", "--targets-file", "-", "--limit", "2"],
    { manager: manager(), stdin: "web-1\nweb-2\n" },
  );

  assertEquals(
    fake.selections.map((selection) => [
      selection?.expressions,
      selection?.limit,
    ]),
    [[["web-1", "web-2"], { case: "limitCount", value: 2 }]],
  );
});

Deno.test("wrong flags of targets end with 2, and a word what is right", async () => {
  const wrong: [args: string[], message: string][] = [
    [[], "no expression is given"],
    [["all", "--limit", "0"], "nor a part of them, as 10%"],
    [["all", "--limit", "101%"], "nor a part of them, as 10%"],
    [["all", "--seed", "3"], 'Cannot use "--seed" without "--limit"'],
  ];

  for (const [args, message] of wrong) {
    const { code, stderr } = await see(["targets", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  }
});

Deno.test("unknown names end with 5 and the flag that leaves them out, bad expressions with 2", async () => {
  const fake = manager();
  fake.targets = new PiriError(
    "NOT_FOUND",
    'Cannot find the targets "wbe-1": there is no agent "wbe-1", did you mean "web-1"?',
  );
  const unknown = await see(["targets", "wbe-1"], { manager: fake });
  assertEquals(unknown.code, 5);
  assertStringIncludes(unknown.stderr, "--allow-missing goes on without them");

  fake.targets = new PiriError("NOT_FOUND", "Cannot find the targets: nobody");
  const nobody = await see(["targets", "x*"], { manager: fake });
  assertEquals(nobody.code, 5);
  assertEquals(nobody.stderr.includes("--allow-missing"), false);

  fake.targets = new PiriError("INVALID_ARGUMENT", "Cannot read the targets");
  assertEquals((await see(["targets", "["], { manager: fake })).code, 2);
});

Deno.test("agent set changes groups, facts and retirement of what expressions mean", async () => {
  const fake = manager();
  fake.changedAgents = {
    names: ["web-1", "web-2", "web-3"],
    changed: ["web-1", "web-2"],
  };
  const { code, stdout } = await see([
    "agent",
    "set",
    "web-[1-3]",
    "--group",
    "web",
    "--no-group",
    "old",
    "--fact",
    "role=a=b",
    "--no-fact",
    "rack",
    "--retired",
  ], { manager: fake });

  assertEquals(code, 0);
  assertEquals(stdout, "changed 2 of 3 agents: web-[1-2]\n");
  const [{ targets, addGroups, removeGroups, setFacts, removeFacts, retired }] =
    fake.changes as [FakeManager["changes"][number]];
  assertEquals(
    { targets, addGroups, removeGroups, setFacts, removeFacts, retired },
    {
      targets: ["web-[1-3]"],
      addGroups: ["web"],
      removeGroups: ["old"],
      setFacts: { role: "a=b" },
      removeFacts: ["rack"],
      retired: true,
    },
  );
  await see(["agent", "set", "web-1", "--not-retired"], { manager: fake });
  await see(["agent", "set", "web-1", "--group", "x"], { manager: fake });
  assertEquals(fake.changes.slice(1).map(({ retired }) => retired), [
    false,
    undefined,
  ]);
});

Deno.test("agent set refuses flags that contradict each other or have no value", async () => {
  const wrong: [args: string[], message: string][] = [
    [["--retired", "--not-retired"], "together"],
    [["--fact", "role"], "it is not NAME=VALUE"],
    [["--fact", "=db"], "it is not NAME=VALUE"],
  ];

  for (const [args, message] of wrong) {
    const { code, stderr, manager } = await see([
      "agent",
      "set",
      "web-1",
      ...args,
    ]);
    assertEquals([code, manager.changes.length], [2, 0]);
    assertStringIncludes(stderr, message);
  }
});
