import type {
  Expression,
  Node,
  ObjectExpression,
  Program,
  Property,
  SpreadElement,
} from "acorn";
import { placeOf } from "./script.ts";
import type { TextProblem } from "./strip_types.ts";

/** Error of a value that cannot be read. */
export class ValueError extends Error {
  readonly problem: TextProblem;

  constructor(node: Node, message: string) {
    super(message);
    this.problem = { ...placeOf(node), message };
  }
}

/** Value of an expression, and the nodes that its parts come from, by their paths joined by dots. */
export interface PlainValue {
  readonly value: unknown;
  readonly nodes: ReadonlyMap<string, Node>;
}

/** Deepest nesting of values and of constants that name each other. */
const MAX_DEPTH = 30;

/** Values of expressions that can be told without running anything: literals, and constants of the module. */
export class PlainValues {
  readonly #constants = new Map<string, Expression>();

  constructor({ body }: Program) {
    for (const each of body) {
      const declaration = each.type === "ExportNamedDeclaration"
        ? each.declaration
        : each;
      if (declaration?.type !== "VariableDeclaration") continue;
      if (declaration.kind !== "const") continue;
      for (const { id, init } of declaration.declarations) {
        if (id.type === "Identifier" && init) {
          this.#constants.set(id.name, init);
        }
      }
    }
  }

  /** Initial value of a constant of the module. */
  constant(name: string): Expression | undefined {
    return this.#constants.get(name);
  }

  /** Properties of an object by their names; those that are spread into it come from constants. */
  propertiesOf(node: ObjectExpression, depth = 0): Map<string, Node> {
    const found = new Map<string, Node>();
    for (const each of node.properties) {
      if (each.type === "Property") found.set(nameOf(each), each.value);
      else {
        for (const [name, value] of this.#spread(each, depth)) {
          found.set(name, value);
        }
      }
    }
    return found;
  }

  /**
   * Value of an expression.
   *
   * @throws {ValueError}
   */
  read(node: Node): PlainValue {
    const nodes = new Map<string, Node>();
    const value = this.#value(node, { nodes, path: [], depth: 0 });
    return { value, nodes };
  }

  #value(node: Node, at: At): unknown {
    const { nodes, path, depth } = at;
    nodes.set(path.join("."), node);
    if (depth > MAX_DEPTH) throw notPlain(node);
    const expression = node as Expression;
    switch (expression.type) {
      case "Literal":
        if (expression.regex !== undefined) throw notPlain(node);
        return expression.value;
      case "TemplateLiteral":
        if (expression.expressions.length > 0) throw notPlain(node);
        return expression.quasis[0]?.value.cooked ?? "";
      case "ArrayExpression":
        return expression.elements.map((each, index) => {
          if (each === null || each.type === "SpreadElement") {
            throw notPlain(each ?? node);
          }
          return this.#value(each, below(at, String(index)));
        });
      case "ObjectExpression": {
        const all = [...this.propertiesOf(expression, depth)];
        return Object.fromEntries(
          all.map(([name, each]) => [name, this.#value(each, below(at, name))]),
        );
      }
      case "BinaryExpression": {
        if (expression.operator !== "+") throw notPlain(node);
        const [one, other] = [expression.left, expression.right]
          .map((each) => this.#value(each, below(at)));
        nodes.set(path.join("."), node);
        if (typeof one !== "string" || typeof other !== "string") {
          throw notPlain(node);
        }
        return one + other;
      }
      case "Identifier": {
        const constant = this.#constants.get(expression.name);
        if (constant === undefined) throw notPlain(node);
        return this.#value(constant, below(at));
      }
      default:
        throw notPlain(node);
    }
  }

  #spread({ argument }: SpreadElement, depth: number): Map<string, Node> {
    const constant = argument.type === "Identifier"
      ? this.#constants.get(argument.name)
      : argument;
    if (constant?.type !== "ObjectExpression" || depth > MAX_DEPTH) {
      throw notPlain(argument);
    }
    return this.propertiesOf(constant, depth + 1);
  }
}

interface At {
  readonly nodes: Map<string, Node>;
  readonly path: readonly string[];
  readonly depth: number;
}

function below({ nodes, path, depth }: At, name?: string): At {
  return {
    nodes,
    path: name === undefined ? path : [...path, name],
    depth: depth + 1,
  };
}

function nameOf({ key, computed }: Property): string {
  if (!computed && key.type === "Identifier") return key.name;
  if (!computed && key.type === "Literal") return String(key.value);
  throw notPlain(key);
}

function notPlain(node: Node): ValueError {
  return new ValueError(
    node,
    "Cannot read this value: only texts, numbers, true, false, lists, maps and constants of this file can stand here, because the Manager reads it without running it",
  );
}
