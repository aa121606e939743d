import { assertEquals, assertStringIncludes } from "@std/assert";
import { customHost, type CustomRun, ignore } from "./custom_host.ts";

const SECRET = "Tr0ub4dor&3 zwölf";

/** Operation that gets each kind of parameter which may be a file, or hold a secret. */
const APP = `
export const Config = {
  description: "Writes a file",
  parameters: {
    path: { type: "path", required: true, description: "The file" },
    base: { type: "file", description: "Its beginning" },
    text: { type: "content", description: "Its text" },
    token: { type: "text", secret: true, description: "A token" },
    env: { type: "map", secret: true, description: "More lines" },
  },
  permissions: { check: { read: true }, change: { read: true, write: true } },
  async check(params) {
    const wanted = textOf(params);
    let found = "";
    try {
      found = await Deno.readTextFile(params.path);
    } catch {}
    console.log("wanted", wanted, btoa(encodeURIComponent(params.token ?? "")));
    if (found === wanted) return { changes: [] };
    return {
      changes: [{ what: "content", from: found, to: wanted, text: "+" + wanted }],
      observed: { found, wanted },
    };
  },
  async change(params, check) {
    if (check.observed.wanted !== textOf(params)) throw new Error("it is another");
    await Deno.writeTextFile(params.path, check.changes[0].to);
    return { note: "wrote " + textOf(params) };
  },
};

function textOf({ base = "", text = "", token = "", env = {} }) {
  const lines = Object.entries(env).map(([key, value]) => key + "=" + value);
  return [base, text, token, ...lines].filter((each) => each !== "").join("\\n");
}
`;

function step(path: string, more: string): string {
  return `- It: { type: app.Config, path: ${path}, ${more} }\n`;
}

/** Everything that a run tells. */
function toldBy({ records, outcome, printed }: CustomRun): string {
  return JSON.stringify([records, outcome, printed]);
}

Deno.test({
  name: "files and long texts come to a custom operation as their text",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const path = host.folder.at("app.conf");
    const long = "Ü long line\\n".repeat(5_000);
    const files = { "files/all/base.conf": "# base" };
    const steps = step(path, `base: base.conf, text: "${long}"`);

    const plan = await host.run(steps, { app: APP }, { mode: "plan", files });
    const apply = await host.run(steps, { app: APP }, { files });
    const again = await host.run(steps, { app: APP }, { files });

    assertEquals([plan.errors, plan.verdicts], [{}, ["change"]]);
    assertEquals([apply.errors, apply.verdicts], [{}, ["change"]]);
    assertEquals(
      await Deno.readTextFile(path),
      `# base\n${"Ü long line\n".repeat(5_000)}`,
    );
    assertEquals(again.verdicts, ["ok"]);
  },
});

Deno.test({
  name: "a secret comes to a custom operation, and is in nothing that is told",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const path = host.folder.at("app.conf");
    const secrets = { token: SECRET };
    const steps = step(
      path,
      'token: "${secrets.token}", text: "a=${secrets.token}", env: { T: "${secrets.token}" }',
    );

    const plan = await host.run(steps, { app: APP }, { mode: "plan", secrets });
    const apply = await host.run(steps, { app: APP }, { secrets });
    const again = await host.run(steps, { app: APP }, { secrets });

    assertEquals([plan.errors, plan.verdicts], [{}, ["change"]]);
    assertEquals([apply.errors, apply.verdicts], [{}, ["change"]]);
    assertEquals(again.verdicts, ["ok"]);
    assertEquals(
      await Deno.readTextFile(path),
      `a=${SECRET}\n${SECRET}\nT=${SECRET}`,
    );
    for (const run of [plan, apply, again]) {
      assertEquals(toldBy(run).includes(SECRET), false);
    }
    assertStringIncludes(toldBy(plan), "app.Config");
  },
});

for (
  const [what, more, message] of [
    ["in a path", 'base: "${secrets.token}"', "a secret can only stand where"],
    ["in no text", "base: none.conf", "none.conf"],
  ] as const
) {
  Deno.test({
    name: `a custom operation's parameter is refused with a mistake ${what}`,
    ignore,
    fn: async () => {
      await using host = await customHost();

      const told = await host.run(step("/x", more), { app: APP }, {
        secrets: { token: SECRET },
      }).then(toldBy, (error) => error.message);

      assertStringIncludes(told, message);
      assertEquals(told.includes(SECRET), false);
    },
  });
}

Deno.test({
  name: "a file that is no text is refused",
  ignore,
  fn: async () => {
    await using host = await customHost();

    const { errors } = await host.run(
      step(host.folder.at("x"), "base: base.conf"),
      { app: APP },
      {
        files: { "files/all/base.conf": "text" },
        forge: (bytes) =>
          bytes.length === 4 ? new Uint8Array([255, 1, 2, 3]) : bytes,
      },
    );

    assertEquals(Object.keys(errors), ["It"]);
  },
});
