import { join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { bytesOf, contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { ForecastReader } from "../host/forecast_reader.ts";
import type { HostReader, HostWriter, PathFacts } from "../host/host.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import { AccountTables } from "../providers/account_tables.ts";
import type { Change, Check, Effect, Forecast } from "../step_operation.ts";
import { asText } from "../text_change.ts";
import { Unforeseen } from "../unforeseen.ts";
import { editedText, type TextEdit } from "./edited_text.ts";
import {
  changeFile,
  checkFile,
  findFile,
  type FoundFile,
  type WantedFile,
} from "./new_content.ts";
import { attributeChanges } from "./paths.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Longest file that is edited, in bytes. */
const MAX_BYTES = 4 * 1_048_576;

/** Edit of a file in the folder .ssh of a user. */
export interface SshEdit extends Pick<TextEdit, "edit"> {
  readonly user: string;
  /** Name of the file. */
  readonly name: string;
  /** True if something shall not be in it, so that a file that is not there is right. */
  readonly absent: boolean;
}

/** Place of a user's file, and how it shall be. */
interface Place {
  readonly folder: string;
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

/** Path where the file of a user usually is, for what is told before the user is looked up. */
export function usualSshFile(user: string, name: string): string {
  return join(user === "root" ? "/root" : `/home/${user}`, ".ssh", name);
}

/** Checks an edit, with owners and modes of the file and its folder. */
export async function checkSshEdit(
  edit: SshEdit,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const place = await placeOf(edit, reader, forecast);
  const { folder: path, uid, gid } = place;
  const folder = requirePlain(path, reader.facts(path), "folder");
  const found = await findPlain(place, reader);
  if (found.facts === undefined && edit.absent) {
    return { verdict: "ok", changes: [], fingerprint: fingerprintOf(null) };
  }
  const wanted = { mode: FOLDER_MODE, uid, gid };
  const changes: Change[] = folder === undefined
    ? [{ what: `folder ${path}`, from: "(absent)", to: "folder" }]
    : attributeChanges(folder, wanted, owner(edit)).map((change) => ({
      ...change,
      what: `${change.what} of ${path}`,
    }));
  const effects: Effect[] = changes.length === 0 ? [] : [{
    kind: "path",
    path,
    facts: { kind: "folder", size: 0, ...wanted },
  }];
  // The file is looked at as if its folder were there.
  const ahead = new ForecastReader(reader);
  for (const effect of effects) {
    if (effect.kind === "path") ahead.add(effect);
  }
  const file = await checkFile(
    await wantedFile(edit, place, found),
    found,
    { reader: ahead, forecast },
  );
  const all = [...changes, ...file.changes];
  return {
    verdict: all.length === 0 ? "ok" : "change",
    changes: all,
    fingerprint: fingerprintOf([
      folder?.mode,
      folder?.uid,
      folder?.gid,
      file.fingerprint,
    ]),
    effects: [...effects, ...file.effects ?? []],
  };
}

/** Does an edit. */
export async function changeSshEdit(
  edit: SshEdit,
  writer: HostWriter,
): Promise<void> {
  const place = await placeOf(edit, writer, NO_FORECAST);
  const { folder: path, uid, gid } = place;
  const attributes = { mode: FOLDER_MODE, uid, gid };
  const folder = requirePlain(path, writer.facts(path), "folder");
  if (folder === undefined) await writer.makeFolder(path, attributes);
  else if (attributeChanges(folder, attributes, {}).length > 0) {
    await writer.setAttributes(path, attributes);
  }
  const found = await findPlain(place, writer);
  await changeFile(await wantedFile(edit, place, found), writer);
}

async function wantedFile(
  edit: SshEdit,
  { path, uid, gid }: Place,
  { content }: FoundFile,
): Promise<WantedFile> {
  const bytes = content === undefined
    ? new Uint8Array()
    : await bytesOf(content, MAX_BYTES, `"${path}"`);
  const text = asText(bytes);
  if (text === undefined) {
    throw refused(path, "it is not text in UTF-8");
  }
  const edited = editedText(text, (lines) => edit.edit(lines));
  return {
    path,
    attributes: { mode: FILE_MODE, uid, gid },
    ...owner(edit),
    content: edited === text && content !== undefined
      ? content
      : contentOfBytes(new TextEncoder().encode(edited)),
  };
}

/** @throws {Unforeseen} for a user that an earlier step may make */
async function placeOf(
  { user, name }: SshEdit,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<Place> {
  const row = (await AccountTables.read(reader)).user(user);
  const home = row === undefined ? undefined : reader.followed(row.home);
  if (row !== undefined && home?.kind === "folder") {
    const folder = join(reader.pathToWrite(row.home), ".ssh");
    return { folder, path: join(folder, name), uid: row.uid, gid: row.gid };
  }
  const missing = row === undefined
    ? `this host has no user "${user}"`
    : `the home "${row.home}" of user "${user}" is not there`;
  if (opaque !== undefined) {
    throw new Unforeseen(`${missing}, and step "${opaque}" may make it`);
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write ${name} of user "${user}": ${missing}; make it by an earlier step`,
  );
}

async function findPlain(
  { folder, path }: Place,
  reader: HostReader,
): Promise<FoundFile> {
  if (reader.facts(folder) === undefined) return { facts: undefined };
  requirePlain(path, reader.facts(path), "file");
  return await findFile(path, reader);
}

/** Refuses what a user has put in place of the folder or the file: a link could lead anywhere. */
function requirePlain(
  path: string,
  facts: PathFacts | undefined,
  kind: "file" | "folder",
): PathFacts | undefined {
  if (facts === undefined || facts.kind === kind) return facts;
  throw refused(
    path,
    facts.kind === "link"
      ? "it is a link, which could lead anywhere; remove it first"
      : `it is no ${kind}`,
  );
}

function owner({ user }: SshEdit) {
  return { user, group: `the group of ${user}` };
}

function refused(path: string, why: string): PiriError {
  return new PiriError("FAILED_PRECONDITION", `Cannot write "${path}": ${why}`);
}
