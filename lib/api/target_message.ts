import { create } from "@bufbuild/protobuf";
import {
  type PingAgentsResponse,
  PingAgentsResponseSchema,
  type ResolveTargetsResponse,
  ResolveTargetsResponseSchema,
  type TargetSelection as TargetSelectionMessage,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type {
  PingedAgents,
  ResolvedTargets,
  TargetSelection,
} from "../manager/api/operator_api.ts";
import { invalid, requireItems, requireRange } from "./checks.ts";
import { timestamp } from "./values.ts";

/**
 * Selection of the agents of a request.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function selectionOf(
  message: TargetSelectionMessage | undefined,
): TargetSelection {
  if (message === undefined) throw invalid("selection", "it is missing");
  const { exclude, connectedOnly, allowMissing, seed } = message;
  return {
    expressions: requireItems("selection.expressions", message.expressions),
    exclude,
    connectedOnly,
    allowMissing,
    limit: limitOf(message),
    seed,
  };
}

function limitOf(
  { limit }: TargetSelectionMessage,
): TargetSelection["limit"] {
  switch (limit.case) {
    case "limitCount":
      return {
        count: requireRange("selection.limit_count", limit.value, {
          least: 1,
          most: 2 ** 32 - 1,
        }),
      };
    case "limitPercent":
      if (limit.value > 0 && limit.value <= 100) {
        return { percent: limit.value };
      }
      throw invalid(
        "selection.limit_percent",
        `${limit.value} is not above 0 and at most 100`,
      );
    case undefined:
      return undefined;
  }
}

/** Agents that a selection means, as a message. */
export function targetsMessage(
  resolved: ResolvedTargets,
): ResolveTargetsResponse {
  const { leftOut, seed } = resolved;
  return create(ResolveTargetsResponseSchema, {
    targets: resolved.agents.map(({ name, connected, groups }) => ({
      name,
      connected,
      groups: [...groups],
    })),
    missing: resolved.missing.map(missingMessage),
    lacking: resolved.lacking.map(({ fact, count }) => ({
      fact,
      agents: count,
    })),
    unmatched: [...resolved.unmatched],
    gone: [...resolved.gone],
    leftOut: {
      retired: leftOut.retired,
      notJoined: leftOut.notJoined,
      away: leftOut.awayNotAsked,
      notSampled: resolved.notSampled,
    },
    ...seed === undefined ? {} : { seed },
  });
}

/** Agents that were pinged, as a message. */
export function pingedMessage(
  { agents, ...resolved }: PingedAgents,
): PingAgentsResponse {
  return create(PingAgentsResponseSchema, {
    agents: agents.map(({ since, roundTripMs, ...agent }) => ({
      ...agent,
      ...timestamp("sinceMs", since ?? null),
      ...roundTripMs === undefined ? {} : { roundTripMs },
    })),
    resolved: targetsMessage({ ...resolved, agents: [] }),
  });
}

/** A name that is not enrolled, as a message. */
export function missingMessage(
  { name, nearest, reason }: ResolvedTargets["missing"][number],
): { name: string; nearest: string; reason: string } {
  return { name, nearest: nearest ?? "", reason: reason ?? "" };
}
