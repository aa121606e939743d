import { fromFileUrl } from "@std/path";
import { type Protection, without } from "./threat.ts";

/** Root of the repository. */
const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Parts of the repository that its tests need. */
const PARTS = [
  ..."lib tests scripts proto bench examples docs".split(" "),
  ..."agent.ts manager.ts mod.ts deno.json deno.lock".split(" "),
];

/** Copy of the sources in which protections are taken out, one after the other. */
export class SourceCopy implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<SourceCopy> {
    const copy = new SourceCopy(await Deno.makeTempDir({ prefix: "piri-" }));
    for (const part of PARTS) {
      await copyAll(ROOT + part, `${copy.path}/${part}`);
    }
    return copy;
  }

  /** Takes a protection out until what is returned is disposed of. */
  async takeOut(protection: Protection): Promise<AsyncDisposable> {
    const path = `${this.path}/${protection.file}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, without(protection, text));
    return { [Symbol.asyncDispose]: () => Deno.writeTextFile(path, text) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

async function copyAll(from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (!isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await copyAll(`${from}/${name}`, `${to}/${name}`);
  }
}
