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

/** All that a simulated agent is: as agent.yaml and the journal of a real one. */
export type Identity = v.InferOutput<typeof Schema>;

/** A new agent, made from what `piri-manager agent add` has printed. It enrols with its first hello. */
export function identityOf(token: string, random: Random): Identity {
  const { name, addresses: [address = ""], serverName, caCertificate, secret } =
    parseJoinToken(token);
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

/** Reads what `identitiesText` has made. */
export function readIdentities(text: string): Identity[] {
  return text.split("\n").filter((line) => line !== "")
    .map((line) => v.parse(Schema, JSON.parse(line)));
}

/** Agents that have joined, a line each: secrets, so for a file that nobody else may read. */
export function identitiesText(identities: readonly Identity[]): string {
  return identities.map(({ joinToken: _used, ...identity }) =>
    `${JSON.stringify(identity)}\n`
  ).join("");
}
