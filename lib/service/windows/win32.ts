import { PiriError } from "../../base/errors.ts";

/** Errors of Windows that people meet, by their numbers: System Error Codes, Microsoft Learn. */
const MEANINGS: ReadonlyMap<number, string> = new Map([
  [2, "its file is not there"],
  [3, "the folder of its file is not there"],
  [5, "only an administrator may"],
  [1053, "it did not answer in time"],
  [1056, "it runs already"],
  [1057, "there is no such user"],
  [1058, "it is disabled"],
  [1060, "there is no such service"],
  [1062, "it does not run"],
  [1069, "its user may not log on as a service"],
  [
    1072,
    "it is being removed; close the window of services, or restart the system",
  ],
  [1073, "there is one already"],
]);

const ACCESS_DENIED = 5;

/** Type of a service that has its process for itself. */
export const OWN_PROCESS = 0x10;

/** Exit code that says that the service has one of its own. */
export const SERVICE_SPECIFIC_ERROR = 1066;

/** Error of a call of Windows: DENIED without rights, else UNAVAILABLE. */
export function windowsError(attempt: string, number: number): PiriError {
  const meaning = MEANINGS.get(number);
  return new PiriError(
    number === ACCESS_DENIED ? "DENIED" : "UNAVAILABLE",
    `Cannot ${attempt}: ${
      meaning === undefined
        ? `Windows refuses with its error ${number}`
        : `${meaning} (error ${number} of Windows)`
    }`,
  );
}

/** Address of bytes for a structure of Windows. They must be kept while Windows may use it. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** UTF-16 text up to its zero, at a place in bytes. */
export function textAt(bytes: Uint8Array, at: number): string {
  const units: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = at; i + 1 < bytes.length; i += 2) {
    const unit = view.getUint16(i, true);
    if (unit === 0) break;
    units.push(unit);
  }
  return String.fromCharCode(...units);
}
