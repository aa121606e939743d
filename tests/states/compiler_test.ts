import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { canonicalJson } from "../../lib/base/statement.ts";
import { Compiler } from "../../lib/states/compiler.ts";
import { MORE_OPERATIONS } from "./more_operations.ts";
import { anAgent, compileText, MemoryFolder } from "./memory_folder.ts";

Deno.test("a step becomes a step of the sheet, each parameter read by its own type", async () => {
  const { sheet, problems, places, json } = await compileText(`
- Site:
    type: file.Installed
    path: /etc/nginx/conf.d/site.conf
    content: no
    mode: 0644
    user: 0
    parents: yes
- type: package.Installed
  name: nginx
  version: 1.10
`);

  assertEquals(problems, []);
  assertEquals(sheet, {
    format: 1,
    state: "",
    steps: [
      {
        name: "Site",
        operation: "file.Installed",
        params: {
          path: "/etc/nginx/conf.d/site.conf",
          content: "no",
          mode: 0o644,
          user: "0",
          parents: true,
        },
      },
      {
        name: "package.Installed nginx",
        operation: "package.Installed",
        params: { name: ["nginx"], version: "1.10" },
      },
    ],
  });
  assertEquals(json, canonicalJson(sheet));
  assertEquals(places.map(({ place }) => place), [
    { file: "states/all.yaml", line: 2, column: 3 },
    { file: "states/all.yaml", line: 9, column: 3 },
  ]);
});

Deno.test("agents that differ in nothing that a state asks share one compilation; else each has its own", async () => {
  const folder = new MemoryFolder({
    "states/all.yaml": `
- A: {type: noop.Noop, message: "\${facts.os.name} \${data.port}", if: {fact role: web}}
- B: {type: file.Installed, path: /b, template: b}
`,
    "files/all/b": "{{ facts.cpus }}",
  });
  const compiler = new Compiler({
    reader: folder,
    operations: MORE_OPERATIONS,
  });
  const facts = {
    "os.name": "debian",
    "os.version": "12",
    role: "web",
    cpus: "4",
    hostname: "a",
  };
  const one = anAgent({ id: "a", facts, data: { port: 1 } });
  const first = await compiler.compile("", one);
  const same = async (changes: Partial<typeof one>) =>
    await compiler.compile("", { ...one, ...changes }) === first;

  assertEquals(first.problems, []);
  assert(await same({ id: "b", facts: { ...facts, hostname: "b" } }));
  assert(await same({ facts: { ...facts, "os.version": "13" } }));
  assert(!await same({ facts: { ...facts, "os.name": "alpine" } }));
  assert(!await same({ facts: { ...facts, role: "db" } }));
  assert(!await same({ facts: { ...facts, cpus: "8" } }));
  assert(!await same({ data: { port: 2 } }));
  assert(!await same({ groups: ["db"] }));
  assert(!await same({ secrets: new Map([["token", "a"]]) }));
  assert(await same({}));
  assertEquals(folder.loaded.filter((path) => path !== "files/all/b"), [
    "states/all.yaml",
  ]);
});

Deno.test("a file that changes, comes or goes makes another compilation", async () => {
  const folder = new MemoryFolder({
    "states/all.yaml":
      "- A: {type: file.Installed, path: /a, source: a}\n- include: b\n",
    "states/all/b.yaml": "- B: {type: noop.Noop}\n",
    "files/all/a": "1",
  });
  const compiler = new Compiler({
    reader: folder,
    operations: MORE_OPERATIONS,
  });
  const compile = () => compiler.compile("", anAgent());
  const seen = [await compile(), await compile()];
  for (
    const [path, text] of [
      ["files/all/a", "2"],
      ["files/groups/web/a", "3"],
      ["states/all/b.yaml", "- B: {type: noop.Noop, message: x}\n"],
      ["states/agents/web-1/b.yaml", "- C: {type: noop.Noop}\n"],
      ["states/groups/web.yaml", "- D: {type: noop.Noop}\n"],
    ] as const
  ) {
    folder.write(path, text);
    seen.push(await compile());
  }

  assert(seen[0] === seen[1]);
  assertEquals(new Set(seen.slice(1).map(({ sha256 }) => sha256)).size, 6);
});

Deno.test("files of one agent make a compilation of its own, and its name does if the state uses it", async () => {
  const compiler = new Compiler({
    reader: new MemoryFolder({
      "states/all.yaml": "- A: {type: noop.Noop}\n",
      "states/agents/web-2.yaml": "- B: {type: noop.Noop}\n",
      "states/all/named.yaml": '- A: {type: host.Name, name: "${agent}"}\n',
    }),
    operations: MORE_OPERATIONS,
  });
  const counts = [];
  for (const id of ["web-1", "web-2", "web-3", "web-2"]) {
    const { sheet } = await compiler.compile("", anAgent({ id }));
    counts.push(sheet?.steps.length);
  }
  const names = [];
  for (const id of ["web-1", "web-2"]) {
    const { sheet } = await compiler.compile("named", anAgent({ id }));
    names.push(sheet?.steps[0]?.params.name);
  }

  assertEquals(counts, [1, 2, 1, 2]);
  assertEquals(names, ["web-1", "web-2"]);
});

/** Steps of a state, of several kinds. */
const steps = fc.array(
  fc.record({
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    message: fc.oneof(
      fc.stringMatching(/^[ -~]{0,20}$/),
      fc.constantFrom("${facts.os.name}", "a${agent}b", "${{x}", "${port}"),
    ).map((text) => text.replaceAll(/\$\{(?![a-z{])/g, "$ ")),
    require: fc.nat(),
  }),
  { maxLength: 8 },
).map((all) => [...new Map(all.map((each) => [each.name, each])).values()]);

function textOf(
  all: readonly { name: string; message: string; require: number }[],
  { comment = "" }: { comment?: string } = {},
): string {
  return all.map(({ name, message, require }, index) => {
    const needed = all[require % (index + 1)]?.name;
    const wait = needed === name ? "" : `, require: ${JSON.stringify(needed)}`;
    return `${comment}- "${name}": {type: noop.Noop, message: ${
      JSON.stringify(message)
    }${wait}}${comment.trim() === "" ? "" : " # end"}\n`;
  }).join("");
}

Deno.test("equal inputs make equal sheets, and a comment or an empty line changes nothing", async () => {
  await fc.assert(fc.asyncProperty(
    steps,
    fc.constantFrom("# why\n", "\n\n", "# ${open\n\n"),
    async (all, comment) => {
      const data = { port: 8080 };
      const one = await compileText(textOf(all), { data });
      const other = await compileText(textOf(all), { data });
      const commented = await compileText(textOf(all, { comment }), { data });

      assertEquals(one.sha256, other.sha256);
      assertEquals([
        commented.sha256,
        commented.problems.map(({ message }) => message),
      ], [one.sha256, one.problems.map(({ message }) => message)]);
    },
  ));
});

Deno.test("the order of a compiled state satisfies require, whatever the references", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.uniqueArray(fc.nat(9), { maxLength: 2 }), {
      minLength: 10,
      maxLength: 10,
    }),
    async (all) => {
      const text = all.map((require, index) =>
        `- s${index}: {type: noop.Noop, require: [${
          require.map((step) => `s${step}`).join(", ")
        }]}\n`
      ).join("");
      const { sheet, problems } = await compileText(text);
      const isOrdered = sheet?.steps.every(({ require = [] }, index) =>
        require.every((step) => step < index)
      );

      assertEquals(isOrdered ?? problems.length > 0, true);
    },
  ));
});

Deno.test("programs without a guard, items by number and a file that two steps set are warned about", async () => {
  const { warnings } = await compileText(`
- Run: {type: command.Run, command: "true"}
- Guarded: {type: command.Run, command: "true", unless: "true"}
- After: {type: command.Run, command: "true", onchanges: Run}
- Looks: {type: command.Run, command: "true", changes: false}
- One: {type: file.Installed, path: /a, content: x}
- Two: {type: file.Absent, path: /a}
- Part: {type: file.Line, path: /a, line: x}
- First: {type: file.Installed, path: /b, content: x, overwrite: no}
- Later: {type: file.Line, path: /b, line: y}
- Alone: {type: file.Line, path: /c, line: y}
- Before: {type: file.Line, path: /d, line: y}
- Whole: {type: file.Installed, path: /d, content: x}
- Unnamed: {each: [{port: 1}, {port: 2}], type: noop.Noop, message: "\${item.port}"}
`);

  assertEquals(
    warnings.map(({ place, message }) => `${place.line}: ${message}`),
    [
      '2: "Run" runs its program each time: creates, unless, onlyif or a condition would say when it has nothing to do',
      '7: "Two" and "One" both set the file /a: each run changes it twice',
      '8: "Part" changes the file /a, which "One" sets as a whole: each run changes it twice',
      '12: "Before" changes the file /d, which "Whole" sets as a whole: each run changes it twice',
      '14: "Unnamed[0]" is named by its number in a list, so a new item in front gives others its name: give the items a name',
    ],
  );
});

Deno.test("a sheet over its limit is refused", async () => {
  const text = "x".repeat(32_000);
  const { problems } = await compileText(
    `
- A:
    each: \${many}
    type: noop.Noop
    message: "\${text}"
`,
    { data: { many: Array.from({ length: 300 }, (_, i) => i), text } },
  );

  assertEquals(
    problems.map(({ message }) => message.replaceAll(/[0-9]+/g, "N")),
    [
      "Cannot use this state: its sheet of N bytes is over the limit of N",
    ],
  );
});
