import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodeCiLine } from "../../../lib/base/ci_line.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

const LINE = encodeCiLine({
  address: "mgr.example.org:7052",
  caCertificate: new Uint8Array([1, 2, 3]),
  operator: "deploy",
  audience: "piri:m-1",
});

Deno.test("login --ci trades the token of the CI, and keeps a login that the line then names", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  const env = { HOME: home.path, PIRI_MANAGER: LINE };

  const { code, stdout } = await see(["login", "--ci"], { manager, env });
  await see(["agents"], { manager, env });

  assertEquals(code, 0);
  assertStringIncludes(
    stdout,
    "logged in to mgr.example.org:7052 as deploy (operator) until ",
  );
  assertEquals(manager.audiences, ["piri:m-1"]);
  assertEquals(
    manager.operators.ciLogins.map(({ operator, token }) => [operator, token]),
    [["deploy", "a.ci.token"]],
  );
  const folder = home.at(".config/piri/managers/mgr.example.org");
  assertEquals(manager.dirs, ["mgr.example.org:7052", folder]);
  assertEquals(
    JSON.parse(await Deno.readTextFile(`${folder}/login.json`)).token,
    "piri_ci_secret",
  );
});

Deno.test("login --ci takes the line as an argument, too, with another name", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();

  const { stdout } = await see(
    ["login", "--ci", LINE, "--name", "prod", "--json"],
    { manager, env: { HOME: home.path } },
  );

  assertEquals(
    jsonLines(stdout).map(({ name, operator }) => [name, operator]),
    [
      ["prod", "deploy"],
    ],
  );
  assertEquals(stdout.includes("piri_ci_secret"), false);
});

for (
  const [what, args, env, hint] of [
    ["without a line", ["login", "--ci"], {}, "operator add --from prints it"],
    [
      "with the name of a login",
      ["login", "--ci"],
      { PIRI_MANAGER: "prod" },
      "operator add --from prints it",
    ],
    [
      "with a line for a person",
      ["login", "--ci", "piri-login1-x"],
      {},
      'does not begin with "piri-ci1-"',
    ],
    ["with --use", ["login", "--ci", "--use", "prod"], {}, '"--ci"'],
  ] satisfies [string, string[], Record<string, string>, string][]
) {
  Deno.test(`login --ci ${what} is a mistake in the arguments`, async () => {
    await using home = await TempFolder.make();

    const { code, stderr } = await see(args, {
      env: { HOME: home.path, ...env },
    });

    assertEquals(code, 2);
    assertStringIncludes(stderr, hint);
  });
}

Deno.test("login --ci tells outside of a CI how a job gets a token", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  manager.idToken = new PiriError("FAILED_PRECONDITION", "Cannot log in: none");

  const { code, stderr } = await see(["login", "--ci", LINE], {
    manager,
    env: { HOME: home.path },
  });

  assertEquals(code, 1);
  assertStringIncludes(stderr, "permissions: id-token: write");
  assertStringIncludes(stderr, "id_tokens: PIRI_ID_TOKEN: aud: piri:m-1");
  assertEquals(manager.places, []);
});

Deno.test("a token of the CI that is refused ends with 4, and names where the reason is", async () => {
  await using home = await TempFolder.make();
  const manager = new FakeManager();
  manager.operators.refusal = new PiriError("AUTH_FAILED", "Cannot log in");

  const { code, stderr } = await see(["login", "--ci", LINE], {
    manager,
    env: { HOME: home.path },
  });

  assertEquals(code, 4);
  assertStringIncludes(stderr, "audit list --act LoginFromCi");
});

Deno.test("issuer add sends files of keys and authority, and says what is next", async () => {
  const manager = new FakeManager();
  const { code, stdout, stderr } = await see([
    ...["issuer", "add", "own", "--url", "https://ci.example.org"],
    ...["--kind", "gitlab", "--jwks", "keys.json", "--ca", "ca.pem"],
  ], { manager, files: { "keys.json": '{"keys":[]}', "ca.pem": "PEM" } });

  assertEquals([code, stdout], [
    0,
    'added issuer "own": https://ci.example.org\n',
  ]);
  assertMatch(stderr, /operator add NAME --from own --claim/);
  const [added] = manager.operators.newIssuers;
  assertEquals([added?.kind, added?.jwks, added?.ca], [
    "gitlab",
    '{"keys":[]}',
    "PEM",
  ]);
});

Deno.test("issuer set sends the keys alone, and needs something to change", async () => {
  const manager = new FakeManager();
  const files = { "keys.json": '{"keys":[]}' };

  const { stdout } = await see(
    ["issuer", "set", "github", "--jwks", "keys.json"],
    { manager, files },
  );
  const nothing = await see(["issuer", "set", "github"], { manager });

  assertEquals(stdout, 'changed issuer "github"\n');
  assertEquals(nothing.code, 2);
  assertEquals(
    manager.operators.changedIssuers.map(({ name, jwks, ca }) => [
      name,
      jwks,
      ca,
    ]),
    [["github", '{"keys":[]}', ""]],
  );
});

Deno.test("issuer list and remove", async () => {
  const manager = new FakeManager();

  const { stdout } = await see(["issuer", "list"], { manager });
  const removed = await see(["issuer", "remove", "github"], { manager });

  assertMatch(stdout, /^NAME +KIND +URL +KEYS\ngithub +github +fetched\n$/);
  assertEquals(removed.stdout, 'removed issuer "github"\n');
  assertEquals(manager.operators.issuers, []);
});

Deno.test("operator add --from sends the claims, and prints a line that is no secret", async () => {
  const manager = new FakeManager();

  const { stdout, stderr } = await see([
    ...["operator", "add", "deploy", "--from", "github"],
    ...["--claim", "repository_id=1", "--claim", "sub=repo:a/b=c"],
  ], { manager });

  assertEquals(stdout, "piri-manager login --ci piri-ci1-line-12345678\n");
  assertMatch(stderr, /no secret: .* the audience of its token is piri:m-1/);
  const [added] = manager.operators.additions;
  assertEquals([added?.role, added?.ci?.issuer, added?.ci?.claims], [
    "operator",
    "github",
    { "repository_id": "1", sub: "repo:a/b=c" },
  ]);
});

for (
  const [what, args, code, hint] of [
    [
      "numbers that are missing",
      ["--from", "github", "--claim", "repository=octo/site"],
      "INVALID_ARGUMENT",
      /gh api repos/,
    ],
    [
      "nothing else that is wrong",
      [
        ...["--from", "github", "--claim", "repository_id=1"],
        ...["--claim", "repository_owner_id=2"],
      ],
      "INVALID_ARGUMENT",
      /^[^\n]+\n$/,
    ],
    [
      "a mistyped issuer",
      ["--from", "githib", "--claim", "sub=a"],
      "NOT_FOUND",
      /did you mean "github"\?/,
    ],
  ] satisfies [string, string[], "INVALID_ARGUMENT" | "NOT_FOUND", RegExp][]
) {
  Deno.test(`operator add --from has a hint for ${what}`, async () => {
    const manager = new FakeManager();
    manager.operators.unfit = new PiriError(code, "Cannot add it");

    const { stderr } = await see(["operator", "add", "deploy", ...args], {
      manager,
    });

    assertMatch(stderr, hint);
  });
}

for (
  const [what, args, message] of [
    [
      "without a value",
      ["--from", "github", "--claim", "sub"],
      "it is not NAME=VALUE",
    ],
    [
      "with an empty value",
      ["--from", "github", "--claim", "sub="],
      "it is not NAME=VALUE",
    ],
    [
      "twice",
      ["--from", "github", "--claim", "sub=a", "--claim", "sub=b"],
      "a claim has one value",
    ],
    ["of a person", ["--role", "viewer", "--claim", "sub=a"], '"--from"'],
  ] satisfies [string, string[], string][]
) {
  Deno.test(`a claim ${what} is a mistake in the arguments`, async () => {
    const manager = new FakeManager();

    const { code, stderr } = await see(
      ["operator", "add", "deploy", ...args],
      { manager },
    );

    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
    assertEquals(manager.operators.additions, []);
  });
}
