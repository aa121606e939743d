import { assert, assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { floodBytes, program } from "../support/program.ts";
import { story } from "../support/story.ts";

const TESTING = { allowTestOperations: true };

story("progress is reported while the operation runs", async (executables) => {
  await using fleet = await startFleet(executables, {
    agents: ["web-1"],
    agentConfig: TESTING,
  });

  const events = await fleet.json(
    "run",
    "web-1",
    "--op",
    "test.Sleep",
    "seconds:=2",
  );

  const progress = events.filter(({ event }) => event === "progress");
  assertEquals(progress.at(-1), {
    event: "progress",
    id: "1",
    agent: "web-1",
    current: 2,
    total: 2,
    message: null,
  });
  const steps = progress.map(({ current }) => current);
  assert(steps.includes(1), `${steps}`);
  assertEquals(steps, steps.toSorted());
});

story(
  "operations for tests are missing unless the agent allows them",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const { code, stderr } = await fleet.manager(
      "run",
      "web-1",
      "--op",
      "test.Sleep",
      "seconds:=1",
    );

    assertEquals(code, ExitCode.notFound);
    assertMatch(
      stderr,
      /Cannot run "test.Sleep" on "web-1": it has no such operation/,
    );
  },
);

story(
  "an operation that is near none is told apart from a custom one of states",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const { code, stderr } = await fleet.manager(
      ...["run", "web-1", "--op", "nginx.Tuned"],
    );

    assertEquals(code, ExitCode.notFound);
    assertMatch(
      stderr,
      /"nginx.Tuned".*\n.*a custom one is a step of a state/,
    );
  },
);

story(
  "operations lists the operations with their parameters",
  async (executables) => {
    await using fleet = await startFleet(executables);

    const operations = await fleet.json<
      { name: string; parameters: { name: string }[] }
    >("operations");
    const { stdout } = await fleet.manager("operations");

    const fetch = operations.find(({ name }) => name === "file.Fetch");
    assertEquals(fetch?.parameters.map(({ name }) => name), [
      "source",
      "path",
      "mode",
      "user",
      "group",
      "parents",
    ]);
    assertMatch(stdout, /^file\.Fetch: .*\n {2}source +string +/m);
  },
);

story(
  "file.Fetch changes a file only if it differs",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const path = fleet.folder.at("app.conf");

    await fleet.folder.write("m/files/all/app.conf", "port = 80\n");
    const first = await fetch(fleet, "web-1", { source: "app.conf", path });
    const second = await fetch(fleet, "web-1", { source: "app.conf", path });
    await fleet.folder.write("m/files/all/app.conf", "port = 81\n");
    const third = await fetch(fleet, "web-1", { source: "app.conf", path });

    assertEquals(
      [first, second, third].map(({ state }) => state),
      Array(3).fill("succeeded"),
    );
    assertEquals([first, second, third].map(({ changed }) => changed), [
      true,
      false,
      true,
    ]);
    assertEquals(await Deno.readTextFile(path), "port = 81\n");
  },
);

story(
  "file.Fetch says whether it changed the file, and where a missing one belongs",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const path = fleet.folder.at("new", "folder", "app.conf");
    await fleet.folder.write("m/files/all/app.conf", "port = 80\n");
    const run = (source: string, ...more: string[]) =>
      fleet.manager(
        ...["run", "web-1", "--op", "file.Fetch"],
        ...[`source=${source}`, `path=${path}`, ...more],
      );

    const refused = await run("app.conf");
    const first = await run("app.conf", "parents=true");
    const second = await run("app.conf");
    const missing = await run("none.conf");

    assertEquals([refused.code, missing.code], Array(2).fill(ExitCode.failed));
    assertMatch(refused.stderr, /make it first, or give parents=true/);
    assertEquals(first.stdout, `wrote ${path} (10 bytes)\n`);
    assertEquals(second.stdout, `unchanged: ${path}\n`);
    assertMatch(
      missing.stderr,
      /put it into the Manager's state folder as files\/all\/none\.conf, or as files\/groups\/GROUP\/none\.conf for one group/,
    );
  },
);

story("file.Fetch copies a large file completely", async (executables) => {
  await using fleet = await startFleet(executables, { agents: ["web-1"] });
  const content = floodBytes(5_000_001);
  await fleet.folder.write("m/files/all/sub/large.bin", content);
  const path = fleet.folder.at("large.bin");

  const { state, data } = await fetch(fleet, "web-1", {
    source: "sub/large.bin",
    path,
  });

  assertEquals(state, "succeeded");
  assertEquals(data["size"], content.length);
  assertEquals((await Deno.readFile(path)).toBase64(), content.toBase64());
});

story(
  "an agent gets the file of its group before the common one, and none of other groups",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "db-1"],
      groups: { "web-1": ["web"], "db-1": ["db"] },
    });
    await fleet.folder.write("m/files/all/motd", "everybody");
    await fleet.folder.write("m/files/groups/web/motd", "web");
    await fleet.folder.write("m/files/groups/web/secret", "of web");
    const path = fleet.folder.at("out");

    await fetch(fleet, "web-1", { source: "motd", path: `${path}-web` });
    await fetch(fleet, "db-1", { source: "motd", path: `${path}-db` });
    const refused = [
      await fetch(fleet, "db-1", { source: "secret", path: `${path}-secret` }),
      await fetch(fleet, "db-1", {
        source: "../groups/web/secret",
        path: `${path}-secret`,
      }),
      await fetch(fleet, "db-1", {
        source: "../../ca.key",
        path: `${path}-secret`,
      }),
    ];

    assertEquals(await Deno.readTextFile(`${path}-web`), "web");
    assertEquals(await Deno.readTextFile(`${path}-db`), "everybody");
    assertEquals(refused.map(({ state }) => state), Array(3).fill("failed"));
    const files = [...Deno.readDirSync(fleet.folder.path)].map(({ name }) =>
      name
    );
    assert(!files.includes("out-secret"), `${files}`);
  },
);

story(
  "an operation that burns the CPU delays neither pings nor other commands",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      agentConfig: TESTING,
      managerConfig: { pingIntervalMs: 1_000 },
    });
    await fleet.manager(
      "run",
      "web-1",
      "--detach",
      "--op",
      "test.Spin",
      "seconds:=600",
    );
    await fleet.state("1", ({ state }) => state === "running");

    const beside = await fleet.manager(
      "run",
      "web-1",
      "--",
      ...program("printAndExit", "quick"),
    );
    const [meanwhile] = await fleet.json("show", "1");
    await fleet.manager("cancel", "1");
    const spun = await fleet.manager(
      ...["run", "web-1", "--op", "test.Spin", "seconds:=3"],
    );

    assertEquals(beside.stdout, "quick\n");
    assertEquals(meanwhile?.["state"], "running");
    assertEquals(spun.code, ExitCode.ok);
    assertEquals(await fleet.eventsOf("agent_disconnected"), []);
  },
);

story(
  "an operation that burns the CPU can be cancelled",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      agentConfig: TESTING,
    });
    await fleet.manager(
      "run",
      "web-1",
      "--detach",
      "--op",
      "test.Spin",
      "seconds:=600",
    );
    await fleet.state("1", ({ state }) => state === "running");

    await fleet.manager("cancel", "1");
    const { code } = await fleet.manager("watch", "1");

    assertEquals(code, ExitCode.cancelled);
  },
);

/** Result of a fetch. */
interface Fetched {
  readonly state: string;
  readonly changed: boolean;
  readonly data: Readonly<Record<string, unknown>>;
}

async function fetch(
  fleet: Fleet,
  agent: string,
  { source, path }: { source: string; path: string },
): Promise<Fetched> {
  const events = await fleet.json<Fetched & { event: string }>(
    "run",
    agent,
    "--op",
    "file.Fetch",
    `source=${source}`,
    `path=${path}`,
    "mode=0644",
  );
  const result = events.find(({ event }) => event === "result");
  assert(result !== undefined);
  return result;
}
