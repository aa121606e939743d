/** A process that is still there. */
export interface Leftover {
  readonly pid: number;
  readonly words: string;
}

/** The living processes that have this text in their arguments or their environment. Linux only; zombies do not count. */
export function leftoversOf(text: string): Leftover[] {
  const found: Leftover[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    const words = read(name, "cmdline");
    if (!words.includes(text) && !read(name, "environ").includes(text)) {
      continue;
    }
    found.push({ pid: Number(name), words: words.replaceAll("\0", " ") });
  }
  return found;
}

/** What is gone meanwhile, or is a zombie, has nothing in these files. */
function read(pid: string, file: "cmdline" | "environ"): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return "";
  }
}
