import type { HostReader } from "../../host/host.ts";

/** Most processes that are named. */
const MAX_SHOWN = 5;
/** Most processes that are looked at. */
const MAX_LOOKED_AT = 10_000;

/** Words for the processes that use something below a path, such as "bash (812)". */
export async function holdersOf(
  path: string,
  reader: HostReader,
): Promise<string[]> {
  const isInside = (target: string | undefined) =>
    target === path || target?.startsWith(`${path}/`) === true;
  const found: string[] = [];
  const processes = namesIn("/proc", reader)
    .filter((name) => /^\d+$/.test(name)).slice(0, MAX_LOOKED_AT);
  for (const process of processes) {
    const own = `/proc/${process}`;
    const links = [
      `${own}/cwd`,
      `${own}/root`,
      `${own}/exe`,
      ...namesIn(`${own}/fd`, reader).map((name) => `${own}/fd/${name}`),
    ];
    if (!links.some((link) => isInside(targetOf(link, reader)))) continue;
    found.push(`${await nameOf(own, reader)} (${process})`);
    if (found.length > MAX_SHOWN) break;
  }
  return found.length > MAX_SHOWN
    ? [...found.slice(0, MAX_SHOWN), "others"]
    : found;
}

/** A process may be gone, or the agent's own. */
function namesIn(path: string, reader: HostReader): readonly string[] {
  try {
    return reader.names(path);
  } catch {
    return [];
  }
}

function targetOf(path: string, reader: HostReader): string | undefined {
  try {
    return reader.facts(path)?.target;
  } catch {
    return undefined;
  }
}

async function nameOf(own: string, reader: HostReader): Promise<string> {
  try {
    const pieces: Uint8Array[] = [];
    const content = await reader.content(`${own}/comm`);
    for await (const piece of content.pieces()) pieces.push(piece);
    return (await new Blob(pieces as BlobPart[]).text()).trim();
  } catch {
    return "a process";
  }
}
