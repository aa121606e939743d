import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { AuditLog } from "../lib/agent/audit/audit_log.ts";
import { Counters } from "../lib/base/counters.ts";
import { PiriError } from "../lib/base/errors.ts";
import { openFileDisk } from "../lib/base/file_disk.ts";
import { readHostRecord, verifyHostRecord } from "../lib/host_record.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { TempFolder } from "./support/temp_folder.ts";

const COMMAND = {
  id: 17n,
  nonce: 7n,
  managerId: "m-1",
  operation: "command.Run",
  program: "/bin/ls",
  requestedBy: "anna",
};

function recordIn(dir: string): AuditLog {
  return new AuditLog({
    open: () => openFileDisk(join(dir, "audit")),
    clock: new FakeClock(),
    counters: new Counters(),
  });
}

Deno.test("a record can be read while its agent writes it, and afterwards", async () => {
  await using folder = await TempFolder.make();
  const audit = recordIn(folder.path);
  await audit.add({ at: 1_000, event: "accepted", command: COMMAND });

  const meanwhile = await readHostRecord(folder.path);
  await audit.add({
    at: 2_000,
    event: "ended",
    command: COMMAND,
    end: { state: "succeeded", exitCode: 0 },
  });
  await audit[Symbol.asyncDispose]();
  const afterwards = await readHostRecord(folder.path);

  assertEquals(
    [meanwhile, afterwards].map(({ commands }) =>
      commands.map(({ id, state, requestedBy }) => [id, state, requestedBy])
    ),
    [[[17n, "accepted", "anna"]], [[17n, "succeeded", "anna"]]],
  );
});

Deno.test("a record is for its owner alone", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await TempFolder.make();
  await using audit = recordIn(folder.path);
  await audit.add({ at: 1_000, event: "accepted", command: COMMAND });

  const modes = ["audit", "audit/audit-000001.jsonl"].map((name) =>
    ((Deno.statSync(join(folder.path, name)).mode ?? 0) & 0o777).toString(8)
  );
  assertEquals(modes, ["700", "600"]);
});

Deno.test("a record that cannot be opened is told in the log, and made once it can", async () => {
  await using folder = await TempFolder.make();
  const path = join(folder.path, "audit");
  await Deno.writeTextFile(path, "in the way");
  await using audit = recordIn(folder.path);
  await audit.add({ at: 1_000, event: "accepted", command: COMMAND });
  await Deno.remove(path);
  await audit.add({ at: 2_000, event: "accepted", command: COMMAND });

  const { commands, troubles } = await readHostRecord(folder.path);

  assertEquals([commands.length, troubles.length], [1, 1]);
});

Deno.test("an agent that never got a command has an empty record", async () => {
  await using folder = await TempFolder.make();
  await Deno.writeTextFile(join(folder.path, "agent.yaml"), "");

  assertEquals(await readHostRecord(folder.path), {
    commands: [],
    troubles: [],
  });
});

Deno.test("a folder that is no agent's has no record", async () => {
  await using folder = await TempFolder.make();
  const dir = join(folder.path, "nothing");

  const error = await assertRejects(() => readHostRecord(dir), PiriError);

  assertEquals([error.code, error.message], [
    "FAILED_PRECONDITION",
    `Cannot read the record in "${dir}": no agent keeps its state there; use --dir`,
  ]);
});

Deno.test("a record is verified while its agent writes it, and an edit of its file is found", async () => {
  await using folder = await TempFolder.make();
  {
    await using audit = recordIn(folder.path);
    await audit.add({ at: 1_000, event: "accepted", command: COMMAND });
    await audit.add({ at: 2_000, event: "started", command: COMMAND });
    assertEquals((await verifyHostRecord(folder.path)).findings, []);
  }
  const path = folder.at("audit/audit-000001.jsonl");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace("/bin/ls", "/bin/rm"));
  assertEquals((await verifyHostRecord(folder.path)).findings, [
    "line 1 of audit-000001.jsonl, number 1, was changed: number 2 names another one",
  ]);
});
