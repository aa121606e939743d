import { assert, assertEquals } from "@std/assert";
import { anAgent, compilerOf } from "./memory_folder.ts";

const PAGE = await Deno.readTextFile(
  new URL("../../docs/coming-from.md", import.meta.url),
);

/** Examples of Piri: blocks of YAML whose first line names their file. */
const EXAMPLES = [...PAGE.matchAll(/```yaml\n# (states\/\S+)\n(.*?)```/gs)]
  .map(([, path = "", text = ""]) => ({ path, text }));

const FILES = {
  "files/all/nginx/site.conf": "listen {{ web.port }};\n",
  "files/all/ntp/ntp.conf": "{{ servers | join: ' ' }}\n",
  "files/all/app.conf": "app\n",
};

const AGENT = anAgent({
  groups: ["web", "old"],
  facts: { "os.name": "debian", "os.family": "debian" },
  data: {
    web: { port: 80 },
    ntp: { servers: ["a", "b"] },
    users: [{ name: "anna" }, { name: "ben", shell: "/bin/sh" }],
  },
  secrets: new Map([["download-token", "0".repeat(64)]]),
});

Deno.test("every example of Piri on the page for newcomers compiles", async (test) => {
  assert(EXAMPLES.length >= 6);
  for (const { path, text } of EXAMPLES) {
    await test.step(`${path}: ${text.split("\n")[0]}`, async () => {
      const [, name = ""] = /^states\/all\/(.+)\.yaml$/.exec(path) ?? [];
      const compiler = compilerOf({ ...FILES, [path]: text });

      const { problems, sheet } = await compiler.compile(name, AGENT);

      assertEquals(problems.map((problem) => compiler.format(problem)), []);
      assert((sheet?.steps.length ?? 0) > 0);
    });
  }
});
