import { PiriError } from "./errors.ts";
import {
  decodeSecurityDescriptor,
  decodeSid,
  type SecurityDescriptor,
} from "./security_descriptor.ts";
import { openWindowsLibrary, wideText } from "./windows_library.ts";

/** Functions of Windows about who may use a file, which Deno does not have. */
export interface WindowsSecurity {
  /** SID of the user that runs this program. */
  ownSid(): string;
  /** Owner and access list of a file or folder; undefined if the system does not tell them. */
  read(path: string): SecurityDescriptor | undefined;
  /** Makes a folder that has its rights from the beginning; false if it cannot. */
  makeFolder(path: string, descriptor: Uint8Array<ArrayBuffer>): boolean;
  /** Replaces the access list of a folder that is empty; false if it cannot. */
  protect(path: string, descriptor: Uint8Array<ArrayBuffer>): boolean;
}

/** Purpose of these functions. */
const ATTEMPT = "find out who may read the state folder";

const OWNER_INFORMATION = 0x0000_0001;
const DACL_INFORMATION = 0x0000_0004;
const PROTECTED_DACL = 0x8000_0000;
const TOKEN_QUERY = 0x0008;
const TOKEN_USER = 1;

/** Size of SID_AND_ATTRIBUTES, which the SID follows. */
const SID_AND_ATTRIBUTES_BYTES = 16;
const MAX_SID_BYTES = 68;
const MAX_DESCRIPTOR_BYTES = 131_072;

const ADVAPI = {
  GetFileSecurityW: {
    parameters: ["buffer", "u32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  SetFileSecurityW: { parameters: ["buffer", "u32", "buffer"], result: "i32" },
  OpenProcessToken: { parameters: ["isize", "u32", "buffer"], result: "i32" },
  GetTokenInformation: {
    parameters: ["isize", "i32", "buffer", "u32", "buffer"],
    result: "i32",
  },
} as const;

const KERNEL = {
  GetCurrentProcess: { parameters: [], result: "isize" },
  CloseHandle: { parameters: ["isize"], result: "i32" },
  CreateDirectoryW: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

/** The functions of this Windows. Each call opens the libraries anew, which the system holds open anyway. */
export const windowsSecurity: WindowsSecurity = {
  ownSid() {
    using kernel = openKernel();
    using advapi = openAdvapi();
    const token = new BigInt64Array(1);
    const opened = advapi.symbols.OpenProcessToken(
      kernel.symbols.GetCurrentProcess(),
      TOKEN_QUERY,
      new Uint8Array(token.buffer),
    );
    if (opened === 0) throw unknownUser();
    const [handle = 0n] = token;
    try {
      const user = new Uint8Array(SID_AND_ATTRIBUTES_BYTES + MAX_SID_BYTES);
      const got = advapi.symbols.GetTokenInformation(
        handle,
        TOKEN_USER,
        user,
        user.length,
        new Uint8Array(4),
      );
      if (got === 0) throw unknownUser();
      return decodeSid(user.subarray(SID_AND_ATTRIBUTES_BYTES));
    } finally {
      kernel.symbols.CloseHandle(handle);
    }
  },

  read(path) {
    using advapi = openAdvapi();
    const bytes = new Uint8Array(MAX_DESCRIPTOR_BYTES);
    const got = advapi.symbols.GetFileSecurityW(
      wideText(path),
      OWNER_INFORMATION | DACL_INFORMATION,
      bytes,
      bytes.length,
      new Uint8Array(4),
    );
    return got === 0 ? undefined : decodeSecurityDescriptor(bytes);
  },

  makeFolder(path, descriptor) {
    using kernel = openKernel();
    // SECURITY_ATTRIBUTES: its size, the address of the descriptor, and whether children inherit the handle.
    const attributes = new Uint8Array(24);
    const view = new DataView(attributes.buffer);
    view.setUint32(0, attributes.length, true);
    view.setBigUint64(
      8,
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(descriptor)),
      true,
    );
    return kernel.symbols.CreateDirectoryW(wideText(path), attributes) !== 0;
  },

  protect(path, descriptor) {
    using advapi = openAdvapi();
    // ">>> 0", because JavaScript's bits are those of a signed number.
    const what = (DACL_INFORMATION | PROTECTED_DACL) >>> 0;
    return advapi.symbols.SetFileSecurityW(wideText(path), what, descriptor) !==
      0;
  },
};

function openAdvapi() {
  return openWindowsLibrary("advapi32.dll", ADVAPI, ATTEMPT);
}

function openKernel() {
  return openWindowsLibrary("kernel32.dll", KERNEL, ATTEMPT);
}

function unknownUser(): PiriError {
  return new PiriError(
    "DENIED",
    `Cannot ${ATTEMPT}: Windows does not tell the user of this program`,
  );
}
