import { create } from "@bufbuild/protobuf";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import {
  type SignedWork,
  SignedWorkSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { AskedSignatures } from "../manager/api/job_api.ts";
import type { SignedRecord } from "../store/job_records.ts";
import { milliseconds } from "./values.ts";

/** Statement that operators have signed, as a field of a message of the API; none if they have not. */
export function signedField(
  signed: SignedRecord | null,
): { signed?: SignedWork } {
  if (signed === null) return {};
  const { statement, signatures, needed } = signed;
  return {
    signed: create(SignedWorkSchema, {
      statement,
      needed,
      signatures: signatures.map(({ key, signature, by, at }) => ({
        key,
        signature: decodeBase64(signature),
        by,
        atMs: milliseconds(at),
      })),
    }),
  };
}

/** Statement that operators have signed, as a request has it; none if they have not. */
export function signedOf(
  signed: SignedWork | undefined,
): { signed?: AskedSignatures } {
  if (signed === undefined) return {};
  const { statement, signatures, needed } = signed;
  const asked = {
    statement,
    needed,
    signatures: signatures.map(({ key, signature }) => ({
      key,
      signature: encodeBase64(signature),
    })),
  };
  return { signed: asked };
}
