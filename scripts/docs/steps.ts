import { stepDescriptions } from "../../lib/steps/registry.ts";
import type { ParameterShape } from "../../lib/steps/parameters.ts";
import type { StepDescription } from "../../lib/steps/step_operation.ts";

const BEGIN =
  "<!-- Written by deno task docs from the operations' own words. -->";
const END = "<!-- End of what deno task docs writes. -->";

/** Text of a page with the operations of steps between its two marks. */
export function withSteps(page: string): string {
  const [before = "", rest = ""] = page.split(BEGIN);
  const [, after = ""] = rest.split(END);
  const sections = stepDescriptions
    .toSorted((one, other) => one.name < other.name ? -1 : 1)
    .map(section);
  return [before + BEGIN, ...sections, END + after].join("\n\n");
}

function section(operation: StepDescription): string {
  const { name, description, parameters, oneOf = [] } = operation;
  const rows = Object.entries(parameters).map(([key, shape]) =>
    `| \`${key}\` | ${typeText(shape)} | ${rowText(shape)} |`
  );
  return [
    `### Step ${name}`,
    `${description}.`,
    ["| Parameter | Type | |", "| --- | --- | --- |", ...rows].join("\n"),
    ...oneOf.map((names) =>
      `Exactly one of ${
        names.map((each) => `\`${each}\``).join(", ")
      } is given.`
    ),
  ].join("\n\n");
}

function typeText({ type, choices }: ParameterShape): string {
  return choices === undefined
    ? type
    : choices.map((choice) => `\`${choice}\``).join(", ");
}

function rowText(
  { description, required, standard, formerName, range }: ParameterShape,
): string {
  const words = [
    ...required === true ? ["required"] : [],
    ...formerName === undefined
      ? []
      : [`\`run --op\` takes it as \`${formerName}\`, too`],
    ...range === undefined ? [] : [`from ${range[0]} to ${range[1]}`],
    ...standard === undefined ? [] : [`\`${standard}\` by default`],
  ];
  const more = words.length === 0 ? "" : ` (${words.join(", ")})`;
  return `${description}${more}`.replaceAll("|", "\\|");
}
