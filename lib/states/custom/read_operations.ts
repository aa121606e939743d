import type { Expression, Node, ObjectExpression, Program } from "acorn";
import * as v from "valibot";
import type { SheetOperation } from "../../steps/sheet.ts";
import {
  ACT_PERMISSIONS,
  CLASS_NAME,
  CUSTOM_PARAMETER,
  CUSTOM_TYPES,
  LOOK_PERMISSIONS,
} from "../../steps/sheet_modules.ts";
import { STEP_KEYS } from "../read_step.ts";
import { PlainValues, ValueError } from "./plain_values.ts";
import type { TextProblem } from "./strip_types.ts";

/** Keys of an operation. */
const KEYS: readonly string[] = [
  "description",
  "parameters",
  "subject",
  "permissions",
  "check",
  "change",
];

/** Names that mean something else in a step. */
const TAKEN: ReadonlySet<string> = new Set([...STEP_KEYS, "vars"]);

const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

const described = v.strictObject({
  description: v.pipe(v.string(), v.trim(), v.nonEmpty()),
  parameters: v.record(v.string(), CUSTOM_PARAMETER),
  subject: v.optional(v.string()),
  permissions: v.optional(
    v.strictObject({
      check: v.optional(LOOK_PERMISSIONS, {}),
      change: v.optional(ACT_PERMISSIONS, {}),
    }),
    {},
  ),
});

/** Operations that a module exports, and all that is wrong with them. */
export interface ReadOperations {
  readonly operations: readonly SheetOperation[];
  readonly problems: readonly TextProblem[];
  /** Names that it exports and that are no operations. */
  readonly others: readonly string[];
}

/** Reads the operations of a module without running it. */
export function readOperations(program: Program): ReadOperations {
  const values = new PlainValues(program);
  const operations: SheetOperation[] = [];
  const problems: TextProblem[] = [];
  const others: string[] = [];
  for (const { name, value } of exportsOf(program, values)) {
    if (!CLASS_NAME.test(name) || !isOperation(value)) {
      others.push(name);
      continue;
    }
    try {
      operations.push(operationOf(name, value, values));
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      problems.push(error.problem);
    }
  }
  return { operations, problems, others };
}

interface Export {
  readonly name: string;
  /** Initial value, if it is a constant. */
  readonly value: Expression | undefined;
}

function* exportsOf(program: Program, values: PlainValues): Generator<Export> {
  for (const each of program.body) {
    if (each.type !== "ExportNamedDeclaration") continue;
    const { declaration, specifiers } = each;
    if (declaration?.type === "VariableDeclaration") {
      for (const { id, init } of declaration.declarations) {
        if (id.type === "Identifier") {
          yield { name: id.name, value: init ?? undefined };
        }
      }
    } else if (declaration) {
      yield { name: declaration.id?.name ?? "", value: undefined };
    }
    for (const { local, exported } of specifiers) {
      const name = exported.type === "Identifier"
        ? exported.name
        : String(exported.value);
      const own = each.source || local.type !== "Identifier"
        ? undefined
        : values.constant(local.name);
      yield { name, value: own };
    }
  }
}

/** True for an object that has keys of an operation. */
function isOperation(
  value: Expression | undefined,
): value is ObjectExpression {
  return value?.type === "ObjectExpression" &&
    value.properties.some((each) =>
      each.type === "Property" && each.key.type === "Identifier" &&
      KEYS.includes(each.key.name)
    );
}

function operationOf(
  name: string,
  node: ObjectExpression,
  values: PlainValues,
): SheetOperation {
  const properties = values.propertiesOf(node);
  for (const [key, value] of properties) {
    if (KEYS.includes(key)) continue;
    throw new ValueError(
      value,
      `Cannot use "${key}" in the operation ${name}: it has ${KEYS.join(", ")}`,
    );
  }
  for (const key of ["check", "change"]) {
    if (properties.has(key)) continue;
    throw new ValueError(
      node,
      `Cannot use the operation ${name}: its function "${key}" is missing`,
    );
  }
  const read: Record<string, unknown> = {};
  const nodes = new Map<string, Node>();
  for (const key of ["description", "parameters", "subject", "permissions"]) {
    const property = properties.get(key);
    if (property === undefined) continue;
    const part = values.read(property);
    read[key] = part.value;
    for (const [path, each] of part.nodes) {
      nodes.set(path === "" ? key : `${key}.${path}`, each);
    }
  }
  const at = (path: readonly string[]) => nearestNode(nodes, path) ?? node;
  const result = v.safeParse(described, read);
  if (!result.success) throw flawOf(name, result.issues[0], at);
  const { description, parameters, permissions } = result.output;
  for (const key of Object.keys(parameters)) {
    const why = TAKEN.has(key)
      ? "this key means something else in every step"
      : PARAMETER_NAME.test(key)
      ? undefined
      : "it may have letters, digits and underscores";
    if (why === undefined) continue;
    throw new ValueError(
      at(["parameters", key]),
      `Cannot use the parameter "${key}": ${why}`,
    );
  }
  const subject = result.output.subject ?? standardSubject(parameters);
  if (subject !== "" && !Object.hasOwn(parameters, subject)) {
    throw new ValueError(
      at(["subject"]),
      `Cannot use the subject "${subject}": ${name} has no parameter of this name`,
    );
  }
  const operation = { name, description, parameters, subject, permissions };
  // It was JSON, so none of its optional keys is undefined.
  return operation as unknown as SheetOperation;
}

function standardSubject(
  parameters: Readonly<Record<string, { readonly required?: unknown }>>,
): string {
  const names = Object.keys(parameters);
  return names.find((key) => parameters[key]?.required === true) ??
    names[0] ?? "";
}

function flawOf(
  name: string,
  issue: v.BaseIssue<unknown>,
  at: (path: readonly string[]) => Node,
): ValueError {
  const path = (issue.path ?? []).map(({ key }) => String(key));
  const key = path.join(".");
  const node = at(path);
  if (issue.type === "strict_object" && issue.expected === "never") {
    const [root, phase] = path;
    const why = root !== "permissions"
      ? "there is no such key"
      : path.at(-1) === "ffi"
      ? "no custom operation may load libraries"
      : phase === "check" && path.at(-1) === "write"
      ? "a check only looks"
      : "there is no such permission";
    return new ValueError(node, `Cannot use "${key}" of ${name}: ${why}`);
  }
  if (issue.received === "undefined") {
    return new ValueError(
      node,
      `Cannot use the operation ${name}: "${key}" is missing`,
    );
  }
  if (key === "permissions.check.run") {
    return new ValueError(
      node,
      `Cannot read "${key}" of ${name}: a check runs programs that only look, so a list of their names should be here`,
    );
  }
  const expected = path.at(-1) === "type"
    ? `one of ${CUSTOM_TYPES.join(", ")} should be here`
    : issue.message.replace(/^Invalid \w+: /, "").replace(
      /^Expected/,
      "expected",
    );
  return new ValueError(node, `Cannot read "${key}" of ${name}: ${expected}`);
}

/** Node of a path, or of the nearest part around it. */
function nearestNode(
  nodes: ReadonlyMap<string, Node>,
  path: readonly string[],
): Node | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = nodes.get(path.slice(0, length).join("."));
    if (node !== undefined) return node;
  }
  return undefined;
}
