import { PiriError } from "../../base/errors.ts";
import { bytesOf } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import {
  FSTAB,
  type WantedMount,
  withMount,
} from "../providers/mounts/fstab.ts";
import {
  optionDifferences,
  optionsOf,
  optionsToMount,
} from "../providers/mounts/mount_options.ts";
import {
  type MountRow,
  mountsOf,
  placeIn,
} from "../providers/mounts/mount_table.ts";
import { isBooted } from "../providers/services/find_manager.ts";
import {
  type Change,
  type Effect,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { checkEdit, type TextEdit } from "./edited_text.ts";
import { requireLinux } from "./linux_only.ts";
import {
  changeFstab,
  fstabChanges,
  mountPath,
  mountThing,
  PERSIST,
  requireNotNeeded,
  unmount,
  validateMount,
} from "./mounting.ts";

/** Mounts a file system. */
export const mountMounted = stepOperation({
  name: "mount.Mounted",
  description: "Makes a file system be mounted, now and at each start",
  subject: "path",
  parameters: {
    path: {
      type: "path",
      required: true,
      description: "Folder to mount it at",
    },
    source: {
      type: "text",
      required: true,
      description: "Device, UUID=..., LABEL=..., share or folder",
    },
    // A key "type" of a step names its operation.
    fstype: {
      type: "text",
      required: true,
      formerName: "type",
      description: "Type of the file system, as ext4; none for a folder",
    },
    options: { type: "texts", description: "Options, as noatime or ro" },
    persist: PERSIST,
  },
  touches: ({ persist = true }) => persist ? [FSTAB] : [],
  things: ({ path }) => [mountThing(path)],
  validate: validateMount,
  async check(params, reader, forecast) {
    requireLinux("mount file systems", reader);
    const wanted = wantedOf(params);
    const file = params.persist === false
      ? undefined
      : await checkEdit(editOf(wanted), reader, forecast);
    const changes: Change[] = file === undefined ? [] : [...fstabChanges(file)];
    const effects: Effect[] = [...file?.effects ?? []];
    if (!isBooted(reader)) {
      return {
        verdict: changes.length === 0 ? "ok" : "change",
        changes,
        fingerprint: fingerprintOf(file?.fingerprint),
        effects,
        reason: `nothing runs here, so only ${FSTAB} counts`,
      };
    }
    const { change, now } = await differenceOf(wanted, reader, forecast);
    if (change !== undefined) {
      changes.push(change.told);
      if (change.kind !== "remount") {
        effects.push({ kind: "covered", path: wanted.path });
      }
      effects.push({
        kind: "thing",
        thing: mountThing(wanted.path),
        facts: { ...wanted },
      });
    }
    return {
      verdict: changes.length === 0 ? "ok" : "change",
      changes,
      fingerprint: fingerprintOf([
        file?.fingerprint,
        now?.source,
        now?.type,
        now?.root,
        now?.options,
      ]),
      effects,
    };
  },
  async change(params, _, writer) {
    const wanted = wantedOf(params);
    if (params.persist !== false) await changeFstab(editOf(wanted), writer);
    if (!isBooted(writer)) return;
    const { change } = await differenceOf(wanted, writer, NO_FORECAST);
    if (change?.kind === "replace") {
      await unmount(mountPath(wanted.path, writer), writer);
    }
    if (change !== undefined) await mount(wanted, change.kind, writer);
  },
});

interface Params {
  readonly path: string;
  readonly source: string;
  readonly fstype: string;
  readonly options?: readonly string[];
  readonly persist?: boolean;
}

function wantedOf(
  { path, source, fstype: type, options = [] }: Params,
): WantedMount {
  return { path, source, type, options: optionsOf(options) };
}

function editOf(wanted: WantedMount): TextEdit {
  return {
    path: FSTAB,
    create: true,
    edit: (lines) => withMount(lines, wanted),
  };
}

/** Difference between what is mounted and what shall be. */
interface Difference {
  readonly kind: "mount" | "remount" | "replace";
  readonly told: Change;
}

async function differenceOf(
  wanted: WantedMount,
  reader: HostReader,
  forecast: Forecast,
): Promise<{ change?: Difference; now?: MountRow }> {
  const { path, type } = wanted;
  const foreseen = reader.foreseen(mountThing(path));
  const mounts = await mountsOf(reader);
  const now = foreseen === undefined
    ? mounts.findLast((each) => each.path === mountPath(path, reader))
    : rowOf(foreseen.facts as WantedMount | undefined);
  const told = (from: string, to: string, what = "mount") => ({
    what,
    from,
    to,
  });
  if (now === undefined) {
    if (foreseen === undefined) {
      requireThere(wanted, reader, forecast);
    }
    requireSource(wanted, reader, forecast);
    return {
      change: { kind: "mount", told: told("(absent)", textOf(wanted)) },
    };
  }
  const isSame = isSameType(type, now.type, wanted) &&
    await isSameSource(wanted, now, {
      reader,
      mounts,
      isForeseen: foreseen !== undefined,
    });
  if (!isSame) {
    requireNotNeeded(path);
    requireSource(wanted, reader, forecast);
    return {
      now,
      change: { kind: "replace", told: told(textOf(now), textOf(wanted)) },
    };
  }
  const { from, to } = optionDifferences(wanted.options, now.options, {
    isFuse: now.type.startsWith("fuse"),
  });
  if (to.length === 0) return { now };
  return {
    now,
    change: {
      kind: "remount",
      told: told(from.join(","), to.join(","), "mount options"),
    },
  };
}

/** Mount as an earlier step will have made it. */
function rowOf(facts: WantedMount | undefined): MountRow | undefined {
  if (facts === undefined) return undefined;
  const { path, source, type, options } = facts;
  const shown = options.some((each) => /atime$/.test(each))
    ? options
    : ["relatime", ...options];
  return { path, source, type, options: shown, device: "", root: "/" };
}

function requireThere(
  { path }: WantedMount,
  reader: HostReader,
  { opaque }: Forecast,
): void {
  if (reader.followed(path) !== undefined) return;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `there is no "${path}", and step "${opaque}" may make it`,
    );
  }
  throw failed(path, "it is not there; make it by an earlier step");
}

/** @throws {Unforeseen} for a device that an earlier step may bring */
function requireSource(
  wanted: WantedMount,
  reader: HostReader,
  { opaque }: Forecast,
): void {
  const place = placeOfSource(wanted);
  if (place === undefined || reader.followed(place) !== undefined) return;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `there is no "${wanted.source}", and step "${opaque}" may bring it`,
    );
  }
  throw failed(wanted.path, `there is no "${wanted.source}"`);
}

const FOLDERS: Readonly<Record<string, string>> = {
  UUID: "by-uuid",
  LABEL: "by-label",
  PARTUUID: "by-partuuid",
  PARTLABEL: "by-partlabel",
  ID: "by-id",
};

/** Path of a device or a folder; undefined for what has none, such as a share. */
function placeOfSource(wanted: WantedMount): string | undefined {
  const [, tag = "", value = ""] =
    /^([A-Z]+)="?([^"]*)"?$/.exec(wanted.source) ??
      [];
  const folder = FOLDERS[tag];
  if (folder !== undefined) {
    // The names of links are written as udev does it.
    const name = value.replace(
      /[^A-Za-z0-9#+.:=@_-]/g,
      (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
    return `/dev/disk/${folder}/${name}`;
  }
  // Two slashes begin a share.
  return /^\/(?!\/)/.test(wanted.source) ? wanted.source : undefined;
}

function isBind({ options }: WantedMount): boolean {
  return options.includes("bind") || options.includes("rbind");
}

function isSameType(
  type: string,
  now: string,
  wanted: WantedMount,
): boolean {
  return type === "auto" || isBind(wanted) || now === type ||
    now === `fuse.${type}` || `fuse.${now}` === type ||
    (type === "nfs" && now === "nfs4") || now === "fuseblk";
}

async function isSameSource(
  wanted: WantedMount,
  now: MountRow,
  { reader, mounts, isForeseen }: {
    readonly reader: HostReader;
    readonly mounts: readonly MountRow[];
    readonly isForeseen: boolean;
  },
): Promise<boolean> {
  const plain = (source: string) => source.replace(/(.)\/+$/, "$1");
  if (plain(wanted.source) === plain(now.source) && !isBind(wanted)) {
    return true;
  }
  if (isForeseen) return plain(wanted.source) === plain(now.source);
  const place = placeOfSource(wanted);
  if (place === undefined) return false;
  const real = reader.realPath(place);
  if (!isBind(wanted)) {
    if (!now.source.startsWith("/")) return false;
    return real === reader.realPath(now.source) ||
      real === await fileBehind(now.source, reader);
  }
  const others = mounts.filter((each) => each !== now);
  const part = placeIn(others, real);
  return part?.device === now.device && part.root === now.root;
}

/** Path of the file that a loop device shows; undefined for another device. */
async function fileBehind(
  device: string,
  reader: HostReader,
): Promise<string | undefined> {
  const [, name] = /^\/dev\/(loop\d+)$/.exec(device) ?? [];
  const path = `/sys/block/${name}/loop/backing_file`;
  if (name === undefined || reader.followed(path) === undefined) {
    return undefined;
  }
  const bytes = await bytesOf(await reader.content(path), 65_536, `"${path}"`);
  return new TextDecoder().decode(bytes).trimEnd();
}

async function mount(
  { path, source, type, options }: WantedMount,
  kind: Difference["kind"],
  writer: HostWriter,
): Promise<void> {
  const own = optionsToMount(options);
  const isAgain = kind === "remount";
  const all = isAgain
    ? [
      "remount",
      ...isBind({ path, source, type, options }) ? ["bind"] : [],
      ...standardFlags(own),
      ...own.filter((each) => !/^r?bind$/.test(each)),
    ]
    : own;
  const words = all.length === 0 ? [] : ["-o", all.join(",")];
  const { code, signal } = await writer.run({
    argv: isAgain
      ? ["mount", ...words, path]
      : ["mount", "-t", type, ...words, source, path],
    env: { LC_ALL: "C.UTF-8" },
  });
  if (code === 0) return;
  throw failed(path, `mount ended with ${signal ?? `exit code ${code}`}`);
}

/** A remount keeps what nobody names, so that all that is not wanted is undone by name. */
function standardFlags(own: readonly string[]): string[] {
  const has = (...words: string[]) => own.some((each) => words.includes(each));
  return [
    ...has("ro", "rw") ? [] : ["rw"],
    ...has("suid", "nosuid") ? [] : ["suid"],
    ...has("dev", "nodev") ? [] : ["dev"],
    ...has("exec", "noexec") ? [] : ["exec"],
    ...own.some((each) => /atime$/.test(each)) ? [] : ["relatime"],
  ];
}

function textOf({ source, type }: WantedMount | MountRow): string {
  return `${source} (${type})`;
}

function failed(path: string, why: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot mount at "${path}": ${why}`,
  );
}
