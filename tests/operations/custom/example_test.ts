import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { StateFolder } from "../../../lib/manager/data/state_folder.ts";
import { Compiler } from "../../../lib/states/compiler.ts";
import { stepDescriptions } from "../../../lib/steps/registry.ts";
import { anAgent } from "../../states/memory_folder.ts";
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
