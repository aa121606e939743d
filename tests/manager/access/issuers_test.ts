import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import type {
  NewCiOperator,
  NewIssuer,
} from "../../../lib/manager/api/ci_api.ts";
import { CI_URL } from "../../support/fake_ci.ts";
import {
  CLAIMS,
  deploy,
  FROM,
  HOUR_MS,
  open,
  REFUSAL,
  start,
} from "./ci_site.ts";

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
    () => site.access.invite("deploy", { tokenLifeMs: HOUR_MS }),
    PiriError,
    "jobs of a CI log in as it",
  );
});
