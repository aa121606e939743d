import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
} from "yaml";
import { messageOf, PiriError } from "./errors.ts";

/** A YAML 1.2 text that was understood. */
export interface Yaml {
  /** What it says; only what JSON can say, too. Empty text is undefined. */
  readonly value: unknown;
  /** With comments and order, for changing a few entries of a file that people edit. */
  readonly document: Document;
  /** The line of an entry, counted from 1, or undefined if there is none. */
  lineOf(path: readonly (string | number)[]): number | undefined;
}

/**
 * Reads YAML. Errors tell name and line, and never the text, which may hold secrets.
 *
 * @throws {PiriError} the given code
 */
export function parseYaml(
  text: string,
  name: string,
  code: "INVALID_ARGUMENT" | "CORRUPT",
): Yaml {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    // Pretty errors quote the text.
    prettyErrors: false,
    merge: true,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    throw new PiriError(
      code,
      `Cannot read "${name}": line ${line}: ${error.message}`,
    );
  }
  return {
    value: toPlain(document, name, code),
    document,
    lineOf: (path) => {
      const offset = offsetOf(document, path);
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
}

function toPlain(
  document: Document,
  name: string,
  code: "INVALID_ARGUMENT" | "CORRUPT",
): unknown {
  try {
    const value: unknown = document.toJS() ?? undefined;
    // An alias inside its own anchor makes a circle, which nothing after this could walk.
    JSON.stringify(value);
    return value;
  } catch (error) {
    throw new PiriError(code, `Cannot read "${name}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function offsetOf(
  document: Document,
  path: readonly (string | number)[],
): number | undefined {
  const key = path.at(-1);
  const parent = path.length < 2
    ? document.contents
    : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    for (const pair of parent.items) {
      if (isScalar(pair.key) && pair.key.value === key) {
        return pair.key.range?.[0];
      }
    }
  }
  const node: unknown = document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}
