import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import { FSTAB, withoutMount } from "../providers/mounts/fstab.ts";
import { mountsOf } from "../providers/mounts/mount_table.ts";
import { isBooted } from "../providers/services/find_manager.ts";
import { type Change, type Effect, stepOperation } from "../step_operation.ts";
import { checkEdit, type TextEdit } from "./edited_text.ts";
import { requireLinux } from "./linux_only.ts";
import {
  changeFstab,
  fstabChanges,
  mountPath,
  mountThing,
  PERSIST,
  requireMountPath,
  requireNotNeeded,
  unmount,
} from "./mounting.ts";

/** Unmounts what is mounted at a path. */
export const mountUnmounted = stepOperation({
  name: "mount.Unmounted",
  description: "Makes nothing be mounted at a path, now and at each start",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path to unmount" },
    persist: PERSIST,
  },
  touches: ({ persist = true }) => persist ? [FSTAB] : [],
  things: ({ path }) => [mountThing(path)],
  validate: ({ path }) => requireMountPath(path),
  async check({ path, persist = true }, reader, forecast) {
    requireLinux("unmount file systems", reader);
    const file = persist
      ? await checkEdit(editOf(path), reader, forecast)
      : undefined;
    const changes: Change[] = file === undefined ? [] : [...fstabChanges(file)];
    const effects: Effect[] = [...file?.effects ?? []];
    const now = isBooted(reader) ? await mountedAt(path, reader) : [];
    const [first] = now;
    if (first !== undefined) {
      requireNotNeeded(path);
      changes.push({ what: "mount", from: now.join(", "), to: "(absent)" });
      effects.push({ kind: "covered", path }, {
        kind: "thing",
        thing: mountThing(path),
        facts: undefined,
      });
    }
    return {
      verdict: changes.length === 0 ? "ok" : "change",
      changes,
      fingerprint: fingerprintOf([file?.fingerprint, now]),
      effects,
    };
  },
  async change({ path, persist = true }, _, writer) {
    if (persist) await changeFstab(editOf(path), writer);
    if (!isBooted(writer)) return;
    const now = await mountedAt(path, writer);
    for (const _ of now) await unmount(mountPath(path, writer), writer);
  },
});

function editOf(path: string): TextEdit {
  return {
    path: FSTAB,
    absent: true,
    edit: (lines) => withoutMount(lines, path),
  };
}

/** Words for what is mounted at a path, the lowest first. Refuses what has other mounts below it. */
async function mountedAt(path: string, reader: HostReader): Promise<string[]> {
  const foreseen = reader.foreseen(mountThing(path));
  if (foreseen !== undefined) {
    const { facts } = foreseen;
    return facts === undefined ? [] : [`${facts["source"]} (${facts["type"]})`];
  }
  const mounts = await mountsOf(reader);
  const place = mountPath(path, reader);
  const own = mounts.filter((each) => each.path === place);
  const stays = (at: string) => {
    const ahead = reader.foreseen(mountThing(at));
    return ahead === undefined || ahead.facts !== undefined;
  };
  const below = mounts.find((each) =>
    each.path.startsWith(`${place}/`) && stays(each.path)
  );
  if (own.length > 0 && below !== undefined && place !== "/") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot unmount "${path}": "${below.path}" is mounted below it; unmount that by an earlier step`,
    );
  }
  return own.map(({ source, type }) => `${source} (${type})`);
}
