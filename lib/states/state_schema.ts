import type { ParameterShape, ParameterType } from "../steps/parameters.ts";
import type { StepDescription } from "../steps/step_operation.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Text with an expression in it, which every value may be. */
const EXPRESSION: Schema = { type: "string", pattern: "\\$\\{" };

const SCALAR: Schema = { type: ["string", "number", "boolean"] };
const NAMES: Schema = {
  oneOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
};
const DURATION: Schema = {
  type: "string",
  pattern: "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+$|\\$\\{",
};

const SHAPES: Readonly<Record<ParameterType, Schema>> = {
  text: SCALAR,
  content: SCALAR,
  file: SCALAR,
  folder: SCALAR,
  path: { type: "string", pattern: "^(/|[A-Za-z]:[\\\\/]|\\\\\\\\)|\\$\\{" },
  mode: {
    anyOf: [
      { type: "integer", minimum: 0 },
      { type: "string", pattern: "^(0o)?[0-7]{1,5}$|\\$\\{" },
    ],
  },
  switch: {
    anyOf: [
      { type: "boolean" },
      { enum: ["yes", "no", "on", "off"] },
      EXPRESSION,
    ],
  },
  integer: { anyOf: [{ type: "integer" }, EXPRESSION] },
  duration: DURATION,
  texts: { anyOf: [SCALAR, { type: "array", items: SCALAR }] },
  integers: {
    anyOf: [
      { type: "integer" },
      { type: "array", items: { type: "integer" } },
      EXPRESSION,
    ],
  },
  map: {
    anyOf: [{ type: "object", additionalProperties: SCALAR }, EXPRESSION],
  },
  steps: NAMES,
  any: {},
};

/** JSON Schema (draft 2020-12) of a file of steps, which editors check and complete by. */
export function stateSchema(operations: readonly StepDescription[]): Schema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "State of Piri",
    $ref: "#/$defs/items",
    $defs: {
      items: { type: "array", items: { $ref: "#/$defs/item" } },
      item: {
        type: "object",
        if: { required: ["include"] },
        then: { $ref: "#/$defs/include" },
        else: {
          if: { required: ["type"] },
          then: { $ref: "#/$defs/step" },
          else: {
            minProperties: 1,
            maxProperties: 1,
            additionalProperties: { $ref: "#/$defs/body" },
          },
        },
      },
      body: {
        if: { type: "array" },
        then: { $ref: "#/$defs/items" },
        else: {
          type: "object",
          if: { required: ["type"] },
          then: { $ref: "#/$defs/step" },
          else: { $ref: "#/$defs/group" },
        },
      },
      include: {
        type: "object",
        properties: {
          include: { type: "string" },
          with: { type: "object" },
          if: { $ref: "#/$defs/condition" },
        },
        additionalProperties: false,
      },
      group: {
        type: "object",
        required: ["steps"],
        properties: {
          if: { $ref: "#/$defs/condition" },
          each: { $ref: "#/$defs/each" },
          as: { $ref: "#/$defs/as" },
          steps: { $ref: "#/$defs/items" },
        },
        additionalProperties: false,
      },
      each: { type: ["array", "object", "string"] },
      as: { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
      condition: conditionSchema(),
      step: {
        type: "object",
        required: ["type"],
        properties: { type: { enum: operations.map(({ name }) => name) } },
        allOf: operations.map((operation) => ({
          if: { properties: { type: { const: operation.name } } },
          then: operationSchema(operation),
        })),
      },
    },
  };
}

function conditionSchema(): Schema {
  const condition = { $ref: "#/$defs/condition" };
  return {
    anyOf: [
      { type: ["boolean", "string"] },
      { type: "array", items: condition },
      {
        type: "object",
        minProperties: 1,
        maxProperties: 1,
        patternProperties: {
          "^(not )*(all|any)$": { type: "array", items: condition },
          "^not$": condition,
          "^(not )*(true|false)$": { type: "null" },
          "^(not )*changed$": NAMES,
          "^(not )*path( (exists|isfile|isdir|islink))?$": { type: "string" },
          "^(not )*cmd( .*)?$": SCALAR,
          "^(not )*fact \\S+$": SHAPES.texts,
          "^(not )*expr$": { type: "string" },
        },
        additionalProperties: false,
      },
    ],
  };
}

function operationSchema(
  { name, description, parameters, oneOf = [] }: StepDescription,
): Schema {
  const required = Object.entries(parameters)
    .filter(([, shape]) => shape.required === true)
    .map(([key]) => key);
  const choices = oneOf.map((names) => ({
    oneOf: names.map((key) => ({ required: [key] })),
  }));
  return {
    title: name,
    description,
    properties: {
      type: { type: "string" },
      if: { $ref: "#/$defs/condition" },
      each: { $ref: "#/$defs/each" },
      as: { $ref: "#/$defs/as" },
      require: NAMES,
      onchanges: NAMES,
      continue: SHAPES.switch,
      retry: {
        type: "object",
        required: ["times"],
        properties: { times: { type: "integer" }, every: DURATION },
        additionalProperties: false,
      },
      timeout: DURATION,
      tags: SHAPES.texts,
      show: SHAPES.switch,
      ...Object.fromEntries(
        Object.entries(parameters).map(([key, shape]) => [
          key,
          parameterSchema(shape),
        ]),
      ),
    },
    ...required.length === 0 ? {} : { required },
    ...choices.length === 0 ? {} : { allOf: choices },
    additionalProperties: false,
  };
}

function parameterSchema(
  { type, description, choices, standard, range }: ParameterShape,
): Schema {
  const [minimum, maximum] = range ?? [];
  const shape = choices !== undefined
    ? { anyOf: [{ enum: choices }, EXPRESSION] }
    : range !== undefined
    ? { anyOf: [{ type: "integer", minimum, maximum }, EXPRESSION] }
    : SHAPES[type];
  return {
    ...shape,
    description: standard === undefined
      ? description
      : `${description} (${standard} if not given)`,
  };
}
