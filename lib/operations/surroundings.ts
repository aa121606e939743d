import type { CustomSettings } from "./custom/custom_settings.ts";

/** Settings for all programs of an agent: the key `commands` of agent.yaml, and its folder of facts. */
export interface Surroundings {
  /** Folders in which programs are searched, joined by ":". The standard ones of the system by default. */
  readonly path?: string | undefined;
  /** Mask of new files. */
  readonly umask: number;
  /** Variables of every program. */
  readonly environment: Readonly<Record<string, string>>;
  /** Mask that the agent's children inherit by themselves; undefined if that is not known. */
  readonly inheritedUmask?: number | undefined;
  /** Folder with the facts of the host's own. */
  readonly factsFolder?: string | undefined;
  /** Folder with what runs of steps owe. */
  readonly stepsFolder?: string | undefined;
  /** Folder with the programs that outlive the agent; none does if absent. */
  readonly survivorsFolder?: string | undefined;
  /** Settings for custom operations; all may run if absent. */
  readonly customOperations?: CustomSettings | undefined;
  /** Folder with the modules of custom operations of earlier runs. */
  readonly modulesFolder?: string | undefined;
  /** Records of the agent itself: the folder with its commands, and the file with the checkpoints that it keeps. */
  readonly ownRecords?:
    | { readonly commands: string; readonly witnesses: string }
    | undefined;
}

/** Folders of programs for root, as on Linux. */
export const ROOT_PATH =
  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Folders of programs for all other users. */
const USER_PATH = "/usr/local/bin:/usr/bin:/bin";
const MACOS_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** Mask of new files by default: others may read them, and only the owner may write. */
export const STANDARD_UMASK = 0o022;

/** Mask of new files of this process, without a change of it; undefined where the system does not tell. */
export function readUmask(): number | undefined {
  // Deno.umask() sets it for a moment to read it, and a program that starts in that moment would inherit that.
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const [, digits] = /^Umask:\s*([0-7]+)$/m.exec(status) ?? [];
    return digits === undefined ? undefined : parseInt(digits, 8);
  } catch {
    return undefined;
  }
}

/** Settings of an agent that has none of its own. */
export function standardSurroundings(): Surroundings {
  return {
    umask: STANDARD_UMASK,
    environment: {},
    inheritedUmask: readUmask(),
  };
}

/** Folders in which programs are searched by default, for a user by number. */
export function standardPath(uid: number | null): string {
  if (Deno.build.os === "darwin") return MACOS_PATH;
  return uid === 0 ? ROOT_PATH : USER_PATH;
}
