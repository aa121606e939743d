import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { decodeTestimony } from "../lib/agent/witness/witness_file.ts";
import { WITNESS_FILE } from "../lib/agent/witness/witnesses.ts";
import { systemClock } from "../lib/base/clock.ts";
import { systemRandom } from "../lib/base/random.ts";
import type { AuditVerdict } from "../lib/manager/api/audit_api.ts";
import type { Manager } from "../lib/manager/api/operator_api.ts";
import { initState } from "../lib/manager/state/init_state.ts";
import { statePaths } from "../lib/manager/state/state_paths.ts";
import { joinManager, serveAgent } from "../lib/serve_agent.ts";
import { serveManager } from "../lib/serve_manager.ts";
import { freePort } from "../scripts/local/free_port.ts";
import { agentConnected } from "./support/agent_connected.ts";
import { until } from "./support/live_program.ts";
import { rebuilt } from "./support/rebuilt_audit.ts";
import { TempFolder } from "./support/temp_folder.ts";

const SHORT = Deno.build.os === "darwin" ? { dir: "/tmp" } : {};

const options = { clock: systemClock, random: systemRandom };

const ASK = {
  targets: { expressions: ["all"] },
  requestedBy: "anna",
  saidBy: "",
};

/** Runs a Manager of a folder with one agent, and stops both. */
async function served<T>(
  { m, a }: { m: string; a: string },
  act: (manager: Manager) => Promise<T>,
): Promise<T> {
  await using served = await serveManager({ ...options, dir: m });
  // The edition that can only look is enough of a witness.
  await using _agent = await serveAgent({
    ...options,
    dir: a,
    edition: "observe",
  });
  await agentConnected(served.manager);
  return await act(served.manager);
}

/** A command that the agent carries out. */
async function echo({ jobs }: Manager, requestId: string): Promise<void> {
  const { job } = await jobs.start({
    ...ASK,
    operation: "echo.Echo",
    params: '{"text":"hello"}',
    onDisconnect: "continue",
    requestId,
    limits: {
      canaryTargets: [],
      cancelRest: false,
      order: "name",
      supersedeKey: "",
    },
    name: "",
    note: "",
  });
  const { signal } = new AbortController();
  await Array.fromAsync(
    jobs.watch(job.id, { output: false, from: [], signal }),
  );
}

/** True if an agent keeps a checkpoint of this number of entries. */
async function keeps(dir: string, entries: bigint): Promise<boolean> {
  const text = await Deno.readTextFile(join(dir, WITNESS_FILE));
  return decodeTestimony(text)?.witnesses
    .some(({ count }) => count === entries) ?? false;
}

/** Findings about an audit that was edited in the file while nobody ran, as the Manager's agent sees it. */
async function verdictAfter(
  edit: (db: DatabaseSync, managerId: string) => void,
): Promise<AuditVerdict> {
  await using folder = await TempFolder.make(SHORT);
  const [m, a] = [folder.at("m"), folder.at("a")];
  const address = { host: "127.0.0.1", port: freePort() };
  await initState(m, { ...options, listen: address, advertise: address });
  let managerId = "";
  {
    await using manager = await serveManager({ ...options, dir: m });
    const { agents } = manager.manager;
    const token = await agents.add({ id: "web-1", groups: [], cidrs: [] });
    await joinManager(token, { ...options, dir: a });
    managerId = (await manager.manager.status()).managerId;
  }
  await served({ m, a }, async (manager) => {
    for (const request of ["r-1", "r-2", "r-3"]) await echo(manager, request);
  });
  // The checkpoint of that stop, of the agent and three commands, reaches the agent with this start.
  await served({ m, a }, () => until("it is kept", () => keeps(a, 5n)));
  {
    using db = new DatabaseSync(statePaths(m).database);
    edit(db, managerId);
  }
  return await served(
    { m, a },
    ({ audit }) => audit.verify(new AbortController().signal, ASK),
  );
}

/** Kinds and first entries of findings. */
function inShort({ problems }: AuditVerdict): string[] {
  return problems.map(({ kind, id, agents }) =>
    [kind, id, ...agents].join(" ")
  );
}

Deno.test("an audit that nobody edited is whole by the word of an agent", async () => {
  const verdict = await verdictAfter(() => {});

  assertEquals(inShort(verdict), []);
  assertEquals(verdict.finding, undefined);
  const [word] = verdict.agents;
  assertEquals([word?.agent, word?.error, word?.unknown, word?.tooOld], [
    "web-1",
    "",
    0,
    0,
  ]);
  assertEquals((word?.witnesses ?? 0) > 0, true);
  // Three times echo, and the question itself.
  assertEquals(word?.commands, 4);
});

Deno.test("an entry that was changed is found", async () => {
  assertEquals(
    inShort(
      await verdictAfter((db) =>
        db.exec("UPDATE audit SET who = 'mallory' WHERE id = 2")
      ),
    ),
    ["changed 2"],
  );
});

Deno.test("an entry that was removed is found", async () => {
  assertEquals(
    inShort(
      await verdictAfter((db) => db.exec("DELETE FROM audit WHERE id = 2")),
    )[0],
    "removed 2",
  );
});

Deno.test("an entry that was put in is found", async () => {
  assertEquals(
    inShort(
      await verdictAfter((db) => {
        db.exec("UPDATE audit SET id = -id WHERE id >= 2");
        db.exec("UPDATE audit SET id = 1 - id WHERE id < 0");
        db.exec(
          "INSERT INTO audit SELECT 2, at, 'mallory', credential, origin, act, target, operation, decision, rule, statement, outcome, note, hash FROM audit WHERE id = 1",
        );
        db.exec("UPDATE meta SET audit_last_id = audit_last_id + 1");
      }),
    )[0],
    "added 2",
  );
});

Deno.test("an end that was cut, with the end that the Manager keeps, is found by an agent", async () => {
  const verdict = await verdictAfter((db) => {
    db.exec("DELETE FROM audit WHERE id > 2");
    db.exec(
      "UPDATE meta SET audit_last_id = 2, audit_head = (SELECT hash FROM audit WHERE id = 2)",
    );
    db.exec("DELETE FROM audit_checkpoints");
  });

  assertEquals(verdict.finding, undefined);
  // The question itself is entry 3.
  assertEquals(inShort(verdict), ["cut 4 web-1"]);
  assertMatch(
    verdict.problems[0]?.message ?? "",
    /^the end is missing: the Manager signed \d entries at .*Z \(kept by web-1\), and there are 3$/,
  );
});

Deno.test("a chain that was made again, with all its hashes, is found by an agent", async () => {
  const verdict = await verdictAfter((db, managerId) => {
    db.exec("UPDATE audit SET who = 'mallory' WHERE id = 2");
    rebuilt(db, managerId);
    db.exec("DELETE FROM audit_checkpoints");
  });

  assertEquals(verdict.finding, undefined);
  assertEquals(
    verdict.problems.map(({ kind, agents }) => [kind, agents]),
    [["rebuilt", ["web-1"]]],
  );
  assertMatch(
    verdict.problems[0]?.message ?? "",
    /^entries \d to \d are not what the Manager signed at .*Z \(kept by web-1\): the chain was made again$/,
  );
});

Deno.test("a command that an agent took and the record does not have is found", async () => {
  const verdict = await verdictAfter((db) => {
    db.exec("PRAGMA foreign_keys = OFF");
    db.exec("DELETE FROM commands");
  });

  assertEquals(
    verdict.problems.map(({ kind, commandId, agents }) => [
      kind,
      commandId,
      agents,
    ]),
    [["denied", 3n, ["web-1"]], ["denied", 2n, ["web-1"]], ["denied", 1n, [
      "web-1",
    ]]],
  );
});
