import { createHmac } from "node:crypto";

/** Parts of a message that a receiver verifies. */
export interface Signed {
  /** Id of the message, the same at each attempt. */
  readonly id: string;
  /** Time of the attempt, in seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

/** Value of the header webhook-signature, as Standard Webhooks 1.0.0 defines it. */
export function signatureOf(
  { id, timestamp, body }: Signed,
  secret: Uint8Array,
): string {
  const hash = createHmac("sha256", secret)
    .update(`${id}.${timestamp}.${body}`)
    .digest("base64");
  return `v1,${hash}`;
}
