import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeLoginLine } from "../../../lib/base/login_line.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

const LINE = encodeLoginLine({
  address: "mgr.example.org:7052",
  caCertificate: new Uint8Array([1, 2, 3]),
  operator: "alice",
  code: "A".repeat(43),
});

Deno.test("login trades the code, keeps the login, and is then the Manager that is asked", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  const options = { manager, stdin: `${LINE}\n`, env: { HOME: home.path } };

  const { code, stdout } = await see(["login", "-", "--name", "prod"], options);
  await see(["agents"], options);

  const folder = home.at(".config/piri/managers/prod");
  assertEquals(code, 0);
  assertStringIncludes(
    stdout,
    "logged in to mgr.example.org:7052 as alice (operator) until ",
  );
  assertEquals(manager.operators.codes, ["A".repeat(43)]);
  assertEquals(manager.dirs, ["mgr.example.org:7052", folder]);
  const { stdout: list } = await see(["login", "--json"], options);
  assertEquals(jsonLines(list).map(({ name, usual }) => [name, usual]), [
    ["prod", false],
  ]);
  assertEquals(list.includes("piri_op_secret"), false);
});

Deno.test("none of several logins is guessed, and one can be named or made the usual one", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  const options = { manager, env: { HOME: home.path } };
  await see(["login", LINE, "--name", "a"], options);
  await see(["login", LINE, "--name", "b"], options);

  const { code, stderr } = await see(["agents"], options);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "there are the logins a, b");
  assertStringIncludes(stderr, "PIRI_MANAGER=a names one");
  await see(["login", "--use", "b"], options);
  await see(["agents"], options);
  await see(["agents"], {
    manager,
    env: { HOME: home.path, PIRI_MANAGER: "a" },
  });
  assertEquals(
    manager.dirs.slice(2),
    ["b", "a"].map((name) => home.at(`.config/piri/managers/${name}`)),
  );
});

Deno.test("logout removes the login, and says if the token stays good", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  const options = { manager, env: { HOME: home.path } };
  await see(["login", LINE, "--name", "a"], options);
  manager.down = true;

  const { code, stderr } = await see(["logout", "a"], options);

  assertEquals(code, 0);
  assertStringIncludes(stderr, "so the token stays good until ");
  assertEquals(manager.places.at(-1)?.token, "piri_op_secret");
  assertEquals((await see(["logout", "a"], options)).code, 5);
});

Deno.test("a code that is not known ends with 4 and the way to another line", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  manager.operators.refusal = new PiriError("AUTH_FAILED", "Cannot log in");
  const { code, stderr } = await see(["login", LINE], {
    manager,
    env: { HOME: home.path },
  });

  assertEquals(code, 4);
  assertStringIncludes(stderr, "piri-manager operator invite alice");
});

Deno.test("rule add sends a rule, and calls an unlimited one by that word", async () => {
  const manager = new FakeManager();
  manager.operators.unlimited = true;
  const { code, stdout } = await see([
    ...["rule", "add", "alice", "allow", "--on", "@web", "--do", "command.Run"],
    ...["--argv", "sh -c '*'", "--max", "50"],
  ], { manager });

  assertEquals([code, stdout], [
    0,
    "alice#1 allow command.Run on @web, as sh -c *, at most 50 agents at a time, unlimited\n",
  ]);
  assertEquals(manager.operators.newRules[0]?.rule?.argv, ["sh", "-c", "*"]);
});

Deno.test("rule test exits with 0 for allowed, and with 1 for denied", async () => {
  const manager = new FakeManager();
  const words = ["rule", "test", "alice", "--on", "web-1", "--", "id"];
  manager.operators.tested = { allowed: true, reason: "alice#1 allows it" };
  const allowed = await see(words, { manager });
  manager.operators.tested = { allowed: false, reason: "no rule allows it" };
  const denied = await see(words, { manager });

  assertEquals([allowed.code, allowed.stdout], [
    0,
    "allowed: alice#1 allows it\n",
  ]);
  assertEquals([denied.code, denied.stdout], [
    1,
    "denied: no rule allows it\n",
  ]);
  assertEquals(manager.operators.tests[0]?.params, '{"argv":["id"]}');
});

Deno.test("an operator that does not exist gets the nearest name as the hint", async () => {
  const { code, stderr } = await see(["operator", "suspend", "alise"]);

  assertEquals(code, 5);
  assertStringIncludes(stderr, 'did you mean "alice"?');
});
