import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type GetStatusResponse,
  GetStatusResponseSchema,
  StatusService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { statusMetrics } from "../base/status_metrics.ts";
import type {
  Manager,
  ManagerStatus,
  WriteFailure,
} from "../manager/api/operator_api.ts";
import { milliseconds, writeFailureField } from "./values.ts";

/** Serves the StatusService. */
export function addStatusService(
  router: ConnectRouter,
  manager: Manager,
): void {
  router.service(StatusService, {
    async getStatus() {
      return statusMessage(await manager.status(), manager.writeFailure);
    },
  });
}

/** The state of a Manager in the text format of Prometheus. */
export async function metricsText(manager: Manager): Promise<string> {
  const status = await manager.status();
  return statusMetrics(statusMessage(status, manager.writeFailure));
}

function statusMessage(
  status: ManagerStatus,
  failure: WriteFailure | undefined,
): GetStatusResponse {
  return create(GetStatusResponseSchema, {
    version: status.version,
    managerId: status.managerId,
    startedAtMs: milliseconds(status.startedAt),
    listen: status.listen,
    advertise: status.advertise,
    agentsConnected: status.agentsConnected,
    agentsKnown: status.agentsKnown,
    commandsOpen: status.commandsOpen,
    commandsTotal: status.commandsTotal,
    outputBytes: status.outputBytes,
    databaseBytes: status.databaseBytes,
    retention: { ...status.retention },
    certificateExpiresAtMs: milliseconds(status.certificateExpiresAt),
    counters: { ...status.counters },
    blobs: {
      count: BigInt(status.blobs.count),
      bytes: BigInt(status.blobs.bytes),
      limitBytes: BigInt(status.blobs.limit),
    },
    ...writeFailureField(failure),
  });
}
