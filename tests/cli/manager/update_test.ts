import { Ajv2020 } from "ajv/dist/2020.js";
import { create } from "@bufbuild/protobuf";
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Agent,
  AgentSchema,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { aRelease } from "../fake_releases.ts";
import { jsonLines, see } from "./start.ts";

/** Checks lines of JSON against a schema of docs/schema. */
async function failures(name: string, stdout: string): Promise<unknown> {
  const url = new URL(
    `../../../docs/schema/${name}.schema.json`,
    import.meta.url,
  );
  const check = new Ajv2020({ formats: { "date-time": true } }).compile({
    ...JSON.parse(await Deno.readTextFile(url)),
    $schema: undefined,
  });
  const values = jsonLines(stdout);
  assertEquals(values.length, 7);
  return values.flatMap((value) => check(value) ? [] : [check.errors]);
}

function anAgent(id: string, facts: Record<string, string>): Agent {
  return create(AgentSchema, { id, version: "0.2.0", connected: true, facts });
}

function inSlots(target: string): Record<string, string> {
  return { "installation.kind": "slots", "installation.target": target };
}

/** Manager with a release and agents of several kinds. */
function fleet(): FakeManager {
  const manager = new FakeManager();
  manager.releases.known = [aRelease("0.3.0")];
  manager.agents = [
    anAgent("db-1", inSlots("linux-arm64")),
    anAgent("old-1", {}),
    anAgent("pkg-1", { "installation.kind": "package" }),
    anAgent("src-1", { "installation.kind": "loose" }),
    anAgent("web-1", inSlots("linux-x64")),
    anAgent("web-2", inSlots("linux-x64")),
  ];
  manager.targets = {
    targets: [...manager.agents, create(AgentSchema, { id: "new-1" })]
      .map(({ id }) => ({ name: id, connected: id !== "web-2" })),
  };
  manager.commands = [command()];
  return manager;
}

Deno.test("update --plan says what would be done on each agent, and does nothing", async () => {
  const manager = fleet();
  const line = ["update", "all", "--to", "0.3.0", "--plan", "--json"];
  const { code, stdout } = await see(line, { manager });

  assertEquals(code, 0);
  assertEquals(
    jsonLines(stdout).map(({ name, step }: Record<string, unknown>) => [
      name,
      step,
    ]),
    [
      [
        "db-1",
        "not possible: the release has no piri-agent for linux-arm64",
      ],
      ["old-1", "not possible: this version cannot replace itself"],
      ["pkg-1", "not possible: it belongs to a package"],
      ["src-1", "not possible: it is not a service"],
      ["web-1", "update to 0.3.0"],
      ["web-2", "update to 0.3.0, once it is connected (--queue)"],
      ["new-1", "it never connected"],
    ],
  );
  assertEquals(manager.runs, []);
  assertEquals(await failures("update", stdout), []);
});

Deno.test("update is a job of agent.Update, which begins with one agent of each target", async () => {
  const manager = fleet();
  const line = ["update", "all", "--to", "0.3.0", "--batch", "10%"];
  const { code, stderr } = await see([
    ...line,
    ...["--max-failures", "2", "--pause", "5m", "--confirm", "2m"],
    ...["--when-idle", "30m", "--allow-downgrade", "--detach"],
  ], { manager });
  const [request] = manager.runs;

  assertEquals([code, stderr], [0, ""]);
  assertEquals(request?.operation, "agent.Update");
  assertEquals(request?.name, "update 0.3.0");
  assertEquals(JSON.parse(request?.params ?? ""), {
    version: "0.3.0",
    allowDowngrade: true,
    confirmMs: 120_000,
    idleMs: 1_800_000,
  });
  assertEquals(request?.limits?.canaryTargets, ["web-1"]);
  assertEquals(request?.limits?.pauseMs, 300_000n);
});

Deno.test("agents that come first can be chosen, and a way back names no version", async () => {
  const manager = fleet();
  await see(["update", "all", "--back", "--canary", "2", "--detach"], {
    manager,
  });
  const [request] = manager.runs;

  assertEquals(JSON.parse(request?.params ?? ""), { back: true });
  assertEquals(request?.limits?.canaryTargets, []);
  assertEquals(request?.limits?.canary?.share.value, 2);
});

Deno.test("update refuses a version that the Manager does not have, and two ways at once", async () => {
  const refused = async (...flags: string[]) => {
    const manager = fleet();
    const { code, stderr } = await see(["update", "all", ...flags], {
      manager,
    });
    assertEquals([code === 0, manager.runs], [false, []]);
    return stderr;
  };

  assertStringIncludes(
    await refused("--to", "0.4.0"),
    "Cannot update to version 0.4.0: the Manager has no such release, only 0.3.0",
  );
  assertStringIncludes(
    await refused(),
    "Cannot update: no version is given",
  );
  assertStringIncludes(
    await refused("--to", "0.3.0", "--back"),
    'Cannot use "--to" with "--back"',
  );
});

Deno.test("agents shows a version on trial", async () => {
  const manager = fleet();
  manager.agents = [
    anAgent("web-1", {
      ...inSlots("linux-x64"),
      "installation.trial": "0.1.0",
    }),
  ];
  const { stdout } = await see(["agents"], { manager });
  const json = await see(["agents", "--json"], { manager });

  assertStringIncludes(stdout, "0.2.0, on trial");
  const [agent] = jsonLines(json.stdout);
  assertEquals(
    [agent?.installation, agent?.onTrialFrom],
    ["slots", "0.1.0"],
  );
});
