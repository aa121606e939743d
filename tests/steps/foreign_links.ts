import { basename, dirname, join, resolve } from "@std/path";
import { MAX_LINKS } from "../../lib/steps/host/link_circle.ts";
import type { Tree } from "./fake_host.ts";

/** True if a link that another user than root can change leads to where a path is, and that is not the user's folder. */
export function isLedAstray(
  tree: Tree,
  path: string,
  { followsLast = false }: { readonly followsLast?: boolean } = {},
): boolean {
  const users: number[] = [];
  const ownerOf = (place: string) => tree.get(place)?.uid ?? 0;
  let place = "/";
  let names = path.split("/").filter((name) => name !== "");
  for (let links = 0; names.length > (followsLast ? 0 : 1);) {
    const [name = "", ...rest] = names;
    const next = join(place, name);
    const node = tree.get(next);
    if (node?.kind !== "link" || node.target === undefined) {
      place = next;
      names = rest;
      continue;
    }
    if (++links > MAX_LINKS) return false;
    users.push(ownerOf(place) || node.uid);
    const target = resolve(place, node.target);
    names = [...target.split("/").filter((each) => each !== ""), ...rest];
    place = "/";
  }
  if (followsLast && basename(place) !== "") place = dirname(place);
  // Of a folder that is missing, the lowest one above it counts.
  while (!tree.has(place)) place = dirname(place);
  return users.some((uid) => uid !== 0 && uid !== ownerOf(place));
}
