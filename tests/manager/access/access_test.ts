import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../../lib/base/errors.ts";
import { parseLoginLine } from "../../../lib/base/login_line.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { Access } from "../../../lib/manager/access/access.ts";
import type { NewRule } from "../../../lib/store/operator_records.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const DAY_MS = 86_400_000;
const PLACE = {
  address: "mgr.example.org:7052",
  caCertificate: new Uint8Array([1, 2, 3]),
};
const FROM = "192.0.2.7";
const RUN = { operation: "command.Run", params: "{}" };

/** Rule of an operator that allows commands on a target expression. */
function allow(operator: string, onTargets: string): NewRule {
  return {
    operator,
    deny: false,
    onTargets,
    operations: ["command.Run"],
    argv: [],
    most: 0,
    trustFacts: false,
    approve: 0,
    within: "",
  };
}

/** Manager in memory with the agents web-1 and db-1, and its operators. */
async function start() {
  const manager = await MemoryManager.start();
  await manager.knows("web-1");
  await manager.knows("db-1");
  const access = await open(manager);
  return {
    manager,
    access,
    add: async (name: string, rules: readonly NewRule[] = []) =>
      parseLoginLine(
        await access.add({
          name,
          role: "operator",
          rules,
          tokenLifeMs: DAY_MS,
        }),
      ).code,
    [Symbol.asyncDispose]: async () => {
      access.stop();
      await manager[Symbol.asyncDispose]();
    },
  };
}

/** Operators as the next run of a Manager finds them. */
async function open(manager: MemoryManager): Promise<Access> {
  const { store, clock, roster } = manager;
  const access = new Access({
    store,
    clock,
    random: systemRandom,
    unlimitedOperations: ["command.Run", "cron.Job"],
    roster,
    targeting: {
      resolve: () => Promise.reject(new Error("not asked for")),
    } as never,
    denied: () => {},
    place: () => PLACE,
  });
  await access.load();
  return access;
}

Deno.test("a login line names the control port, and its code becomes a token once", async () => {
  await using fleet = await start();
  const { access } = fleet;
  const line = await access.add({
    name: "alice",
    role: "viewer",
    rules: [],
    tokenLifeMs: DAY_MS,
  });
  const { code, ...place } = parseLoginLine(line);

  const { token, ...login } = await access.login(code, FROM);

  assertEquals(place, { ...PLACE, operator: "alice" });
  assertEquals(login, {
    operator: "alice",
    role: "viewer",
    expiresAt: fleet.manager.clock.now() + DAY_MS,
  });
  assertEquals(access.admit(token, FROM)?.name, "alice");
  await assertRejects(
    () => access.login(code, FROM),
    PiriError,
    "Cannot log in: the code is not known",
  );
});

Deno.test("a code is no token, and ends after ten minutes", async () => {
  await using fleet = await start();
  const code = await fleet.add("alice");

  assertEquals(fleet.access.admit(code, FROM), undefined);
  await fleet.manager.clock.advance(600_000);
  await assertRejects(() => fleet.access.login(code, FROM), PiriError, "code");
});

Deno.test("one of two logins that trade a code at once gets a token", async () => {
  await using fleet = await start();
  const code = await fleet.add("alice");

  const tries = await Promise.allSettled([
    fleet.access.login(code, FROM),
    fleet.access.login(code, "192.0.2.8"),
  ]);

  assertEquals(tries.map(({ status }) => status), ["fulfilled", "rejected"]);
});

Deno.test("tokens and codes are in the database as hashes alone", async () => {
  await using fleet = await start();
  const code = await fleet.add("alice");
  const { token } = await fleet.access.login(code, FROM);
  const other = await fleet.add("bob");

  const stored = JSON.stringify(
    await fleet.manager.store.operators(),
    (_, value) => value instanceof Uint8Array ? encodeHex(value) : value,
  );

  for (const secret of [code, token, token.slice("piri_op_".length), other]) {
    assert(!stored.includes(secret), "a secret is in the database");
  }
});

for (
  const [what, end] of [
    ["its revocation", (access: Access, id: number) => access.revoke(id)],
    [
      "the suspension of its operator",
      (access: Access) => access.set("alice", { suspended: true }),
    ],
    ["the removal of its operator", (access: Access) => access.remove("alice")],
  ] satisfies [string, (access: Access, id: number) => Promise<unknown>][]
) {
  Deno.test(`a token ends with ${what}, for open streams at once`, async () => {
    await using fleet = await start();
    const { access } = fleet;
    const { token } = await access.login(await fleet.add("alice"), FROM);
    const { token: second } = await access.login(await fleet.add("bob"), FROM);
    const identity = access.admit(token, FROM);
    const bystander = access.admit(second, FROM);
    assert(identity !== undefined && bystander !== undefined);

    await end(access, identity.tokenId);

    assert(identity.ended.aborted, "the stream goes on");
    assertEquals(identity.ended.reason.code, "AUTH_FAILED");
    assertEquals(access.admit(token, FROM), undefined);
    assert(!bystander.ended.aborted, "another's stream has ended");
    assertEquals(access.admit(second, FROM)?.name, "bob");
  });
}

Deno.test("a token ends with its time, for open streams, too", async () => {
  await using fleet = await start();
  const { access, manager } = fleet;
  const { token } = await access.login(await fleet.add("alice"), FROM);
  const identity = access.admit(token, FROM);

  await manager.clock.advance(DAY_MS - 1);
  assertEquals(identity?.ended.aborted, false);
  await manager.clock.advance(1);

  assertEquals(identity?.ended.aborted, true);
  assertEquals(access.admit(token, FROM), undefined);
});

Deno.test("rights are those of the moment, not those of the login", async () => {
  await using fleet = await start();
  const { access } = fleet;
  const { token } = await access.login(
    await fleet.add("alice", [allow("alice", "web-*")]),
    FROM,
  );
  const identity = access.admit(token, FROM);
  identity?.check(RUN, ["web-1"]);

  await access.removeRule("alice", 1);
  await access.set("alice", { role: "viewer" });

  assertThrows(() => identity?.check(RUN, ["web-1"]), PiriError, "no rule");
  assertEquals(identity?.role, "viewer");
});

Deno.test("operators, tokens and rules are there after a restart", async () => {
  await using fleet = await start();
  const { token } = await fleet.access.login(
    await fleet.add("alice", [allow("alice", "web-*"), allow("alice", "db-*")]),
    FROM,
  );
  await fleet.access.removeRule("alice", 1);

  const next = await open(fleet.manager);

  const identity = next.admit(token, FROM);
  identity?.check(RUN, ["db-1"]);
  assertThrows(
    () => identity?.check(RUN, ["web-1"]),
    PiriError,
    'Cannot run command.Run on "web-1": no rule of "alice" allows it (alice#2 allows "db-*")',
  );
  next.stop();
});

Deno.test("two rules that are added at once are each told by their own numbers", async () => {
  await using parts = await start();
  const { access, add } = parts;
  await add("alice");
  const targets = ["web-1", "db-1", "all"];
  const added = await Promise.all(
    targets.map((each) => access.addRule(allow("alice", each))),
  );

  assertEquals(
    added.map(({ number, onTargets }) => [number, onTargets]),
    targets.map((each, index) => [index + 1, each]),
  );
});

Deno.test("the number of a rule is not given again to the next one while a later is there", async () => {
  await using fleet = await start();
  const { access } = fleet;
  await fleet.add("alice", [allow("alice", "web-*"), allow("alice", "db-*")]);
  await access.removeRule("alice", 1);

  const { number } = await access.addRule(allow("alice", "all"));

  assertEquals(number, 3);
});

Deno.test("an unlimited rule is called so when it is added, and in the list", async () => {
  await using fleet = await start();
  const { access } = fleet;
  await fleet.add("alice");

  const added = (name: string) =>
    access.addRule({ ...allow("alice", "all"), operations: [name] });
  const rules = [await added("cron.*"), await added("service.*")];

  assertEquals(rules.map(({ unlimited }) => unlimited), [true, false]);
  assertEquals(
    access.list().flatMap(({ rules }) => rules.map((rule) => rule.unlimited)),
    [true, false],
  );
});

Deno.test("the last use of a token is recorded with its address", async () => {
  await using fleet = await start();
  const { access, manager } = fleet;
  const { token } = await access.login(await fleet.add("alice"), FROM);
  await manager.clock.advance(120_000);
  access.admit(token, "192.0.2.99");
  access.admit(token, "192.0.2.100");
  await manager.store.operators();

  const [alice] = access.list();

  assertEquals(alice?.tokens.map(({ usedFrom }) => usedFrom), ["192.0.2.99"]);
  assertEquals(alice?.tokens[0]?.usedAt, manager.clock.now());
});

Deno.test("two logins of one operator have tokens of their own", async () => {
  await using fleet = await start();
  const { access } = fleet;
  const first = await access.login(await fleet.add("alice"), FROM);
  const again = parseLoginLine(
    await access.invite("alice", { tokenLifeMs: DAY_MS }),
  );
  const second = await access.login(again.code, FROM);
  const identity = access.admit(first.token, FROM);
  assertNotEquals(first.token, second.token);

  await access.revoke(identity?.tokenId ?? 0);

  assertEquals(access.admit(first.token, FROM), undefined);
  assertEquals(access.admit(second.token, FROM)?.name, "alice");
});

Deno.test("an operator cannot be added twice, nor with a mistake in a rule", async () => {
  await using fleet = await start();
  await fleet.add("alice");

  await assertRejects(() => fleet.add("alice"), PiriError, "one of that name");
  await assertRejects(
    () => fleet.add("bob", [allow("bob", "web-* and")]),
    PiriError,
  );
  await assertRejects(() => fleet.add("a b"), PiriError, "a name has letters");

  assertEquals(fleet.access.list().map(({ name }) => name), ["alice"]);
});

for (
  const [what, call] of [
    ["remove", (access: Access) => access.remove("bob")],
    ["set", (access: Access) => access.set("bob", { role: "admin" })],
    [
      "invite",
      (access: Access) => access.invite("bob", { tokenLifeMs: DAY_MS }),
    ],
    ["addRule", (access: Access) => access.addRule(allow("bob", "all"))],
    ["removeRule", (access: Access) => access.removeRule("bob", 1)],
    ["revoke", (access: Access) => access.revoke(99)],
  ] satisfies [string, (access: Access) => Promise<unknown>][]
) {
  Deno.test(`${what} of what is not there says so`, async () => {
    await using fleet = await start();

    const error = await assertRejects(() => call(fleet.access), PiriError);

    assertEquals(error.code, "NOT_FOUND");
  });
}
