import { stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
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
  validate({ line, match, absent = false }) {
    if (line !== undefined && /[\r\n]/.test(line)) {
      throw new WrongValue(
        ["line"],
        "it has more than one line; file.Block takes several",
      );
    }
    if (match === undefined) return;
    const expression = expressionOf(match);
    if (line === undefined || absent || expression.test(line)) return;
    throw new WrongValue(
      ["match"],
      `${quoted(match)} does not match the line ${
        quoted(line)
      }, so that it would be added again and again`,
    );
  },
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
  const expression = match === undefined ? undefined : expressionOf(match);
  const isSuch = (each: string) => expression?.test(each) ?? each === line;
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

function expressionOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    throw new WrongValue(
      ["match"],
      `${
        quoted(pattern)
      } is no regular expression; write \\ before a character that means itself`,
    );
  }
}
