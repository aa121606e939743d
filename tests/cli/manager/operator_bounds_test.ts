import { assertEquals, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { encodeLoginLine } from "../../../lib/base/login_line.ts";
import { byteCalls } from "../../../lib/files/byte_calls.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import { anOperator } from "../fake_operators.ts";
import { jsonLines, see } from "./start.ts";

const LINE = encodeLoginLine({
  address: "mgr.example.org:7052",
  caCertificate: new Uint8Array([1, 2, 3]),
  operator: "alice",
  code: "A".repeat(43),
});
const RULE = {
  number: 2,
  on: "@web",
  operations: ["command.Run"],
  argv: ["id"],
  within: "Sat,Sun UTC",
};
const TOKEN = {
  id: 5n,
  createdAtMs: 1n,
  expiresAtMs: 2n,
  usedAtMs: 1n,
  usedFrom: "10.0.0.1",
  cidrs: ["10.0.0.0/8"],
};
const ALICE = anOperator({ rules: [RULE], tokens: [TOKEN], see: "@web" });

Deno.test("operator add sends networks and what the operator sees, and login its own networks", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  const options = { manager, env: { HOME: home.path } };
  const role = ["--role", "viewer"];
  const bounds = ["--cidr", "10.0.0.0/8", "--cidr", "2001:db8::/32"];
  await see(
    ["operator", "add", "bob", ...role, ...bounds, "--see", "@web"],
    { manager },
  );
  await see(["operator", "invite", "alice", ...bounds], { manager });
  await see(["login", LINE, "--cidr", "10.1.0.0/16"], options);

  const [added] = manager.operators.additions;
  assertEquals([added?.cidrs, added?.see], [
    ["10.0.0.0/8", "2001:db8::/32"],
    "@web",
  ]);
  const [invitation] = manager.operators.invitations;
  assertEquals(invitation?.cidrs, ["10.0.0.0/8", "2001:db8::/32"]);
  assertEquals(manager.operators.networks, ["10.1.0.0/16"]);
});

Deno.test("operator set bounds what an operator sees, and all ends that", async () => {
  const manager = new FakeManager();
  const bound = await see(["operator", "set", "alice", "--see", "@web"], {
    manager,
  });
  const all = await see(["operator", "set", "alice", "--see", "all"], {
    manager,
  });

  assertEquals([bound.stdout, all.stdout], [
    'operator "alice" has the role operator and sees @web\n',
    'operator "alice" has the role operator and sees all\n',
  ]);
  assertEquals(manager.operators.changes.map(({ see }) => see), ["@web", ""]);
});

Deno.test("rule add sends times of the week, and shows them", async () => {
  const manager = new FakeManager();
  const within = "Mon-Fri 08:00-18:00 Europe/Berlin";
  const { stdout } = await see([
    ...["rule", "add", "alice", "allow", "--on", "@web", "--do", "file.Read"],
    ...["--within", within],
  ], { manager });

  assertEquals(
    stdout,
    `alice#1 allow file.Read on @web, within ${within}\n`,
  );
  assertEquals(manager.operators.newRules[0]?.rule?.within, within);
});

Deno.test("rule list has the times of the week", async () => {
  const manager = new FakeManager();
  manager.operators.known = [ALICE];

  const { stdout } = await see(["rule", "list", "alice"], { manager });

  assertStringIncludes(stdout, "Sat,Sun UTC");
});

Deno.test("rule test asks for another time, and refuses one that is none", async () => {
  const manager = new FakeManager();
  const test = (at: string) =>
    see(["rule", "test", "alice", "--on", "all", "--at", at, "--", "id"], {
      manager,
    });
  await test("2026-06-01T22:30:00Z");
  const wrong = await test("tomorrow");

  assertEquals(
    manager.operators.tests.map(({ atMs }) => atMs),
    [BigInt(Date.UTC(2026, 5, 1, 22, 30))],
  );
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, 'Cannot test at "tomorrow"');
});

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

for (
  const words of [
    ["run", "all", "--", "x"],
    ["facts", "refresh", "all"],
    ["put", "FILE", "all:/etc/app.conf"],
  ]
) {
  Deno.test(`${words[0]} --skip-denied asks for that, and names who is left out on stderr`, async () => {
    await using temp = await TempFolder.make();
    await temp.write("app.conf", "a = 1");
    const [name = "", ...rest] = words.map((word) =>
      word === "FILE" ? temp.at("app.conf") : word
    );
    const manager = new FakeManager();
    manager.notes = { denied: ["db-1", "db-2"] };
    const { stderr } = await see(
      [name, "--skip-denied", "--detach", ...rest],
      { manager },
    );

    assertEquals(stderr, "left out as denied: 2 agents: db-[1-2]\n");
    assertEquals(manager.runs[0]?.skipDenied, true);
  });
}

/** Checks values against a schema of docs/schema, which must name all of their fields. */
async function failures(
  name: string,
  values: readonly unknown[],
): Promise<unknown> {
  const ajv = new Ajv2020({ formats: { "date-time": true } });
  const url = new URL(
    `../../../docs/schema/${name}.schema.json`,
    import.meta.url,
  );
  const check = ajv.compile({
    ...JSON.parse(await Deno.readTextFile(url)),
    $schema: undefined,
  });
  assertEquals(values.length > 0, true);
  return values.flatMap((value) => check(value) ? [] : [check.errors]);
}

Deno.test("operators, rules, logins and callers are as docs/schema says", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  manager.operators.known = [ALICE, anOperator({ name: "bob" })];
  manager.operators.caller = { name: "alice", operator: ALICE };
  const options = { manager, env: { HOME: home.path } };
  const json = async (...words: string[]) =>
    jsonLines((await see([...words, "--json"], options)).stdout);

  assertEquals(
    await failures("login", await json("login", LINE, "--name", "a")),
    [],
  );
  assertEquals(await failures("login", await json("login")), []);
  assertEquals(await failures("operator", await json("operator", "list")), []);
  assertEquals(await failures("rule", await json("rule", "list", "alice")), []);
  assertEquals(await failures("whoami", await json("whoami")), []);
  manager.operators.caller = { name: "root" };
  assertEquals(await failures("whoami", await json("whoami")), []);
});
