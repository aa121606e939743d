import { encodeHex } from "@std/encoding/hex";
import * as v from "valibot";
import { parseJoinToken } from "../lib/base/join_token.ts";
import { encodePem } from "../lib/base/pem.ts";
import type { Random } from "../lib/base/random.ts";
import { newSecret } from "../lib/base/secret.ts";

const Schema = v.object({
  name: v.string(),
  secret: v.string(),
  instance: v.string(),
  address: v.string(),
  serverName: v.string(),
  caPem: v.string(),
  joinToken: v.optional(v.string()),
});

/** Everything that a simulated agent keeps, as agent.yaml and the journal of a real one do. */
export type Identity = v.InferOutput<typeof Schema>;

/** Makes a new agent from the output of `piri-manager agent add`. It enrols with its first hello. */
export function identityOf(token: string, random: Random): Identity {
  const {
    name = "",
    addresses: [address = ""],
    serverName,
    caCertificate,
    secret,
  } = parseJoinToken(token);
  return {
    name,
    secret: newSecret(random),
    instance: encodeHex(random.bytes(16)),
    address,
    serverName,
    caPem: encodePem("CERTIFICATE", caCertificate),
    joinToken: secret,
  };
}

/** Reads the output of `identitiesText`. */
export function readIdentities(text: string): Identity[] {
  return text.split("\n").filter((line) => line !== "")
    .map((line) => v.parse(Schema, JSON.parse(line)));
}

/**
 * Writes agents that have joined, one a line. They are secrets: the text belongs in a file that only its owner reads.
 */
export function identitiesText(identities: readonly Identity[]): string {
  return identities.map(({ joinToken: _used, ...identity }) =>
    `${JSON.stringify(identity)}\n`
  ).join("");
}
