import { PiriError } from "../../base/errors.ts";

/** Fetch of a Manager that asks nobody. Rejects with UNSUPPORTED. */
export function fetchNothing(url: string): Promise<never> {
  return Promise.reject(
    new PiriError(
      "UNSUPPORTED",
      `Cannot fetch "${url}": this Manager fetches nothing`,
    ),
  );
}
