import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseCiLine } from "../../../lib/base/ci_line.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  CLAIMS,
  deploy,
  FROM,
  HOUR_MS,
  open,
  PLACE,
  REFUSAL,
  type Site,
  start,
} from "./ci_site.ts";

Deno.test("a job's token becomes one of an hour, and the audit has its run", async () => {
  await using site = await start();
  const { access, manager } = site;

  const { token, ...login } = await site.login(await site.github.token());

  assertEquals(login, {
    operator: "deploy",
    role: "operator",
    expiresAt: manager.clock.now() + HOUR_MS,
  });
  assert(
    /^piri_ci_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}$/.test(token),
    "another form",
  );
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

Deno.test("the tokens of logins that ended a week ago are removed, so that they do not heap up", async () => {
  await using site = await start();
  for (let login = 0; login < 5; login++) {
    await site.login(await site.github.token());
    await site.manager.clock.advance(8 * 24 * HOUR_MS);
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
