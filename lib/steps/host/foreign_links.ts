import { dirname, join, resolve } from "@std/path";
import { codeOf, PiriError } from "../../base/errors.ts";
import type { HostReader } from "./host.ts";
import { LinkCircle, MAX_LINKS } from "./link_circle.ts";

/**
 * Refuses a path to write with a link that another user than root can change, and that leads to a folder of somebody else.
 * A write looks again, by open folders: this is for plans, also of what is not there yet.
 *
 * @throws {PiriError} FAILED_PRECONDITION
 */
export function requireOwnLinks(
  path: string,
  reader: Pick<HostReader, "facts" | "realPath" | "self">,
  { followsLast = false }: { readonly followsLast?: boolean } = {},
): void {
  // Files have no owners there that tell anything.
  if (Deno.build.os === "windows") return;
  const folder = dirname(path);
  if (!followsLast && reader.realPath(folder) === folder) return;
  const isTrusted = (uid: number) => uid === 0 || uid === reader.self.uid;
  const factsOf = (place: string) => {
    try {
      return reader.facts(place);
    } catch (error) {
      // A folder that the rules of the agent's policy hide: the write looks at it.
      if (codeOf(error) === "REFUSED") return undefined;
      throw error;
    }
  };
  const ownerOf = (place: string) => factsOf(place)?.uid ?? 0;
  const foreign: { readonly path: string; readonly uid: number }[] = [];
  let names = namesIn(path);
  let place = "/";
  let target = place;
  for (let links = 0; names.length > (followsLast ? 0 : 1);) {
    const [name = "", ...rest] = names;
    const next = join(place, name);
    const facts = factsOf(next);
    if (facts?.kind !== "link" || facts.target === undefined) {
      target = rest.length === 0 ? place : next;
      place = next;
      names = rest;
      continue;
    }
    if (++links > MAX_LINKS) throw new LinkCircle(path);
    const owner = ownerOf(place);
    const uid = isTrusted(owner) ? facts.uid : owner;
    if (!isTrusted(uid)) foreign.push({ path: next, uid });
    names = [...namesIn(resolve(place, facts.target)), ...rest];
    place = "/";
  }
  let end = followsLast ? target : place;
  // Of a folder that is missing, the lowest one above it counts.
  while (end !== "/" && factsOf(end) === undefined) end = dirname(end);
  const link = foreign.find(({ uid }) => uid !== ownerOf(end));
  if (link === undefined) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write "${path}": user ${link.uid} can change the link "${link.path}", and it leads to "${end}" of another user; name that folder itself, or remove the link`,
  );
}

function namesIn(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}
