import { createRequire } from "node:module";

/** Error at a place in a text, lines and columns counted from 1. */
export interface TextProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Function that replaces all types of a text by blanks. */
export type StripTypes = (text: string) => string | TextProblem;

/** Error of the stripper. */
interface StripError {
  readonly code?: string;
  readonly message?: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}

let loading: Promise<StripTypes> | undefined;

/** Loads the function that strips types. It is large: a Manager without custom operations does without it. */
export function loadStripTypes(): Promise<StripTypes> {
  return loading ??= load();
}

async function load(): Promise<StripTypes> {
  // Within a bundle, this package of CommonJS asks the global scope for its require.
  const scope = globalThis as { require?: unknown };
  scope.require ??= createRequire(import.meta.url);
  const loaded = await import("amaro");
  // A bundle has all that a package of CommonJS exports in its default export.
  const { transformSync } = "transformSync" in loaded
    ? loaded
    : (loaded as { default: typeof loaded }).default;
  return (text) => {
    try {
      return transformSync(text, { mode: "strip-only" }).code;
    } catch (error) {
      const { code, message = "", startLine = 1, startColumn = 0 } =
        error as StripError;
      if (code !== "UnsupportedSyntax" && code !== "InvalidSyntax") throw error;
      return {
        line: startLine,
        column: startColumn + 1,
        message: code === "UnsupportedSyntax"
          ? `Cannot use this: ${
            message.replace(" in strip-only mode", "")
              .replace(/^TypeScript /, "a TypeScript ")
          }; types are removed and nothing else is changed, so that only TypeScript which is JavaScript without its types can run`
          : `Cannot read this module: ${lowerFirst(message)}`,
      };
    }
  };
}

function lowerFirst(text: string): string {
  return text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
