import { PiriError } from "../base/errors.ts";

/** Least that a caller must be for a call. Anybody can log in, also from a CI, and any operator can ask who that is. */
export type Needs = "nothing" | "viewer" | "operator" | "admin";

/** Row of a call. */
export interface CallRow {
  /** Role that it needs. A call on agents needs a rule, too. */
  readonly needs: Needs;
  /** True if it changes something. */
  readonly changes: boolean;
  /** True if it asks as whom the caller is known. */
  readonly asksWho?: boolean;
}

const SEES = { needs: "viewer", changes: false } as const;
const ACTS = { needs: "operator", changes: true } as const;
const ADMINISTERS = { needs: "admin", changes: true } as const;

/** Every call of the API. One without a row is refused, and a Manager with such a call does not start. */
export const CALLS: Readonly<Record<string, CallRow>> = {
  "AgentsService.listAgents": SEES,
  "AgentsService.addAgent": ADMINISTERS,
  "AgentsService.renewToken": ADMINISTERS,
  "AgentsService.setAgents": ADMINISTERS,
  "AgentsService.resolveTargets": SEES,
  "AgentsService.pingAgents": SEES,
  "AgentsService.listNames": SEES,
  "AgentsService.removeAgent": ADMINISTERS,
  "AgentsService.renameAgent": ADMINISTERS,
  "AgentsService.revokeAgent": ADMINISTERS,
  "ApprovalsService.listApprovals": SEES,
  "ApprovalsService.getApproval": SEES,
  "ApprovalsService.watchApproval": SEES,
  "ApprovalsService.approve": ACTS,
  "ApprovalsService.reject": ACTS,
  "ApprovalsService.sign": ACTS,
  "ApprovalsService.withdraw": ACTS,
  "AuditService.listAudit": { needs: "admin", changes: false },
  "AuditService.exportAudit": { needs: "admin", changes: false },
  "AuditService.verifyAudit": { needs: "admin", changes: false },
  "AuditService.verifyWithAgents": ADMINISTERS,
  "AuditService.pruneAudit": ADMINISTERS,
  // A blob is nothing until a command or job names it.
  "BlobsService.findBlobs": { needs: "operator", changes: false },
  "BlobsService.addBlobs": { needs: "operator", changes: false },
  "BlobsService.openUpload": { needs: "operator", changes: false },
  "BlobsService.upload": { needs: "operator", changes: false },
  "BlobsService.finishUpload": { needs: "operator", changes: false },
  "CommandsService.run": ACTS,
  "CommandsService.watch": SEES,
  "CommandsService.cancel": ACTS,
  "CommandsService.rerun": ACTS,
  "CommandsService.giveUp": ACTS,
  "CommandsService.dropOutput": ACTS,
  "CommandsService.listCommands": SEES,
  "CommandsService.getCommand": SEES,
  "CommandsService.getTimeline": SEES,
  "CommandsService.listOperations": SEES,
  "EnrolmentService.createToken": ADMINISTERS,
  "EnrolmentService.listTokens": { needs: "admin", changes: false },
  "EnrolmentService.revokeJoinToken": ADMINISTERS,
  "EnrolmentService.listPending": { needs: "admin", changes: false },
  "EnrolmentService.acceptAgent": ADMINISTERS,
  "EnrolmentService.rejectAgent": ADMINISTERS,
  "EventsService.watchEvents": SEES,
  "IdentityService.newProof": { needs: "viewer", changes: false },
  "IssuersService.listIssuers": { needs: "admin", changes: false },
  "IssuersService.addIssuer": ADMINISTERS,
  "IssuersService.setIssuer": ADMINISTERS,
  "IssuersService.removeIssuer": ADMINISTERS,
  "JobsService.startJob": ACTS,
  "JobsService.getJob": SEES,
  "JobsService.listJobs": SEES,
  "JobsService.listEntries": SEES,
  "JobsService.watchJob": SEES,
  "JobsService.cancelJob": ACTS,
  "JobsService.pauseJob": ACTS,
  "JobsService.resumeJob": ACTS,
  "JobsService.rerunJob": ACTS,
  "KeysService.getKeys": { needs: "admin", changes: false },
  "KeysService.startRotation": ADMINISTERS,
  "KeysService.finishRotation": ADMINISTERS,
  "KeysService.getCertificate": { needs: "admin", changes: false },
  "KeysService.replaceCertificate": ADMINISTERS,
  "LoginService.login": { needs: "nothing", changes: false },
  "LoginService.loginFromCi": { needs: "nothing", changes: false },
  "LoginService.logout": { needs: "viewer", changes: true },
  "LoginService.whoAmI": { needs: "viewer", changes: false, asksWho: true },
  "OperatorsService.listOperators": { needs: "admin", changes: false },
  "OperatorsService.addOperator": ADMINISTERS,
  "OperatorsService.inviteOperator": ADMINISTERS,
  "OperatorsService.setOperator": ADMINISTERS,
  "OperatorsService.removeOperator": ADMINISTERS,
  "OperatorsService.revokeToken": ADMINISTERS,
  "OperatorsService.addRule": ADMINISTERS,
  "OperatorsService.removeRule": ADMINISTERS,
  "OperatorsService.testRule": { needs: "admin", changes: false },
  "ReleasesService.listReleases": SEES,
  "ReleasesService.addRelease": ADMINISTERS,
  "ReleasesService.removeRelease": ADMINISTERS,
  "PlansService.makePlan": ACTS,
  "PlansService.getPlan": SEES,
  "PlansService.listPlans": SEES,
  "PlansService.applyPlan": ACTS,
  "PlansService.approvePlan": ACTS,
  "PlansService.getStepPlaces": SEES,
  "PlansService.withdrawPlan": ACTS,
  "PlansService.listDrift": SEES,
  // No call tells the value of a secret.
  "SecretsService.listSecrets": { needs: "admin", changes: false },
  "SecretsService.setSecret": ADMINISTERS,
  "SecretsService.editSecret": ADMINISTERS,
  "SecretsService.removeSecret": ADMINISTERS,
  "SecretsService.rotateSecrets": ADMINISTERS,
  "StatusService.getStatus": SEES,
};

/** Name of a call in the table. */
export function callName(
  service: { readonly typeName: string },
  method: { readonly localName: string },
): string {
  return `${service.typeName.split(".").at(-1)}.${method.localName}`;
}

/**
 * Checks that each call has a row: one that nobody has thought of must not be open to all.
 *
 * @throws {PiriError} INTERNAL
 */
export function requireRows(
  calls: readonly {
    readonly service: { readonly typeName: string };
    readonly method: { readonly localName: string };
  }[],
): void {
  for (const { service, method } of calls) {
    const call = callName(service, method);
    if (CALLS[call] !== undefined) continue;
    throw new PiriError(
      "INTERNAL",
      `Cannot serve ${call}: the table of calls does not say who may`,
    );
  }
}
