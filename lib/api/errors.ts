import { ConnectError } from "@connectrpc/connect";
import {
  codeFromString,
  codeToString,
} from "@connectrpc/connect/protocol-connect";
import { messageOf, PiriError } from "../base/errors.ts";
import { CODE_HEADER, fromWire, WIRE_CODES } from "./wire_errors.ts";

/** The error in the form that goes to a client. */
export function toConnectError(error: PiriError): ConnectError {
  return new ConnectError(
    error.message,
    codeFromString(WIRE_CODES[error.code]),
    { [CODE_HEADER]: error.code },
    undefined,
    error,
  );
}

/** The PiriError that an error of the server's library stands for. */
export function toPiriError(error: unknown): PiriError {
  if (error instanceof PiriError) return error;
  if (!(error instanceof ConnectError)) {
    return new PiriError("INTERNAL", messageOf(error), { cause: error });
  }
  const { code, metadata, rawMessage, cause } = error;
  if (cause instanceof PiriError) return cause;
  return fromWire({
    code: codeToString(code),
    message: rawMessage,
    piriCode: metadata.get(CODE_HEADER) ?? "",
  });
}
