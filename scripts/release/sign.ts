import { join } from "@std/path";
import { signMinisign } from "../../lib/base/minisign.ts";
import { readMinisignSecret } from "./minisign_secret.ts";

/** Files of a release to sign, and what to say of them. */
export interface SignOptions {
  /** Path of the secret key of minisign. */
  readonly keyFile: string;
  readonly names: readonly string[];
  readonly version: string;
}

/** Signs files of a folder: each gets a `.minisig` beside it. */
export async function signFiles(
  folder: string,
  { keyFile, names, version }: SignOptions,
): Promise<void> {
  const secret = readMinisignSecret(await Deno.readTextFile(keyFile));
  for (const name of names) {
    const path = join(folder, name);
    const comment = `piri ${version} ${name}`;
    const signature = signMinisign(await Deno.readFile(path), {
      ...secret,
      comment,
    });
    await Deno.writeTextFile(`${path}.minisig`, signature);
  }
}
