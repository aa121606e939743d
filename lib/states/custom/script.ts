import { type Node, parse, type Program } from "acorn";
import type { StripTypes, TextProblem } from "./strip_types.ts";

/** Module as JavaScript: every character is where it is in its source. */
export interface Script {
  readonly code: string;
  /** Undefined if it cannot be read. */
  readonly program: Program | undefined;
  /** Relative imports: paths as they are written, and the places of the imports. */
  readonly imports: readonly {
    readonly path: string;
    readonly line: number;
    readonly column: number;
  }[];
  readonly problems: readonly TextProblem[];
}

/** Ends of names of files that can be imported. */
const IMPORTABLE = /\.(?:ts|js|mjs)$/;

const BUNDLE =
  "a custom operation imports relative files and node: alone; bundle what you need into a file beside it, as by esbuild --bundle --format=esm";

/** Reads a source: strips its types and finds its imports. */
export function readScript(
  text: string,
  { isTyped, strip }: { isTyped: boolean; strip: StripTypes },
): Script {
  const stripped = isTyped ? strip(text) : text;
  if (typeof stripped !== "string") return unreadable(stripped);
  const program = programOf(stripped);
  if ("message" in program) return unreadable(program);
  const problems: TextProblem[] = [];
  const imports: { path: string; line: number; column: number }[] = [];
  let code = stripped;
  for (const { node, source, isEmpty } of importsIn(program)) {
    const at = placeOf(node);
    if (source === undefined) {
      problems.push({
        ...at,
        message:
          "Cannot use this import: its path must be a plain text, so that the file is sent along",
      });
      continue;
    }
    const { path } = source;
    if (path.startsWith("node:")) continue;
    if (!/^\.{1,2}\//.test(path)) {
      const isTypes = isEmpty || path === "@piri/piri";
      problems.push({
        ...at,
        message: isTypes
          ? `Cannot import "${path}": write "import type", because it has nothing but types for an operation`
          : `Cannot import "${path}": ${BUNDLE}`,
      });
      continue;
    }
    if (!IMPORTABLE.test(path)) {
      problems.push({
        ...at,
        message:
          `Cannot import "${path}": the whole name of a file should be here, which ends with .ts, .js or .mjs`,
      });
      continue;
    }
    imports.push({ path, ...at });
    if (path.endsWith(".ts")) {
      // A text of the same length, so that all places stay.
      const end = source.end - 1;
      code = `${code.slice(0, end - 3)}.js${code.slice(end)}`;
    }
  }
  return { code, program, imports, problems };
}

function unreadable(problem: TextProblem): Script {
  return { code: "", program: undefined, imports: [], problems: [problem] };
}

/** Place of a node, lines and columns counted from 1. */
export function placeOf(node: Node): { line: number; column: number } {
  const { line = 1, column = 0 } = node.loc?.start ?? {};
  return { line, column: column + 1 };
}

function programOf(code: string): Program | TextProblem {
  try {
    return parse(code, {
      ecmaVersion: "latest",
      sourceType: "module",
      locations: true,
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { line = 1, column = 0 } =
      (error as { loc?: { line: number; column: number } }).loc ?? {};
    const message = error.message.replace(/ \(\d+:\d+\)$/, "");
    return {
      line,
      column: column + 1,
      message: `Cannot read this module: ${message.charAt(0).toLowerCase()}${
        message.slice(1)
      }`,
    };
  }
}

interface Import {
  readonly node: Node;
  /** Path and its end in the code with the quote; undefined if it is no plain text. */
  readonly source: { readonly path: string; readonly end: number } | undefined;
  /** True if it takes nothing, as when all that it took were types. */
  readonly isEmpty: boolean;
}

const IMPORTS: ReadonlySet<string> = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
]);

/** Imports of a module wherever they are. */
function* importsIn(node: Node): Generator<Import> {
  const { source, specifiers } = node as Node & {
    source?: Node & { value?: unknown } | null;
    specifiers?: readonly unknown[];
  };
  if (IMPORTS.has(node.type) && source) {
    const path = source.type === "Literal" ? source.value : undefined;
    yield {
      node: source,
      source: typeof path === "string" ? { path, end: source.end } : undefined,
      isEmpty: node.type === "ImportDeclaration" && specifiers?.length === 0,
    };
  }
  for (const value of Object.values(node)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (isNode(each)) yield* importsIn(each);
    }
  }
}

/** True for a part of a tree of syntax. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value &&
    typeof value.type === "string";
}
