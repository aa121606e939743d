import { assertEquals } from "@std/assert";
import { docStart } from "../../scripts/lint/doc_start.ts";
import { errorText } from "../../scripts/lint/error_text.ts";
import { fileName } from "../../scripts/lint/file_name.ts";
import { imports } from "../../scripts/lint/imports.ts";
import { limitNames } from "../../scripts/lint/limit_names.ts";
import { privateFields } from "../../scripts/lint/private_fields.ts";
import { processState } from "../../scripts/lint/process_state.ts";
import { testName } from "../../scripts/lint/test_name.ts";

/** Messages of one rule about a file, each with its hint behind a "|". */
function complaints(
  rule: Deno.lint.Rule,
  source: string,
  path = "lib/base/sample.ts",
): string[] {
  return Deno.lint.runPlugin({ name: "piri", rules: { rule } }, path, source)
    .map(({ message, hint }) => `${message} | ${hint}`);
}

const NOT_CANNOT = `The error does not begin with "Cannot" | ` +
  `Write "Cannot <attempt>: <what is so>"; an event that nobody attempted is listed in scripts/lint/error_text.ts`;
const PERIOD = "The error ends with a period | Leave the period out";

Deno.test("an error that does not begin with Cannot, or ends with a period, is found", () => {
  for (
    const [source, expected] of [
      [`new PiriError("DISK", "The disk is full");`, [NOT_CANNOT]],
      [`new PiriError("DISK", "Cannot write: it is full.");`, [PERIOD]],
      ['new Refusal("BUSY", `Too busy for ${name}`, 5);', [NOT_CANNOT]],
      ['new HintedError("BUSY", `Cannot take ${name}.`, "Wait");', [PERIOD]],
      [`new PiriError("BUSY", "The " + name + " is busy.");`, [
        NOT_CANNOT,
        PERIOD,
      ]],
      [
        `new PiriError("BUSY", many ? "Cannot take them" : "One too many");`,
        [NOT_CANNOT],
      ],
    ] satisfies [string, string[]][]
  ) {
    assertEquals(complaints(errorText, source), expected, source);
  }
});

Deno.test("an error with a contraction is found", () => {
  for (const word of ["doesn't", "it's", "there's", "we've", "Can't"]) {
    assertEquals(
      complaints(
        errorText,
        `new PiriError("BUSY", "Cannot write: ${word} so");`,
      ),
      [`The error has the contraction "${word}" | Write both words out`],
    );
  }
});

Deno.test("an error in the form of the house is accepted, as is one that is computed", () => {
  for (
    const source of [
      `new PiriError("DISK", "Cannot write the agent's journal: the disk is full");`,
      'new PiriError("DISK", `Cannot write ${bytes} bytes: the limit is ${limit}`);',
      'new PiriError("DISK", `${attempt}: the disk is full`);',
      `new PiriError("UNAVAILABLE", "Lost the connection to the Manager of " + folder);`,
      `new PiriError(code, message);`,
      `new TypeError("Not the fleet's error.");`,
    ]
  ) {
    assertEquals(complaints(errorText, source), [], source);
  }
});

Deno.test("an error that a test makes up is left alone", () => {
  const source = `new PiriError("DISK", "full");`;

  assertEquals(complaints(errorText, source, "tests/base/a_test.ts"), []);
});

Deno.test("a limit that is not named MAX_ or MIN_ is found, and told its name", () => {
  const message = "The name of a limit begins with MAX_ or MIN_ | Write";
  for (
    const [name, better] of [
      ["MOST_SAMPLES", "MAX_SAMPLES"],
      ["AT_MOST_BYTES", "MAX_BYTES"],
      ["LEAST_MS", "MIN_MS"],
      ["PIPE_MOST", "MAX_PIPE"],
      ["MINIMUM", "MIN_..."],
    ]
  ) {
    assertEquals(
      complaints(limitNames, `const ${name} = 1;`),
      [`${message} ${better}`],
    );
  }
});

Deno.test("a limit named MAX_ or MIN_ is accepted", () => {
  const source = `const MAX_BYTES = 1, MIN_MS = 2, ALMOST_ALL = 3, mostly = 4;`;

  assertEquals(complaints(limitNames, source), []);
});

Deno.test("a doc comment that begins without its subject is found, wherever its lines break", () => {
  const hint =
    `Name the subject ("Bytes acknowledged so far.") or begin with the verb ("Stops delivering a command.")`;
  for (
    const [comment, word] of [
      ["/** What a command is made of. */", "What"],
      ["/**\n * Whether it is open.\n */", "Whether"],
      ["/**\n *\n   * One for\n * all. */", "One for"],
      ["/** Where, and when. */", "Where"],
      ["/** Its turn has come. */", "Its"],
      ["/**\n * It is connected.\n */", "It"],
      ["/** Those that wait. */", "Those"],
      ["/** As `add`, with a limit. */", "As"],
      ["/** If it is busy, waits. */", "If"],
      ["/** There is no limit. */", "There"],
      ["/** In milliseconds since 1970. */", "In"],
      ["/** Without a limit. */", "Without"],
    ]
  ) {
    assertEquals(
      complaints(docStart, `${comment}\nconst a = 1;`),
      [`The doc comment begins with "${word}" | ${hint}`],
      comment,
    );
  }
});

Deno.test("a doc comment with an idiom of the list is found", () => {
  for (
    const [idiom, better] of [
      ["so many", `a number: "at most 64 commands"`],
      ["so long", `a number: "at most 5 s"`],
      ["would else", `"would otherwise"`],
      ["of 2024", `"legacy"`],
    ]
  ) {
    assertEquals(
      complaints(docStart, `/** Peers ${idiom}. */\nconst a = 1;`),
      [`"${idiom}" leaves the reader to guess | Write ${better}`],
    );
  }
});

Deno.test("a doc comment with its subject first is accepted, as is every other comment", () => {
  for (
    const comment of [
      "/** Bytes acknowledged so far, as long as the command is open. */",
      "/** Agents of June 2024, legacy ones. */",
      "/** Whatever came first. */",
      "/** Items in their order. */",
      "/** Assigns a number. */",
      "/** Only those that wait. */",
      "/** Inner ports. */",
      "/** In-flight commands. */",
      "// What may wait, waits.",
      "/* So many. */",
    ]
  ) {
    assertEquals(complaints(docStart, `${comment}\nconst a = 1;`), [], comment);
  }
});

Deno.test("an import from lib/ up into the rest of the repository is found", () => {
  const hint =
    "Pass what is needed in as a parameter, or move it down into a room of lib/";
  for (
    const [source, target] of [
      [`import { a } from "../../agent.ts";`, "agent.ts"],
      [`import type { A } from "../../tests/a.ts";`, "tests/a.ts"],
      [`export { a } from "../../bench/a.ts";`, "bench/a.ts"],
      [`await import("../../scripts/a.ts");`, "scripts/a.ts"],
    ]
  ) {
    assertEquals(
      complaints(imports, source ?? ""),
      [`Cannot import "${target}" into lib/: it is above | ${hint}`],
    );
  }
});

Deno.test("an export of everything is found in lib/", () => {
  assertEquals(complaints(imports, `export * from "./frame.ts";`), [
    `"export *" hides where a name comes from | Import each name from the file that declares it`,
  ]);
});

Deno.test("an import within lib/, of generated code or of a package is accepted", () => {
  const source = `import { a } from "../wire/frame.ts";
import { b } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { c } from "@std/path";
import { d } from "node:os";
export const e = 1;`;

  assertEquals(complaints(imports, source), []);
  assertEquals(
    complaints(imports, `import "../lib/a.ts";`, "tests/a_test.ts"),
    [],
  );
});

Deno.test("a file whose name says nothing, or is not snake_case, is found", () => {
  for (const name of ["index.ts", "util.ts", "utils.ts", "mod.ts"]) {
    assertEquals(complaints(fileName, "", `lib/base/${name}`), [
      `"${name}" says nothing about its contents | Name the file after its main export; if it has none, give each export a file`,
    ]);
  }
  assertEquals(complaints(fileName, "", "lib/base/fileDisk.ts"), [
    `"fileDisk.ts" is not snake_case | Name the file after its main export, as sqlite_store.ts for SqliteStore`,
  ]);
});

Deno.test("a file named after its main export is accepted, and mod.ts at the top", () => {
  for (
    const path of [
      "mod.ts",
      "lib/store/sqlite_store.ts",
      "lib/std/path.d.ts",
      "lib/store/migrations/0001_first.ts",
    ]
  ) {
    assertEquals(complaints(fileName, "", path), [], path);
  }
});

Deno.test("a member with the keyword private is found", () => {
  for (const member of ["private a = 1;", "private a() {}"]) {
    assertEquals(complaints(privateFields, `class A { ${member} }`), [
      `The member is private by "private", not by "#" | Write #name, without "private"`,
    ]);
  }
});

Deno.test("a member with # is accepted, and a private constructor", () => {
  const source =
    `class A { #a = 1; #b() {} private constructor(private c: 1) {} }`;

  assertEquals(complaints(privateFields, source), []);
});

const STATE = [
  ["Deno.env.set", '("TMPDIR", "/none")'],
  ["Deno.env.delete", '("TMPDIR")'],
  ["Deno.chdir", '("/")'],
  ["Deno.umask", "(0o77)"],
] as const;

for (const [call, rest] of STATE) {
  Deno.test(`${call} in a test or its support is found, and not in a program`, () => {
    const found = (path: string) =>
      complaints(processState, `${call}${rest};`, path);
    const message = `${call}() changes the process that other tests run in | ` +
      "Start another process, as tests/operations/run_elsewhere.ts does; its file ends with _program.ts";

    assertEquals(found("tests/base/clock_test.ts"), [message]);
    assertEquals(found("tests/support/story.ts"), [message]);
    assertEquals(found("tests/agent/observe_program.ts"), []);
    assertEquals(found("lib/base/variables.ts"), []);
  });
}

Deno.test("variables, the folder and the umask may be read in a test", () => {
  const source = 'Deno.env.get("HOME"); Deno.cwd(); Deno.umask();';

  assertEquals(complaints(processState, source, "tests/a_test.ts"), []);
});

Deno.test("a test's name that is too long or ends with a period is found", () => {
  const long = "a".repeat(96);
  const tooLong = "The test's name has 96 characters: the limit is 95 | " +
    "Name the subject first, then its behaviour; move conditions into the test, or split it";
  for (
    const [source, expected] of [
      [`Deno.test("${long}", () => {});`, tooLong],
      [`story("${long}", () => {});`, tooLong],
      [`Deno.test({ name: "${long}", fn: () => {} });`, tooLong],
      [`Deno.test.ignore("${long}", () => {});`, tooLong],
      ["Deno.test(`" + long + "${name}`, () => {});", tooLong],
      [
        `Deno.test("a test works.", () => {});`,
        "The test's name ends with a period | Leave the period out",
      ],
    ]
  ) {
    assertEquals(complaints(testName, source ?? ""), [expected], source);
  }
});

Deno.test("a test's name that does not begin with its subject is found", () => {
  for (
    const [source, word] of [
      [`Deno.test("what is not there is refused", () => {});`, "what"],
      ["Deno.test(`Who ${asks} is told`, () => {});", "Who"],
      [`Deno.test({ name: "nothing is left", fn: () => {} });`, "nothing"],
      [`story("only a login is open", () => {});`, "only"],
      [`unixTest("when idle, a worker ends", () => {});`, "when"],
      [`shellTest("zsh", "without zsh it is left out", () => {});`, "without"],
      [`await t.step("it is back", () => {});`, "it"],
      [`await step(t, "at once, it is back", () => {});`, "at"],
    ]
  ) {
    assertEquals(
      complaints(testName, source ?? ""),
      [
        `The test's name begins with "${word}" | Begin with the subject, as in "a file that is not there is refused"`,
      ],
      source,
    );
  }
});

Deno.test("a test's name that begins with its subject is accepted, though it looks otherwise", () => {
  for (
    const name of [
      "a file that is not there is refused",
      "in-flight commands end",
      "within() settles as its promise does",
      "only_if: false skips a step",
      "at most 32 pieces are kept",
      "whole files are read",
      "${what} is refused",
    ]
  ) {
    assertEquals(
      complaints(testName, "Deno.test(`" + name + "`, () => {});"),
      [],
      name,
    );
  }
});

Deno.test("a test's name of 95 characters is accepted, as is a long text elsewhere", () => {
  const long = "a".repeat(96);

  assertEquals(
    complaints(testName, `Deno.test("${"a".repeat(95)}", () => {});`),
    [],
  );
  assertEquals(complaints(testName, `print("${long}"); Deno.test(name);`), []);
});
