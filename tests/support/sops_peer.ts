import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { armor, Decrypter, Encrypter } from "age-encryption";
import { parse, stringify } from "yaml";

/** Value of a file of SOPS. */
type Value = string | number | boolean | readonly Value[] | {
  readonly [name: string]: Value;
};

/** Rules of a file that are written into its metadata. */
interface PeerRules {
  readonly "mac_only_encrypted"?: boolean;
  readonly "encrypted_regex"?: string;
  readonly "unencrypted_regex"?: string;
  readonly "unencrypted_suffix"?: string;
}

/** Key of a file, time of its change and rules. */
interface PeerKeys {
  readonly recipients: readonly string[];
  readonly rules?: PeerRules;
}

const ENC = /^ENC\[AES256_GCM,data:(.*),iv:(.*),tag:(.*),type:(.*)\]$/;

/** Writes a file as SOPS would, by its rules alone: nothing of this is shared with the Manager. */
export async function peerWrites(
  tree: Readonly<Record<string, Value>>,
  { recipients, rules = { unencrypted_suffix: "_unencrypted" } }: PeerKeys,
): Promise<string> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const lastmodified = "2026-11-01T10:20:30Z";
  const hash = macOf(rules);
  const walk = (value: Value, path: readonly string[]): Value => {
    if (Array.isArray(value)) return value.map((item) => walk(item, path));
    if (typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([name, each]) => [
          name,
          walk(each, [...path, name]),
        ]),
      );
    }
    const isSecret = isEncryptedBy(rules, path);
    if (isSecret || !rules["mac_only_encrypted"]) hash.update(textOf(value));
    return isSecret ? seal(value, { key, bound: `${path.join(":")}:` }) : value;
  };
  const encrypted = walk(tree, []) as Record<string, Value>;
  const mac = hash.digest("hex").toUpperCase();
  return stringify({
    ...encrypted,
    sops: {
      kms: [],
      age: await Promise.all(recipients.map(async (recipient) => {
        const encrypter = new Encrypter();
        encrypter.addRecipient(recipient);
        const enc = armor.encode(await encrypter.encrypt(key));
        return { recipient, enc };
      })),
      lastmodified,
      mac: seal(mac, { key, bound: lastmodified }),
      pgp: [],
      ...rules,
      version: "3.9.0",
    },
  }, { lineWidth: 0 });
}

/** True if the MAC of a file fits by the rules of SOPS. */
export async function peerAccepts(
  text: string,
  identity: string,
): Promise<boolean> {
  const { sops, ...tree } = parse(text);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const key = await firstOf(sops.age, decrypter);
  const hash = macOf(sops);
  const walk = (value: unknown, path: readonly string[]): void => {
    if (Array.isArray(value)) return value.forEach((item) => walk(item, path));
    if (typeof value === "object" && value !== null) {
      for (const [name, each] of Object.entries(value)) {
        walk(each, [...path, name]);
      }
      return;
    }
    const isSecret = isEncryptedBy(sops, path);
    if (!isSecret && sops["mac_only_encrypted"]) return;
    hash.update(
      isSecret
        ? open(String(value), { key, bound: `${path.join(":")}:` })
        : textOf(value as Value),
    );
  };
  for (const [name, value] of Object.entries(tree)) walk(value, [name]);
  return open(sops.mac, { key, bound: sops.lastmodified }) ===
    hash.digest("hex").toUpperCase();
}

/** Hash over values: one over encrypted values alone begins with the SHA-256 of "sops". */
function macOf(
  rules: PeerRules,
): ReturnType<typeof createHash> {
  const hash = createHash("sha512");
  if (rules["mac_only_encrypted"]) {
    hash.update(createHash("sha256").update("sops").digest());
  }
  return hash;
}

async function firstOf(
  keys: readonly { readonly enc: string }[],
  decrypter: Decrypter,
): Promise<Uint8Array> {
  for (const { enc } of keys) {
    try {
      return await decrypter.decrypt(armor.decode(enc));
    } catch {
      continue;
    }
  }
  throw new Error("no key is for this identity");
}

function isEncryptedBy(rules: PeerRules, path: readonly string[]): boolean {
  const encrypted = rules["encrypted_regex"];
  const readable = rules["unencrypted_regex"];
  const suffix = rules["unencrypted_suffix"] || "_unencrypted";
  const fits = (regex: string) => path.some((part) => part.match(regex));
  if (encrypted) return fits(encrypted);
  if (readable) return !fits(readable);
  return !path.some((part) => part.endsWith(suffix));
}

function textOf(value: Value): string {
  if (value === true) return "True";
  return value === false ? "False" : String(value);
}

function typeOf(value: Value): string {
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  return Number.isInteger(value) ? "int" : "float";
}

function seal(
  value: Value,
  { key, bound }: { readonly key: Uint8Array; readonly bound: string },
): string {
  const iv = crypto.getRandomValues(new Uint8Array(32));
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(Buffer.from(bound));
  const data = Buffer.concat([
    cipher.update(Buffer.from(textOf(value))),
    cipher.final(),
  ]);
  return `ENC[AES256_GCM,data:${data.toString("base64")},iv:${
    Buffer.from(iv).toString("base64")
  },tag:${cipher.getAuthTag().toString("base64")},type:${typeOf(value)}]`;
}

function open(
  value: string,
  { key, bound }: { readonly key: Uint8Array; readonly bound: string },
): string {
  const [, data = "", iv = "", tag = ""] = ENC.exec(value) ?? [];
  const decipher = createDecipheriv(
    "aes-256-gcm",
    key,
    Buffer.from(iv, "base64"),
  );
  decipher.setAAD(Buffer.from(bound));
  decipher.setAuthTag(Buffer.from(tag, "base64"));
  return Buffer.concat([
    decipher.update(Buffer.from(data, "base64")),
    decipher.final(),
  ]).toString();
}
