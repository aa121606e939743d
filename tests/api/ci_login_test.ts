import { assertEquals } from "@std/assert";
import { startControlPort } from "../support/control_port.ts";
import { FakeCi } from "../support/fake_ci.ts";

/** Manager with a control port and the operator "deploy" for jobs of a CI. */
async function start() {
  await using undo = new AsyncDisposableStack();
  const { manager, folder } = undo.use(
    await startControlPort({ config: 'control: "127.0.0.1:0"\n' }),
  );
  const { ci, audit, status } = manager.manager;
  const { managerId } = await status();
  const audience = `piri:${managerId}`;
  const github = await FakeCi.start({ audience, now: () => Date.now() });
  await ci.addIssuer({ name: "github", jwks: await github.jwks() });
  await ci.addOperator({
    name: "deploy",
    role: "operator",
    rules: [],
    issuer: "github",
    claims: { "repository_id": "1", "repository_owner_id": "2" },
  });
  const ca = await Deno.readTextFile(folder.at("manager", "ca.pem"));
  const http = undo.adopt(
    Deno.createHttpClient({ caCerts: [ca] }),
    (client) => client.close(),
  );
  const port = manager.controlPort?.split(":").at(-1);
  const opened = undo.move();
  return {
    audit,
    github,
    /** Calls over the port, as JSON. */
    post: async (call: string, request: unknown, token = "") => {
      const response = await fetch(
        `https://localhost:${port}/piri.control.v1.${call}`,
        {
          method: "POST",
          client: http,
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${token}`,
          },
          body: JSON.stringify(request),
        },
      );
      return { status: response.status, json: await response.json() };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const CALL = "LoginService/LoginFromCi";

Deno.test("a token of a CI, sent to the port, becomes one that calls are answered to", async () => {
  await using site = await start();
  const { json: { token, role } } = await site.post(CALL, {
    operator: "deploy",
    token: await site.github.token(),
  });

  const { json } = await site.post("LoginService/WhoAmI", {}, token);

  assertEquals([json.name, role], ["deploy", "operator"]);
  assertEquals(json.operator.tokens.map(({ run }: { run: string }) => run), [
    "github: run_id 4711, run_number 42, run_attempt 1",
  ]);
});

Deno.test("strangers get one answer over the port, whatever is wrong", async () => {
  await using site = await start();
  const { github } = site;
  const used = await github.token();
  await site.post(CALL, { operator: "deploy", token: used });
  const answers = new Set<string>();

  for (
    const [operator, token] of [
      ["deploy", ""],
      ["deploy", "junk"],
      ["deploy", "A".repeat(900_000)],
      ["deploy", github.unsigned()],
      ["deploy", await github.forged()],
      ["deploy", await github.confused("pem")],
      ["deploy", await github.token({ "repository_id": "9" })],
      ["deploy", await github.token({ iss: "https://ci.example.org" })],
      ["deploy", used],
      ["nobody", "junk"],
      ["nobody", await github.token()],
    ]
  ) {
    const { status, json } = await site.post(CALL, { operator, token });
    answers.add(`${status} ${json.message}`);
  }

  assertEquals([...answers], [
    "401 Cannot log in: the token of the CI is not accepted here",
  ]);
  const entries = await site.audit.list({ limit: 100, act: "LoginFromCi" });
  assertEquals(
    entries.map(({ decision, origin }) => `${decision} ${origin}`).toSorted(),
    ["allowed 127.0.0.1", ...Array(11).fill("denied 127.0.0.1")],
  );
  assertEquals(new Set(entries.map(({ outcome }) => outcome)).size, 9);
});

Deno.test("a token of a CI is no token of this Manager", async () => {
  await using site = await start();

  const { status } = await site.post(
    "AgentsService/ListAgents",
    {},
    await site.github.token(),
  );

  assertEquals(status, 401);
});
