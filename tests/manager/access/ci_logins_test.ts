import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseCiLine } from "../../../lib/base/ci_line.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { Access } from "../../../lib/manager/access/access.ts";
import { CiLogins } from "../../../lib/manager/access/ci_logins.ts";
import type { FetchText } from "../../../lib/manager/access/issuer_keys.ts";
import type { NewCiOperator, NewIssuer } from "../../../lib/manager/ci_api.ts";
import { CI_URL, FakeCi } from "../../support/fake_ci.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const PLACE = {
  address: "mgr.example.org:7052",
  caCertificate: new Uint8Array([1, 2, 3]),
};
const FROM = "192.0.2.7";
const HOUR_MS = 3_600_000;
const CLAIMS = {
  "repository_id": "1",
  "repository_owner_id": "2",
  environment: "production",
};
const REFUSAL = "Cannot log in: the token of the CI is not accepted here";
const REASON = "Cannot accept the token of the CI: ";

/** Logins as the next run of a Manager finds them. */
async function open(
  manager: MemoryManager,
  fetchText: FetchText = () => Promise.reject(new Error("not asked for")),
) {
  const { store, clock, roster, counters } = manager;
  const access = new Access({
    store,
    clock,
    random: systemRandom,
    roster,
    targeting: {
      resolve: () => Promise.reject(new Error("not asked for")),
    } as never,
    place: () => PLACE,
  });
  await access.load();
  const ci = new CiLogins({
    store,
    clock,
    random: systemRandom,
    counters,
    access,
    fetchText,
  });
  await ci.load();
  return { access, ci };
}

/** Manager with the operator "deploy" for the jobs of a CI, whose keys were given. */
async function start() {
  const manager = await MemoryManager.start();
  const { access, ci } = await open(manager);
  const { clock, store } = manager;
  const github = await FakeCi.start({
    audience: ci.audience,
    now: () => clock.now(),
  });
  await ci.addIssuer({ name: "github", jwks: await github.jwks() });
  await ci.addOperator(deploy());
  return {
    manager,
    access,
    ci,
    github,
    login: (token: string, operator = "deploy") =>
      ci.login({ operator, token }, FROM),
    /** Newest entry of the audit, and the number of all. */
    audit: async () => {
      const { entries: [entry] } = await store.auditPage({
        direction: "older",
        limit: 1,
        filter: {},
      });
      return entry;
    },
    [Symbol.asyncDispose]: async () => {
      access.stop();
      await manager[Symbol.asyncDispose]();
    },
  };
}

type Site = Awaited<ReturnType<typeof start>>;

function deploy(change: Partial<NewCiOperator> = {}): NewCiOperator {
  return {
    name: "deploy",
    role: "operator",
    rules: [],
    issuer: "github",
    claims: CLAIMS,
    ...change,
  };
}

Deno.test("a job's token becomes one of an hour, and the audit has its run", async () => {
  await using site = await start();
  const { access, manager } = site;

  const { token, ...login } = await site.login(await site.github.token());

  assertEquals(login, {
    operator: "deploy",
    role: "operator",
    expiresAt: manager.clock.now() + HOUR_MS,
  });
  assert(/^piri_ci_[A-Za-z0-9_-]{43}$/.test(token), "another form");
  const run = "github: run_id 4711, run_number 42, run_attempt 1";
  const identity = access.admit(token, FROM);
  assertEquals([identity?.name, identity?.run], ["deploy", run]);
  const entry = await site.audit();
  assertEquals(
    [entry?.act, entry?.who, entry?.credential, entry?.origin, entry?.decision],
    ["LoginFromCi", "deploy", run, FROM, "allowed"],
  );
  await manager.clock.advance(HOUR_MS);
  assertEquals(access.admit(token, FROM), undefined);
});

/** Tokens that are each wrong in one thing, with the reason that the audit has. */
const WRONG: Readonly<
  Record<string, {
    readonly token: (site: Site) => Promise<string> | string;
    readonly reason: string;
  }>
> = {
  "that nobody has signed (alg: none)": {
    token: ({ github }) => github.unsigned(),
    reason: "its algorithm is not one with a public key",
  },
  "signed by HS256 with the public key as PEM": {
    token: ({ github }) => github.confused("pem"),
    reason: "its algorithm is not one with a public key",
  },
  "signed by HS256 with the public keys as JSON": {
    token: ({ github }) => github.confused("jwk"),
    reason: "its algorithm is not one with a public key",
  },
  "that names a key which its issuer does not have": {
    token: ({ github }) => github.token({}, { header: { kid: "key-2" } }),
    reason: "its issuer does not have the key that it names",
  },
  "signed by another key": {
    token: ({ github }) => github.forged(),
    reason: "its signature is wrong",
  },
  "that was changed after it was signed": {
    token: ({ github }) => github.altered({ exp: github.seconds() + 400 }),
    reason: "its signature is wrong",
  },
  "of another issuer": {
    token: ({ github }) => github.token({ iss: "https://ci.example.org" }),
    reason: "its issuer is not known here",
  },
  "of another issuer that is known, too": {
    token: async ({ github, ci }) => {
      const url = "https://ci.example.org";
      const jwks = await github.jwks("key-9");
      await ci.addIssuer({ name: "own", url, jwks });
      return await github.token({ iss: url });
    },
    reason: "its issuer does not have the key that it names",
  },
  "of an issuer whose URL is the begin of the right one": {
    token: ({ github }) => github.token({ iss: `${CI_URL}/` }),
    reason: "its issuer is not known here",
  },
  "for another audience": {
    token: ({ github }) => github.token({ aud: "piri:another" }),
    reason: "it is for another audience",
  },
  "for this audience and another one": {
    token: ({ github, ci }) =>
      github.token({ aud: [ci.audience, "https://example.org"] }),
    reason: "it is for another audience, too",
  },
  "that has expired": {
    token: ({ github }) =>
      github.token({
        iat: github.seconds() - 300,
        exp: github.seconds() - 60,
      }),
    reason: "it has expired",
  },
  "that never expires": {
    token: ({ github }) => github.token({ exp: undefined }),
    reason: 'it has no "exp"',
  },
  "that was made 11 minutes ago": {
    token: ({ github }) => github.token({ iat: github.seconds() - 660 }),
    reason: "it is older than 10 minutes, or from the future",
  },
  "that is made in a minute": {
    token: ({ github }) => github.token({ iat: github.seconds() + 60 }),
    reason: "it is older than 10 minutes, or from the future",
  },
  "that does not say when it was made": {
    token: ({ github }) => github.token({ iat: undefined }),
    reason: 'it has no "iat"',
  },
  "that is not good yet": {
    token: ({ github }) => github.token({ nbf: github.seconds() + 60 }),
    reason: "it is not good yet",
  },
  "without an id": {
    token: ({ github }) => github.token({ jti: undefined }),
    reason: 'it has no "jti"',
  },
  "with an empty id": {
    token: ({ github }) => github.token({ jti: "" }),
    reason: 'its "jti" is no text of 1 to 1000 characters',
  },
  "that was used before": {
    token: async ({ github, login }) => {
      const token = await github.token();
      await login(token);
      return token;
    },
    reason: "it was used before",
  },
  "with the id of one that was used before": {
    token: async ({ github, login }) => {
      await login(await github.token({ jti: "same" }));
      return await github.token({ jti: "same", run_id: "4712" });
    },
    reason: "it was used before",
  },
  "without a claim that is wanted": {
    token: ({ github }) => github.token({ environment: undefined }),
    reason: 'it has no claim "environment" that is a text or number',
  },
  "whose claim is a list with the wanted value": {
    token: ({ github }) => github.token({ environment: ["production"] }),
    reason: 'it has no claim "environment" that is a text or number',
  },
  "of another environment": {
    token: ({ github }) => github.token({ environment: "Production" }),
    reason: 'its claim "environment" is "Production" rather than "production"',
  },
  "of another repository": {
    token: ({ github }) =>
      github.token({ repository: "octo/other", repository_id: "7" }),
    reason: 'its claim "repository_id" is "7" rather than "1"',
  },
  "of a new repository under the name of the old one": {
    token: ({ github }) => github.token({ repository_id: "9" }),
    reason: 'its claim "repository_id" is "9" rather than "1"',
  },
  "of a new owner under the name of the old one": {
    token: ({ github }) => github.token({ repository_owner_id: "8" }),
    reason: 'its claim "repository_owner_id" is "8" rather than "2"',
  },
  "of junk": {
    token: () => "junk",
    reason: "it is no JSON Web Token",
  },
  "of nothing": { token: () => "", reason: "it is no JSON Web Token" },
  "of dots": { token: () => "..", reason: "it is no JSON Web Token" },
  "of a person": {
    token: () => `piri_op_${"A".repeat(43)}`,
    reason: "it is no JSON Web Token",
  },
  "of a megabyte": {
    token: () => `${"A".repeat(500_000)}.${"A".repeat(500_000)}.A`,
    reason: "it has 1000003 characters, and the limit is 16384",
  },
  "with a claim that is too long": {
    token: ({ github }) => github.token({ more: "x".repeat(20_000) }),
    reason: "it has 27",
  },
};

for (const [what, { token, reason }] of Object.entries(WRONG)) {
  Deno.test(`a token ${what} is refused with one answer, and the audit has the reason`, async () => {
    await using site = await start();
    const wrong = await token(site);
    const before = site.access.operator("deploy")?.tokens.length;

    const error = await assertRejects(() => site.login(wrong), PiriError);

    assertEquals([error.code, error.message], ["AUTH_FAILED", REFUSAL]);
    assertEquals(site.access.operator("deploy")?.tokens.length, before);
    const entry = await site.audit();
    assertEquals(
      [entry?.act, entry?.target, entry?.who, entry?.decision, entry?.origin],
      ["LoginFromCi", "deploy", "", "denied", FROM],
    );
    assertEquals(
      entry?.outcome.slice(0, REASON.length + reason.length),
      REASON + reason,
    );
  });
}

for (
  const [what, prepare, operator] of [
    ["that does not exist", () => Promise.resolve(), "nobody"],
    [
      "who is a person",
      ({ access }) =>
        access.add({
          name: "alice",
          role: "admin",
          rules: [],
          tokenLifeMs: HOUR_MS,
        }),
      "alice",
    ],
    [
      "who is suspended",
      ({ access }) => access.set("deploy", { suspended: true }),
      "deploy",
    ],
    [
      "of another CI",
      async ({ ci, github }) => {
        const url = "https://ci.example.org";
        await ci.addIssuer({ name: "own", url, jwks: await github.jwks() });
        await ci.addOperator(deploy({ name: "other", issuer: "own" }));
      },
      "other",
    ],
  ] satisfies [string, (site: Site) => Promise<unknown>, string][]
) {
  Deno.test(`a good token does not log in as an operator ${what}`, async () => {
    await using site = await start();
    await prepare(site);
    const token = await site.github.token();

    await assertRejects(() => site.login(token, operator), PiriError, REFUSAL);

    const tokens = site.access.operator(operator)?.tokens ?? [];
    assertEquals(tokens.filter(({ isCode }) => !isCode), []);
  });
}

Deno.test("a token that was used is not taken after a restart, nor by two at once", async () => {
  await using site = await start();
  const token = await site.github.token();
  const tries = await Promise.allSettled([
    site.login(token),
    site.login(token),
  ]);
  assertEquals(tries.map(({ status }) => status).toSorted(), [
    "fulfilled",
    "rejected",
  ]);

  const next = await open(site.manager);

  await assertRejects(
    () => next.ci.login({ operator: "deploy", token }, FROM),
    PiriError,
    REFUSAL,
  );
  next.access.stop();
});

Deno.test("a token that was used stays refused until it is too old, also with its issuer new", async () => {
  await using site = await start();
  const { ci, access, manager } = site;
  const { exp } = { exp: site.github.seconds() + 86_400 };
  const token = await site.github.token({ exp });
  await site.login(token);
  await access.remove("deploy");
  await ci.removeIssuer("github");
  await ci.addIssuer({ name: "github", jwks: await site.github.jwks() });
  await ci.addOperator(deploy());

  for (let minute = 0; minute < 15; minute++) {
    await assertRejects(() => site.login(token), PiriError, REFUSAL);
    await manager.clock.advance(60_000);
    await site.login(await site.github.token());
  }
});

Deno.test("an operator's claims are compared as texts, whatever they are in the token", async () => {
  await using site = await start();
  const claims = { ...CLAIMS, protected: "true" };
  await site.ci.addOperator(deploy({ name: "numbers", claims }));

  const { operator } = await site.login(
    await site.github.token({ repository_id: 1, protected: true }),
    "numbers",
  );

  assertEquals(operator, "numbers");
});

Deno.test("the tokens of ended logins are removed, so that they do not heap up", async () => {
  await using site = await start();
  for (let login = 0; login < 5; login++) {
    await site.login(await site.github.token());
    await site.manager.clock.advance(HOUR_MS);
  }

  assertEquals(site.access.operator("deploy")?.tokens.length, 1);
});

Deno.test("a flood of wrong tokens fills the audit with 60 entries a minute, and is counted", async () => {
  await using site = await start();
  const entries = async () => {
    const { entries } = await site.manager.store.auditPage({
      direction: "newer",
      limit: 1_000,
      filter: { act: "LoginFromCi" },
    });
    return entries.length;
  };
  const flood = () =>
    Promise.allSettled(Array.from({ length: 100 }, () => site.login("junk")));

  await flood();
  assertEquals(await entries(), 60);
  await site.manager.clock.advance(60_000);
  await flood();

  assertEquals(await entries(), 120);
  const counts = site.manager.counters.all();
  assertEquals(counts["ci_logins.refused"], 200n);
  assertEquals(counts["ci_logins.refused_unrecorded"], 80n);
});

Deno.test("the line for a job has the place, the operator and the audience, and no secret", async () => {
  await using site = await start();

  const { line, audience } = await site.ci.addOperator(
    deploy({ name: "other" }),
  );

  assertEquals(parseCiLine(line), { ...PLACE, operator: "other", audience });
  assertEquals(audience, `piri:${site.manager.store.managerId}`);
});

for (
  const [what, change, message] of [
    [
      "without a claim",
      { claims: {} },
      'Cannot add operator "x": without a claim, every job of the CI could log in',
    ],
    [
      "by a name alone",
      { claims: { repository: "octo/site" } },
      'Cannot add operator "x": a github issuer needs the claims repository_id and repository_owner_id, as a name can become somebody else\'s',
    ],
    [
      "by one number of two",
      { claims: { repository_id: "1", repository: "octo/site" } },
      'Cannot add operator "x": a github issuer needs the claim repository_owner_id, as a name can become somebody else\'s',
    ],
    [
      "by a claim that is checked anyway",
      { claims: { ...CLAIMS, aud: "x" } },
      'Cannot add operator "x": the claim "aud" of each token is checked anyway',
    ],
    [
      "by an empty value",
      { claims: { ...CLAIMS, environment: "" } },
      'Cannot add operator "x": the value of "environment" does not have 1 to 1000 characters',
    ],
    [
      "for longer than an hour",
      { lifeMs: HOUR_MS + 1 },
      'Cannot add operator "x": a login from a CI lasts an hour at most',
    ],
    [
      "of an issuer that is not there",
      { issuer: "gitlab" },
      'Cannot find issuer "gitlab"',
    ],
    [
      "of a name with a space",
      { name: "a b" },
      'Cannot add operator "a b": a name has letters, digits, and _ . @ -, 100 at most',
    ],
  ] satisfies [string, Partial<NewCiOperator>, string][]
) {
  Deno.test(`an operator for jobs is not added ${what}`, async () => {
    await using site = await start();

    const error = await assertRejects(
      () => site.ci.addOperator(deploy({ name: "x", ...change })),
      PiriError,
    );

    assertEquals(error.message, message);
    assertEquals(site.access.list().map(({ name }) => name), ["deploy"]);
  });
}

Deno.test("jobs of a CI without numbers in its tokens need one claim", async () => {
  await using site = await start();
  const url = "https://ci.example.org";
  const jwks = await site.github.jwks();
  const { kind } = await site.ci.addIssuer({ name: "own", url, jwks });
  await site.ci.addOperator(
    deploy({ name: "x", issuer: "own", claims: { sub: "job/site" } }),
  );

  const own = await site.github.token({ iss: url, sub: "job/site" });
  await site.login(own, "x");

  assertEquals(kind, "other");
  assertEquals((await site.audit())?.credential, 'own: sub "job/site"');
});

for (
  const [what, issuer, kind] of [
    ["a known name", { name: "gitlab" }, "gitlab"],
    [
      "a known name with another URL",
      { name: "gitlab", url: "https://gitlab.example.org" },
      "gitlab",
    ],
    ["a known URL", { name: "x", url: "https://gitlab.com" }, "gitlab"],
    [
      "the URL of an enterprise",
      { name: "x", url: `${CI_URL}/acme` },
      "github",
    ],
    [
      "the URL of a server of GitHub",
      { name: "x", url: "https://ghe.example.org/_services/token" },
      "github",
    ],
    [
      "what is said",
      { name: "x", url: "https://ghe.example.org", kind: "github" },
      "github",
    ],
  ] satisfies [string, NewIssuer, string][]
) {
  Deno.test(`the kind of an issuer is known by ${what}`, async () => {
    await using site = await start();
    const jwks = await site.github.jwks();

    const added = await site.ci.addIssuer({ ...issuer, jwks });

    assertEquals(added.kind, kind);
  });
}

for (
  const [kind, claims] of [
    ["github", ["sub", "repository_owner_id"]],
    ["gitlab", ["sub", "project_path"]],
    ["other", ["sub"]],
    ["other", "repository_owner_id"],
  ]
) {
  Deno.test(`an issuer that tells of the claims ${claims} is a ${kind}`, async () => {
    await using site = await start();
    const url = "https://git.example.org";
    const jwks = await site.github.jwks();
    const configuration = {
      issuer: url,
      "jwks_uri": `${url}/jwks`,
      "claims_supported": claims,
    };
    const { ci, access } = await open(
      site.manager,
      (asked) =>
        Promise.resolve(
          asked.endsWith("/jwks") ? jwks : JSON.stringify(configuration),
        ),
    );

    const added = await ci.addIssuer({ name: "git", url });

    assertEquals(added.kind, kind);
    access.stop();
  });
}

for (
  const [what, issuer, message] of [
    ["without a URL", { name: "own" }, "its URL is missing"],
    [
      "over plain HTTP",
      { name: "own", url: "http://ci.example.org" },
      '"http://ci.example.org" is no https URL without a query',
    ],
    [
      "of a kind that its URL denies",
      { name: "x", url: `${CI_URL}/acme`, kind: "other" },
      `"${CI_URL}/acme" is a github`,
    ],
    [
      "of a name that is taken",
      { name: "github", url: "https://x.org" },
      "there is one of that name",
    ],
    [
      "of a URL that is taken",
      { name: "x", url: CI_URL },
      '"github" has that URL',
    ],
  ] satisfies [string, NewIssuer, string][]
) {
  Deno.test(`an issuer is not added ${what}`, async () => {
    await using site = await start();
    const jwks = await site.github.jwks();

    const error = await assertRejects(
      () => site.ci.addIssuer({ ...issuer, jwks }),
      PiriError,
    );

    assertEquals(
      error.message,
      `Cannot add issuer "${issuer.name}": ${message}`,
    );
  });
}

for (
  const [what, jwks, message] of [
    ["that are no JSON", "keys", "it is no JSON object"],
    ["that are no list", '{"keys":{}}', '"keys" is no list of at most 100'],
    [
      "of which none is public",
      '{"keys":[{"kty":"oct","k":"AA"}]}',
      "there is no public key",
    ],
    [
      "of which one is private",
      '{"keys":[{"kty":"EC","d":"AA"}]}',
      "one of them is a private key",
    ],
  ]
) {
  Deno.test(`an issuer is not added with keys ${what}`, async () => {
    await using site = await start();

    const error = await assertRejects(
      () => site.ci.addIssuer({ name: "gitlab", jwks }),
      PiriError,
    );

    assertEquals(error.message, `Cannot read the keys: ${message}`);
  });
}

Deno.test("an issuer gets other keys, also for the next run, while operators log in by it", async () => {
  await using site = await start();
  const { ci, github } = site;
  const jwks = await github.jwks("key-2");

  await ci.setIssuer("github", { jwks, ca: undefined });

  const next = await open(site.manager);
  for (const each of [ci, next.ci]) {
    const token = await github.token({}, { header: { kid: "key-2" } });
    await each.login({ operator: "deploy", token }, FROM);
  }
  next.access.stop();
  const old = await github.token();
  await assertRejects(() => site.login(old), PiriError, REFUSAL);
});

Deno.test("wrong keys of an issuer change nothing", async () => {
  await using site = await start();

  await assertRejects(
    () => site.ci.setIssuer("github", { jwks: "{}", ca: undefined }),
    PiriError,
    "Cannot read the keys",
  );

  await site.login(await site.github.token());
});

Deno.test("an issuer stays while operators log in by it", async () => {
  await using site = await start();

  const error = await assertRejects(
    () => site.ci.removeIssuer("github"),
    PiriError,
  );

  assertEquals(
    error.message,
    'Cannot remove issuer "github": operators log in by it (deploy)',
  );
  await site.access.remove("deploy");
  await site.ci.removeIssuer("github");
  assertEquals(site.ci.issuers(), []);
});

Deno.test("an operator for jobs gets no login line for a person", async () => {
  await using site = await start();

  await assertRejects(
    () => site.access.invite("deploy", HOUR_MS),
    PiriError,
    "jobs of a CI log in as it",
  );
});
