import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { Flags } from "../../../../lib/cli/command.ts";
import { VIEW_FLAGS } from "../../../../lib/cli/manager/job/view_flags.ts";
import { CommandState } from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { FakeManager } from "../../fake_manager.ts";
import { see } from "../start.ts";
import { type End, startMany } from "./many_run.ts";

const FILES = [["--out", "DIR"], ["--junit", "FILE"], ["--summary", "FILE"]];

for (const [flag = "", value = ""] of FILES) {
  for (
    const start of [
      ["run", "web-*", "--shell", "x"],
      ["run", "web-1", "--shell", "x"],
      ["job", "rerun", "j-17"],
      ["rerun", "j-17"],
      ["rerun", "12"],
    ]
  ) {
    Deno.test(`${start.join(" ")} with --detach and ${flag} is refused: nobody would write it`, async () => {
      const manager = new FakeManager();
      const args = [...start, "--detach", flag, "f"];
      const { code, stderr, terminal } = await see(args, { manager });

      assertEquals(
        [code, stderr],
        [
          2,
          `error: Cannot use "${flag}" with "--detach": nobody waits for what it would tell\nhint: piri-manager job watch ID ${flag} ${value}\n`,
        ],
      );
      assertEquals([manager.runs, manager.jobReruns, manager.reruns], [
        [],
        [],
        [],
      ]);
      assertEquals(terminal.outFiles.size, 0);
    });
  }

  for (
    const [args, what] of [
      [["watch", "12"], "commands"],
      [["rerun", "12"], "a command"],
    ] as const
  ) {
    Deno.test(`${args.join(" ")} with ${flag} is refused: only a job has files`, async () => {
      const { code, stderr, manager } = await see([...args, flag, "f"]);

      assertEquals(
        [code, stderr],
        [
          2,
          `error: Cannot use "${flag}" for ${what}: only a job has files\nhint: piri-manager job watch ID ${flag} ${value}\n`,
        ],
      );
      assertEquals(manager.reruns, []);
    });
  }
}

/** Flags that decide about what is shown, with values of a test. */
const FLAGS = {
  stream: ["--stream"],
  diff: ["--diff"],
  lines: ["--lines", "1"],
  quiet: ["--quiet"],
  "only-failed": ["--only-failed"],
  timestamps: ["--timestamps"],
  // It means nothing without times.
  utc: ["--timestamps", "--utc"],
  out: ["--out", "d"],
  junit: ["--junit", "a.xml"],
  summary: ["--summary", "a.md"],
  raw: ["--raw"],
  color: ["--color", "always"],
  json: ["--json"],
} as const;

type Name = keyof typeof FLAGS;

const NAMES = Object.keys(FLAGS) as Name[];

/** Pairs that are refused. */
const REFUSED: Partial<Record<Name, readonly Name[]>> = {
  stream: ["diff", "lines", "only-failed", "raw"],
  diff: ["timestamps", "utc", "raw", "json"],
  lines: ["timestamps", "utc", "raw", "json"],
  quiet: ["raw", "json"],
  "only-failed": ["timestamps", "utc", "raw", "json"],
  timestamps: ["raw"],
  utc: ["raw"],
  raw: ["json"],
};

Deno.test("each pair that is refused is one that a default of the user gives way in", () => {
  const flags: Flags = VIEW_FLAGS;
  const areApart = (one: string, other: string) =>
    flags[one]?.apart?.includes(other) === true ||
    flags[other]?.apart?.includes(one) === true;
  for (const one of NAMES) {
    for (const other of NAMES) {
      // It is refused for the flag that it needs.
      if (one === "utc" || other === "utc") continue;
      const isRefused = REFUSED[one]?.includes(other) === true ||
        REFUSED[other]?.includes(one) === true;

      assertEquals(areApart(one, other), isRefused, `${one} and ${other}`);
    }
  }
});

/** Pairs of which the first does all that the second asks for. */
const WITHIN: readonly (readonly [Name, Name])[] = [
  ["quiet", "only-failed"],
  ["timestamps", "stream"],
  ["utc", "stream"],
  ["utc", "timestamps"],
  ["json", "stream"],
  ["json", "timestamps"],
  ["json", "utc"],
  // It has no colours but those that the programs printed.
  ["json", "color"],
];

const ENDS: readonly End[] = [
  { agent: "web-1", stdout: "one\ntwo\n" },
  { agent: "web-2", stdout: "one\ntwo\n" },
  { agent: "web-3", stdout: "one\nfour\nfive\n" },
  {
    agent: "web-4",
    stdout: "six\nseven\n",
    state: CommandState.FAILED,
    exitCode: 3,
  },
];

/** All that a job of these agents leaves behind with these flags. */
async function shownBy(...flags: readonly string[]): Promise<string> {
  const run = await startMany(ENDS, { flags });
  if (run.manager.runs.length > 0) {
    for (const [index, { stdout }] of ENDS.entries()) {
      run.manager.watch.output(BigInt(101 + index), stdout ?? "");
    }
    await run.finish();
  }
  const { stdout, stderr, outFiles } = run.terminal;
  const files = [...outFiles.keys()].toSorted().map((path) =>
    `${path}: ${run.terminal.outFile(path)}`
  );
  return [await run.code, stdout.text, stderr.text, ...files].join("\n");
}

const PAIRS = NAMES.flatMap((one, index) =>
  NAMES.slice(index + 1).map((other) => [one, other] as const)
);

for (const [one, other] of PAIRS) {
  const flags = [...FLAGS[one], ...FLAGS[other]];
  if (REFUSED[one]?.includes(other)) {
    Deno.test(`--${one} with --${other} is refused by a sentence that names both`, async () => {
      const { code, stderr, manager } = await see(
        ["run", "web-*", ...flags, "--", "x"],
      );
      const named = [one, other]
        .map((name) => name === "utc" ? "timestamps" : name);

      assertEquals([code, manager.runs], [2, []]);
      const text = stderr.replaceAll('\\"', '"');
      assertMatch(text, /Cannot use "--[^"]+" with "--[^"]+": .+;/);
      assertEquals(
        [...text.matchAll(/"--([a-z-]+)"/g)].map(([, name]) => name)
          .toSorted(),
        named.toSorted(),
      );
    });
    continue;
  }
  const within = WITHIN.find((pair) =>
    pair.includes(one) && pair.includes(other)
  );
  if (within !== undefined) {
    const [more, less] = within;
    Deno.test(`--${more} does all that --${less} asks for`, async () => {
      assertEquals(await shownBy(...flags), await shownBy(...FLAGS[more]));
    });
    continue;
  }
  Deno.test(`--${one} and --${other} both do something`, async () => {
    const both = await shownBy(...flags);

    assertNotEquals(both, await shownBy(...FLAGS[one]));
    assertNotEquals(both, await shownBy(...FLAGS[other]));
    assertEquals(both.slice(0, 2), "1\n");
  });
}

Deno.test("--quiet with --stream leaves the lines, and no summary of a success", async () => {
  const run = await startMany([{ agent: "web-1" }], {
    flags: ["--quiet", "--stream"],
  });
  run.manager.watch.output(101n, "one\n");
  await run.finish();

  assertEquals(await run.code, 0);
  assertEquals(
    [run.terminal.stdout.text, run.terminal.stderr.text],
    ["web-1: one\n", ""],
  );
});

Deno.test("every flag of a view is in the table of the test", () => {
  assertEquals(
    Object.keys(VIEW_FLAGS).toSorted(),
    NAMES.filter((name) => name !== "json").toSorted(),
  );
});

for (
  const args of [
    ["watch", "12"],
    ["watch", "j-17"],
    ["job", "watch", "j-17"],
    ["job", "rerun", "j-17"],
    ["rerun", "12"],
    ["run", "web-1", "--shell", "x"],
  ]
) {
  Deno.test(`${args.join(" ")} refuses flags that contradict each other, too`, async () => {
    const { code, stderr } = await see([...args, "--json", "--diff"]);

    assertEquals(code, 2);
    assertMatch(stderr, /Cannot use \\"--json\\" with \\"--diff\\": /);
  });
}

Deno.test("facts refresh --json prints events: it sets no flag that JSON refuses", async () => {
  const { code, stdout } = await see(
    ["facts", "refresh", "web-*", "--detach", "--json"],
  );

  assertEquals(code, 0);
  assertMatch(stdout, /^\{"id":"j-17",/);
});
