import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type AddReleaseRequest,
  type Release,
  ReleaseSchema,
  ReleasesService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { FakeBlobs } from "./fake_blobs.ts";

/** A release with a program for one kind of machine. */
export function aRelease(
  version: string,
  init: MessageInitShape<typeof ReleaseSchema> = {},
): Release {
  return create(ReleaseSchema, {
    version,
    commit: "c0ffee",
    floor: "0.1.0",
    files: [{
      name: "piri-agent-linux-x64",
      product: "piri-agent",
      target: "linux-x64",
      size: 10n,
      sha256: "a".repeat(64),
      here: true,
    }],
    ...init,
  });
}

/** Releases of a fake Manager, and what was asked about them. */
export class FakeReleases {
  readonly additions: AddReleaseRequest[] = [];
  readonly removals: string[] = [];
  known: Release[] = [];

  /** Adds the service to those of the Manager. */
  add(router: ConnectRouter, blobs: FakeBlobs): void {
    router.service(ReleasesService, {
      listReleases: () => ({ releases: this.known }),
      addRelease: (request) => {
        this.additions.push(request);
        const bytes = blobs.kept.get(request.manifestSha256);
        const { version, commit, floor, files } = JSON.parse(
          new TextDecoder().decode(bytes),
        );
        const release = aRelease(version, {
          commit,
          floor,
          files: files.map((
            { name, product, target, size, sha256 }: Record<string, string>,
          ) => ({
            name,
            product,
            target,
            size: BigInt(size ?? 0),
            sha256,
            here: blobs.kept.has(sha256 ?? ""),
          })),
        });
        return { release };
      },
      removeRelease: ({ version }) => {
        this.removals.push(version);
        return {};
      },
    });
  }
}
