import { assertEquals } from "@std/assert";
import { anAgent, compilerOf, compileText } from "./memory_folder.ts";

const secrets = new Map([["token", "mac1"], ["other", "mac2"]]);

Deno.test("a secret goes into a sheet as a reference with the parts around it, whole or in a form", async () => {
  const { sheet, problems } = await compileText(
    `
- A: {type: file.Installed, path: /a, content: "\${secrets.token}"}
- B: {type: file.Installed, path: /b, content: "a=\${secrets.token | json}\\nb=\${secrets.other | base64}\\n"}
- C: {type: command.Run, command: x, creates: /x, stdin: "\${secrets.token}", env: {T: "Bearer \${secrets.token | url}", U: plain}}
- D: {type: user.Present, name: a, password: "\${secrets.token}"}
`,
    { secrets },
  );
  const token = { name: "token", mac: "mac1" };

  assertEquals(problems, []);
  assertEquals(sheet?.steps.map(({ params }) => params), [
    { path: "/a", content: { $secret: { parts: [token] } } },
    {
      path: "/b",
      content: {
        $secret: {
          parts: [
            "a=",
            { ...token, form: "json" },
            "\nb=",
            { name: "other", mac: "mac2", form: "base64" },
            "\n",
          ],
        },
      },
    },
    {
      command: "x",
      creates: "/x",
      stdin: { $secret: { parts: [token] } },
      env: {
        T: { $secret: { parts: ["Bearer ", { ...token, form: "url" }] } },
        U: "plain",
      },
    },
    { name: "a", password: { $secret: { parts: [token] } } },
  ]);
});

Deno.test("a template may put a secret in, also by a variable, and in no other way", async () => {
  const compiler = (template: string) =>
    compilerOf({
      "states/all.yaml": `
- A: {type: file.Installed, path: /a, template: t, vars: {pw: "\${secrets.token}"}}
`,
      "files/all/t": template,
    }).compile("", anAgent({ secrets }));

  const right = await compiler(
    "{% if true %}a {{ pw }} b{% endif %} {{ secrets.other | shell }}",
  );
  assertEquals(right.problems, []);
  assertEquals(right.sheet?.steps[0]?.params.content, {
    $secret: {
      parts: [
        "a ",
        { name: "token", mac: "mac1" },
        " b ",
        { name: "other", mac: "mac2", form: "shell" },
      ],
    },
  });
  for (
    const template of [
      "{{ pw | upcase }}",
      "{{ pw | size }}",
      "{{ pw.size }}",
      "{{ pw | append: 'x' }}",
      "{{ 'x' | append: pw }}",
      "{{ pw | default: 'x' }}",
      "{% if pw == 'x' %}a{% endif %}",
      "{% if pw %}a{% endif %}",
      "{% if pw contains 'x' %}a{% endif %}",
      "{% case pw %}{% when 'x' %}a{% endcase %}",
      "{% capture a %}{{ pw }}{% endcapture %}{{ a | slice: 0, 1 }}",
      "{{ secrets }}",
      "{{ secrets | json }}",
    ]
  ) {
    const { problems, sheet } = await compiler(template);
    assertEquals(
      [problems.map(({ place }) => place.file), sheet],
      [["files/all/t"], undefined],
      template,
    );
  }
});

Deno.test("a long template with a secret is no blob, and one without is", async () => {
  const compiler = (template: string) =>
    compilerOf({
      "states/all.yaml":
        "- A: {type: file.Installed, path: /a, template: t, mode: 0600}\n",
      "files/all/t": template,
    }).compile("", anAgent({ secrets }));
  const long = "line\n".repeat(10_000);

  const sealed = await compiler(`${long}{{ secrets.token }}`);
  const plain = await compiler(long);

  assertEquals([sealed.blobs.size, plain.blobs.size], [0, 1]);
  assertEquals(sealed.sheet?.steps[0]?.params.content, {
    $secret: { parts: [long, { name: "token", mac: "mac1" }] },
  });
});

Deno.test("a file with a secret and without a mode is a warning", async () => {
  const warningsOf = async (more: string) => {
    const text =
      `- A: {type: file.Installed, path: /a, content: "\${secrets.token}"${more}}\n`;
    const { warnings } = await compileText(text, { secrets });
    return warnings.map(({ message }) => message);
  };

  assertEquals(await warningsOf(", mode: 0600"), []);
  assertEquals(await warningsOf(""), [
    '"A" puts a secret into a file that everybody on the host may read unless it has another mode already: give it a mode, as mode: 0600',
  ]);
});

Deno.test("another value of a secret makes another sheet", async () => {
  const text =
    '- A: {type: file.Installed, path: /a, content: "${secrets.token}"}\n';
  const one = await compileText(text, { secrets: new Map([["token", "a"]]) });
  const other = await compileText(text, { secrets: new Map([["token", "b"]]) });

  assertEquals(one.sha256 === other.sha256, false);
});
