import { PiriError } from "../../base/errors.ts";
import { stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { changeEdit, checkEdit, type TextEdit } from "./edited_text.ts";
import { CREATE, WHERE } from "./file_line.ts";

const MARKER = "managed by Piri";

/** Makes a file have a block of lines. */
export const fileBlock = stepOperation({
  name: "file.Block",
  description: "Makes a text file have a block of lines between two markers",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path of the file" },
    content: {
      type: "text",
      required: true,
      secret: true,
      description: "Lines of the block",
    },
    marker: {
      type: "text",
      description:
        "Words in the lines around the block, which tell blocks apart",
      standard: MARKER,
    },
    comment: {
      type: "text",
      description: "Beginning of these lines, which makes them comments",
      standard: "#",
    },
    where: WHERE,
    absent: {
      type: "switch",
      description: "True to remove the block",
      standard: "false",
    },
    create: CREATE,
  },
  frame: markersOf,
  touches: ({ path }) => [path],
  validate({ content = "", ...params }) {
    const markers = markersOf(params);
    const line = linesOf(content).find((each) => markers.includes(each));
    if (line === undefined) return;
    throw new WrongValue(
      ["content"],
      `its line ${
        quoted(line)
      } is one of those around the block; give the block another marker`,
    );
  },
  check: (params, reader, forecast) =>
    checkEdit(editOf(params), reader, forecast),
  change: (params, _, writer) => changeEdit(editOf(params), writer),
});

interface Params {
  readonly path: string;
  readonly content: string;
  readonly marker?: string;
  readonly comment?: string;
  readonly where?: string;
  readonly absent?: boolean;
  readonly create?: boolean;
}

/** Lines that begin and end the block. */
function markersOf(
  { marker = MARKER, comment = "#" }: Pick<Params, "marker" | "comment">,
): [string, string] {
  return [`${comment} BEGIN ${marker}`, `${comment} END ${marker}`];
}

function linesOf(content: string): string[] {
  const lines = content.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function editOf(params: Params): TextEdit {
  const {
    path,
    content,
    where = "end",
    absent = false,
  } = params;
  const [begin, end] = markersOf(params);
  const block = [begin, ...linesOf(content), end];
  return {
    ...params,
    edit: (now) => {
      const { before, after, isThere } = around(now, { begin, end, path });
      if (absent) return isThere ? [...before, ...after] : now;
      if (isThere) return [...before, ...block, ...after];
      return where === "start" ? [...block, ...now] : [...now, ...block];
    },
  };
}

/** Lines around the first block, without all others of its marker. */
function around(
  lines: readonly string[],
  { begin, end, path }: { begin: string; end: string; path: string },
): { before: string[]; after: string[]; isThere: boolean } {
  const before: string[] = [];
  const after: string[] = [];
  let isThere = false;
  let isInside = false;
  for (const line of lines) {
    if (line === begin && !isInside) {
      isInside = isThere = true;
    } else if (line === end && isInside) {
      isInside = false;
    } else if (line === begin || line === end) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot edit "${path}": the line "${line}" has no partner; mend it by hand`,
      );
    } else if (!isInside) {
      (isThere ? after : before).push(line);
    }
  }
  if (!isInside) return { before, after, isThere };
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot edit "${path}": the line "${begin}" has no partner; mend it by hand`,
  );
}
