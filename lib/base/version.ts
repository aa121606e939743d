/** The version of this program. */
export const VERSION = "0.1.0";

/** Commit that this program was built at. The build writes it into the bundle, so the literal must stay as it is. */
export const COMMIT: string = "source";

/** The version of the protocol that this build speaks. */
export const PROTOCOL = 2;

/** Data that `--version` prints. */
export function buildInfo(): {
  version: string;
  commit: string;
  protocol: number;
  runtime: string;
} {
  return {
    version: VERSION,
    commit: COMMIT,
    protocol: PROTOCOL,
    runtime: `deno ${Deno.version.deno}`,
  };
}
