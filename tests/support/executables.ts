import { messageOf, PiriError } from "../../lib/base/errors.ts";
import * as programs from "../../scripts/local/programs.ts";

/** Way to start the two programs: the words before their arguments. */
export interface Executables extends programs.Programs {
  readonly way: "source" | "compiled";
}

/** Reason for which this machine has no compiled programs. */
export interface Unavailable {
  readonly unavailable: string;
}

/** Starts them with `deno run`, with the permissions of the compiled programs. */
export const fromSource: Executables = {
  way: "source",
  ...programs.fromSource,
};

/**
 * The compiled programs, built first if they are missing or older than the sources.
 *
 * @throws any error of the build itself; in CI also the reason for being unavailable.
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
