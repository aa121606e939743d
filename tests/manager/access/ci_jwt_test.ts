import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { CI_URL } from "../../support/fake_ci.ts";
import { FROM, REASON, REFUSAL, type Site, start } from "./ci_site.ts";

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
