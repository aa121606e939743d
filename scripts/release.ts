/**
 * Makes the files of a release, or makes them again and compares.
 *
 *     deno task release [--denort official|npm] [--out dist/release] [--target linux-x64]... [--sign-with KEYFILE] [--update-key KEY]...
 *     deno task release --only-sign --sign-with KEYFILE [--out dist/release]
 *     deno task release --verify FOLDER [--denort official|npm] [--target linux-x64]...
 *
 * @module
 */
import { PiriError } from "../lib/base/errors.ts";
import { VERSION } from "../lib/base/version.ts";
import { readFlags } from "./build/flags.ts";
import { main, say } from "./build/main.ts";
import { targetNamed, targets } from "./build/target.ts";
import { SUMS } from "./release/compare.ts";
import { makeRelease, manifestName } from "./release/make.ts";
import { signFiles } from "./release/sign.ts";
import { verifyRelease } from "./release/verify.ts";

const USAGE =
  `Usage: deno task release [--denort official|npm] [--out dist/release] [--target linux-x64]... [--sign-with KEYFILE] [--update-key KEY]...
       deno task release --only-sign --sign-with KEYFILE [--out dist/release]
       deno task release --verify FOLDER [--denort official|npm] [--target linux-x64]...`;

await main(async () => {
  const flags = readFlags(USAGE, {
    denort: { type: "string", default: "official" },
    out: { type: "string", default: "dist/release" },
    target: { type: "string", multiple: true },
    "sign-with": { type: "string" },
    "only-sign": { type: "boolean", default: false },
    verify: { type: "string" },
    "update-key": { type: "string", multiple: true },
  });
  const { denort, out, verify, "update-key": updateKeys } = flags;
  const chosen = flags.target?.map(targetNamed) ?? targets;
  const keyFile = flags["sign-with"];
  const onlySign = flags["only-sign"];
  if (verify !== undefined) {
    await verifyRelease(verify, {
      targets: chosen,
      denort,
      updateKeys,
      say,
    });
    say(`${verify} is what this commit makes`);
    return;
  }
  if (onlySign && keyFile === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot sign: --only-sign needs --sign-with KEYFILE",
    );
  }
  if (!onlySign) {
    await makeRelease({ targets: chosen, denort, out, updateKeys, say });
  }
  if (keyFile === undefined) return;
  const names = [SUMS, manifestName(VERSION)];
  await signFiles(out, { keyFile, names, version: VERSION });
});
