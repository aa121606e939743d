import { PiriError } from "../../base/errors.ts";

/** Most links that a path may lead through, as on Linux. */
export const MAX_LINKS = 40;

/** Error of a path whose links lead in a circle. */
export class LinkCircle extends PiriError {
  constructor(path: string) {
    super(
      "FAILED_PRECONDITION",
      `Cannot look at "${path}": its links lead in a circle`,
    );
  }
}

/** Result of a look; undefined if links lead in a circle. */
export function unlessCircle<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof LinkCircle) return undefined;
    throw error;
  }
}
