import { assertEquals, assertMatch } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { hashSecret } from "../../../lib/base/secret.ts";
import { parseJoinToken } from "../../../lib/base/join_token.ts";
import { fingerprint, SigningKey } from "../../../lib/base/signing_key.ts";
import type { StateSource } from "../../../lib/manager/api/plan_api.ts";
import type { StoredSecrets } from "../../../lib/manager/secrets/stored_secrets.ts";
import type { NewJoinToken } from "../../../lib/manager/api/enrolment_api.ts";
import {
  type Bye,
  Bye_Code,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MANAGER_PROOF, proves, testKey } from "../../support/keys.ts";
import {
  type CoreOptions,
  MemoryManager,
} from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

/** Address that the hosts of these tests dial from. */
const PEER = "192.0.2.7";

function start(options: CoreOptions = {}): Promise<MemoryManager> {
  return MemoryManager.start({ proof: MANAGER_PROOF, peer: PEER, ...options });
}

const TOKEN: NewJoinToken = {
  uses: 1,
  expiresInMs: 86_400_000,
  groups: [],
  name: "",
  cidrs: [],
  approve: false,
};

/** Makes a token, and returns its secret. */
async function tokenOf(
  core: MemoryManager,
  bounds: Partial<NewJoinToken> = {},
): Promise<string> {
  const { token } = await core.enrolment.createToken({ ...TOKEN, ...bounds });
  return parseJoinToken(token).secret;
}

/** A host that has said its hello with a token, and proven its key. */
async function joining(
  core: MemoryManager,
  name: string,
  joinToken: string,
  key: SigningKey = testKey(2),
): Promise<ScriptedPeer> {
  const { peer } = await proves(core, name, {
    key,
    hello: { joinToken, auth: `secret of ${name}` },
  });
  return peer;
}

async function isIn(peer: ScriptedPeer): Promise<void> {
  await peer.hears("serverHello");
}

async function refusal(peer: ScriptedPeer): Promise<string> {
  const { code, reason } = await peer.hears("bye");
  assertEquals(code, Bye_Code.AUTH_FAILED);
  return reason;
}

async function pendingBye(peer: ScriptedPeer): Promise<Bye> {
  const bye = await peer.hears("bye");
  assertEquals(bye.code, Bye_Code.PENDING);
  return bye;
}

Deno.test("a host joins by a token, and gets its groups and networks", async () => {
  await using core = await start();
  const token = await tokenOf(core, {
    groups: ["web"],
    cidrs: ["192.0.2.0/24"],
    name: "web-*",
  });

  await isIn(await joining(core, "web-1", token));

  const record = await core.store.agent("web-1");
  assertEquals(record?.groups, ["web"]);
  assertEquals(record?.cidrs, ["192.0.2.0/24"]);
  assertEquals(record?.publicKey, testKey(2).publicKey);
  const [used] = await core.enrolment.tokens();
  assertEquals(used?.used, 1);
  const [entry] = await core.audit.list({ limit: 10 });
  assertEquals(
    [entry?.act, entry?.who, entry?.credential, entry?.origin, entry?.outcome],
    ["Join", "web-1", "join token 1", PEER, "joined"],
  );
});

Deno.test("a join that is repeated with the same key succeeds again, and uses nothing", async () => {
  await using core = await start();
  const token = await tokenOf(core);
  const first = await joining(core, "web-1", token);
  await isIn(first);
  first.hangUp();
  await core.clock.settle();

  await isIn(await joining(core, "web-1", token));

  const [used] = await core.enrolment.tokens();
  assertEquals(used?.used, 1);
  const joins = await core.audit.list({ limit: 10 });
  assertEquals(joins.filter(({ act }) => act === "Join").length, 1);
});

for (const uses of [49, 100]) {
  Deno.test(`one of ${uses + 1} joins at once on ${uses} uses is refused with the reason`, () =>
    oneTooMany(uses));
}

async function oneTooMany(uses: number): Promise<void> {
  await using core = await start();
  const token = await tokenOf(core, { uses });

  const peers = await Promise.all(
    Array.from(
      { length: uses + 1 },
      (_, i) => joining(core, `web-${i + 1}`, token, testKey(i + 10)),
    ),
  );
  await core.clock.settle();
  const byes = peers.flatMap((peer) => peer.heardSoFar())
    .filter(({ case: kind }) => kind === "bye");

  assertEquals(byes.length, 1);
  const [bye] = byes;
  assertMatch(
    bye?.case === "bye" ? bye.value.reason : "",
    new RegExp(
      `^Cannot join as "web-\\d+": the token 1 was used ${uses} times of ${uses}$`,
    ),
  );
  const agents = await core.store.agents();
  assertEquals(agents.length, uses);
  assertEquals((await core.enrolment.tokens())[0]?.used, uses);
}

interface Bound {
  readonly options?: CoreOptions;
  readonly bounds?: Partial<NewJoinToken>;
  readonly before?: (core: MemoryManager) => Promise<unknown>;
  readonly name?: string;
  readonly reason: RegExp;
}

function stateOf(placesOf: StateSource["placesOf"]): StateSource {
  const unused = () => Promise.reject(new TypeError("not asked for"));
  return { names: unused, compile: unused, read: unused, placesOf };
}

function secretsWith(nameFor: StoredSecrets["nameFor"]): StoredSecrets {
  const unused = () => Promise.reject(new TypeError("not asked for"));
  return { find: unused, macOf: unused, nameFor };
}

const BOUNDS: Readonly<Record<string, Bound>> = {
  "of another name": {
    bounds: { name: "web-*" },
    name: "db-1",
    reason: /: this token is for names like "web-\*"$/,
  },
  "from another network": {
    bounds: { cidrs: ["10.0.0.0/8", "2001:db8::/32"] },
    reason: /: 192\.0\.2\.7 is not in 10\.0\.0\.0\/8 or 2001:db8::\/32$/,
  },
  "after its time": {
    bounds: { expiresInMs: 1_000 },
    before: (core) => core.clock.advance(1_000),
    reason: /: the token 1 expired at 20\d\d-.*Z$/,
  },
  "that was revoked": {
    before: (core) => core.enrolment.revokeToken(1),
    reason: /: the token 1 was revoked$/,
  },
  "for a name with another key": {
    before: (core) => withAgent(core, "web-1"),
    reason: /: there is an agent of that name, and it has another key$/,
  },
  "for a name without a key": {
    before: (core) => core.knows("web-1"),
    reason: /: there is an agent of that name, and it has another key$/,
  },
  "for a name that differs in case": {
    before: (core) => withAgent(core, "WEB-1"),
    reason: /: there is "WEB-1", and names may not differ only in upper/,
  },
  "for a word of target expressions": {
    name: "connected",
    reason: /: that is a word of target expressions$/,
  },
  "for a name that was removed": {
    before: async (core) => {
      await withAgent(core, "web-1");
      await core.agents.remove("web-1");
    },
    reason: /: an agent of that name was here before; it takes a token that/,
  },
  "for a name of a rule": {
    before: (core) =>
      core.access.add({
        name: "alice",
        role: "operator",
        tokenLifeMs: 1_000,
        rules: [{
          operator: "alice",
          deny: false,
          onTargets: "(all ! @web) and web-1",
          operations: ["*"],
          argv: [],
          most: 0,
          trustFacts: false,
          approve: 0,
          within: "",
        }],
      }),
    reason: /: the rule alice#1 names it; it takes a token that is for this/,
  },
  "for a name of what an operator sees": {
    before: (core) =>
      core.access.add({
        name: "bob",
        role: "viewer",
        see: "@web, web-[1-3]",
        tokenLifeMs: 1_000,
        rules: [],
      }),
    reason: /: what bob sees names it; it takes a token that is for this/,
  },
  "for a name of a drift rule": {
    options: {
      drift: [{
        state: "base",
        agents: "web-1",
        every: 3_600_000,
        jitter: 0,
        deadline: 60_000,
        do: "apply",
        ignore: [],
      }],
    },
    reason: /: the drift rule "base on web-1" names it; it takes a token/,
  },
  "for a name with data": {
    options: {
      data: {
        answer: () => Promise.resolve("nothing"),
        settingsOf: (agent) => Promise.resolve([`data/agents/${agent}.yaml`]),
      },
    },
    reason: /: data\/agents\/web-1\.yaml is for it; it takes a token/,
  },
  "for a name with a state": {
    options: {
      states: stateOf((agent) =>
        Promise.resolve([`states/agents/${agent}.yaml`])
      ),
    },
    reason: /: states\/agents\/web-1\.yaml is for it; it takes a token/,
  },
  "for a name with a secret": {
    options: {
      storedSecrets: secretsWith((agent) => Promise.resolve(`key of ${agent}`)),
    },
    reason: /: the secret "key of web-1" is for it; it takes a token/,
  },
  "while what is for a name cannot be read": {
    options: {
      storedSecrets: secretsWith(() =>
        Promise.reject(new PiriError("CORRUPT", "Cannot read it"))
      ),
    },
    reason: /: the Manager cannot read what is for it; it takes a token/,
  },
  "with a key that was revoked": {
    before: async (core) => {
      await withAgent(core, "db-1", testKey(2));
      await core.agents.revoke("db-1");
    },
    reason: /: the key of this host was revoked$/,
  },
};

/** An agent with a key of its own, which has connected and left. */
async function withAgent(
  core: MemoryManager,
  name: string,
  key = testKey(3),
): Promise<void> {
  await core.knows(name);
  const { peer } = await proves(core, name, { key });
  await peer.hears("serverHello");
  peer.hangUp();
  await core.clock.settle();
}

for (const [what, bound] of Object.entries(BOUNDS)) {
  const { options, bounds = {}, before, name = "web-1", reason } = bound;

  Deno.test(`a join ${what} is refused, and the host is told why`, async () => {
    await using core = await start(options);
    const token = await tokenOf(core, bounds);
    await before?.(core);
    const known = (await core.store.agents()).length;

    const told = await refusal(await joining(core, name, token));

    assertMatch(told, reason);
    assertMatch(told, new RegExp(`^Cannot join as "${name}": `));
    assertEquals((await core.enrolment.tokens())[0]?.used, 0);
    assertEquals((await core.store.agents()).length, known);
    const [entry] = await core.audit.list({ limit: 1 });
    assertEquals(
      [entry?.act, entry?.decision, entry?.outcome],
      ["Join", "denied", told],
    );
  });
}

Deno.test("a host that is refused again and again makes one event and one entry a minute", async () => {
  await using core = await start();
  const token = await tokenOf(core, { name: "web-*" });
  for (let hello = 0; hello < 5; hello++) {
    await refusal(await joining(core, "db-1", token));
  }

  const events = (await core.happened()).filter(({ kind }) =>
    kind === "agent_refused"
  );
  const entries = await core.audit.list({ limit: 10 });

  assertEquals(events.length, 1);
  assertEquals(entries.filter(({ act }) => act === "Join").length, 1);
});

Deno.test("a token that is for a name gives it although a rule names it, or it was removed", async () => {
  await using core = await start();
  await withAgent(core, "web-1");
  await core.agents.remove("web-1");
  const token = await tokenOf(core, { name: "web-1" });

  await isIn(await joining(core, "web-1", token));
});

Deno.test("a host without a key is told that this token needs one", async () => {
  await using core = await start();
  const joinToken = await tokenOf(core);

  const told = await refusal(await core.hello("web-1", { joinToken }));

  assertMatch(told, /this version of the agent proves none$/);
});

Deno.test("a stranger without a token learns nothing", async () => {
  await using core = await start();
  await tokenOf(core);
  await withAgent(core, "web-1");

  const unknown = await joining(core, "web-2", "A".repeat(43));
  const known = await joining(core, "web-1", "A".repeat(43));

  assertEquals([await refusal(unknown), await refusal(known)], [
    "auth failed",
    "auth failed",
  ]);
});

Deno.test("a host that claims a key which it does not prove is not let in by a token", async () => {
  await using core = await start();
  const joinToken = await tokenOf(core);
  const { peer } = await proves(core, "web-1", {
    key: testKey(4),
    hello: { joinToken, publicKey: testKey(2).publicKey },
  });

  assertEquals(await refusal(peer), "auth failed");
  assertEquals(await core.store.agents(), []);
});

Deno.test("a host waits until it is accepted, and joins with its next hello", async () => {
  await using core = await start();
  const token = await tokenOf(core, { approve: true, groups: ["web"] });

  const bye = await pendingBye(await joining(core, "web-1", token));
  assertEquals(bye.reason, '"web-1" waits to be accepted');
  assertEquals(bye.retryAfterMs, 10_000);
  await pendingBye(await joining(core, "web-1", token));
  const [host, ...others] = await core.enrolment.pending();
  assertEquals(others, []);
  assertEquals(
    [host?.name, host?.state, host?.address],
    ["web-1", "waiting", PEER],
  );
  assertEquals(await core.store.agents(), []);
  const asked = (await core.happened()).filter(({ kind }) =>
    kind === "agent_pending"
  );
  assertEquals(asked.length, 1);

  await core.enrolment.accept("web-1");
  await isIn(await joining(core, "web-1", token));

  assertEquals((await core.store.agent("web-1"))?.groups, ["web"]);
  assertEquals(await core.enrolment.pending(), []);
});

Deno.test("a host that is accepted joins although its token has expired meanwhile", async () => {
  await using core = await start();
  const token = await tokenOf(core, { approve: true, expiresInMs: 1_000 });
  await pendingBye(await joining(core, "web-1", token));
  await core.clock.advance(2_000);
  await core.enrolment.accept("web-1");

  await isIn(await joining(core, "web-1", token));
});

Deno.test("a host that waits is turned away when its token is revoked, although it is accepted", async () => {
  await using core = await start();
  const token = await tokenOf(core, { approve: true });
  await pendingBye(await joining(core, "web-1", token));
  await core.enrolment.accept("web-1");
  await core.enrolment.revokeToken(1);

  assertMatch(
    await refusal(await joining(core, "web-1", token)),
    /: the token 1 was revoked$/,
  );
});

Deno.test("a host that is rejected hears the reason, and may be accepted later all the same", async () => {
  await using core = await start();
  const token = await tokenOf(core, { approve: true });
  await pendingBye(await joining(core, "web-1", token));
  await core.enrolment.reject("web-1", { reason: "not ours" });

  assertEquals(
    await refusal(await joining(core, "web-1", token)),
    'Cannot join as "web-1": it was rejected: not ours',
  );
  await core.enrolment.accept("web-1");
  await isIn(await joining(core, "web-1", token));
});

Deno.test("the host with the named key is let in if two ask for one name", async () => {
  await using core = await start();
  const token = await tokenOf(core, { approve: true, uses: 2 });
  await pendingBye(await joining(core, "web-1", token, testKey(5)));
  await pendingBye(await joining(core, "web-1", token, testKey(6)));

  const refused = await core.enrolment.accept("web-1").catch(String);
  const key = fingerprint(testKey(6).publicKey);
  await core.enrolment.accept("web-1", key);
  const other = await joining(core, "web-1", token, testKey(5));
  await pendingBye(other);
  await isIn(await joining(core, "web-1", token, testKey(6)));

  assertMatch(String(refused), /2 hosts ask for that name/);
  assertMatch(
    await refusal(await joining(core, "web-1", token, testKey(5))),
    /it has another key$/,
  );
});

Deno.test("hosts that have not asked for a week are forgotten", async () => {
  await using core = await start();
  const token = await tokenOf(core, {
    approve: true,
    expiresInMs: 30 * 86_400_000,
  });
  await pendingBye(await joining(core, "web-1", token, testKey(5)));
  await core.clock.advance(8 * 86_400_000);
  await pendingBye(await joining(core, "web-2", token, testKey(6)));

  const names = (await core.enrolment.pending()).map(({ name }) => name);
  assertEquals(names, ["web-2"]);
});

Deno.test("the database has no token", async () => {
  await using core = await start();
  const secret = await tokenOf(core);

  const { tokens: [record] } = await core.store.enrolment();

  assertEquals(record?.hash, hashSecret(secret));
});
