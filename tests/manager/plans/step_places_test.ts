import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { digestOf } from "../../../lib/manager/plans/plan_digest.ts";
import { identityOf, loggedIn } from "../../support/an_operator.ts";
import { PlanFleet, statesOf } from "./plan_fleet.ts";

const STATE = `
- Note:
    type: file.Installed
    path: "%ROOT%/\${agent}/motd"
    content: hello
- Check: {type: command.Run, command: "test -e %ROOT%/\${agent}/fixed"}
`;

const PATH = "m/states/all/web.yaml";

/** Writes a comment above all steps of the state. */
async function comment(fleet: PlanFleet): Promise<void> {
  const path = fleet.folder.at(PATH);
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `# Comment\n# and more\n${text}`);
}

/** Places of the steps of the only group. */
function placesOf({ groups }: Awaited<ReturnType<PlanFleet["plan"]>>) {
  return groups[0]?.steps.map(({ name, place }) => [name, place]);
}

Deno.test("a comment above steps moves their places, and neither the compiled state nor a plan of it", async () => {
  await using fleet = await PlanFleet.start(["web-1"], {
    "states/all/web.yaml": STATE,
  });
  const before = await fleet.plan("web");
  await comment(fleet);
  const after = await fleet.plan("web");
  const [one] = await fleet.manager.store.planAgents(before.id);
  const [other] = await fleet.manager.store.planAgents(after.id);

  const file = "states/all/web.yaml";
  assertEquals(placesOf(before), [
    ["Note", { file, line: 2 }],
    ["Check", { file, line: 6 }],
  ]);
  assertEquals(placesOf(after), [
    ["Note", { file, line: 4 }],
    ["Check", { file, line: 8 }],
  ]);
  assertNotEquals(one?.places, other?.places);
  assertEquals(
    [one?.sheet, one?.expect, one?.changes],
    [other?.sheet, other?.expect, other?.changes],
  );

  await Deno.writeTextFile(fleet.on("web-1", "fixed"), "");
  const applied = await fleet.apply(before.id);
  assertEquals(statesOf(applied), ["web-1: applied"]);
  assertEquals(await fleet.text("web-1", "motd"), "hello");
});

Deno.test("places do not change what an approval of a plan binds", async () => {
  await using fleet = await PlanFleet.start(["web-1"], {
    "states/all/web.yaml": STATE,
  });
  const { id } = await fleet.plan("web");
  const plan = await fleet.manager.store.plan(id);
  const agents = await fleet.manager.store.planAgents(id);

  assertEquals(
    plan && digestOf(plan, agents.map((each) => ({ ...each, places: "" }))),
    plan && digestOf(plan, agents),
  );
});

Deno.test("an agent gets the compiled state of its plan, and never the places", async () => {
  await using fleet = await PlanFleet.start(["web-1"], {
    "states/all/web.yaml": STATE,
  });
  const { id } = await fleet.plan("web");
  const [agent] = await fleet.manager.store.planAgents(id);
  const blobs = await fleet.manager.store.planBlobs(id, [agent?.sheet ?? ""]);

  assertEquals(blobs, [agent?.sheet]);
});

Deno.test("agents with equal steps from files of their own have places of their own", async () => {
  const step =
    "- Note: {type: file.Installed, path: /tmp/no/such/x, content: x}\n";
  await using fleet = await PlanFleet.start(["web-1", "web-2"], {
    "states/agents/web-1/own.yaml": step,
    "states/agents/web-2/own.yaml": `\n${step}`,
  });
  const { id } = await fleet.plan("own");
  const agents = await fleet.manager.store.planAgents(id);
  const [job] = (await fleet.manager.store.plans({ limit: 1 }))
    .map(({ jobId }) => jobId);
  const commands = await fleet.manager.store.commands({
    limit: 10,
    job: `j-${job}`,
  });
  const found = await fleet.manager.plans.placesOf(
    new Map(commands.map(({ id }) => [id, ["Note", "No such"]])),
  );

  assertEquals(new Set(agents.map(({ sheet }) => sheet)).size, 1);
  assertEquals(
    [...found.values()].flat().map(({ file, line }) => `${file}:${line}`)
      .toSorted(),
    ["states/agents/web-1/own.yaml:1", "states/agents/web-2/own.yaml:2"],
  );
});

Deno.test("a run of a compiled state without a plan has the places that a plan of it had then", async () => {
  await using fleet = await PlanFleet.start(["web-1"], {
    "states/all/web.yaml": STATE,
  });
  const { id } = await fleet.plan("web");
  const [agent] = await fleet.manager.store.planAgents(id);
  const json = await Deno.readTextFile(
    fleet.folder.at("m", "blobs", agent?.sheet ?? ""),
  );
  const run = async () => {
    const { id } = await fleet.manager.run("web-1", {
      operation: "state.Apply",
      params: `{"sheet":${json}}`,
    });
    await fleet.over(id);
    return id;
  };
  const command = await run();
  fleet.manager.clock.advance(1_000);
  await comment(fleet);
  await fleet.plan("web");
  const found = await fleet.manager.plans.placesOf(new Map([[command, []]]));

  assertEquals(found.get(command), [
    { stateName: "web", step: "Check", file: "states/all/web.yaml", line: 6 },
  ]);
});

Deno.test("places of commands of an agent that somebody does not see are not there", async () => {
  await using fleet = await PlanFleet.start(["web-1", "web-2"], {
    "states/all/web.yaml": STATE,
  });
  await fleet.plan("web", "web-1");
  const { access } = fleet.manager;
  const token = await loggedIn(access, "olaf", { see: "web-2" });
  const { sight } = identityOf(access, token);

  await assertRejects(
    () => fleet.manager.plans.placesOf(new Map([[1n, []]]), sight),
    PiriError,
    "Cannot find command 1: there is none of that id",
  );
});
