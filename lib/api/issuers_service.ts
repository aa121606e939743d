import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type Issuer,
  IssuerSchema,
  IssuersService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { CI_KINDS, type CiKind } from "../base/ci_kind.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import type { IssuerRecord } from "../store/issuer_records.ts";
import { invalid, requireText, saidIn } from "./checks.ts";
import type { Proofs } from "./proofs.ts";
import { milliseconds } from "./values.ts";

/** Longest keys and longest certificate of an authority, in characters. */
const MAX_FILE = 262_144;

/** Longest URL, in characters. */
const MAX_URL = 1_000;

/** Serves the IssuersService. */
export function addIssuersService(
  router: ConnectRouter,
  { ci }: Manager,
  proofs: Proofs,
): void {
  router.service(IssuersService, {
    listIssuers() {
      return { issuers: ci.issuers().map(issuerMessage) };
    },
    async addIssuer(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      const { name, kind, url, jwks, ca } = request;
      const issuer = await ci.addIssuer({
        name: requireText("name", name),
        kind: kind === "" ? undefined : kindOf(kind),
        url: optionalText("url", url, MAX_URL),
        jwks: optionalText("jwks", jwks, MAX_FILE),
        ca: optionalText("ca", ca, MAX_FILE),
      }, asker);
      return { issuer: issuerMessage(issuer) };
    },
    async setIssuer(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      const { name, jwks, ca } = request;
      const issuer = await ci.setIssuer(requireText("name", name), {
        jwks: optionalText("jwks", jwks, MAX_FILE),
        ca: optionalText("ca", ca, MAX_FILE),
      }, asker);
      return { issuer: issuerMessage(issuer) };
    },
    async removeIssuer(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      await ci.removeIssuer(requireText("name", request.name), asker);
      return {};
    },
  });
}

function issuerMessage(
  { name, kind, url, jwks, ca, createdAt }: IssuerRecord,
): Issuer {
  return create(IssuerSchema, {
    name,
    kind,
    url,
    keysGiven: jwks !== null,
    caGiven: ca !== null,
    createdAtMs: milliseconds(createdAt),
  });
}

function kindOf(text: string): CiKind {
  const kind = CI_KINDS.find((each) => each === text);
  if (kind !== undefined) return kind;
  throw invalid("kind", `"${text}" is not one of ${CI_KINDS.join(", ")}`);
}

function optionalText(
  field: string,
  text: string,
  most: number,
): string | undefined {
  if (text.length > most) {
    throw invalid(
      field,
      `it has ${text.length} characters, and the limit is ${most}`,
    );
  }
  return text === "" ? undefined : text;
}
