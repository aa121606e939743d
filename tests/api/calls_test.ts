import { assertEquals, assertThrows } from "@std/assert";
import {
  callName,
  CALLS,
  type Needs,
  requireRows,
} from "../../lib/api/calls.ts";
import { PiriError } from "../../lib/base/errors.ts";
import * as control from "../../proto/gen/piri/control/v1/control_pb.ts";

/** Calls of the API, by the services of the .proto. */
const calls = [control.file_piri_control_v1_control].flatMap(({ services }) =>
  services.flatMap((service) =>
    service.methods.map((method) => callName(service, method))
  )
);

/** Calls that need no more than this. */
function needing(needs: Needs): string[] {
  return Object.keys(CALLS).filter((call) => CALLS[call]?.needs === needs);
}

Deno.test("every call of the API has a row, and every row is of a call", () => {
  assertEquals(Object.keys(CALLS).toSorted(), calls.toSorted());
});

Deno.test("a Manager with a call that no row names does not start", () => {
  const service = { typeName: "piri.control.v1.AgentsService" };

  assertThrows(
    () => requireRows([{ service, method: { localName: "wipeAll" } }]),
    PiriError,
    "Cannot serve AgentsService.wipeAll: the table of calls does not say who may",
  );
});

Deno.test("the logins are the calls that need no token", () => {
  assertEquals(needing("nothing"), [
    "LoginService.login",
    "LoginService.loginFromCi",
  ]);
});

Deno.test("a viewer changes nothing but the own login", () => {
  const changing = needing("viewer").filter((call) => CALLS[call]?.changes);

  assertEquals(changing, ["LoginService.logout"]);
});

Deno.test("agents, operators, rules, secrets and the audit are for an admin", () => {
  assertEquals(needing("admin"), [
    "AgentsService.addAgent",
    "AgentsService.renewToken",
    "AgentsService.setAgents",
    "AgentsService.removeAgent",
    "AgentsService.renameAgent",
    "AgentsService.revokeAgent",
    "AuditService.listAudit",
    "AuditService.exportAudit",
    "AuditService.verifyAudit",
    "AuditService.verifyWithAgents",
    "AuditService.pruneAudit",
    "EnrolmentService.createToken",
    "EnrolmentService.listTokens",
    "EnrolmentService.revokeJoinToken",
    "EnrolmentService.listPending",
    "EnrolmentService.acceptAgent",
    "EnrolmentService.rejectAgent",
    "IssuersService.listIssuers",
    "IssuersService.addIssuer",
    "IssuersService.setIssuer",
    "IssuersService.removeIssuer",
    "KeysService.getKeys",
    "KeysService.startRotation",
    "KeysService.finishRotation",
    "KeysService.getCertificate",
    "KeysService.replaceCertificate",
    "OperatorsService.listOperators",
    "OperatorsService.addOperator",
    "OperatorsService.inviteOperator",
    "OperatorsService.setOperator",
    "OperatorsService.removeOperator",
    "OperatorsService.revokeToken",
    "OperatorsService.addRule",
    "OperatorsService.removeRule",
    "OperatorsService.testRule",
    "ReleasesService.addRelease",
    "ReleasesService.removeRelease",
    "SecretsService.listSecrets",
    "SecretsService.setSecret",
    "SecretsService.editSecret",
    "SecretsService.removeSecret",
    "SecretsService.rotateSecrets",
  ]);
});

Deno.test("calls that change nothing are known, so that no proof of the user is asked for", () => {
  assertEquals(
    Object.keys(CALLS).filter((call) =>
      CALLS[call]?.needs !== "viewer" && CALLS[call]?.changes === false
    ),
    [
      "AuditService.listAudit",
      "AuditService.exportAudit",
      "AuditService.verifyAudit",
      "BlobsService.findBlobs",
      "BlobsService.addBlobs",
      "BlobsService.openUpload",
      "BlobsService.upload",
      "BlobsService.finishUpload",
      "EnrolmentService.listTokens",
      "EnrolmentService.listPending",
      "IssuersService.listIssuers",
      "KeysService.getKeys",
      "KeysService.getCertificate",
      "LoginService.login",
      "LoginService.loginFromCi",
      "OperatorsService.listOperators",
      "OperatorsService.testRule",
      "SecretsService.listSecrets",
    ],
  );
});
