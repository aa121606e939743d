/** Files below folders that have one of these texts, with its number. One folder is left out. */
export async function filesWith(
  texts: readonly string[],
  folders: readonly string[],
  without: string,
): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for await (const entry of Deno.readDir(folder)) {
      const path = `${folder}/${entry.name}`;
      if (path === without) continue;
      if (entry.isDirectory) {
        found.push(...await filesWith(texts, [path], without));
      }
      if (!entry.isFile) continue;
      const bytes = await Deno.readFile(path);
      const text = new TextDecoder("latin1").decode(bytes);
      const at = texts.findIndex((each) => text.includes(latin1(each)));
      found.push(...at < 0 ? [] : [`${path}: ${at}`]);
    }
  }
  return found;
}

/** The UTF-8 bytes of a text, each as a character. */
function latin1(text: string): string {
  return new TextDecoder("latin1").decode(new TextEncoder().encode(text));
}

/** Command lines of all processes (Linux). */
export function commandLines(): string {
  return [...Deno.readDirSync("/proc")].map(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/${name}/cmdline`);
    } catch {
      return "";
    }
  }).join("\n");
}
