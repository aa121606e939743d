import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { compiled } from "../support/executables.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { LiveProgram } from "../support/live_program.ts";
import { NEEDS_MODES, story } from "../support/story.ts";

/** Reason to skip these stories, if there is one: an agent on Windows runs no steps. */
const ignored = NEEDS_MODES;

const built = await compiled();

/** Reason to skip the story about another user, if there is one. */
const otherUser = "unavailable" in built
  ? "there are no compiled programs"
  : Deno.uid() !== 0
  ? "it needs root"
  : isForAll(built.agent[0] ?? "")
  ? undefined
  : "others may not start the compiled agent where it is";

/** True if every user may start the program at a path. */
function isForAll(path: string): boolean {
  for (let at = path; at !== "/" && at !== "."; at = dirname(at)) {
    if (((Deno.statSync(at).mode ?? 0) & 0o001) === 0) return false;
  }
  return true;
}

const WORD = `import type { CustomOperation } from "@piri/piri";
import { isSame } from "./lib/words.ts";

export const File: CustomOperation<{ path: string; word: string }> = {
  description: "Keeps a file with one word in it",
  parameters: {
    path: { type: "path", required: true, description: "The file" },
    word: { type: "text", required: true, description: "The word" },
  },
  permissions: { check: { read: true }, change: { write: true } },
  async check({ path, word }) {
    const found = await Deno.readTextFile(path).catch(() => undefined);
    if (word === "bad") throw new Error("no such word");
    return {
      changes: isSame(found, word) ? [] : [{ what: "word", to: word }],
      observed: found ?? null,
    };
  },
  async change({ path, word }) {
    console.log("writes", word);
    await Deno.writeTextFile(path, word);
  },
};
`;

async function write(fleet: Fleet, path: string, text: string) {
  const full = `${fleet.dir}/${path}`;
  await Deno.mkdir(full.slice(0, full.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(full, text);
}

async function writeModule(fleet: Fleet): Promise<void> {
  await write(fleet, "operations/word.ts", WORD);
  await write(
    fleet,
    "operations/lib/words.ts",
    "export const isSame = (a: unknown, b: unknown): boolean => a === b;\n",
  );
}

story(
  "an operation that a user wrote is checked, planned, applied, and has nothing left to do",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const path = fleet.folder.at("word");
    const state = (word: string) =>
      write(
        fleet,
        "states/all/words.yaml",
        `- Word: { type: word.File, path: ${path}, word: ${word} }\n`,
      );
    await writeModule(fleet);
    await state("hello");

    const check = await fleet.manager("state", "check");
    const schema = await fleet.manager("state", "schema");
    const plan = await fleet.manager("plan", "words", "web-1", "--exit-code");
    const isThere = await Deno.stat(path).then(() => true, () => false);
    const apply = await fleet.manager("apply", "p-1");
    const written = await Deno.readTextFile(path);
    const again = await fleet.manager("plan", "words", "web-1", "--exit-code");
    await state("bad");
    const bad = await fleet.manager("plan", "words", "web-1");

    assertEquals([check.code, check.stderr], [ExitCode.ok, ""]);
    assert(schema.stdout.includes('"title": "word.File"'));
    assertEquals([plan.code, isThere], [10, false]);
    assertMatch(plan.stdout, /~ Word: word hello/);
    assertEquals([apply.code, written], [ExitCode.ok, "hello"]);
    assertEquals(again.code, ExitCode.ok);
    assertMatch(
      bad.stdout + bad.stderr,
      /Cannot finish check of word\.File: operations\/word\.ts:13:31: Error: no such word/,
    );
  },
  { ignored },
);

story(
  "mistakes in a user's module are told by state check and plan, and the schema leaves it out",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    await writeModule(fleet);
    await write(fleet, "operations/broken.ts", "\n  enum A { x }\n");
    await write(fleet, "states/all.yaml", "- It: { type: broken.Thing }\n");

    const check = await fleet.manager("state", "check");
    const plan = await fleet.manager("plan", "web-1");
    const schema = await fleet.manager("state", "schema");

    assertEquals([check.code, plan.code], [ExitCode.failed, ExitCode.failed]);
    assertMatch(
      check.stdout,
      /^operations\/broken\.ts:2:3: Cannot use this: a TypeScript enum is not supported/,
    );
    assertMatch(plan.stdout, /^operations\/broken\.ts:2:3: /);
    assertEquals(schema.code, ExitCode.ok);
    assert(schema.stdout.includes('"title": "word.File"'));
    assertMatch(schema.stderr, /operations\/broken\.ts has mistakes/);
  },
  { ignored },
);

story(
  "custom operations are refused where agent.yaml allows none, and by piri-agent-observe",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      agentConfig: { customOperations: "none" },
    });
    const dir = fleet.folder.at("observer");
    await Deno.mkdir(dir, { mode: 0o700 });
    const start = (args: readonly string[]) =>
      new LiveProgram(
        `observer ${args[0]}`,
        [...executables.observer, "--dir", dir, ...args],
        { NO_COLOR: "1" },
        dir,
      );
    const { stdout: token } = await fleet.manager("agent", "add", "eye-1");
    const file = await fleet.folder.write("token", token);
    await using joining = start(["join", "--token-file", file]);
    await joining.end();
    await using _running = start(["run"]);
    await fleet.connected("eye-1");
    await writeModule(fleet);
    await write(
      fleet,
      "states/all.yaml",
      `- Word: { type: word.File, path: ${fleet.folder.at("w")}, word: x }\n`,
    );

    const none = await fleet.manager("plan", "web-1");
    const observer = await fleet.manager("plan", "eye-1");

    assertMatch(
      none.stdout + none.stderr,
      /"customOperations" in this agent's agent\.yaml allows none/,
    );
    assertMatch(
      observer.stdout + observer.stderr,
      /this agent is piri-agent-observe, which starts no programs/,
    );
  },
  { ignored },
);

Deno.test({
  name:
    `custom operations run as another user where agent.yaml says so (compiled${
      otherUser === undefined ? "" : `, ignored because ${otherUser}`
    })`,
  ignore: otherUser !== undefined,
  fn: async () => {
    await using fleet = await startFleet(
      await compiled() as Exclude<typeof built, { unavailable: string }>,
      {
        agents: ["web-1"],
        agentConfig: { customOperations: { allow: ["who"], runAs: "nobody" } },
      },
    );
    await write(
      fleet,
      "operations/who.ts",
      `export const Am = {
  description: "Says who it runs as",
  parameters: {},
  permissions: { check: { sys: ["uid"] } },
  check() {
    throw new Error(\`user \${Deno.uid()}\`);
  },
  change() {},
};
`,
    );
    await write(fleet, "states/all.yaml", "- Who: { type: who.Am }\n");

    const { stdout } = await fleet.manager("plan", "web-1");

    assertMatch(stdout, /operations\/who\.ts:6:11: Error: user 65534/);
  },
});
