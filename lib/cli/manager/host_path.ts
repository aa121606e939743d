import { HintedError } from "../errors.ts";

/** Path on agents, as a user types it. */
export interface AgentPath {
  /** Agents, as in `run`. */
  readonly expression: string;
  readonly path: string;
}

/**
 * Parses EXPR:PATH. The first colon divides, so a path may have more of them.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseAgentPath(word: string, attempt: string): AgentPath {
  const end = word.indexOf(":");
  const [expression, path] = [word.slice(0, end), word.slice(end + 1)];
  if (end > 0 && path !== "") return { expression, path };
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot ${attempt}: "${word}" is not AGENT:PATH`,
    "as in: web-1:/srv/site, 'web-*:/etc/app.conf'",
  );
}

/** True if a path can only be a folder: it ends as one. */
export function endsAsFolder(path: string): boolean {
  return /[\\/]$/.test(path);
}

/** Name at the end of a path of any system. */
export function nameIn(path: string): string {
  return path.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1) ?? "";
}
