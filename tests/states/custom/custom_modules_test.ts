import { assert, assertEquals } from "@std/assert";
import { Compiler } from "../../../lib/states/compiler.ts";
import { parseSheet } from "../../../lib/steps/parse_sheet.ts";
import { stepDescriptions } from "../../../lib/steps/registry.ts";
import {
  anAgent,
  compilerOf,
  errorsOf,
  MemoryFolder,
} from "../memory_folder.ts";

const STATE = "- It: { type: site.Page, name: shop, port: 010 }\n";

const PAGE = `import type { CustomOperation } from "@piri/piri";
import { readFile } from "node:fs/promises";
import { empty } from "./lib/empty.ts";

const PORT = { type: "integer", description: "Its port" } as const;

export const Page: CustomOperation<{ name: string; port?: number }> = {
  description: "Keeps " + "a page",
  parameters: {
    name: { type: "text", required: true, description: "Its name" },
    port: PORT,
  },
  permissions: { check: { read: ["/srv"] } },
  check: ({ name }: { name: string }) => empty(name),
  change,
} satisfies unknown;

async function change(): Promise<void> {}
`;
const EMPTY =
  "export const empty = (_: string) => ({ changes: [] as never[] });\n";

/** Errors of a state that uses site.Page. */
async function errors(
  site: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  return await errorsOf({
    "states/all.yaml": STATE,
    "operations/site.ts": site,
    ...more,
  });
}

/** Module with a description of site.Page that has these keys. */
function described(keys: string): string {
  return `export const Page = {\n  description: "x",\n  ${keys}\n  check() {},\n  change() {},\n};\n`;
}

Deno.test("sheet has the files of a custom operation without types, and its description", async () => {
  const compiler = compilerOf({
    "states/all.yaml": STATE,
    "operations/site.ts": PAGE,
    "operations/lib/empty.ts": EMPTY,
  });
  const { sheet, json, blobs, problems } = await compiler
    .compile("", anAgent());

  assertEquals(problems, []);
  assertEquals(sheet?.steps[0]?.params, { name: "shop", port: 10 });
  const [module] = parseSheet(json).modules ?? [];
  assertEquals(module?.operations, [{
    name: "Page",
    description: "Keeps a page",
    parameters: {
      name: { type: "text", required: true, description: "Its name" },
      port: { type: "integer", description: "Its port" },
    },
    subject: "name",
    permissions: { check: { read: ["/srv"] }, change: {} },
  }]);
  assertEquals(module?.files.map(({ path }) => path), [
    "operations/site.ts",
    "operations/lib/empty.ts",
  ]);
  const [code = "", helper = ""] = (module?.files ?? [])
    .map(({ sha256 }) => new TextDecoder().decode(blobs.get(sha256)));
  assertEquals(
    code.split("\n").map((line) => line.length),
    PAGE.split("\n").map((line) => line.length),
  );
  assert(code.includes('import { empty } from "./lib/empty.js";'));
  assert(!/satisfies|CustomOperation|: string/.test(code));
  assert(!helper.includes("string"));
});

Deno.test("state without custom operations makes the same sheet whatever modules there are", async () => {
  const state = { "states/all.yaml": "- It: { type: noop.Noop }\n" };
  const alone = await compilerOf(state).compile("", anAgent());
  const beside = await compilerOf({ ...state, "operations/site.ts": PAGE })
    .compile("", anAgent());

  assertEquals(alone.sha256, beside.sha256);
  assertEquals(alone.sheet?.modules, undefined);
});

Deno.test("module of a stronger layer replaces that of a weaker one", async () => {
  const site = (word: string) =>
    described(
      `parameters: { name: { type: "text", description: "${word}" }, port: { type: "text", description: "x" } },`,
    );
  const files = {
    "states/all.yaml": STATE,
    "operations/site.ts": site("all"),
    "operations/groups/web/site.ts": site("group"),
    "operations/agents/web-2/site.ts": site("agent"),
  };
  const compiler = compilerOf(files);
  const words: unknown[] = [];
  for (
    const [id, groups] of [["db-1", []], ["web-1", ["web"]], ["web-2", [
      "web",
    ]]] as const
  ) {
    const { sheet } = await compiler.compile("", anAgent({ id, groups }));
    words.push(
      sheet?.modules?.[0]?.operations[0]?.parameters["name"]?.description,
    );
  }

  assertEquals(words, ["all", "group", "agent"]);
});

Deno.test("equal agents share a compilation until a file of a module is changed", async () => {
  const folder = new MemoryFolder({
    "states/all.yaml": STATE,
    "operations/site.ts": PAGE,
    "operations/lib/empty.ts": EMPTY,
  });
  const compiler = new Compiler({
    reader: folder,
    operations: stepDescriptions,
  });
  const first = await compiler.compile("", anAgent());
  const second = await compiler.compile("", anAgent({ id: "web-2" }));
  folder.write("operations/lib/empty.ts", `${EMPTY}// more\n`);
  const third = await compiler.compile("", anAgent());

  assertEquals([first.problems, first === second], [[], true]);
  assert(third.sha256 !== first.sha256);
  assertEquals(folder.loaded, [
    "states/all.yaml",
    "operations/site.ts",
    "operations/lib/empty.ts",
    "operations/lib/empty.ts",
  ]);
});

Deno.test("TypeScript that is more than types is refused with its place", async () => {
  assertEquals(await errors("\n  enum A { x }\n"), [
    "operations/site.ts:2:3: Cannot use this: a TypeScript enum is not supported; types are removed and nothing else is changed, so that only TypeScript which is JavaScript without its types can run\n" +
    "  in site.Page (states/all.yaml:1:15)\n  2 |   enum A { x }\n    |   ^",
  ]);
});

Deno.test("mistakes in modules are told with file, line and column", async () => {
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    "syntax": [
      "export const a = ;\n",
      "1:18: Cannot read this module: expression expected",
    ],
    "syntax in JavaScript": ["a\n  =>\n b", "2:3: Cannot read this module: "],
    "duplicate": [
      `${described("")}${described("")}`,
      "7:14: Cannot read this module: identifier 'Page' has already been declared",
    ],
    "npm": [
      'import a from "npm:lodash";',
      '1:15: Cannot import "npm:lodash": a custom operation imports relative files and node: alone; bundle',
    ],
    "bare": [
      '\nexport * from "lodash";',
      '2:15: Cannot import "lodash": a custom operation',
    ],
    "https": [
      'await import("https://example.com/a.ts");',
      '1:14: Cannot import "https://example.com/a.ts": a custom',
    ],
    "computed": [
      "await import(Deno.args[0]);",
      "1:14: Cannot use this import: its path must be a plain text",
    ],
    "types": [
      'import { CustomOperation } from "@piri/piri";',
      '1:33: Cannot import "@piri/piri": write "import type"',
    ],
    "missing file": [
      'import "./lib/a.ts";',
      '1:8: Cannot import "./lib/a.ts": there is no file "operations/lib/a.ts"',
    ],
    "no end": [
      'import "./lib/a";',
      '1:8: Cannot import "./lib/a": the whole name of a file should be here',
    ],
    "outside": [
      'import "../secrets/all.ts";',
      '1:8: Cannot import "../secrets/all.ts": a custom operation imports files below operations/ alone',
    ],
    "far outside": [
      'import "../../etc/a.ts";',
      '1:8: Cannot import "../../etc/a.ts": a custom operation imports files below',
    ],
    "description that is made": [
      "export const Page = { description: make(), parameters: {}, check() {}, change() {} };",
      "1:36: Cannot read this value: only texts",
    ],
    "no check": [
      'export const Page = { description: "x", parameters: {}, change() {} };',
      '1:21: Cannot use the operation Page: its function "check" is missing',
    ],
    "no description": [
      "export const Page = { parameters: {}, check() {}, change() {} };",
      '1:21: Cannot use the operation Page: "description" is missing',
    ],
    "unknown key": [
      'export const Page = { desc: "x", check() {}, change() {} };',
      '1:29: Cannot use "desc" in the operation Page: it has description,',
    ],
    "type": [
      described('parameters: { a: { type: "number", description: "x" } },'),
      '3:28: Cannot read "parameters.a.type" of Page: one of text, path, mode',
    ],
    "secret": [
      described(
        'parameters: { a: { type: "path", description: "x", secret: true } },',
      ),
      '3:20: Cannot read "parameters.a" of Page: expected no "secret", but for the types text, texts, map',
    ],
    "taken name": [
      described('parameters: { timeout: { type: "text", description: "x" } },'),
      '3:26: Cannot use the parameter "timeout": this key means something else',
    ],
    "odd name": [
      described('parameters: { "a b": { type: "text", description: "x" } },'),
      '3:24: Cannot use the parameter "a b": it may have letters',
    ],
    "subject": [
      described('parameters: {}, subject: "a",'),
      '3:28: Cannot use the subject "a": Page has no parameter',
    ],
    "check that writes": [
      described("parameters: {}, permissions: { check: { write: true } },"),
      '3:50: Cannot use "permissions.check.write" of Page: a check only looks',
    ],
    "check that runs all": [
      described("parameters: {}, permissions: { check: { run: true } },"),
      '3:48: Cannot read "permissions.check.run" of Page: a check runs programs that only look',
    ],
    "libraries": [
      described("parameters: {}, permissions: { change: { ffi: true } },"),
      '3:49: Cannot use "permissions.change.ffi" of Page: no custom operation may load',
    ],
    "relative path": [
      described('parameters: {}, permissions: { check: { read: ["etc"] } },'),
      '3:49: Cannot read "permissions.check.read" of Page: expected true or a list of absolute paths',
    ],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) {
    const [first = ""] = await errors(text);

    assert(
      first.startsWith(`operations/site.ts:${expected}`),
      `${name}: ${first}`,
    );
  }
});

Deno.test("all mistakes of imports are told at once, each in its own file", async () => {
  const found = await errors(
    'import "./lib/a.ts";\nimport "npm:x";\n',
    { "operations/lib/a.ts": 'import "npm:y";\nenum A { x }\n' },
  );

  assertEquals(found.map((text) => text.split(": ")[0]), [
    "operations/site.ts:2:8",
    "operations/lib/a.ts:2:1",
  ]);
});

Deno.test("operation that a module does not have is told, with the nearest", async () => {
  const [near] = await errors(
    described("parameters: {},").replace("Page", "Pages"),
  );
  const [call] = await errors("export const Page = make();\n");
  const [none] = await errors("const x = 1;\n");

  assert(
    near?.includes(
      'Cannot find the operation "Page" in "operations/site.ts": did you mean "Pages"?',
    ),
    near,
  );
  assert(
    call?.includes("what it exports under this name is no object with"),
    call,
  );
  assert(none?.includes("it exports no operations"), none);
});

Deno.test("parameters of a custom operation are checked by its description", async () => {
  const files = {
    "operations/site.ts": PAGE,
    "operations/lib/empty.ts": EMPTY,
  };
  const wrong = await errorsOf({
    ...files,
    "states/all.yaml": "- It: { type: site.Page, nam: x, port: abc }\n",
  });

  assertEquals(wrong.map((text) => text.split("\n")[0]), [
    'states/all.yaml:1:26: Cannot use "nam" in site.Page: did you mean "name"?',
    wrong[1]?.split("\n")[0] ?? "",
    'states/all.yaml:1:3: Cannot use site.Page here: its parameter "name" is missing',
  ]);
  assert(wrong[1]?.startsWith("states/all.yaml:1:40: "));
});

Deno.test("modules with names of Piri's own are refused, and never used", async () => {
  const compiler = compilerOf({
    "states/all.yaml": "- It: { type: package.Mine }\n",
    "operations/package.ts": described("parameters: {},"),
    "operations/File.ts": described("parameters: {},"),
    "operations/a-b.ts": described("parameters: {},"),
  });
  const { problems } = await compiler.compile("", anAgent());
  const modules = await compiler.modules();

  assert(
    problems[0]?.message.startsWith('Cannot find the operation "package.Mine"'),
  );
  assertEquals(
    modules.flatMap(({ problems }) =>
      problems.map((each) => compiler.format(each).split("\n")[0])
    ),
    [
      'operations/File.ts:1:1: Cannot use "File" as the name of a module: it is one of Piri\'s own',
      'operations/a-b.ts:1:1: Cannot use "a-b" as the name of a module: it may have letters, digits and underscores',
      'operations/package.ts:1:1: Cannot use "package" as the name of a module: it is one of Piri\'s own',
    ],
  );
});

Deno.test("module that is no text, or too large, is refused", async () => {
  const binary = compilerOf({
    "states/all.yaml": STATE,
    "operations/site.ts": new Uint8Array([0xff, 0xfe]),
  });
  const { problems } = await binary.compile("", anAgent());
  const [large] = await errors(
    `${described("parameters: {},")}// ${"x".repeat(5_000_000)}\n`,
  );

  assertEquals(problems.map(({ message }) => message), [
    "Cannot read this file: it is no text in UTF-8",
  ]);
  assert(
    /are over the limit of 4194304/.test(large ?? ""),
    large?.slice(0, 200),
  );
});

Deno.test("modules that import each other in a circle are read once", async () => {
  const compiler = compilerOf({
    "states/all.yaml": "- It: { type: site.Page }\n",
    "operations/site.ts": `import "./lib/a.ts";\n${
      described("parameters: {},")
    }`,
    "operations/lib/a.ts": 'import "../site.ts";\nimport "./a.ts";\n',
  });
  const { sheet } = await compiler.compile("", anAgent());

  assertEquals(sheet?.modules?.[0]?.files.map(({ path }) => path), [
    "operations/site.ts",
    "operations/lib/a.ts",
  ]);
});
