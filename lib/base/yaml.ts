import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  type YAMLError,
} from "yaml";
import { messageOf, PiriError } from "./errors.ts";

/** Parsed text of YAML 1.2. */
export interface Yaml {
  /** Value of the text, limited to what JSON can express. Undefined for empty text. */
  readonly value: unknown;
  /** Document with comments and order, for changing a few entries of a file that people edit. */
  readonly document: Document;
  /** Line of an entry, counted from 1; undefined if there is no such entry. */
  lineOf(path: readonly (string | number)[]): number | undefined;
}

/**
 * Parses YAML. Errors give name and line but never the text, which may hold secrets.
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
    // Pretty errors would quote the text.
    prettyErrors: false,
    merge: true,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    throw new PiriError(
      code,
      `Cannot read "${name}": line ${line}: ${yamlMessage(error)}`,
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

/** Message of an error in YAML, for people. It stands behind the place of the error. */
export function yamlMessage({ code, message }: YAMLError): string {
  return code === "MULTIPLE_DOCS"
    ? "a second document begins here, and a file has only one"
    : message;
}

function toPlain(
  document: Document,
  name: string,
  code: "INVALID_ARGUMENT" | "CORRUPT",
): unknown {
  try {
    const value: unknown = document.toJS() ?? undefined;
    // An alias inside its own anchor makes a circle; code that walks the value would never end.
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
