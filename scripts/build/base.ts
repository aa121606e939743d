import { join, resolve } from "@std/path";
import { messageOf, PiriError } from "../../lib/base/errors.ts";
import { npmBase } from "./npm_base.ts";
import { run } from "./run.ts";
import type { Target } from "./target.ts";

const HOST_TIMEOUT_MS = 10_000;

/** Runtime of an executable; our program is appended to it. */
export interface Base {
  /** Path of the file; undefined for the runtime that Deno downloads by itself. */
  readonly path: string | undefined;
  /** Description of its origin, for people. */
  readonly origin: string;
  /** File to take the hash of: the base itself, or Deno's download, which is there once something was compiled. */
  readonly file: string;
}

/**
 * Finds the runtime base for a target.
 *
 * `choice` is "official" (Deno's own download), "npm" (for networks that reach no other registry), "auto" (the one, then
 * the other), or the path of a file.
 *
 * @throws {PiriError} UNAVAILABLE with the reason.
 */
export async function findBase(
  choice: string,
  target: Target,
  cache: string,
): Promise<Base> {
  switch (choice) {
    case "official":
      return await officialBase(target);
    case "npm":
      return withFile(await npmBase(target, cache));
    case "auto":
      return await firstBase(target, cache);
    default:
      return await ownBase(choice);
  }
}

async function firstBase(target: Target, cache: string): Promise<Base> {
  const own = Deno.env.get("DENORT_BIN");
  if (own !== undefined) return await ownBase(own);
  try {
    return await officialBase(target);
  } catch (official) {
    try {
      const { path, origin } = await npmBase(target, cache);
      return withFile({
        path,
        origin: `${origin}, because: ${messageOf(official)}`,
      });
    } catch (npm) {
      throw new PiriError(
        "UNAVAILABLE",
        `${messageOf(official)}; ${messageOf(npm)}`,
        { cause: npm },
      );
    }
  }
}

/**
 * Asks for Deno's own download. Deno would do it while it compiles, but only after a long wait for a host that may not
 * answer.
 */
async function officialBase(target: Target): Promise<Base> {
  const own = Deno.env.get("DENORT_BIN");
  if (own !== undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot use Deno's own runtime base: DENORT_BIN is set to "${own}"`,
    );
  }
  const release = `release/v${Deno.version.deno}/denort-${target.triple}.zip`;
  const url = `https://dl.deno.land/${release}`;
  const { denoDir } = JSON.parse(
    await run([Deno.execPath(), "info", "--no-config", "--json"]),
  );
  const file = join(denoDir, "dl", release);
  const base = { path: undefined, origin: url, file };
  if (await isFile(file)) return base;
  try {
    const response = await fetch(url, {
      method: "HEAD",
      signal: AbortSignal.timeout(HOST_TIMEOUT_MS),
    });
    if (response.ok) return base;
    throw new Error(`HTTP status ${response.status}`);
  } catch (cause) {
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot download Deno's runtime base: ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function ownBase(path: string): Promise<Base> {
  if (!await isFile(path)) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot use the runtime base "${path}": no such file`,
    );
  }
  return withFile({ path: resolve(path), origin: path });
}

function withFile(base: { path: string; origin: string }): Base {
  return { ...base, file: base.path };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
