import { dirname, join } from "@std/path";
import { type Place, placeAt } from "../files/host_files.ts";

/** Use of a path by an operation. */
export type PathUse = "read" | "write";

/** Files of the agent itself, which operations leave alone. */
export interface OwnFiles {
  /** State folder with keys, policy and journal: neither read nor written. */
  readonly folder: string;
  /** Executable and service: not written. */
  readonly files: readonly string[];
}

const OWN = "belongs to the agent itself";

/** Reason why the agent's own files forbid the use of a path without links; undefined if they do not. */
export function ownObstacle(
  { folder, files }: OwnFiles,
  use: PathUse,
  path: string,
): string | undefined {
  const place = placeAt(path);
  if (isAtOrBelow(path, folder) || isSameFolder(path, { place, folder })) {
    return `"${folder}" ${OWN}`;
  }
  if (isOwnProcess(path)) return `the process ${OWN}`;
  if (isLinkToOwn(path, { place, folder })) {
    return `it is the same file as one in "${folder}", which ${OWN}`;
  }
  if (use === "read") return undefined;
  const mine = files.find((file) => isAtOrBelow(path, file));
  return mine === undefined ? undefined : `"${mine}" ${OWN}`;
}

/** True if a path is another one or below it. */
export function isAtOrBelow(path: string, folder: string): boolean {
  const [below, above] = [comparable(path), comparable(folder)];
  return below === above || above === "/" || below.startsWith(`${above}/`);
}

/** Path in the one spelling that Windows has many of. */
function comparable(path: string): string {
  return Deno.build.os === "windows"
    ? path.replaceAll("\\", "/").toLowerCase()
    : path;
}

/** Agent's folder, and the place of a path that is compared with it, where the system tells it. */
interface Compared {
  readonly place: Place | undefined;
  readonly folder: string;
}

/** True if a folder of the path is the agent's own under another name, as by a mount. */
function isSameFolder(path: string, { place, folder }: Compared): boolean {
  if (isElsewhere(path, { place, folder })) return false;
  const own = idOf(folder);
  if (own === undefined) return false;
  for (let at = path; dirname(at) !== at; at = dirname(at)) {
    if (idOf(at) === own) return true;
  }
  return false;
}

/** True for a path that is certainly not in the folder: it is in the same mount, and has other names. */
function isElsewhere(path: string, { place, folder }: Compared): boolean {
  return place !== undefined && place.kind !== "link" &&
    place.mount === placeAt(folder)?.mount &&
    haveOtherNames(path, folder) && isWithoutLinks(folder);
}

/** Folders of agents, in this process one, whose paths have no links. */
const withoutLinks = new Set<string>();

function isWithoutLinks(folder: string): boolean {
  if (withoutLinks.has(folder)) return true;
  try {
    if (Deno.realPathSync(folder) !== folder) return false;
  } catch {
    return false;
  }
  withoutLinks.add(folder);
  return true;
}

/** True if two paths have different names at some depth, also in a folder that does not tell upper case from lower. */
function haveOtherNames(path: string, folder: string): boolean {
  const names = path.split("/");
  const others = folder.split("/");
  const at = others.findIndex((other, index) => other !== names[index]);
  const [name, other] = [names[at], others[at]];
  if (other === undefined) return false;
  // A path that ends above the folder is neither it nor in it.
  if (name === undefined) return true;
  return isAscii(name) && isAscii(other) &&
    name.toLowerCase() !== other.toLowerCase();
}

function isAscii(name: string): boolean {
  return /^[\x20-\x7e]*$/.test(name);
}

/** True if the path is another name of a file in the agent's folder. */
function isLinkToOwn(path: string, { place, folder }: Compared): boolean {
  if (place !== undefined && (place.kind !== "file" || place.names < 2)) {
    return false;
  }
  try {
    const { isFile, nlink } = Deno.lstatSync(path);
    if (!isFile || nlink === null || nlink < 2) return false;
    const id = idOf(path);
    return [...Deno.readDirSync(folder)]
      .some(({ name }) => idOf(join(folder, name)) === id);
  } catch {
    return false;
  }
}

function idOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return ino === null ? undefined : `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

/** True for what /proc has of this process: its memory has the keys. */
function isOwnProcess(path: string): boolean {
  const [, name] = /^\/proc\/([^/]+)/.exec(path) ?? [];
  if (name === undefined) return false;
  if (name === "self" || name === "thread-self") return true;
  return /^\d+$/.test(name) &&
    (Number(name) === Deno.pid ||
      idOf(`/proc/self/task/${name}`) !== undefined);
}
