import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { StateFolder } from "../../../lib/manager/data/state_folder.ts";
import { Compiler } from "../../../lib/states/compiler.ts";
import { stepDescriptions } from "../../../lib/steps/registry.ts";
import { anAgent, compilerOf } from "../../states/memory_folder.ts";
import { customHost, ignore } from "./custom_host.ts";

const FOLDER = fromFileUrl(
  new URL("../../../examples/operations/operations/", import.meta.url),
);

Deno.test({
  name:
    "the example of a custom operation sets a value in an INI file, and finds it later",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const path = await host.folder.write(
      "php.ini",
      "; made by hand\n[PHP]\nmemory_limit = 1G\n[Date]\nzone = x\n",
    );
    const modules = {
      ini: await Deno.readTextFile(`${FOLDER}ini.ts`),
      "lib/ini_text": await Deno.readTextFile(`${FOLDER}lib/ini_text.ts`),
    };
    const step = (key: string, value: string, section = "PHP") =>
      `- ${key}: { type: ini.Setting, path: ${path}, section: ${section}, key: ${key}, value: ${value} }\n`;
    const steps = step("memory_limit", "2G") + step("upload", "16M") +
      step("color", "red", "New");

    const plan = await host.run(steps, modules, { mode: "plan" });
    const apply = await host.run(steps, modules);
    const again = await host.run(steps, modules, { mode: "plan" });

    assertEquals(plan.verdicts, ["change", "unknown", "unknown"]);
    assertEquals(apply.verdicts, ["change", "change", "change"]);
    assertEquals(
      await Deno.readTextFile(path),
      "; made by hand\n[PHP]\nmemory_limit = 2G\nupload = 16M\n[Date]\nzone = x\n[New]\ncolor = red\n",
    );
    assertEquals(again.verdicts, ["ok", "ok", "ok"]);
  },
});

Deno.test("the example of a state with a custom operation compiles without a warning", async () => {
  const compiler = new Compiler({
    reader: new StateFolder(join(FOLDER, "..")),
    operations: stepDescriptions,
  });
  const { sheet, problems, warnings } = await compiler.compile(
    "php",
    anAgent(),
  );

  assertEquals([...problems, ...warnings], []);
  assertEquals(sheet?.steps[0]?.params.value, "16M");
  assertEquals(sheet?.modules?.map(({ name }) => name), ["ini"]);
});

/** Blocks of one language on the page, without their indentation. */
async function blocks(language: string): Promise<string[]> {
  const page = await Deno.readTextFile(
    new URL("../../../docs/custom-operations.md", import.meta.url),
  );
  const found = page.matchAll(
    new RegExp(`^   \`\`\`${language}\\n(.*?)^   \`\`\``, "gsm"),
  );
  return [...found].map(([, text = ""]) => text.replaceAll(/^ {3}/gm, ""));
}

Deno.test("the first operation of the page is the example, and its state and its error are true", async () => {
  const [module = ""] = await blocks("ts");
  const [state = ""] = await blocks("yaml");
  const [, error] = (await blocks("console"))[0]?.trim().split("\n") ?? [];
  const ini = await Deno.readTextFile(`${FOLDER}ini.ts`);
  const compiled = async (text: string) => {
    const compiler = compilerOf({
      "operations/ini.ts": text,
      "operations/lib/ini_text.ts": await Deno.readTextFile(
        `${FOLDER}lib/ini_text.ts`,
      ),
      "states/all/php.yaml": state,
    });
    const { problems, sheet } = await compiler.compile("php", anAgent());
    return {
      steps: sheet?.steps.map(({ name }) => name),
      problems: problems.map((problem) =>
        compiler.format(problem).split("\n")[0]
      ),
    };
  };
  const mistaken = ini.replace(/(key: {\s+type: )"text"/, '$1"txt"');

  assertEquals(module, ini);
  assertEquals(await compiled(ini), { steps: ["Upload size"], problems: [] });
  assertEquals((await compiled(mistaken)).problems, [error]);
});
