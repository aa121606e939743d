import type { StepDescription } from "../../lib/steps/step_operation.ts";

const START = "<!-- operations -->";
const END = "<!-- /operations -->";

/** Page with a table of operations between its two marks. */
export function withStepOperations(
  page: string,
  operations: readonly StepDescription[],
): string {
  const start = page.indexOf(START) + START.length;
  const end = page.indexOf(END);
  const rows = operations.map((operation) =>
    `| \`${operation.name}\` | ${operation.description} | ${
      parametersOf(operation)
    } |`
  );
  const table = ["| Operation | Is so | Parameters |", "| --- | --- | --- |"];
  return `${page.slice(0, start)}\n\n${[...table, ...rows].join("\n")}\n\n${
    page.slice(end)
  }`;
}

function parametersOf({ parameters, oneOf = [] }: StepDescription): string {
  const chosen = new Set(oneOf.flat());
  const choices = oneOf.map((names) => `[${names.join(", ")}]`);
  const names = Object.entries(parameters)
    .filter(([name]) => !chosen.has(name))
    .map(([name, { required }]) => required === true ? `${name}!` : name);
  const needed = names.filter((name) => name.endsWith("!"));
  const others = names.filter((name) => !name.endsWith("!"));
  return [...needed, ...choices, ...others].join(", ");
}
