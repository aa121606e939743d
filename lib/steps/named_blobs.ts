import { type BlobName, SHA256_PATTERN } from "../base/blob.ts";
import type { StepOperation } from "./step_operation.ts";

/** Blobs in place of long texts in the parameters of a step. */
export function blobsOfStep(
  operation: Pick<StepOperation, "trees"> | undefined,
  params: Readonly<Record<string, unknown>>,
): readonly BlobName[] {
  return Object.entries(params).flatMap(([name, value]) =>
    hashesIn(value).map((sha256) => ({
      sha256,
      isTree: operation?.trees?.includes(name) ?? false,
    }))
  );
}

function hashesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { $blob: blob } = value as { $blob?: { sha256?: unknown } };
  const sha256 = blob?.sha256;
  if (typeof sha256 === "string" && SHA256_PATTERN.test(sha256)) {
    return [sha256];
  }
  return Object.values(value).flatMap(hashesIn);
}
