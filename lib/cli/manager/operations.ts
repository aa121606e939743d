import type { Operation } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { oneLine } from "../text.ts";
import { operationJson } from "./json.ts";
import type { ManagerServices } from "./services.ts";
import { columnsFor } from "../plain_columns.ts";

/** `operations`: lists the operations of agents. */
export const operations = defineSubcommand({
  name: "operations",
  summary: "list the operations and their parameters",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, json, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { operations } = await control.commands.listOperations({});
    for (const operation of operations) {
      if (json) await output.value(operationJson(operation));
      else for (const line of await linesOf(operation)) await output.line(line);
    }
    return ExitCode.ok;
  },
});

async function linesOf(
  { name, description, parameters }: Operation,
): Promise<string[]> {
  const rows = parameters.map((parameter) =>
    [
      parameter.required ? parameter.name : `[${parameter.name}]`,
      parameter.type,
      parameter.description,
    ].map(oneLine)
  );
  const { alignColumns } = await columnsFor(rows.flat());
  return [
    oneLine(`${name}: ${description}`),
    ...alignColumns(rows).map((row) => `  ${row}`),
  ];
}
