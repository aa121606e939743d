import { assert, assertEquals } from "@std/assert";
import { Compiler } from "../../lib/states/compiler.ts";
import { OWN_KEYS } from "../../lib/states/read_step.ts";
import { stepDescriptions } from "../../lib/steps/registry.ts";
import { anAgent, MemoryFolder } from "./memory_folder.ts";

const PAGE = await Deno.readTextFile(
  new URL("../../docs/states.md", import.meta.url),
);

/** Complete examples: blocks of YAML that are a list of items. */
const EXAMPLES = [...PAGE.matchAll(/^( *)```yaml\n( *- .*?)^ *```/gms)]
  .map(([, indent = "", text = ""]) =>
    text.split("\n").map((line) => line.slice(indent.length)).join("\n")
  );

const FILES = {
  "files/all/nginx/site.conf": "listen {{ web.port }};\n",
  "files/all/app.conf": "app\n",
  "files/all/app.service": "[Service]\n",
  "states/all/base/time.yaml": "- { type: host.Timezone, zone: UTC }\n",
  "states/all/site.yaml": "- { type: echo.Echo, text: '${vars.name}' }\n",
};

const AGENT = anAgent({
  data: { web: { port: 80 }, users: [{ name: "anna" }] },
  secrets: new Map([
    ["app-token", "0".repeat(64)],
    ["db", "1".repeat(64)],
  ]),
});

Deno.test("every complete example of the page of states compiles", async (test) => {
  assert(EXAMPLES.length >= 10);
  for (const text of EXAMPLES) {
    await test.step(text.split("\n")[0] ?? "", async () => {
      const compiler = new Compiler({
        reader: new MemoryFolder({ ...FILES, "states/all.yaml": text }),
        operations: stepDescriptions,
      });

      const { problems, sheet } = await compiler.compile("", AGENT);

      assertEquals(problems.map((problem) => compiler.format(problem)), []);
      assert((sheet?.steps.length ?? 0) > 0);
    });
  }
});

Deno.test("no operation has a parameter with the name of a key that a step reads itself", () => {
  const taken = stepDescriptions.flatMap(({ name, parameters }) =>
    Object.keys(parameters).filter((key) => OWN_KEYS.has(key))
      .map((key) => `${name}: ${key}`)
  );

  assertEquals(taken, []);
});
