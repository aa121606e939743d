import { encodeBase64 } from "@std/encoding/base64";
import { createHash } from "node:crypto";
import { type MinisignKey, signMinisign } from "../../lib/base/minisign.ts";
import { SigningKey, signingKeyOf } from "../../lib/base/signing_key.ts";
import type { Manifest } from "../../lib/update/manifest.ts";

/** Bytes of a piece in these tests. */
const PIECE_BYTES = 1_024;

/** Key that signs the releases of these tests. */
const signer = new SigningKey(signingKeyOf(new Uint8Array(32).fill(7)));
const KEY_ID = new Uint8Array(8).fill(1);
export const TEST_KEY: MinisignKey = {
  id: KEY_ID,
  publicKey: signer.publicKey,
};

/** Line of a public key as settings have it. */
export const TEST_KEY_LINE = encodeBase64(
  new Uint8Array([0x45, 0x64, ...KEY_ID, ...signer.publicKey]),
);

/** Files of a release with one program: its manifest, the signature, and the program. */
export function signedRelease(
  version: string,
  program: Uint8Array,
  { floor = "0.1.0", target = "linux-x64" } = {},
): Map<string, Uint8Array> {
  const name = `piri-agent-${target}`;
  const count = Math.ceil(program.length / PIECE_BYTES);
  const manifest: Manifest = {
    version,
    commit: "c0ffee",
    floor,
    pieceBytes: PIECE_BYTES,
    files: [{
      name,
      product: "piri-agent",
      target,
      size: program.length,
      sha256: hashOf(program),
      pieces: Array.from(
        { length: count },
        (_, at) =>
          hashOf(program.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES)),
      ),
    }],
  };
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  return new Map([
    ["manifest", bytes],
    ["signature", new TextEncoder().encode(signedBytes(bytes))],
    [name, program],
  ]);
}

/** Text of the signature of a manifest. */
export function signedBytes(bytes: Uint8Array): string {
  const comment = "a release of a test";
  return signMinisign(bytes, { id: KEY_ID, key: signer, comment });
}

/** SHA-256 in hex digits. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
