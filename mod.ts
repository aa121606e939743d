/**
 * Piri for other programs: a Manager or an Agent within your own process, and the client of the control API.
 *
 * @example Ask a running Manager to run a program and print how it ended
 * ```ts
 * import { connectControl } from "@piri/piri";
 *
 * using control = await connectControl("/var/lib/piri-manager");
 * const { commands } = await control.commands.run({
 *   agents: ["web-1"],
 *   operation: "command.Run",
 *   params: JSON.stringify({ argv: ["uname", "-a"] }),
 *   requestId: crypto.randomUUID(),
 * });
 * const watched = commands.map(({ id }) => ({ commandId: id }));
 * for await (const { event } of control.commands.watch({ commands: watched })) {
 *   if (event.case === "output") Deno.stdout.writeSync(event.value.bytes);
 * }
 * ```
 *
 * @module
 */
export { connectControl } from "./lib/api/client.ts";
export type {
  ConnectOptions,
  Control,
  ControlClient,
} from "./lib/api/client.ts";
export type { Uploads } from "./lib/api/upload_request.ts";
export {
  CommandState,
  OnDisconnect,
  OutputStream,
} from "./proto/gen/piri/control/v1/control_messages.ts";
export { type Clock, systemClock, type Timer } from "./lib/base/clock.ts";
export type { EventCursor, EventSource } from "./lib/base/event_cursor.ts";
export type { EventFilter } from "./lib/base/event_filter.ts";
export { Disconnected, type ErrorCode, PiriError } from "./lib/base/errors.ts";
export { startLog } from "./lib/base/log.ts";
export type { LogLevel, LogOptions } from "./lib/base/log_options.ts";
export { type Random, systemRandom } from "./lib/base/random.ts";
export type { Reload } from "./lib/base/reload.ts";
export type {
  AgentAdmin,
  AgentView,
  BlobAdmin,
  CancelledView,
  CommandAdmin,
  CommandView,
  EventFeed,
  EventStart,
  EventView,
  Evidence,
  KnownNames,
  Manager,
  ManagerStatus,
  OperationView,
  PingedAgent,
  PingedAgents,
  RemovedAgent,
  ResolvedTargets,
  RunRequest,
  SetAgents,
  TargetSelection,
  TimelineEntry,
  WantedNames,
  WatchEvent,
  WriteFailure,
} from "./lib/manager/api/operator_api.ts";
export type {
  AccessAdmin,
  AskedWork,
  Identity,
  LoggedIn,
  OperatorView,
  Rights,
  RuleView,
  Sight,
  TokenBounds,
} from "./lib/manager/api/access_api.ts";
export type {
  EnrolmentAdmin,
  JoinTokenView,
  NewJoinToken,
  PendingAgentView,
} from "./lib/manager/api/enrolment_api.ts";
export type {
  CertificateView,
  KeyKind,
  KeysAdmin,
  KeyView,
} from "./lib/manager/api/keys_api.ts";
export type {
  JoinTokenRecord,
  PendingAgentRecord,
  PendingState,
} from "./lib/store/enrolment_records.ts";
export type {
  CiAdmin,
  NewCiOperator,
  NewIssuer,
} from "./lib/manager/api/ci_api.ts";
export type { CiRecord, IssuerRecord } from "./lib/store/issuer_records.ts";
export type { CiKind } from "./lib/base/ci_kind.ts";
export type { Role } from "./lib/base/role.ts";
export type { Sealed } from "./lib/base/sealed.ts";
export type {
  ReleaseAdmin,
  ReleaseFileView,
  ReleaseView,
} from "./lib/manager/api/release_api.ts";
export type {
  SecretAdmin,
  SecretPlace,
  SecretView,
} from "./lib/manager/api/secret_api.ts";
export type {
  NewRule,
  OperatorRecord,
  RuleRecord,
  TokenRecord,
} from "./lib/store/operator_records.ts";
export type {
  AgentWord,
  AskAgents,
  AuditAdmin,
  AuditCut,
  AuditProblem,
  AuditVerdict,
  Denial,
  PrunedAudit,
} from "./lib/manager/api/audit_api.ts";
export type { Checkpoint } from "./lib/base/checkpoint.ts";
export type {
  AuditFilter,
  AuditFinding,
  AuditRecord,
  NewAudit,
} from "./lib/store/audit_records.ts";
export type { Asker } from "./lib/base/asker.ts";
export type { CommandStateName } from "./lib/base/command_state.ts";
export type {
  ApprovableRequest,
  ApprovalAdmin,
  ApprovalView,
  Decider,
  ProposedJob,
} from "./lib/manager/api/approval_api.ts";
export type {
  ApprovalRecord,
  ApprovalRequest,
  ApprovalState,
  ApprovalVote,
} from "./lib/store/approval_records.ts";
export type {
  AskedSignatures,
  EntryView,
  JobAdmin,
  JobNews,
  JobNotes,
  JobRequest,
  JobView,
  RerunScope,
  StartedJob,
} from "./lib/manager/api/job_api.ts";
export type {
  ApplyRequest,
  CommandPlace,
  MadePlan,
  NamedPlace,
  PlanAdmin,
  PlanEntry,
  PlanEntryState,
  PlanGroup,
  PlannedChange,
  PlannedStep,
  PlanProblem,
  PlanRequest,
  PlanState,
  PlanView,
  StepPlace,
} from "./lib/manager/api/plan_api.ts";
export type {
  DriftAdmin,
  DriftGroupView,
  DriftRuleView,
  DriftUntoldView,
} from "./lib/manager/api/drift_api.ts";
export type {
  NewPlan,
  PlanCounts,
  PlanFilter,
  PlanRecord,
  PlanVote,
} from "./lib/store/plan_records.ts";
export type { JobCounts } from "./lib/base/job_counts.ts";
export type { EntryStateName, JobStateName } from "./lib/base/job_state.ts";
export type {
  EntryCommand,
  EntryRecord,
  JobEnd,
  JobFilter,
  JobLimits,
  JobRecord,
  Share,
  SignatureRecord,
  SignedRecord,
} from "./lib/store/job_records.ts";
export type { Address } from "./lib/base/address.ts";
export type {
  MissingName,
  ResolutionNotes,
} from "./lib/targets/resolve_targets.ts";
export type {
  AgentChange,
  CommandFilter,
  CommandRecord,
  EventRecord,
  StreamName,
} from "./lib/store/records.ts";
export {
  type Joined,
  joinManager,
  type JoinOptions,
  type RunningAgent,
  serveAgent,
  type ServeAgentOptions,
} from "./lib/serve_agent.ts";
export type {
  ActPermissions,
  CustomChange,
  CustomChanged,
  CustomCheck,
  CustomOperation,
  CustomParameter,
  CustomPermissions,
  CustomType,
  LookPermissions,
} from "./lib/steps/custom_operation.ts";
export {
  type RunningManager,
  serveManager,
  type ServeManagerOptions,
} from "./lib/serve_manager.ts";
