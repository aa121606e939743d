import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { command, FakeManager } from "../fake_manager.ts";
import type { Surroundings } from "../fake_terminal.ts";
import { jsonLines, see, start } from "./start.ts";

/** Runs a program with flags, and returns what was asked of the Manager. */
async function askedWith(
  flags: readonly string[],
  options: Surroundings = {},
): Promise<{ params: unknown; secrets: unknown }> {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { code, stderr } = await see(
    ["run", "web-1", "--detach", ...flags, "--", "x"],
    { ...options, manager },
  );
  assertEquals([code, stderr], [0, ""]);
  const { params = "", secrets = [] } = manager.runs.at(-1) ?? {};
  return {
    params: JSON.parse(params),
    secrets: secrets.map(({ name, value }) => [name, value]),
  };
}

Deno.test("run names stored secrets, and sends no value", async () => {
  assertEquals(
    await askedWith([
      ...["--secret-env", "TOKEN=deploy-token"],
      ...["--secret-file", "KEY=tls.key", "--secret-stdin", "db-password"],
    ]),
    {
      params: {
        argv: ["x"],
        secret_env: { TOKEN: "deploy-token" },
        secret_stdin: "db-password",
        secret_files: { KEY: "tls.key" },
      },
      secrets: [],
    },
  );
});

Deno.test("run takes secrets from variables, files and stdin here, beside the parameters", async () => {
  const options = {
    env: { CI_TOKEN: "hunter22" },
    files: { key: "line one\nline two\n" },
    stdin: "letmein1\n",
  };
  assertEquals(
    await askedWith([
      ...["--secret-env", "A=env:CI_TOKEN", "--secret-env", "B=file:key"],
      ...["--secret-file", "C=file:key", "--secret-stdin", "-"],
    ], options),
    {
      params: {
        argv: ["x"],
        secret_env: { A: "given:A", B: "given:B" },
        secret_stdin: "given:stdin",
        secret_files: { C: "given:C" },
      },
      secrets: [
        ["given:A", "hunter22"],
        ["given:B", "line one\nline two"],
        ["given:stdin", "letmein1"],
        ["given:C", "line one\nline two\n"],
      ],
    },
  );
});

Deno.test("a secret is typed without being shown", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(
    ["run", "web-1", "--detach", "--secret-env", "TOKEN=-", "--", "x"],
    { manager, keyboard: true },
  );
  for (const key of "hunterX\x7f22\r") await terminal.press(key);
  assertEquals(await code, 0);
  assertEquals(
    manager.runs.at(-1)?.secrets.map(({ value }) => value),
    ["hunter22"],
  );
  assertStringIncludes(terminal.stderr.text, 'Secret for "TOKEN": \n');
  assertEquals(terminal.screen.includes("hunter"), false);
  assertEquals(terminal.isListening, false);
});

Deno.test("Ctrl-C while a secret is typed asks nothing of the Manager", async () => {
  const { manager, terminal, code } = await start(
    ["run", "web-1", "--secret-stdin", "-", "--", "x"],
    { keyboard: true },
  );
  await terminal.press("h");
  await terminal.interrupt();
  assert(await code !== 0);
  assertEquals(manager.runs, []);
  assertEquals(terminal.isListening, false);
});

const WRONG: readonly [string, string[], RegExp][] = [
  [
    "a flag without a variable, and does not repeat what may be the secret",
    ["--secret-env", "hunter22", "--", "x"],
    /^error: Cannot run: a --secret-env is not VAR=SECRET\n/,
  ],
  [
    "a variable that is not there",
    ["--secret-env", "A=env:NONE", "--", "x"],
    /there is no variable "NONE" here/,
  ],
  [
    "a short secret, and does not tell it",
    ["--secret-env", "A=env:SHORT", "--", "x"],
    /Cannot take the secret of --secret-env: it has 3 bytes/,
  ],
  [
    "a variable that is given twice",
    ["--secret-env", "A=one", "--secret-file", "A=two", "--", "x"],
    /the variable "A" is given twice/,
  ],
  [
    "stdin for two secrets",
    ["--secret-env", "A=-", "--secret-stdin", "-", "--", "x"],
    /stdin can be read only once/,
  ],
  [
    "secrets for another operation than a program",
    ["--secret-env", "A=one", "--op", "echo.Echo"],
    /--secret-env goes with a program/,
  ],
];

for (const [what, args, expected] of WRONG) {
  Deno.test(`run refuses ${what}`, async () => {
    const { code, stderr, manager } = await see(["run", "web-1", ...args], {
      env: { SHORT: "abc" },
    });
    assertEquals([code === 0, expected.test(stderr)], [false, true], stderr);
    assertEquals([stderr.includes("hunter22"), stderr.includes("abc")], [
      false,
      false,
    ]);
    assertEquals(manager.runs, []);
  });
}

Deno.test("secret set reads the value from stdin, and says whom it is for", async () => {
  const { manager, stdout, code } = await see(
    ["secret", "set", "db-password", "--group", "db", "--for", "@db"],
    { stdin: "hunter22\n" },
  );
  assertEquals([code, stdout], [0, 'the secret "db-password" is set\n']);
  const [asked] = manager.secrets.set;
  assertEquals(
    [asked?.name, asked?.value, asked?.forTargets, asked?.place?.of],
    ["db-password", "hunter22", "@db", { case: "group", value: "db" }],
  );
});

Deno.test("secret set without --for says what is missing, and takes no value as an argument", async () => {
  const { stderr } = await see(["secret", "set", "token"], {
    stdin: "hunter22",
  });
  assertStringIncludes(stderr, "piri-manager secret edit token --for TARGETS");
  const { code, manager } = await see(["secret", "set", "token", "hunter22"]);
  assertEquals([code, manager.secrets.set.length], [2, 0]);
});

Deno.test("secret edit takes targets away by an empty --for, and not by one without a value", async () => {
  for (const words of [["--for", ""], ["--for="]]) {
    const { manager, stdout, code } = await see(
      ["secret", "edit", "token", ...words],
    );
    assertEquals([code, manager.secrets.edits[0]?.forTargets], [0, ""]);
    assertEquals(
      stdout,
      'the secret "token" is for no commands, and for states on all agents of its place\n',
    );
  }
  const { manager, stderr, code } = await see(
    ["secret", "edit", "token", "--for"],
  );
  assertEquals([code, manager.secrets.edits], [2, []]);
  assertStringIncludes(stderr, 'Cannot use "--for": it needs a value');
});

Deno.test("secret list shows names and targets, edit and remove change them", async () => {
  const { manager, stdout } = await see(["secret", "list", "--json"]);
  assertEquals(jsonLines(stdout), [
    { name: "deploy-token", group: null, agent: null, for: "@web" },
    { name: "db-password", group: "db", agent: null, for: "" },
  ]);
  await see(["secret", "edit", "token", "--for", "all"], { manager });
  await see(["secret", "remove", "token", "--agent", "web-1"], { manager });
  assertEquals(manager.secrets.edits.map((each) => each.forTargets), ["all"]);
  assertEquals(manager.secrets.removals.map(({ place }) => place?.of), [
    { case: "agent", value: "web-1" },
  ]);
  const { stdout: rotated } = await see(["secret", "rotate"], { manager });
  assertEquals(rotated, "2 files have new keys\n");
});
