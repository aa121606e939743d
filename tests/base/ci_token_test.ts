import { assertEquals, assertRejects } from "@std/assert";
import { ciToken } from "../../lib/base/ci_token.ts";
import { PiriError } from "../../lib/base/errors.ts";

const GITHUB = {
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://ci.example.org/token?api-version=2.0",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "request-secret",
};

/** Asks for a token in these surroundings. */
function ask(env: Readonly<Record<string, string>>, answer = "") {
  const fetched: unknown[] = [];
  const token = ciToken("piri:a b", {
    env: (name) => env[name],
    fetchText: (...request) => {
      fetched.push(request);
      return Promise.resolve(answer);
    },
  });
  return { token, fetched };
}

Deno.test("GitHub is asked for a token for the audience, with its own secret in a header", async () => {
  const { token, fetched } = ask(GITHUB, '{"value":"a.b.c","count":3}');

  assertEquals(await token, "a.b.c");
  assertEquals(fetched, [[
    "https://ci.example.org/token?api-version=2.0&audience=piri%3Aa+b",
    {
      authorization: "Bearer request-secret",
      accept: "application/json; api-version=2.0",
    },
  ]]);
});

Deno.test("GitLab's token is in a variable, and nothing is asked", async () => {
  const { token, fetched } = ask({ PIRI_ID_TOKEN: "a.b.c\n" });

  assertEquals(await token, "a.b.c");
  assertEquals(fetched, []);
});

Deno.test("no token is found outside of a CI", async () => {
  for (
    const env of [{}, { ACTIONS_ID_TOKEN_REQUEST_URL: "https://x.org" }, {
      PIRI_ID_TOKEN: " ",
    }]
  ) {
    const error = await assertRejects(() => ask(env).token, PiriError);

    assertEquals(error.code, "FAILED_PRECONDITION");
  }
});

Deno.test("an answer without a token is an error, which does not repeat it", async () => {
  for (const answer of ["<html>", "{}", '{"value":""}', "null"]) {
    const error = await assertRejects(() => ask(GITHUB, answer).token);

    assertEquals(
      String(error),
      "PiriError: Cannot get a token of the CI: its answer has none",
    );
  }
});
