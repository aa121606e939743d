import { METRICS_TYPE } from "../base/status_metrics.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { toPiriError } from "./errors.ts";
import { metricsText } from "./status_service.ts";

/** Path of the numbers of a Manager for Prometheus. */
export const METRICS_PATH = "/metrics";

/** HTTP status of a refusal by the code of its error. */
const REFUSED: Readonly<Partial<Record<string, number>>> = {
  AUTH_FAILED: 401,
  DENIED: 403,
  INVALID_ARGUMENT: 400,
};

/**
 * Answers a request for the numbers of the Manager.
 *
 * @param admit Throws if its sender may not make this call.
 */
export async function answerMetrics(
  request: Request,
  manager: Manager,
  admit: (headers: Headers, call: string) => void,
): Promise<Response> {
  if (request.method !== "GET") {
    return new Response(null, { status: 405, headers: { allow: "GET" } });
  }
  try {
    admit(request.headers, "StatusService.getStatus");
  } catch (error) {
    const { code, message } = toPiriError(error);
    return new Response(`${message}\n`, { status: REFUSED[code] ?? 503 });
  }
  return new Response(await metricsText(manager), {
    headers: { "content-type": METRICS_TYPE },
  });
}
