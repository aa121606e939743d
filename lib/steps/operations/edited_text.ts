import { PiriError } from "../../base/errors.ts";
import { bytesOf, contentOfBytes } from "../file_content.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import type { Check, Forecast } from "../step_operation.ts";
import { asText } from "../text_change.ts";
import { Unforeseen } from "../unforeseen.ts";
import {
  changeFile,
  checkFile,
  findFile,
  type WantedFile,
} from "./new_content.ts";

/** Longest file that is edited, in bytes. */
const MAX_EDITED_BYTES = 4 * 1_048_576;

/** Edit of a text: from its lines, without their ends, to those that it shall have. */
export interface TextEdit {
  readonly path: string;
  /** True if the file may be made. */
  readonly create?: boolean | undefined;
  /** True if something shall not be in it, so that a file that is not there is right. */
  readonly absent?: boolean | undefined;
  /** True to make missing folders above it. */
  readonly parents?: boolean | undefined;
  /** @throws {PiriError} FAILED_PRECONDITION */
  edit(lines: readonly string[]): readonly string[];
}

/** Checks an edit. A link is followed. */
export async function checkEdit(
  edit: TextEdit,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const wanted = await wantedBy(edit, reader, forecast);
  if (wanted === undefined) {
    return { verdict: "ok", changes: [], fingerprint: fingerprintOf(null) };
  }
  const found = await findFile(wanted.path, reader);
  return await checkFile(wanted, found, { reader, forecast });
}

/** Does an edit. */
export async function changeEdit(
  edit: TextEdit,
  writer: HostWriter,
): Promise<void> {
  const wanted = await wantedBy(edit, writer, NO_FORECAST);
  if (wanted !== undefined) await changeFile(wanted, writer);
}

/** File after an edit; undefined if it is not there, and need not be. */
async function wantedBy(
  { path: given, create = false, absent = false, parents, edit }: TextEdit,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<WantedFile | undefined> {
  const path = reader.pathToWrite(given);
  const { content } = await findFile(path, reader);
  if (content === undefined) {
    if (absent && opaque === undefined) return undefined;
    if (absent || !create) {
      if (opaque !== undefined) {
        throw new Unforeseen(
          `there is no file "${path}", and step "${opaque}" may make it`,
        );
      }
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot edit "${path}": there is no such file; make it by an earlier step, or give create: true`,
      );
    }
  }
  const bytes = content === undefined
    ? new Uint8Array()
    : await bytesOf(content, MAX_EDITED_BYTES, `"${path}"`);
  const text = asText(bytes);
  if (text === undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot edit "${path}": it is not text in UTF-8`,
    );
  }
  const edited = editedText(text, edit);
  return {
    path,
    parents,
    attributes: {},
    content: edited === text && content !== undefined
      ? content
      : contentOfBytes(new TextEncoder().encode(edited)),
  };
}

/** Text after an edit of its lines. Ends of lines stay as they are; the last line of a text that is edited has one. */
export function editedText(text: string, edit: TextEdit["edit"]): string {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const parts = text.split("\n");
  const isEnded = parts.at(-1) === "";
  if (isEnded) parts.pop();
  const lines = parts.map((line) => line.replace(/\r$/, ""));
  const edited = edit(lines);
  const isSame = edited.length === lines.length &&
    edited.every((line, index) => line === lines[index]);
  return isSame ? text : edited.map((line) => `${line}${end}`).join("");
}
