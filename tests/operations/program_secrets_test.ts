import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { checkParams } from "../../lib/operations/params.ts";
import { secretsOf } from "../../lib/operations/registry.ts";
import { secretFolder } from "../../lib/operations/secret_files.ts";
import { endSurvivors } from "../../lib/operations/survivors.ts";
import { program } from "../support/program.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { entryOf } from "./host.ts";
import { finish, newContext, textOf } from "./support.ts";
import { until } from "../../scripts/local/until.ts";

const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;

/** Context of a command whose Manager knows these secrets. */
function knowing(secrets: Readonly<Record<string, string>>) {
  return newContext({
    text: (_type, params) => {
      const { name } = params as { name: string };
      const secret = secrets[name];
      return secret === undefined
        ? Promise.reject(new PiriError("DENIED", `Cannot give "${name}"`))
        : Promise.resolve(secret);
    },
    bytes: () => Promise.reject(new Error("not asked")),
  });
}

function exists(path: string): Promise<boolean> {
  return Deno.lstat(path).then(() => true, () => false);
}

Deno.test("secrets reach a program as variables and as input", async () => {
  const context = knowing({ one: "hunter22", two: "letmein1" });
  const { stdout } = await finish(commandRun.run({
    argv: program("tellSecrets", Deno.execPath(), "TOKEN"),
    secret_env: { TOKEN: "one" },
    secret_stdin: "two",
  }, context));
  assertMatch(textOf(stdout), /^hunter22\n[^]*input: letmein1\n/);
});

Deno.test("a secret is a file that its user alone may read, and is gone at the end", async () => {
  await using folder = await TempFolder.make();
  const context = knowing({ key: "line one\nline two\n" });
  const go = folder.at("go");
  const running = finish(commandRun.run({
    argv: program("tellSecrets", go, "FILE_KEY"),
    secret_files: { FILE_KEY: "key" },
  }, context));
  const place = secretFolder(context.marker);
  await until("the file is there", () => exists(`${place}/1`));
  const modes = [place, `${place}/1`]
    .map((path) => (Deno.statSync(path).mode ?? 0) & 0o777);
  assertEquals(modes, [0o700, 0o600]);
  assert(Deno.build.os !== "linux" || place.startsWith("/dev/shm/"), place);
  await Deno.writeTextFile(go, "");

  const { stdout } = await running;
  assertMatch(textOf(stdout), /^line one\nline two\n/);
  assert(!await exists(place));
});

Deno.test({
  name: "the file of a secret belongs to the user of the program",
  ignore: !isRoot,
  fn: async () => {
    const context = knowing({ key: "hunter22" });
    const { uid } = await entryOf("nobody");
    const { stdout, outcome } = await finish(commandRun.run({
      shell: 'cat "$KEY"; stat -c " %u %a" "$KEY" "$(dirname "$KEY")"',
      user: "nobody",
      cwd: "/",
      secret_files: { KEY: "key" },
    }, context));
    assertEquals(
      [textOf(stdout), outcome.success],
      [`hunter22 ${uid} 600\n ${uid} 700\n`, true],
    );
  },
});

Deno.test("a program without its secret is not started, and no file is left", async () => {
  const context = knowing({ one: "hunter22" });
  const error = await assertRejects(() =>
    finish(commandRun.run({
      argv: program("printAndExit"),
      secret_files: { ONE: "one", TWO: "two" },
    }, context)), PiriError);
  assertEquals([error.code, error.message], ["DENIED", 'Cannot give "two"']);
  assertEquals(context.processes, []);
  assert(!await exists(secretFolder(context.marker)));
});

Deno.test("a secret with a NUL goes into no variable, and the error does not tell it", async () => {
  const error = await assertRejects(() =>
    finish(commandRun.run({
      argv: program("printAndExit"),
      secret_env: { ONE: "one" },
    }, knowing({ one: "hunter\x0022" }))), PiriError);
  assertEquals(
    error.message,
    'Cannot put the secret "one" into a variable: it has a NUL character',
  );
});

Deno.test("the successor of an agent that died removes the files of its commands", async () => {
  const { marker } = knowing({});
  const place = secretFolder(marker);
  await Deno.mkdir(place);
  await Deno.writeTextFile(`${place}/1`, "hunter22");
  await endSurvivors([], marker);
  assert(!await exists(place));
});

Deno.test("parameters name their secrets, each once, and set no variable twice", () => {
  const params = JSON.parse(
    '{"argv": ["x"], "secret_env": {"A": "one", "B": "two"}, "secret_files": {"C": "two"}, "secret_stdin": "three"}',
  );
  assertEquals(secretsOf("command.Run", JSON.stringify(params)), [
    "one",
    "two",
    "three",
  ]);
  assertEquals(secretsOf("file.Stat", "{}"), []);
  const refused = (more: object) => {
    try {
      checkParams(commandRun, JSON.stringify({ ...params, ...more }));
      return "";
    } catch (error) {
      return String(error);
    }
  };
  assertMatch(refused({ env: { A: "x" } }), /a variable is in two of env/);
  assertMatch(refused({ stdin: "x" }), /one of stdin, stdin_blob and secret_s/);
  assertMatch(refused({ secret_stdin: "a/b" }), /the name of a secret/);
});
