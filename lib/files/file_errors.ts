import { messageOf, PiriError } from "../base/errors.ts";
import { shownName } from "./names.ts";

/** Turns an error of the system about a path into a PiriError. */
export function fileError(
  attempt: "read" | "write" | "remove",
  path: string,
  error: unknown,
): PiriError {
  if (error instanceof PiriError) return error;
  const [code, fact] = error instanceof Deno.errors.NotFound
    ? ["NOT_FOUND", "there is no such file or folder"] as const
    : error instanceof Deno.errors.PermissionDenied
    ? ["DENIED", "permission was denied"] as const
    : error instanceof Deno.errors.NotADirectory
    ? [
      "FAILED_PRECONDITION",
      "its folder is a link or a file, which is not followed",
    ] as const
    : ["DISK", messageOf(error)] as const;
  return new PiriError(
    code,
    `Cannot ${attempt} "${shownName(path)}": ${fact}`,
    { cause: error },
  );
}
