import { createHash, timingSafeEqual } from "node:crypto";
import { PiriError } from "../base/errors.ts";

/** Largest request, in bytes. */
export const MAX_REQUEST_BYTES = 1_048_576;

/** Conditions for a request over TCP: the token, and the port in the Host header. */
export interface TcpDoor {
  readonly token: string;
  readonly port: number;
}

/**
 * Refuses a request by its headers, before its body is read.
 *
 * @throws {PiriError} AUTH_FAILED, DENIED, INVALID_ARGUMENT
 */
export function checkHeaders(headers: Headers, door?: TcpDoor): void {
  if (door !== undefined) {
    checkHost(headers.get("host") ?? "", door.port);
    checkToken(headers.get("authorization") ?? "", door.token);
  }
  const size = Number(headers.get("content-length") ?? 0);
  if (size > MAX_REQUEST_BYTES) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot accept a request of ${size} bytes: the limit is ${MAX_REQUEST_BYTES}; send long input by run --stdin or put (BlobsService of the API), or put it into a file of the Manager's files/ folder`,
    );
  }
}

/**
 * Refuses another host name. A web page can point its own name to 127.0.0.1 (DNS rebinding), but cannot change this
 * header.
 */
function checkHost(host: string, port: number): void {
  if (host === `127.0.0.1:${port}` || host === `localhost:${port}`) return;
  throw new PiriError(
    "DENIED",
    `Cannot answer for "${host}": this is 127.0.0.1:${port}`,
  );
}

function checkToken(authorization: string, token: string): void {
  // Hashed, so that both have one length and the comparison tells nothing by its time.
  const said = createHash("sha256").update(authorization).digest();
  const wanted = createHash("sha256").update(`Bearer ${token}`).digest();
  if (timingSafeEqual(said, wanted)) return;
  throw new PiriError(
    "AUTH_FAILED",
    authorization === ""
      ? "Cannot answer without a token: it is in control.token of the state folder"
      : "Cannot accept the token: it is not the one of this Manager",
  );
}
