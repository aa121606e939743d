import { assertEquals } from "@std/assert";
import { agentAudit } from "../../lib/operations/agent_audit.ts";
import type { OperationContext } from "../../lib/operations/operation.ts";
import { encodeLine } from "../../lib/agent/audit/audit_line.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Answer of an agent with this state folder. */
async function asked(
  folder: TempFolder,
  params: { manager: string; skip?: number },
): Promise<unknown> {
  const context = {
    surroundings: {
      umask: 0o022,
      environment: {},
      ownRecords: {
        commands: folder.at("audit"),
        witnesses: folder.at("witnesses.json"),
      },
    },
  } as unknown as OperationContext;
  const { value } = await agentAudit.run(params, context).next();
  return (value as { data: unknown }).data;
}

/** Line for a command that was accepted. */
function accepted(id: bigint, managerId = "m-1"): string {
  return encodeLine({
    at: 1_000 * Number(id),
    event: "accepted",
    command: {
      id,
      nonce: id + 16n,
      managerId,
      operation: "echo.Echo",
      program: "",
      requestedBy: "anna",
    },
  });
}

Deno.test("agent.Audit tells the commands of one Manager, newest first", async () => {
  await using folder = await TempFolder.make();
  await folder.write(
    "audit/audit-000001.jsonl",
    accepted(1n) + accepted(2n, "m-2") + "{damaged\n",
  );
  await folder.write("audit/audit-000002.jsonl", accepted(3n));
  await folder.write("audit/other.jsonl", accepted(4n));

  assertEquals(await asked(folder, { manager: "m-1" }), {
    witnesses: [],
    commands: [["3", "0000000000000013", 3_000], [
      "1",
      "0000000000000011",
      1_000,
    ]],
    more: false,
  });
});

Deno.test("agent.Audit tells many commands in pages that fit into a result", async () => {
  await using folder = await TempFolder.make();
  const lines = Array.from({ length: 4_000 }, (_, id) => accepted(BigInt(id)));
  await folder.write("audit/audit-000001.jsonl", lines.join(""));

  const seen = new Set<string>();
  const sizes: number[] = [];
  for (const skip of [0, 1_500, 3_000]) {
    const data = await asked(folder, { manager: "m-1", skip });
    const { commands } = data as { commands: [string][] };
    sizes.push(JSON.stringify(data).length);
    for (const [id] of commands) seen.add(id);
  }
  assertEquals(seen.size, 4_000);
  assertEquals(sizes.filter((size) => size > 131_072 - 20_000), []);
});

Deno.test("agent.Audit of an agent that keeps nothing is empty", async () => {
  await using folder = await TempFolder.make();

  assertEquals(await asked(folder, { manager: "m-1" }), {
    witnesses: [],
    commands: [],
    more: false,
  });
});
