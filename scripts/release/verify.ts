import { PiriError } from "../../lib/base/errors.ts";
import { missingPackages } from "../package/make.ts";
import { differences } from "./compare.ts";
import { makeRelease, type ReleaseOptions } from "./make.ts";

/**
 * Makes a release again, and compares it with the files in a folder.
 *
 * @throws {PiriError} CORRUPT with all that differs
 */
export async function verifyRelease(
  folder: string,
  options: Omit<ReleaseOptions, "out">,
): Promise<void> {
  const out = await Deno.makeTempDir({ prefix: "piri-verify-" });
  try {
    await makeRelease({ ...options, out });
    const missing = await missingPackages();
    const found = await differences(folder, out, missing);
    if (found.length === 0) return;
    throw new PiriError(
      "CORRUPT",
      `Cannot vouch for ${folder}:\n${found.join("\n")}`,
    );
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}
