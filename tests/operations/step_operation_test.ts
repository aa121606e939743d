import { assertEquals } from "@std/assert";
import { checkParams } from "../../lib/operations/params.ts";
import { operationNamed } from "../../lib/operations/registry.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { finish, newContext } from "./support.ts";

Deno.test({
  name:
    "a step that acts and changes nothing is told as unchanged when it is run alone",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TempFolder.make();
    const operation = operationNamed("command.RunMultiple", {
      allowTestOperations: false,
    });
    const run = (params: object) =>
      finish(operation.run(
        checkParams(
          operation,
          JSON.stringify({ commands: ["exit 0"], ...params }),
        ),
        newContext(undefined, { stepsFolder: folder.at("steps") }),
      ));

    const idle = await run({ changed_codes: [3] });
    const acted = await run({});

    assertEquals([idle.outcome.changed, idle.outcome.message], [
      false,
      'unchanged: "exit 0"',
    ]);
    assertEquals([acted.outcome.changed, acted.outcome.message], [
      true,
      'changed "exit 0": command runs',
    ]);
  },
});
