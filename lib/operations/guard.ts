import { basename, dirname, isAbsolute, join } from "@std/path";
import { PiriError } from "../base/errors.ts";
import { globMatches } from "../base/glob.ts";
import {
  isAtOrBelow,
  type OwnFiles,
  ownObstacle,
  type PathUse,
} from "./own_obstacle.ts";

/** Bounds of one command in the host's files. Plain data, which threads can be sent. */
export interface GuardBounds {
  readonly own?: OwnFiles | undefined;
  /** Patterns of paths that may be used; all if absent. */
  readonly allow?: readonly string[] | undefined;
  /** Patterns of paths that may not, with all below them, whatever else is allowed. */
  readonly deny?: readonly string[];
  /** False if what the command names besides files, programs to run, was not judged and may not be. */
  readonly programs?: boolean;
}

/** Judge of the paths that a command uses. */
export class Guard {
  readonly #bounds: GuardBounds;

  constructor(bounds: GuardBounds = {}) {
    this.#bounds = bounds;
  }

  /** True if there are no bounds. */
  get isFree(): boolean {
    const { own, allow, deny = [] } = this.#bounds;
    return own === undefined && allow === undefined && deny.length === 0;
  }

  /** True if rules bound what the command may use. Otherwise only the agent's own files are left out. */
  get isBounded(): boolean {
    const { allow, deny = [] } = this.#bounds;
    return allow !== undefined || deny.length > 0;
  }

  /** True if an operation on files may run programs that its parameters name. */
  get allowsPrograms(): boolean {
    return this.#bounds.programs ?? true;
  }

  /** Bits of a file's mode that the command may set: bounds without a way around them allow no setuid. */
  get modeMask(): number {
    return this.isBounded ? 0o1777 : 0o7777;
  }

  /**
   * Refuses a path that the command may not use. Links in its folder are followed, its last name is not, but in a path
   * that ends with "/".
   *
   * @throws {PiriError} REFUSED
   */
  require(use: PathUse, path: string): void {
    const why = this.obstacle(use, path);
    if (why === undefined) return;
    throw new PiriError("REFUSED", `Cannot ${use} "${path}" here: ${why}`);
  }

  /** Reason why a path may not be used, as `require` judges; undefined if there is none. */
  obstacle(use: PathUse, path: string): string | undefined {
    const { own, allow, deny = [] } = this.#bounds;
    if (this.isFree) return undefined;
    const real = realPlace(path);
    if (own !== undefined) {
      const mine = ownObstacle(own, use, real);
      if (mine !== undefined) return mine;
    }
    const denied = deny.find((pattern) => pathMatches(`${pattern}/**`, real));
    if (denied !== undefined) {
      return `this agent's policy denies "${denied}"${shownReal(path, real)}`;
    }
    if (allow === undefined || allow.some((each) => pathMatches(each, real))) {
      return undefined;
    }
    return `no rule of this agent's policy allows ${
      real === path ? "it" : `"${real}", which that is`
    }`;
  }

  /**
   * Refuses a folder in which whatever is found may be replaced or deleted, if something in it may not be.
   *
   * @throws {PiriError} REFUSED
   */
  requireAllBelow(path: string): void {
    const { own, allow, deny = [] } = this.#bounds;
    const real = realPlace(path);
    const kept = [
      ...own === undefined ? [] : [own.folder, ...own.files],
      ...deny.map(fixedPart),
    ].find((each) => isAtOrBelow(each, real) || isAtOrBelow(real, each));
    const why = kept !== undefined
      ? `"${kept}" may be in it, which stays as it is`
      : allow !== undefined && !allow.some((each) => coversAll(each, real))
      ? "no rule of this agent's policy allows all that is below it"
      : undefined;
    if (why === undefined) return;
    throw new PiriError("REFUSED", `Cannot delete in "${path}" here: ${why}`);
  }
}

/** Guard that lets everything pass. */
export const noGuard: Guard = new Guard();

/** True if a pattern of paths stands for a path. One that ends with "/**" stands for the folder and all below it. */
export function pathMatches(pattern: string, path: string): boolean {
  if (!pattern.endsWith("/**")) return globMatches(pattern, path);
  const above = pattern.replace(/(?:\/\*\*)+$/, "");
  for (let at = path;; at = dirname(at)) {
    if (globMatches(above, at === "/" ? "" : at)) return true;
    if (dirname(at) === at) return false;
  }
}

function coversAll(pattern: string, path: string): boolean {
  return pattern.endsWith("/**") && pathMatches(pattern, path);
}

/** Beginning of a pattern up to the folder in which its first wildcard is. */
function fixedPart(pattern: string): string {
  const at = pattern.indexOf("*");
  return at < 0 ? pattern : dirname(`${pattern.slice(0, at)}x`);
}

/**
 * Path without links, as the system finds it. The last name may be a link, and it and folders above it may be missing.
 */
export function realPlace(path: string): string {
  if (!isAbsolute(path)) return path;
  if (/[\\/]\.{0,2}$/.test(path)) return realFolder(path);
  return join(realFolder(dirname(path)), basename(path));
}

function realFolder(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    const above = dirname(path);
    return above === path
      ? path
      : join(realFolder(above), basename(path.replace(/\/+$/, "")));
  }
}

function shownReal(path: string, real: string): string {
  return path === real ? "" : `, and that is "${real}"`;
}
