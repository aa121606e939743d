import { assertEquals } from "@std/assert";
import type { SheetValue } from "../../lib/steps/sheet.ts";
import { anAgent, compilerOf, compileText } from "./memory_folder.ts";

/** Parameters of the first step, which must have no errors. */
async function paramsOf(
  text: string,
  changes: Parameters<typeof compileText>[1] = {},
): Promise<Readonly<Record<string, SheetValue>> | undefined> {
  const { sheet, problems } = await compileText(text, changes);
  assertEquals(problems, []);
  return sheet?.steps[0]?.params;
}

Deno.test("each type of parameter reads the text of its scalar, whatever YAML makes of it", async () => {
  const cases: readonly (readonly [string, string, SheetValue])[] = [
    ["file.Dir, path: /a, mode", "0644", 0o644],
    ["file.Dir, path: /a, mode", "'2755'", 0o2755],
    ["file.Dir, path: /a, mode", "0o600", 0o600],
    ["package.Installed, name: a, version", "1.10", "1.10"],
    ["package.Installed, name: a, version", "0x10", "0x10"],
    ["user.Present, name: a, comment", "no", "no"],
    ["user.Present, name: a, comment", "null", "null"],
    ["user.Present, name: a, comment", "2026-01-31", "2026-01-31"],
    ["user.Present, name: a, uid", "1000", 1000],
    ["user.Present, name: a, system", "yes", true],
    ["user.Present, name: a, system", "Off", false],
    ["user.Present, name: a, groups", "dev", ["dev"]],
    ["package.Installed, names", "[dev, 100]", ["dev", "100"]],
    ["command.Run, command: a, ok_codes", "0", [0]],
    ["command.Run, command: a, ok_codes", "[0, 3]", [0, 3]],
    ["command.Run, command: a, env", "{A: 1.0, B: on}", { A: "1.0", B: "on" }],
    ["service.Running, name: a, settle", "1m30s", 90_000],
    ["file.Installed, path: /a, content", "'0644'", "0644"],
    ["package.Upgraded, except", "[]", []],
  ];
  for (const [before, value, wanted] of cases) {
    const key = before.slice(before.lastIndexOf(" ") + 1);
    const params = await paramsOf(`- A: {type: ${before}: ${value}}\n`);
    assertEquals(params?.[key], wanted, `${before}: ${value}`);
  }
});

Deno.test("an expression alone keeps its type, and in a text it is text", async () => {
  const data = {
    user: { groups: ["dev", "ops"], uid: 1001 },
    on: true,
    list: [{ name: "a", port: 1 }, { name: "b", port: 2 }],
  };
  const cases: readonly (readonly [string, string, SheetValue])[] = [
    ["user.Present, name: a, groups", "${data.user.groups}", ["dev", "ops"]],
    ["user.Present, name: a, groups", "${user.groups}", ["dev", "ops"]],
    ["user.Present, name: a, uid", "${user.uid}", 1001],
    ["user.Present, name: a, system", "${on}", true],
    ["user.Present, name: a, comment", "u${user.uid}-${on}", "u1001-true"],
    ["user.Present, name: a, comment", "${agent}/${agent.name}", "web-1/web-1"],
    [
      "user.Present, name: a, comment",
      "${facts.os} ${facts.os.name}",
      "linux debian",
    ],
    ["user.Present, name: a, comment", "${groups | join: '+'}", "web"],
    [
      "user.Present, name: a, comment",
      "${{user.uid} $5 $$",
      "${user.uid} $5 $$",
    ],
    ["user.Present, name: a, comment", "${nothing | default: 'x}y'}", "x}y"],
    ["user.Present, name: a, groups", "${list | map: 'name'}", ["a", "b"]],
    [
      "noop.Noop, message",
      "${user | json}",
      '{"groups":["dev","ops"],"uid":1001}',
    ],
    ["user.Present, name: a, comment", '${"a\'b" | shell}', "'a'\\''b'"],
    ["user.Present, name: a, comment", "${'a b/c' | url}", "a%20b%2Fc"],
    ["user.Present, name: a, comment", "${'hi' | base64}", "aGk="],
  ];
  for (const [before, value, wanted] of cases) {
    const key = before.slice(before.lastIndexOf(" ") + 1);
    const params = await paramsOf(
      `- A: {type: ${before}: ${JSON.stringify(value)}}\n`,
      { data },
    );
    assertEquals(params?.[key], wanted, value);
  }
});

Deno.test("the expression of assert.That is decided as that of a condition, alone and in a placeholder", async () => {
  const answers: (readonly [expression: string, isSo: boolean])[] = [
    ["facts.cpus > 0", true],
    ["facts.cpus > 8", false],
    ["${facts.cpus > 0}", true],
    ["${facts.cpus > 8}", false],
    ["facts.cpus", true],
    ["agent == 'web-1' and true", true],
    ["nil", false],
    ["${nil}", false],
    ["true", true],
    ["false", false],
  ];
  const states = answers.map(([expression], index) =>
    `- A${index}: {type: assert.That, expr: "${expression}"}\n- B${index}: {type: noop.Noop, if: {expr: "${expression}"}}\n`
  );
  const { problems, sheet } = await compilerOf({
    "states/all.yaml": `${
      states.join("")
    }- Plain: {type: assert.That, expr: true}\n`,
  }).compile("", anAgent({ facts: { cpus: "4" } }));

  const steps = sheet?.steps ?? [];
  assertEquals(problems, []);
  assertEquals(
    steps.filter(({ name }) => name.startsWith("A"))
      .map(({ params }) => params.expr),
    answers.map(([, isSo]) => isSo),
  );
  assertEquals(
    steps.filter(({ name }) => name.startsWith("B")).map(({ name }) => name),
    answers.flatMap(([, isSo], index) => isSo ? [`B${index}`] : []),
  );
  assertEquals(steps.at(-1)?.params.expr, true);
});

Deno.test("a parameter whose expression gives nil counts as not given", async () => {
  assertEquals(
    await paramsOf(
      '- A: {type: user.Present, name: a, shell: "${none | default: nil}", uid: }\n',
    ),
    { name: "a" },
  );
});

Deno.test("names of the compiler stand before equal names in data, and an item before all", async () => {
  const data = { agent: "wrong", groups: "wrong", own: "right", item: "wrong" };
  const params = await paramsOf(
    `
- A:
    each: [first]
    type: noop.Noop
    message: "\${agent} \${groups[0]} \${own} \${item} \${data.agent}"
`,
    { data },
  );

  assertEquals(params, { message: "web-1 web right first wrong" });
});

Deno.test("each goes over a list or a map, and the key of a map names its item", async () => {
  const { sheet, problems, warnings } = await compileText(
    `
- Users:
    each: \${users}
    as: user
    steps:
      - Login: {type: user.Present, name: "\${user.name}", uid: "\${user.uid}"}
- Ports: {each: [80, 443], type: noop.Noop, message: "\${item}"}
- Pairs: {each: "\${pairs}", type: noop.Noop, message: "\${item.key}=\${item.value}"}
`,
    { data: { users: { anna: { uid: 1 }, bob: { uid: 2 } }, pairs: { a: 1 } } },
  );

  assertEquals(problems, []);
  assertEquals(
    sheet?.steps.map((
      { name, params },
    ) => [name, params.uid ?? params.message]),
    [
      ["Users:Login[anna]", 1],
      ["Users:Login[bob]", 2],
      ["Ports[80]", "80"],
      ["Ports[443]", "443"],
      ["Pairs[a]", "a=1"],
    ],
  );
  assertEquals(warnings, []);
});

Deno.test("a condition on the item of an each leaves out single items", async () => {
  const { sheet, leftOut } = await compileText(`
- Users:
    each: [{name: anna, admin: true}, {name: bob, admin: false}]
    steps:
      - Login: {type: noop.Noop, if: {expr: item.admin}}
- Groups:
    if: {expr: "item == 'a'"}
    each: [a, b]
    steps: [{G: {type: noop.Noop}}]
`);

  assertEquals(sheet?.steps.map(({ name }) => name), [
    "Users:Login[anna]",
    "Groups:G[a]",
  ]);
  assertEquals(leftOut.map(({ name }) => name), [
    "Users:Login[bob]",
    "Groups[b]",
  ]);
});

Deno.test("keys of every step go to the sheet in their own forms", async () => {
  const { sheet } = await compileText(`
- A:
    type: noop.Noop
    continue: yes
    retry: {times: 3, every: 10s}
    timeout: 5m
    tags: [web, slow]
    show: no
- B: {type: wait.For, port: 80, timeout: 2m, show: yes}
`);

  assertEquals(sheet?.steps, [
    {
      name: "A",
      operation: "noop.Noop",
      params: {},
      continue: true,
      retry: { times: 3, everyMs: 10_000 },
      timeoutMs: 300_000,
      tags: ["web", "slow"],
      hidden: true,
    },
    {
      name: "B",
      operation: "wait.For",
      params: { port: 80, timeout: 120_000 },
    },
  ]);
});

Deno.test("a template is rendered with the names of its step, and those of vars", async () => {
  const { sheet, problems } = await compilerOf({
    "states/all.yaml": `
- Site:
    type: file.Installed
    path: /etc/site.conf
    template: site.conf
    vars: {name: "\${agent}.example", ports: [80, 443]}
`,
    "files/all/site.conf": "wrong: a group's file counts before this\n",
    "files/groups/web/site.conf":
      "name {{ name }};\n{% for port in ports %}listen {{ port }};\n{% endfor %}cpus {{ facts.cpus }};\nroot {{ root }};\n",
  }).compile("", anAgent({ data: { root: "/srv" } }));

  assertEquals(problems, []);
  assertEquals(sheet?.steps[0]?.params, {
    path: "/etc/site.conf",
    content:
      "name web-1.example;\nlisten 80;\nlisten 443;\ncpus 4;\nroot /srv;\n",
  });
});

Deno.test("files are taken as they are; long ones and bytes that are no text are blobs", async () => {
  const long = "x".repeat(32_769);
  const bytes = new Uint8Array([0xff, 0xfe, 0]);
  const { sheet, blobs, sources } = await compilerOf({
    "states/all.yaml": `
- A: {type: file.Installed, path: /a, source: short}
- B: {type: file.Installed, path: /b, source: long}
- C: {type: file.Installed, path: /c, source: bytes}
- D: {type: file.Installed, path: /d, content: "\${long}"}
`,
    "files/all/short": "{{ not a template }}\n",
    "files/all/long": long,
    "files/all/bytes": bytes,
  }).compile("", anAgent({ data: { long } }));

  const contents = sheet?.steps.map(({ params }) => params.content);
  assertEquals(contents?.[0], "{{ not a template }}\n");
  assertEquals(contents?.[1], contents?.[3]);
  assertEquals(
    [
      [...blobs.values()].map(({ length }) => length),
      [...sources.values()],
    ],
    [[32_769], ["files/all/long", "files/all/bytes"]],
  );
});

Deno.test("a template that would fill the memory ends with an error at its place", async () => {
  const { problems } = await compilerOf({
    "states/all.yaml": "- A: {type: file.Installed, path: /a, template: big}\n",
    "files/all/big": "{% for a in (1..100000000) %}x{% endfor %}",
  }).compile("", anAgent());

  assertEquals(
    problems.map(({ place, message }) => [
      place.file,
      message.startsWith("Cannot render this template: "),
    ]),
    [["files/all/big", true]],
  );
});

Deno.test("a file or folder of the Manager is a blob of its content, so a change makes another sheet", async () => {
  const files = {
    "states/all.yaml": `
- Tree: {type: file.Tree, path: /srv/a, source: site}
- File: {type: file.Fetch, path: /b, source: big.bin}
- Archive: {type: archive.Extracted, path: /c, source: big.bin}
`,
    "files/all/site/index.html": "hello",
    "files/all/site/css/a.css": "a",
    "files/all/big.bin": "12345",
  };
  const compile = (changes: Record<string, string> = {}) =>
    compilerOf({ ...files, ...changes }).compile("", anAgent());
  const { sheet, problems, blobs, sources } = await compile();
  const [tree, fetched, archive] = sheet?.steps ?? [];
  const list = [...blobs.values()].map((bytes) =>
    JSON.parse(new TextDecoder().decode(bytes))
  );
  const changed = await compile({ "files/all/site/css/a.css": "b" });

  assertEquals(problems, []);
  assertEquals(
    list.map((all) =>
      all.map(({ path, size }: { path: string; size: number }) => [path, size])
    ),
    [[["css/a.css", 1], ["index.html", 5]]],
  );
  assertEquals(fetched?.params.source, archive?.params.source);
  assertEquals([...sources.values()].toSorted(), [
    "files/all/big.bin",
    "files/all/site/css/a.css",
    "files/all/site/index.html",
  ]);
  assertEquals(
    JSON.stringify(tree?.params.source) ===
      JSON.stringify(changed.sheet?.steps[0]?.params.source),
    false,
  );
});

Deno.test("a variable that a template counts or assigns is gone in the next one", async () => {
  const { sheet, problems } = await compilerOf({
    "states/all.yaml": `
- A: {type: file.Installed, path: /a, template: t}
- B: {type: file.Installed, path: /b, template: t}
`,
    "files/all/t":
      "{% increment port %}{% assign name = 'x' %}{{ name }}{{ port }}",
  }).compile("", anAgent({ data: { port: 7 } }));

  assertEquals(problems, []);
  assertEquals(
    sheet?.steps[0]?.params.content,
    sheet?.steps[1]?.params.content,
  );
});
