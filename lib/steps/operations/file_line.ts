import { PiriError } from "../../base/errors.ts";
import { stepOperation } from "../step_operation.ts";
import { changeEdit, checkEdit, type TextEdit } from "./edited_text.ts";

export const WHERE = {
  type: "text",
  description: "Place of what is new: the start or the end of the file",
  choices: ["start", "end"],
  standard: "end",
} as const;

export const CREATE = {
  type: "switch",
  description: "True to make the file if there is none",
  standard: "false",
} as const;

/** Makes a file have a line. */
export const fileLine = stepOperation({
  name: "file.Line",
  description: "Makes a text file have a line exactly once, or not at all",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path of the file" },
    line: {
      type: "text",
      required: true,
      secret: true,
      description: "The line, without its end",
    },
    match: {
      type: "text",
      description:
        "Regular expression of the lines that it replaces; it must match the line itself",
    },
    where: WHERE,
    absent: {
      type: "switch",
      description: "True to remove all such lines",
      standard: "false",
    },
    create: CREATE,
  },
  touches: ({ path }) => [path],
  check: (params, reader, forecast) =>
    checkEdit(editOf(params), reader, forecast),
  change: (params, _, writer) => changeEdit(editOf(params), writer),
});

interface Params {
  readonly path: string;
  readonly line: string;
  readonly match?: string;
  readonly where?: string;
  readonly absent?: boolean;
  readonly create?: boolean;
}

function editOf(params: Params): TextEdit {
  const { line, match, where = "end", absent = false } = params;
  if (/[\r\n]/.test(line)) {
    throw wrong(line, "it is more than one line; file.Block takes several");
  }
  const isSuch = match === undefined
    ? (each: string) => each === line
    : matcher(match);
  if (!absent && !isSuch(line)) {
    throw wrong(
      line,
      `match "${match}" does not match it, so that it would be added again and again`,
    );
  }
  return {
    ...params,
    edit: (lines) => {
      const others = lines.filter((each) => !isSuch(each));
      if (absent) return others;
      const first = lines.findIndex(isSuch);
      if (first >= 0) return others.toSpliced(first, 0, line);
      return where === "start" ? [line, ...others] : [...others, line];
    },
  };
}

function matcher(pattern: string): (line: string) => boolean {
  try {
    const expression = new RegExp(pattern);
    return (line) => expression.test(line);
  } catch (error) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot search for "${pattern}": it is no regular expression`,
      { cause: error },
    );
  }
}

function wrong(line: string, why: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot put the line "${line}": ${why}`,
  );
}
