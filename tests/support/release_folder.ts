import { hexSha256 } from "../../scripts/release/hashes.ts";
import { manifestOf } from "../../scripts/release/manifest.ts";
import { signedBytes } from "./signed_release.ts";

/** Makes a release of the program in a folder: its manifest, the signature and the sums. */
export async function makeReleaseOf(
  folder: string,
  { version, target, suffix = "" }: {
    readonly version: string;
    readonly target: string;
    readonly suffix?: string;
  },
): Promise<void> {
  const path = `${folder}/piri-agent-${target}${suffix}`;
  await Deno.rename(`${folder}/program${suffix}`, path);
  const facts = { version, commit: "c0ffee", deno: Deno.version.deno };
  const manifest = await manifestOf(facts, [
    { path, product: "piri-agent", target },
  ]);
  const bytes = new TextEncoder().encode(manifest);
  const name = `piri-${version}.json`;
  await Deno.writeFile(`${folder}/${name}`, bytes);
  await Deno.writeTextFile(`${folder}/${name}.minisig`, signedBytes(bytes));
  await Deno.writeTextFile(
    `${folder}/SHA256SUMS`,
    `${hexSha256(bytes)}  ${name}\n`,
  );
}
