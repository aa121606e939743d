import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { StateSecret } from "../../lib/states/compile_input.ts";
import { MAX_PROBLEMS } from "../../lib/states/problems.ts";
import { anAgent, compilerOf, errorsOf } from "./memory_folder.ts";

const FOLDER = new URL("./errors/", import.meta.url);

/** Files beside the one with the error. */
const OTHERS = {
  "states/all/base/time.yaml": "- T: {type: noop.Noop}\n",
  "states/all/loop.yaml": "- include: loop\n",
  "states/all/broken.yaml": "- T: {type: noop.Nop}\n",
  "files/all/undefined.conf": "one\n  {{ nothing.here }}\n",
  "files/all/open.conf": "one\n{% if x %}\n",
};

/** Data and secrets that the files with errors use. */
const GIVEN = {
  data: { many: Array.from({ length: 101 }, (_, index) => index) },
  secrets: new Map<string, StateSecret>([
    ["token", "aa"],
    ["others", { refusal: 'the secret "others" is for others' }],
  ]),
};

/** Expected errors by the name of their file, out of expected.txt. */
async function expected(): Promise<Map<string, string>> {
  const text = await Deno.readTextFile(new URL("expected.txt", FOLDER));
  return new Map(
    text.split(/^### /m).slice(1).map((part) => {
      const [name = "", ...lines] = part.trimEnd().split("\n");
      return [name, lines.join("\n")];
    }),
  );
}

Deno.test("each file with an error gives the expected text, with its place and line", async (test) => {
  const texts = await expected();
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".yaml"));
  assertEquals(files.toSorted(), [...texts.keys()].toSorted());
  for (const [name, text] of texts) {
    await test.step(name, async () => {
      const state = await Deno.readTextFile(new URL(name, FOLDER));
      const files = { ...OTHERS, "states/all.yaml": state };
      assertEquals((await errorsOf(files, GIVEN)).join("\n"), text);
    });
  }
});

Deno.test("all errors come at once, up to the limit, and each one once", async () => {
  const step = (index: number) => `- S${index}: {type: no.Such${index}}\n`;
  const lines = Array.from({ length: 30 }, (_, index) => step(index));

  const some = await errorsOf({
    "states/all.yaml": lines.slice(0, 3).join(""),
  });
  const many = await errorsOf({ "states/all.yaml": lines.join("") });

  assertEquals(some.length, 3);
  assertEquals(many.length, MAX_PROBLEMS);
});

Deno.test("an error that all items of an each have is told once, with the first item", async () => {
  const errors = await errorsOf({
    "states/all.yaml": `
- Users:
    each: [{name: anna}, {name: bob}]
    steps:
      - Login: {type: user.Present, name: "\${item.login}"}
`,
  });

  assertEquals(errors.map((text) => text.split("\n")[1]), ["  in Users[anna]"]);
});

Deno.test("a line of a file below secrets/ is never quoted", () => {
  const compiler = compilerOf({});
  const place = { file: "secrets/all.yaml", line: 1, column: 1 };

  assertEquals(
    compiler.format({ place, message: "Cannot read this", chain: [] }),
    "secrets/all.yaml:1:1: Cannot read this",
  );
});

Deno.test("a file over the limits of size and aliases is refused, with both numbers", async () => {
  const aliases = `- A: &a {type: noop.Noop}\n${
    Array.from({ length: 101 }, (_, index) => `- S${index}: *a\n`).join("")
  }`;
  const bomb = `${
    "abcdefgh".split("").map((name, index) =>
      `- ${name}: &${name} [${
        index === 0
          ? "x"
          : Array(9).fill(`*${String.fromCharCode(96 + index)}`).join(", ")
      }]\n`
    ).join("")
  }`;

  const [large] = await errorsOf({
    "states/all.yaml": `# ${"x".repeat(1_048_576)}`,
  });
  const [many] = await errorsOf({ "states/all.yaml": aliases });
  const [exploding] = await errorsOf({ "states/all.yaml": bomb });

  assertEquals(
    large?.split("\n")[0],
    "states/all.yaml:1:1: Cannot read this file: its 1048578 characters are over the limit of 1048576",
  );
  assertEquals(
    many?.split("\n")[0],
    "states/all.yaml:102:9: Cannot follow this alias: the limit of a file is 100",
  );
  assertEquals(/limit|with its aliases/.test(exploding ?? ""), true);
});

Deno.test("includes nested too deep are refused, and as many as the limit are not", async () => {
  const chain = (length: number) =>
    Object.fromEntries([
      ["states/all.yaml", "- include: s1\n"],
      ...Array.from({ length }, (_, index) => [
        `states/all/s${index + 1}.yaml`,
        index + 1 === length
          ? "- A: {type: noop.Noop}\n"
          : `- include: s${index + 2}\n`,
      ]),
    ]);

  const deep = await compilerOf(chain(16)).compile("", anAgent());
  const [first] = await errorsOf(chain(17));

  assertEquals(deep.sheet?.steps.length, 1);
  assertEquals(
    first?.split("\n")[0],
    'states/all/s16.yaml:1:12: Cannot include "s17": includes are nested deeper than 16',
  );
});

const WHOLE = `
- include: base/time
- Web: &web
    - Site: {type: file.Installed, path: /a, template: undefined.conf, mode: 0644}
    - Run: {type: command.Run, command: "\${agent | upcase}", if: [{not path isdir: /a}, {changed: Site}]}
- Users:
    if: {any: [{fact os.name: debian}, {expr: "cpus > 2"}]}
    each: \${many}
    as: user
    steps: [{Login: {type: user.Present, name: "\${user}", require: Site, retry: {times: 1, every: 2s}}}]
- <<: *web
`;

Deno.test("a damaged file is a sheet or errors, each with a place in a file, and never a crash", async () => {
  const cut = fc.record({
    at: fc.nat(WHOLE.length),
    length: fc.nat(4),
    text: fc.oneof(
      fc.constantFrom(
        "\n",
        ":",
        "- ",
        "{",
        "}",
        "${",
        "|",
        "&a ",
        "*a",
        "'",
        '"',
      ),
      fc.string({ maxLength: 3 }),
    ),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(cut, { minLength: 1, maxLength: 3 }),
      async (cuts) => {
        const text = cuts.reduce(
          (all, { at, length, text }) =>
            all.slice(0, at) + text + all.slice(at + length),
          WHOLE,
        );
        const compiler = compilerOf({ ...OTHERS, "states/all.yaml": text });
        const { sheet, problems } = await compiler.compile("", anAgent(GIVEN));
        const lines = text.split("\n").length;

        assertEquals(sheet === undefined, problems.length > 0);
        for (const problem of problems) {
          const { place: { file, line, column }, message } = problem;
          assertEquals(message.startsWith("Cannot "), true, message);
          assertEquals([line >= 1, column >= 1], [true, true], message);
          assertEquals(file !== "states/all.yaml" || line <= lines, true, text);
          assertEquals(compiler.format(problem).startsWith(`${file}:`), true);
        }
      },
    ),
    { numRuns: 300 },
  );
});
