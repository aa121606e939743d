import type { ServicePlan } from "../service_host.ts";

/** Line by which Windows starts the service. It always names the folder, as its user may have another one by default. */
export function commandLineOf(
  { executable, dir }: Pick<ServicePlan, "executable" | "dir">,
): string {
  return `${quoted(executable)} service run --dir ${quoted(dir)}`;
}

/** Line that starts the guard, which stays until a trial is over. */
export function watchLineOf(guard: string, dir: string): string {
  return `${quoted(guard)} ${WATCH.join(" ")} --dir ${quoted(dir)}`;
}

/** Words that let a guard watch a trial. */
export const WATCH: readonly string[] = ["service", "guard", "--part", "watch"];

/** Executable and state folder of such a line; undefined where it has none. */
export function readCommandLine(
  line: string,
): { readonly executable?: string; readonly dir?: string } {
  const [, executable] = /^"([^"]+)"/.exec(line) ?? [];
  const [, dir] = / --dir "([^"]+)"/.exec(line) ?? [];
  return {
    ...executable === undefined ? {} : { executable },
    // A backslash before a quote is written twice.
    ...dir === undefined ? {} : { dir: dir.replace(/\\\\$/, "\\") },
  };
}

/** Path as programs of Windows read it. No path contains a quote. */
function quoted(path: string): string {
  return `"${path.replace(/\\$/, "\\\\")}"`;
}
