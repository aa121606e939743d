import { PiriError } from "../../base/errors.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type {
  FileContent,
  HostReader,
  HostWriter,
  PathAttributes,
  PathFacts,
} from "../host/host.ts";
import type { Change, Check, Effect, Forecast } from "../step_operation.ts";
import { contentChange, sizeChange } from "../text_change.ts";
import {
  attributeChanges,
  type AttributeParams,
  FILE_MODE,
  kindText,
  madeParents,
  mergedAttributes,
  newAttributes,
  parentsOf,
} from "./paths.ts";

/** File as a step wants it. */
export interface WantedFile extends AttributeParams {
  readonly path: string;
  /** Undefined if the content stays as it is. */
  readonly content: FileContent | undefined;
  readonly attributes: PathAttributes;
  readonly parents?: boolean | undefined;
  readonly backup?: boolean | undefined;
  /** False if texts are not compared, for many files: sizes and hashes tell. */
  readonly showsText?: false;
}

/** File at a path, and its content if it is one. */
export interface FoundFile {
  readonly facts: PathFacts | undefined;
  readonly content?: FileContent;
}

/** Looks at a file that a step writes. Refuses a folder and what is no file. */
export async function findFile(
  path: string,
  reader: HostReader,
): Promise<FoundFile> {
  const facts = reader.facts(path);
  if (facts === undefined || facts.kind === "link") return { facts };
  if (facts.kind === "file") {
    return { facts, content: await reader.content(path, { isToWrite: true }) };
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write "${path}": it is a ${
      kindText(facts)
    }, which no file replaces`,
  );
}

/** Path of the former file that a step keeps. */
export function backupOf(path: string): string {
  return `${path}~`;
}

/** Compares a file with what a step wants. */
export async function checkFile(
  wanted: WantedFile,
  { facts, content: now }: FoundFile,
  { reader, forecast }: { reader: HostReader; forecast: Forecast },
): Promise<Check> {
  const { path, attributes, content } = wanted;
  const fingerprint = fingerprintOf([
    facts?.kind,
    facts?.mode,
    facts?.uid,
    facts?.gid,
    facts?.target,
    now?.sha256,
  ]);
  const isFile = facts?.kind === "file";
  const parents = parentsOf(path, reader, {
    parents: wanted.parents,
    forecast,
  });
  const made = madeParents(parents, reader);
  const all = isFile
    ? mergedAttributes(facts, attributes)
    : newAttributes(attributes, reader, {
      folder: made.folder,
      mode: FILE_MODE,
    });
  const changes: Change[] = parents.missing.map((what) => ({
    what: `folder ${what}`,
    from: "(absent)",
    to: "folder",
  }));
  if (facts?.kind === "link") {
    changes.push({ what: "kind", from: "link", to: "file" });
  }
  if (content !== undefined && content.sha256 !== now?.sha256) {
    changes.push(
      wanted.showsText === false
        ? sizeChange(now, content)
        : await contentChange(path, now, content),
    );
  }
  if (isFile) changes.push(...attributeChanges(facts, attributes, wanted));
  if (changes.length === 0) return { verdict: "ok", changes, fingerprint };
  const after = content ?? now;
  const effects: Effect[] = [...made.effects, {
    kind: "path",
    path,
    facts: { kind: "file", size: after?.size ?? 0, ...all },
    ...after === undefined ? {} : { content: after },
  }];
  if (
    keepsFormer(wanted, { facts, ...now === undefined ? {} : { content: now } })
  ) {
    effects.push({
      kind: "path",
      path: backupOf(path),
      facts: { ...facts as PathFacts },
      ...now === undefined ? {} : { content: now },
    });
  }
  return { verdict: "change", changes, fingerprint, effects };
}

function keepsFormer(
  { backup = false, content }: WantedFile,
  { facts, content: now }: FoundFile,
): boolean {
  return backup && facts?.kind === "file" && now !== undefined &&
    content !== undefined && now.sha256 !== content.sha256;
}

/** Writes what `checkFile` found to differ. */
export async function changeFile(
  wanted: WantedFile,
  writer: HostWriter,
  validate?: string,
): Promise<void> {
  const { path, content, attributes } = wanted;
  const { facts, content: now } = await findFile(path, writer);
  const isFile = facts?.kind === "file";
  if (content === undefined || content.sha256 === now?.sha256) {
    if (isFile) await writer.setAttributes(path, attributes);
    return;
  }
  const folder = await makeParents(path, writer);
  if (
    keepsFormer(wanted, { facts, ...now === undefined ? {} : { content: now } })
  ) {
    await writer.writeFile(backupOf(path), now as FileContent, {
      attributes: mergedAttributes(facts as PathFacts, {}),
    });
  }
  await writer.writeFile(path, content, {
    attributes: isFile
      ? mergedAttributes(facts, attributes)
      : newAttributes(attributes, writer, { folder, mode: FILE_MODE }),
    ...validate === undefined ? {} : { validate },
  });
}

/** Makes the folders above a path that are missing: the check has found that they may be. */
export async function makeParents(
  path: string,
  writer: HostWriter,
): Promise<PathFacts> {
  const parents = parentsOf(path, writer, {
    parents: true,
    forecast: NO_FORECAST,
  });
  const { effects, folder } = madeParents(parents, writer);
  for (const effect of effects) {
    if (effect.kind !== "path" || effect.facts === undefined) continue;
    const { mode, uid, gid } = effect.facts;
    await writer.makeFolder(effect.path, { mode, uid, gid });
  }
  return folder;
}
