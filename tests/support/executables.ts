import { messageOf, PiriError } from "../../lib/base/errors.ts";
import * as programs from "../../scripts/local/programs.ts";

/** A way to start the two programs: what comes before their arguments. */
export interface Executables extends programs.Programs {
  readonly way: "source" | "compiled";
}

/** The compiled programs cannot be had on this machine. */
export interface Unavailable {
  readonly unavailable: string;
}

/** Starts them as `deno run` does, with the permissions that the compiled ones have. */
export const fromSource: Executables = {
  way: "source",
  ...programs.fromSource,
};

/**
 * The compiled programs, built first if they are missing or older than the sources.
 *
 * @throws whatever is wrong with the build itself; in CI also what makes it unavailable.
 */
export async function compiled(): Promise<Executables | Unavailable> {
  try {
    return { way: "compiled", ...await programs.fresh() };
  } catch (error) {
    if (!(error instanceof PiriError) || isContinuousIntegration()) throw error;
    if (error.code !== "UNAVAILABLE" && error.code !== "UNSUPPORTED") {
      throw error;
    }
    return { unavailable: messageOf(error) };
  }
}

function isContinuousIntegration(): boolean {
  return !["", "0", "false"].includes(Deno.env.get("CI") ?? "");
}
