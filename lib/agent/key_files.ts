import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { join } from "@std/path";
import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import {
  readPrivateIfThere,
  removeIfThere,
  writeFileAtomically,
} from "../base/files.ts";
import { decodePem } from "../base/pem.ts";
import type { Random } from "../base/random.ts";
import { sameHash } from "../base/secret.ts";
import {
  certifiedKeyHash,
  newSigningKey,
  PUBLIC_KEY_BYTES,
  SigningKey,
} from "../base/signing_key.ts";
import type { TrustStatement } from "../wire/trust.ts";
import type { JoinConfig } from "./config.ts";
import { AgentTrust } from "./link/agent_trust.ts";
import type { AgentKey, StoredNextKey } from "./link/key_proof.ts";

/** File with the agent's private key, PKCS#8 PEM. */
const KEY = "agent.key";

/** File with the key that is to replace the agent's. */
const NEXT = "next-agent-key.json";

/** File with the newest statement of the Manager about the keys to trust. */
const TRUST = "trust.json";

/** File with the key of the Manager that has admitted the agent's. */
const PIN = "manager-key.json";

const Bytes = v.pipe(
  v.string(),
  v.transform((text) => decodeBase64(text)),
  v.check(({ length }) => length === PUBLIC_KEY_BYTES),
);

const Next = v.object({
  pem: v.string(),
  commandId: v.pipe(
    v.string(),
    v.regex(/^[0-9]{1,20}$/),
    v.transform((digits) => BigInt(digits)),
  ),
});

/** The Manager's key, and SHA-256 of the authority's key under which it was proven: another authority is another Manager. */
const Pin = v.object({ managerKey: Bytes, authority: Bytes });

/**
 * Reads the keys of a state folder, and makes the agent's own if there is none.
 *
 * @throws {PiriError} DENIED if others may read them; CORRUPT, DISK
 */
export async function openAgentKey(
  dir: string,
  { caPem, serverName, joinToken, managerKey }: Pick<
    JoinConfig,
    "caPem" | "serverName" | "joinToken" | "managerKey"
  >,
  random: Random,
): Promise<AgentKey & { readonly trust: AgentTrust }> {
  const joined = decodePem("CERTIFICATE", caPem);
  const authority = certifiedKeyHash(joined);
  const path = join(dir, PIN);
  // A join makes a new entry at the Manager, which knows no key of before.
  const pinned = joinToken === undefined
    ? await readPin(path, authority)
    : undefined;
  const trust = await openTrust(dir, { joined, pinned, random });
  const keyPath = join(dir, KEY);
  const nextPath = join(dir, NEXT);
  const next = await readNext(nextPath);
  return {
    key: await openSigningKey(keyPath, random),
    next,
    keepNext: (next) =>
      next === undefined ? removeIfThere(nextPath) : writeFileAtomically(
        nextPath,
        `${
          JSON.stringify({ pem: next.pem, commandId: `${next.commandId}` })
        }\n`,
        { random },
      ),
    adopt: async (pem) => {
      await writeFileAtomically(keyPath, pem, { random });
      await removeIfThere(nextPath);
    },
    authority,
    serverName,
    pinned,
    trust,
    expected: managerKey,
    pin: async (managerKey) => {
      // It is of the Manager before.
      await removeIfThere(join(dir, TRUST));
      await writeFileAtomically(
        path,
        `${
          JSON.stringify({
            managerKey: encodeBase64(managerKey),
            authority: encodeBase64(authority),
          })
        }\n`,
        { random },
      );
    },
  };
}

/** Statement on the disk, and SHA-256 of the key of the authority that the agent joined under. */
const Told = v.object({
  joined: Bytes,
  number: v.number(),
  authorities: v.array(v.pipe(v.string(), v.transform(decodeBase64))),
  managerKeys: v.array(Bytes),
});

/**
 * Reads the keys that an agent which has joined trusts.
 *
 * @throws {PiriError} CORRUPT, DENIED
 */
export async function openAgentTrust(
  dir: string,
  { caPem }: Pick<JoinConfig, "caPem">,
  random: Random,
): Promise<AgentTrust> {
  const joined = decodePem("CERTIFICATE", caPem);
  const pinned = await readPin(join(dir, PIN), certifiedKeyHash(joined));
  return await openTrust(dir, { joined, pinned, random });
}

async function openTrust(
  dir: string,
  { joined, pinned, random }: {
    readonly joined: Uint8Array<ArrayBuffer>;
    readonly pinned: Uint8Array<ArrayBuffer> | undefined;
    readonly random: Random;
  },
): Promise<AgentTrust> {
  const path = join(dir, TRUST);
  const base = certifiedKeyHash(joined);
  return new AgentTrust({
    joined,
    pinned,
    told: pinned === undefined ? undefined : await readTold(path, base),
    keep: ({ number, authorities, managerKeys }) =>
      writeFileAtomically(
        path,
        `${
          JSON.stringify({
            joined: encodeBase64(base),
            number,
            authorities: authorities.map((each) => encodeBase64(each)),
            managerKeys: managerKeys.map((each) => encodeBase64(each)),
          })
        }\n`,
        { random },
      ),
  });
}

async function readTold(
  path: string,
  base: Uint8Array,
): Promise<TrustStatement | undefined> {
  const text = await readPrivateIfThere(path);
  if (text === undefined) return undefined;
  try {
    const { joined, ...told } = v.parse(Told, JSON.parse(text));
    return sameHash(joined, base) ? told : undefined;
  } catch (cause) {
    throw new PiriError(
      "CORRUPT",
      `Cannot read "${path}": it is damaged; let this host join again`,
      { cause },
    );
  }
}

async function readNext(path: string): Promise<StoredNextKey | undefined> {
  const text = await readPrivateIfThere(path);
  if (text === undefined) return undefined;
  try {
    const next = v.parse(Next, JSON.parse(text));
    new SigningKey(next.pem);
    return next;
  } catch (cause) {
    throw new PiriError(
      "CORRUPT",
      `Cannot read "${path}": it is damaged; it holds the agent's newest key, so that it may have to join again without it`,
      { cause },
    );
  }
}

async function openSigningKey(
  path: string,
  random: Random,
): Promise<SigningKey> {
  const found = await readPrivateIfThere(path);
  if (found !== undefined) return new SigningKey(found);
  const pem = newSigningKey(random);
  await writeFileAtomically(path, pem, { random });
  return new SigningKey(pem);
}

async function readPin(
  path: string,
  authority: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const text = await readPrivateIfThere(path);
  if (text === undefined) return undefined;
  try {
    const pin = v.parse(Pin, JSON.parse(text));
    return sameHash(pin.authority, authority) ? pin.managerKey : undefined;
  } catch (cause) {
    throw new PiriError(
      "CORRUPT",
      `Cannot read "${path}": it is damaged; remove it only if you trust the network to the Manager, whose key it holds`,
      { cause },
    );
  }
}
