import { assertEquals, assertMatch } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { aJoinToken, aPendingAgent } from "../fake_enrolment.ts";
import { FakeManager } from "../fake_manager.ts";
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
  assertEquals(values.length, 2);
  return values.flatMap((value) => check(value) ? [] : [check.errors]);
}

Deno.test("token list has each token with its state, and as its schema says", async () => {
  const manager = new FakeManager();
  manager.enrolment.tokens = [
    aJoinToken({ approve: true }),
    aJoinToken({ id: 4n, used: 50n, name: "", revokedAtMs: 5_000n }),
  ];
  const { stdout } = await see(["token", "list"], { manager });
  const json = await see(["token", "list", "--json"], { manager });

  assertMatch(
    stdout,
    /^ID .*\n3 +good, to accept +2 of 50 .* web-\* +web +10\.0\.0\.0\/8 +alice\n4 +revoked +50 of 50 .* any +web/,
  );
  assertEquals(await failures("join-token", json.stdout), []);
});

Deno.test("agent pending has each host with its key, and as its schema says", async () => {
  const manager = new FakeManager();
  manager.enrolment.pending = [
    aPendingAgent(),
    aPendingAgent({ name: "db-1", state: "rejected", reason: "not ours" }),
  ];
  const { stdout } = await see(["agent", "pending"], { manager });
  const json = await see(["agent", "pending", "--json"], { manager });

  assertMatch(
    stdout,
    /^NAME .*\nweb-9 +waiting +SHA256:abc +192\.0\.2\.7 +3 .*\ndb-1 +rejected: not ours +SHA256:abc/,
  );
  assertEquals(await failures("pending", json.stdout), []);
});
