import { decodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../base/errors.ts";
import { sha256 } from "../../base/sha256.ts";
import type { WebhookEvent } from "../../store/delivery_records.ts";

/** Events that a webhook may ask for. */
export const WEBHOOK_EVENTS = [
  "job.ended",
  "agent.away",
  "drift.found",
  "drift.heal_failed",
  "drift.gone",
] as const satisfies readonly WebhookEvent[];

/** A place that is told of events. */
export interface Webhook {
  /** URL to which each event is posted. It may itself be a secret. */
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  /** Key of the signatures; without one nothing is signed. */
  readonly secret?: Uint8Array | undefined;
  /** Time without a connection after which an agent counts as one that stays away, in milliseconds. */
  readonly awayAfter: number;
  /** File with certificates of authorities that are trusted beside the usual ones, as PEM. */
  readonly caFile?: string | undefined;
}

/** Id of a webhook in the database, which does not tell the URL. */
export function webhookId({ url }: Webhook): string {
  return encodeHex(sha256(url).subarray(0, 8));
}

/** Place of a webhook for people: without the path, which may be a secret. */
export function originOf({ url }: Webhook): string {
  return new URL(url).origin;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Reads the URL of a webhook: https, or http on this machine.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseWebhookUrl(text: string): string {
  const refuse = (fact: string) =>
    new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the URL of a webhook: ${fact}`,
    );
  if (!URL.canParse(text)) {
    throw refuse("it should be one, as https://hooks.example.org/piri");
  }
  const { protocol, hostname, username, password, hash, href } = new URL(text);
  if (protocol !== "https:" && protocol !== "http:") {
    throw refuse("it should begin with https://");
  }
  if (protocol === "http:" && !LOOPBACK.test(hostname)) {
    throw refuse(
      "it should begin with https://; http:// is for this machine only, as http://127.0.0.1:8080",
    );
  }
  if (username !== "" || password !== "") {
    throw refuse("it should have no user and no password; use a secret");
  }
  if (hash !== "") throw refuse('it should have no "#"');
  return href;
}

/** Fewest and most bytes of a secret, as Standard Webhooks asks for. */
const SECRET_BYTES = { least: 24, most: 64 };

const SECRET_PREFIX = "whsec_";

/**
 * Reads the secret of a webhook, as Standard Webhooks spells it: "whsec_" and base64.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseWebhookSecret(text: string): Uint8Array {
  const bytes = text.startsWith(SECRET_PREFIX)
    ? base64Of(text.slice(SECRET_PREFIX.length))
    : undefined;
  if (
    bytes !== undefined && bytes.length >= SECRET_BYTES.least &&
    bytes.length <= SECRET_BYTES.most
  ) return bytes;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the secret of a webhook: it should be ${SECRET_PREFIX} and ${SECRET_BYTES.least} to ${SECRET_BYTES.most} bytes as base64`,
  );
}

function base64Of(text: string): Uint8Array | undefined {
  try {
    return decodeBase64(text);
  } catch {
    return undefined;
  }
}
