import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type Release,
  ReleaseSchema,
  ReleasesService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import type { ReleaseView } from "../manager/api/release_api.ts";
import { checkHexHash, requireText, saidIn } from "./checks.ts";
import type { Proofs } from "./proofs.ts";

/** Serves the ReleasesService. */
export function addReleasesService(
  router: ConnectRouter,
  { releases }: Manager,
  proofs: Proofs,
): void {
  router.service(ReleasesService, {
    async listReleases() {
      return { releases: (await releases.list()).map(releaseMessage) };
    },
    async addRelease(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      const manifest = checkHexHash("manifest_sha256", request.manifestSha256);
      const { signature } = request;
      const release = await releases.add({ manifest, signature }, asker);
      return { release: releaseMessage(release) };
    },
    async removeRelease(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      await releases.remove(requireText("version", request.version), asker);
      return {};
    },
  });
}

function releaseMessage({ files, ...release }: ReleaseView): Release {
  return create(ReleaseSchema, {
    ...release,
    files: files.map(({ size, isHere, ...file }) => ({
      ...file,
      size: BigInt(size),
      here: isHere,
    })),
  });
}
