import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  AddBlobsResponseSchema,
  BlobsService,
  FindBlobsResponseSchema,
  FinishUploadResponseSchema,
  OpenUploadResponseSchema,
  UploadResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { release } from "../base/memory.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { checkHexHash, requireItems, requireText } from "./checks.ts";

/** Serves the BlobsService. */
export function addBlobsService(
  router: ConnectRouter,
  { blobs }: Manager,
): void {
  router.service(BlobsService, {
    async findBlobs({ sha256 }) {
      const hashes = requireItems("sha256", sha256);
      for (const hash of hashes) checkHexHash("sha256", hash);
      const known: string[] = [];
      for (const hash of hashes) {
        if (await blobs.has(hash)) known.push(hash);
      }
      return create(FindBlobsResponseSchema, { known });
    },

    async addBlobs({ blobs: parts }) {
      const sha256 = await blobs.add(requireItems("blobs", parts));
      return create(AddBlobsResponseSchema, { sha256 });
    },

    async openUpload({ size, uploadId }) {
      if (uploadId === "") {
        const id = await blobs.begin(Number(size ?? 0n));
        return create(OpenUploadResponseSchema, { uploadId: id });
      }
      const offset = BigInt(await blobs.offset(uploadId));
      return create(OpenUploadResponseSchema, { uploadId, offset });
    },

    async upload({ uploadId, offset, bytes }) {
      requireText("upload_id", uploadId);
      const reached = await blobs.append(uploadId, Number(offset), bytes);
      // They are a part of the request, which nobody reads any more.
      release(new Uint8Array(bytes.buffer));
      return create(UploadResponseSchema, { offset: BigInt(reached) });
    },

    async finishUpload({ uploadId, sha256: expected }) {
      requireText("upload_id", uploadId);
      const { sha256, size } = await blobs.finish(
        uploadId,
        expected === "" ? undefined : checkHexHash("sha256", expected),
      );
      return create(FinishUploadResponseSchema, { sha256, size: BigInt(size) });
    },
  });
}
