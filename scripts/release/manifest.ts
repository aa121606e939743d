import { basename } from "@std/path";
import { hexSha256, PIECE_BYTES, pieceHashes } from "./hashes.ts";

/** The lowest version that may still be run: agents go back to no version below it. */
export const FLOOR = "0.1.0";

/** Versions of the protocol of Piri that a release speaks; the legacy protocols are 0 and 1. */
export const PROTOCOLS = { from: 0, to: 2 } as const;

/** Executable of a release. */
export interface ReleaseFile {
  readonly path: string;
  /** Name of the product, such as "piri-agent". */
  readonly product: string;
  /** Name of the target, such as "linux-x64". */
  readonly target: string;
}

/** Facts about a whole release. */
export interface ReleaseFacts {
  readonly version: string;
  readonly commit: string;
  /** Version of Deno that the executables contain. */
  readonly deno: string;
}

/** Manifest of a release as JSON: its files, with their hashes. */
export async function manifestOf(
  { version, commit, deno }: ReleaseFacts,
  files: readonly ReleaseFile[],
): Promise<string> {
  const listed = [];
  for (const { path, product, target } of files) {
    const bytes = await Deno.readFile(path);
    listed.push({
      name: basename(path),
      product,
      target,
      size: bytes.length,
      sha256: hexSha256(bytes),
      pieces: pieceHashes(bytes),
    });
  }
  const manifest = {
    version,
    commit,
    protocol: PROTOCOLS,
    deno,
    floor: FLOOR,
    pieceBytes: PIECE_BYTES,
    files: listed.toSorted((a, b) => a.name < b.name ? -1 : 1),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
