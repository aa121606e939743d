import { PiriError } from "../../lib/base/errors.ts";

/** Code and text of what is refused; "done" if it is not. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    return error instanceof PiriError
      ? `${error.code}: ${error.message}`
      : `${error}`;
  }
}
