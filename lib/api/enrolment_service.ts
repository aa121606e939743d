import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  EnrolmentService,
  type JoinToken,
  JoinTokenSchema,
  type PendingAgent,
  PendingAgentSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { fingerprint } from "../base/signing_key.ts";
import type {
  JoinTokenView,
  PendingAgentView,
} from "../manager/api/enrolment_api.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import {
  invalid,
  limitText,
  requireExpiry,
  requireText,
  saidIn,
} from "./checks.ts";
import type { Proofs } from "./proofs.ts";
import { milliseconds, timestamp } from "./values.ts";

/** Life of a join token by default, in milliseconds. */
const TOKEN_MS = 24 * 3_600_000;

/** Serves the EnrolmentService. */
export function addEnrolmentService(
  router: ConnectRouter,
  { enrolment }: Manager,
  proofs: Proofs,
): void {
  router.service(EnrolmentService, {
    async createToken(request, context) {
      const { groups, cidrs, approve, uses = 1n } = request;
      const asker = await proofs.asker(context, saidIn(request));
      const { id, token } = await enrolment.createToken({
        uses: Number(uses),
        expiresInMs: requireExpiry(request.expiresInMs) ?? TOKEN_MS,
        groups,
        name: limitText("name", request.name),
        cidrs,
        approve,
      }, asker);
      return { id: BigInt(id), token };
    },
    async listTokens() {
      return { tokens: (await enrolment.tokens()).map(tokenMessage) };
    },
    async revokeJoinToken(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      await enrolment.revokeToken(idOf(request.id), asker);
      return {};
    },
    async listPending() {
      return { pending: (await enrolment.pending()).map(pendingMessage) };
    },
    async acceptAgent(request, context) {
      const name = requireText("name", request.name);
      const asker = await proofs.asker(context, saidIn(request));
      const key = fingerprintOf(request);
      const agent = await enrolment.accept(name, key, asker);
      return { agent: pendingMessage(agent) };
    },
    async rejectAgent(request, context) {
      const name = requireText("name", request.name);
      const reason = requireText("reason", request.reason);
      const asker = await proofs.asker(context, saidIn(request));
      const agent = await enrolment.reject(name, {
        reason,
        fingerprint: fingerprintOf(request),
      }, asker);
      return { agent: pendingMessage(agent) };
    },
  });
}

function idOf(id: bigint): number {
  if (id > 0n && id <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(id);
  throw invalid("id", "it is not the number of a token");
}

function fingerprintOf(
  { fingerprint: text }: { readonly fingerprint: string },
): string | undefined {
  return text === "" ? undefined : text;
}

function tokenMessage(token: JoinTokenView): JoinToken {
  return create(JoinTokenSchema, {
    id: BigInt(token.id),
    uses: BigInt(token.uses),
    used: BigInt(token.used),
    groups: [...token.groups],
    name: token.name,
    cidrs: [...token.cidrs],
    approve: token.approve,
    createdBy: token.createdBy,
    createdAtMs: milliseconds(token.createdAt),
    expiresAtMs: milliseconds(token.expiresAt),
    ...timestamp("revokedAtMs", token.revokedAt),
  });
}

function pendingMessage(host: PendingAgentView): PendingAgent {
  return create(PendingAgentSchema, {
    name: host.name,
    fingerprint: fingerprint(host.publicKey),
    token: BigInt(host.token),
    state: host.state,
    reason: host.reason,
    address: host.address,
    version: host.version,
    facts: { ...host.facts },
    askedAtMs: milliseconds(host.askedAt),
    lastAtMs: milliseconds(host.lastAt),
  });
}
