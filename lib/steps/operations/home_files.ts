import { join } from "@std/path";
import type { HostReader } from "../host/host.ts";
import type { Effect } from "../step_operation.ts";

/** Owner of a new home. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Effects of making a home: what a host puts into a new one. Modes stay as they are. */
export async function homeEffects(
  home: string,
  { skeleton, owner, reader }: {
    /** Folder whose content each new home gets. */
    readonly skeleton: string;
    readonly owner: Owner;
    readonly reader: HostReader;
  },
): Promise<Effect[]> {
  if (reader.followed(skeleton)?.kind !== "folder") return [];
  const effects: Effect[] = [];
  for (const name of reader.names(skeleton)) {
    const from = join(skeleton, name);
    const facts = reader.facts(from);
    if (facts === undefined || facts.kind === "other") continue;
    const path = join(home, name);
    effects.push({
      kind: "path",
      path,
      facts: { ...facts, uid: owner.uid, gid: owner.gid },
      ...facts.kind === "file" ? { content: await reader.content(from) } : {},
    });
    if (facts.kind !== "folder") continue;
    const below = { skeleton: from, owner, reader };
    effects.push(...await homeEffects(path, below));
  }
  return effects;
}
